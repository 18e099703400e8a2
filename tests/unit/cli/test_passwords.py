"""No command takes a secret from the command line, where every user of the host can read it."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from inbound.cli import scserv
from inbound.errors import SetupError
from inbound.settings import Settings

SECRET = "sesame12"
WORDS = ("password", "secret", "token", "key", "url", "bootstrap")
# Without user and password (`inbound.callbacks.posting.check_url`).
NO_SECRETS = {"callbacks set url"}


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """An environment without our variables; what a command sets is forgotten afterwards."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("SCSERV_")]:
        monkeypatch.delenv(name)
    yield monkeypatch
    os.environ.clear()
    os.environ.update(before)


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(scserv, arguments)


def options_of(
    command: click.Command, path: tuple[str, ...] = ()
) -> Iterator[tuple[str, click.Parameter]]:
    """Yield every parameter of every command, with the words to call it."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from options_of(inner, (*path, name))
    for parameter in command.params:
        yield " ".join((*path, max(parameter.opts, key=len))), parameter


def test_no_option_takes_a_secret() -> None:
    found = {
        words: parameter
        for words, parameter in options_of(scserv)
        if any(word in words.rpartition(" ")[2] for word in WORDS)
    }
    assert "up --password-file" in found
    for words, parameter in found.items():
        is_refused = words.endswith("--password") or words in NO_SECRETS
        assert is_refused or isinstance(parameter.type, click.Path), words


@pytest.mark.parametrize("command", ["up", "simulator", "smsc"])
@pytest.mark.parametrize("arguments", [("--password", SECRET), (f"--password={SECRET}",)])
def test_a_password_is_refused_with_the_replacement(
    clean: pytest.MonkeyPatch, command: str, arguments: tuple[str, ...]
) -> None:
    refused = invoke(command, *arguments).exception
    assert isinstance(refused, SetupError)
    assert "--password-file FILE" in str(refused)
    assert SECRET not in str(refused)


@pytest.fixture
def started(clean: pytest.MonkeyPatch) -> list[Settings]:
    """The settings with which `scserv up` starts a service."""
    started: list[Settings] = []

    class Service:
        def __init__(self, settings: Settings, *_: Any, **__: Any) -> None:
            started.append(settings)

        async def run(self) -> None: ...

    clean.setattr("inbound.local.service.LocalService", Service)
    return started


def test_up_takes_the_password_from_a_file(
    started: list[Settings], clean: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clean.setenv("SCSERV_SMPP__PASSWORD", "another")
    (tmp_path / "password").write_text(f"{SECRET}\n")
    account = ("--smsc", "smsc.example:2775", "--password-file", str(tmp_path / "password"))
    invoke("up", "--data-dir", str(tmp_path / "data"), *account)
    assert started[0].smpp.password.get_secret_value() == SECRET
    assert SECRET not in os.environ.values()  # the children get the name of the file


@pytest.mark.parametrize("by", ["option", "variable", "file variable"])
def test_the_simulator_takes_the_password_from(
    clean: pytest.MonkeyPatch, tmp_path: Path, by: str
) -> None:
    started: list[Any] = []
    clean.setattr(
        "inbound.local.simulator.server.Simulator",
        lambda settings, **_: started.append(settings),
    )
    clean.setattr("inbound.cli._runner.run_role", lambda _: 0)
    (file := tmp_path / "password").write_text(f"{SECRET}\n")
    if by == "variable":
        clean.setenv("SCSERV_SMPP__PASSWORD", SECRET)
    elif by == "file variable":
        clean.setenv("SCSERV_SMPP__PASSWORD_FILE", str(file))
    invoke("simulator", *(("--password-file", str(file)) if by == "option" else ()))
    assert started[0].accounts[0].password == SECRET


def test_the_simulator_needs_a_password(clean: pytest.MonkeyPatch) -> None:
    refused = invoke("simulator").exception
    assert isinstance(refused, SetupError)
    assert "--password-file" in str(refused)


def test_up_makes_the_password_of_its_account_once(started: list[Settings], tmp_path: Path) -> None:
    for _ in range(2):
        invoke("up", "--data-dir", str(tmp_path / "data"))
    first, second = (settings.smpp.password.get_secret_value() for settings in started)
    assert first == second
    assert len(first) == 8
    assert (tmp_path / "data" / "keys" / "smpp_password").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("by", ["option", "variable", "file variable", "nothing"])
def test_the_simulator_takes_the_password_of_phones_from(
    clean: pytest.MonkeyPatch, tmp_path: Path, by: str
) -> None:
    started: list[Any] = []
    clean.setattr(
        "inbound.local.simulator.server.Simulator",
        lambda settings, **_: started.append(settings),
    )
    clean.setattr("inbound.cli._runner.run_role", lambda _: 0)
    clean.setenv("SCSERV_SMPP__PASSWORD", "another")
    (file := tmp_path / "password").write_text(f"{SECRET}\n")
    if by == "variable":
        clean.setenv("SCSERV_PHONE_PASSWORD", SECRET)
    elif by == "file variable":
        clean.setenv("SCSERV_PHONE_PASSWORD_FILE", str(file))
    invoke("simulator", *(("--phone-password-file", str(file)) if by == "option" else ()))
    assert started[0].phone_password == ("" if by == "nothing" else SECRET)


def test_a_password_that_smpp_has_no_room_for_is_refused(
    clean: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (file := tmp_path / "password").write_text("nine chars")
    refused = invoke("simulator", "--password-file", str(file)).exception
    assert isinstance(refused, SetupError)
    assert f"--password-file {file}: a password in SMPP has at most 8 characters" in str(refused)
