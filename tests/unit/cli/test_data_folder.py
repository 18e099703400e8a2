"""The data folder of `scserv up`: one process at a time, and errors that name it."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from inbound.cli import scserv
from inbound.errors import SetupError
from inbound.local.folder_lock import is_locked, locked_folder


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("SCSERV_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    yield
    os.environ.clear()
    os.environ.update(before)


def refusal(*arguments: str) -> str:
    error = CliRunner().invoke(scserv, arguments).exception
    assert isinstance(error, SetupError)
    return str(error)


@pytest.mark.parametrize(
    ("command", "setting"),
    [
        (("audit",), "DATABASE_URL"),
        (("timeline", "--phone", "+79161234567"), "DATABASE_URL"),
        # Not the default port: another installation's SMS centre may be there.
        (("text", "+79161234567", "CLIENT info"), "SMPP__PORT"),
    ],
)
def test_a_folder_without_a_service_is_named(
    tmp_path: Path, command: tuple[str, ...], setting: str
) -> None:
    folder = tmp_path / "data"
    named = (*command, "--data-dir", str(folder))
    assert refusal(*named).startswith(f"--data-dir {folder} does not exist: name the folder")
    folder.mkdir()
    assert f"--data-dir {folder} has no service.json" in refusal(*named)
    with locked_folder(folder):
        assert (
            refusal(*named) == f"`scserv up` is starting in {folder}: wait until it has said ready"
        )
    assert refusal(*command).startswith(f"SCSERV_{setting} is not set")
    (tmp_path / ".scserv").mkdir()
    with locked_folder(tmp_path / ".scserv"):
        assert "is starting in .scserv" in refusal(*command)


def test_a_second_start_in_a_folder_says_only_that(tmp_path: Path) -> None:
    with locked_folder(tmp_path):
        ran = CliRunner().invoke(scserv, ["up", "--data-dir", str(tmp_path)])
    assert not ran.output
    assert f"`scserv up` runs there already, as process {os.getpid()}" in str(ran.exception)
    assert list(tmp_path.iterdir()) == [tmp_path / "up.lock"] or (tmp_path / "keys").exists()


def test_the_lock_ends_with_its_process(tmp_path: Path) -> None:
    program = """
        import signal, sys
        from pathlib import Path
        from inbound.local.folder_lock import locked_folder
        with locked_folder(Path(sys.argv[1])):
            print("locked", flush=True)
            signal.pause()
    """
    program = "\n".join(line[8:] for line in program.splitlines())
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"locked\n"
        assert is_locked(tmp_path)
        holder.kill()
    assert not is_locked(tmp_path)
    with locked_folder(tmp_path):
        pass


@pytest.mark.parametrize("why", ["setting", "templates", "port", "kafka"])
def test_a_refused_start_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    arguments = ["up", "--data-dir", str(tmp_path / "data"), "--port", "0"]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        match why:
            case "setting":
                monkeypatch.setenv("SCSERV_SMPP__PORT", "x")
            case "templates":
                monkeypatch.setenv("SCSERV_TEMPLATES_FILE", str(tmp_path / "absent.toml"))
            case "port":
                arguments[-1] = str(taken.getsockname()[1])
            case "kafka":
                monkeypatch.setenv("SCSERV_DATABASE_URL", "postgresql://127.0.0.1:1/x")
                monkeypatch.setenv("SCSERV_KAFKA_SECURITY_PROTOCOL", "SSL")
        refusal(*arguments)
    assert not (tmp_path / "data").exists()


def test_a_folder_that_was_there_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCSERV_TEMPLATES_FILE", str(tmp_path / "absent.toml"))
    (tmp_path / "data").mkdir()
    refusal("up", "--data-dir", str(tmp_path / "data"), "--port", "0")
    assert (tmp_path / "data" / "keys" / "vault_key").exists()


def test_a_folder_with_data_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run(service: Any) -> None:
        (tmp_path / "data" / "postgres").mkdir()
        raise SetupError("Kafka did not start")

    monkeypatch.setattr("inbound.local.service.LocalService.run", run)
    refusal("up", "--data-dir", str(tmp_path / "data"))
    assert (tmp_path / "data" / "keys" / "vault_key").exists()
