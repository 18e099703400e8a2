"""The process that roles are forked from, and what it forks, as real processes.

Most tests give it a small program in place of `scserv`, which tells what it sees.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import psutil
import pytest

from inbound.local import forks
from inbound.local.forks import Forked, ForkError, ForkServer, ProcessSpec, start
from inbound.local.spawning import ROLE_MODULES, SCSERV, FromForkServer
from inbound.local.supervisor import Child, ChildEventType, Supervisor
from tests.patience import PATIENCE_S
from tests.service.waiting import eventually
from tests.unit.local.supervised import AT_ONCE, Events

PROGRAM = """
import json, os, random, signal, sys, threading

def main():
    match sys.argv[1]:
        case "tell":
            seen = {"arguments": sys.argv, "environment": dict(os.environ), "folder": os.getcwd()}
            seen |= {"parent": os.getppid(), "session": os.getsid(0), "input": sys.stdin.read()}
            print(json.dumps(seen | {"random": random.random()}))
            print("and this", file=sys.stderr)
        case "exit":
            sys.exit(json.loads(sys.argv[2]))
        case "raise":
            raise ValueError("not caught")
        case "wait":
            print("up", flush=True)
            threading.Thread(target=signal.pause, daemon=True).start()
            signal.pause()
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    package = tmp_path / "tree" / "inbound" / "cli"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").touch()
    (package / "__init__.py").write_text(PROGRAM)
    (package / "_core_dumps.py").write_text("def forbid_core_dumps(): pass\n")
    return tmp_path / "tree"


@pytest.fixture
def fork_server(tree: Path) -> Iterator[ForkServer]:
    with ForkServer(["inbound.cli"], tree) as running:
        yield running


@pytest.fixture
def out(tmp_path: Path) -> Iterator[IO[bytes]]:
    with (tmp_path / "out").open("ab") as file:
        yield file


@pytest.fixture
def err(tmp_path: Path) -> Iterator[IO[bytes]]:
    with (tmp_path / "err").open("ab") as file:
        yield file


def wanted(folder: Path, *arguments: str, **environment: str) -> ProcessSpec:
    return ProcessSpec(arguments, environment, str(folder))


def text_of(file: IO[bytes]) -> str:
    return Path(file.name).read_text("utf-8")


async def tell(
    fork_server: ForkServer, folder: Path, out: IO[bytes], environment: Mapping[str, str]
) -> dict[str, Any]:
    before = len(text_of(out))
    forked = await start(fork_server, wanted(folder, "tell", **environment), out.fileno(), 2)
    assert await forked.wait() == 0
    told: dict[str, Any] = json.loads(text_of(out)[before:])
    assert told["session"] == forked.pid
    return told


async def test_a_forked_process_is_what_it_was_wanted_to_be(
    fork_server: ForkServer, tmp_path: Path, out: IO[bytes], err: IO[bytes]
) -> None:
    asked = wanted(tmp_path, "tell", "a b", GREETING="привет \udcff")
    assert await (await start(fork_server, asked, out.fileno(), err.fileno())).wait() == 0
    seen = json.loads(text_of(out))
    assert seen["arguments"] == ["scserv", "tell", "a b"]
    assert seen["environment"] == {"GREETING": "привет \udcff"}
    assert (seen["folder"], seen["parent"], seen["input"]) == (str(tmp_path), os.getpid(), "")
    assert text_of(err) == "and this\n"


async def test_processes_draw_different_random_numbers(
    fork_server: ForkServer, tmp_path: Path, out: IO[bytes]
) -> None:
    drawn = [(await tell(fork_server, tmp_path, out, {}))["random"] for _ in range(2)]
    assert drawn[0] != drawn[1]


async def test_no_process_sees_the_environment_of_another_and_the_fork_server_sees_none(
    fork_server: ForkServer, tmp_path: Path, out: IO[bytes]
) -> None:
    secret = "pass-word-canary"
    first = await tell(fork_server, tmp_path, out, {"SCSERV_SMPP__PASSWORD": secret})
    assert first["environment"] == {"SCSERV_SMPP__PASSWORD": secret}
    assert (await tell(fork_server, tmp_path, out, {}))["environment"] == {}
    assert fork_server.pid is not None
    assert not in_memory(fork_server.pid, secret.encode())
    assert in_memory(fork_server.pid, b"and this"), "what is in its memory is found"


def test_the_fork_server_has_no_secret_of_the_environment(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "key-canary"
    for name in ("SCSERV_VAULT_KEY", "PGPASSWORD", "OTEL_EXPORTER_OTLP_HEADERS"):
        monkeypatch.setenv(name, secret)
    with ForkServer(["inbound.cli"], tree) as fork_server:
        assert fork_server.pid is not None
        assert not in_memory(fork_server.pid, secret.encode())
        assert in_memory(fork_server.pid, str(tree).encode()), "its environment is found"


def in_memory(pid: int, octets: bytes) -> bool:
    """Whether these octets are in the writable memory of a process."""
    with Path(f"/proc/{pid}/mem").open("rb") as memory:
        for line in Path(f"/proc/{pid}/maps").read_text("ascii").splitlines():
            place, rights, *_ = line.split()
            if rights.startswith("rw"):
                begin, end = (int(number, 16) for number in place.split("-"))
                memory.seek(begin)
                if octets in memory.read(end - begin):
                    return True
    return False


@pytest.mark.parametrize(
    ("arguments", "status"),
    [(("exit", "0"), 0), (("exit", "3"), 3), (("exit", '"why"'), 1), (("raise",), 1)],
)
async def test_exit_statuses_are_those_of_python(
    fork_server: ForkServer,
    tmp_path: Path,
    out: IO[bytes],
    err: IO[bytes],
    arguments: tuple[str, ...],
    status: int,
) -> None:
    forked = await start(fork_server, wanted(tmp_path, *arguments), out.fileno(), err.fileno())
    assert await forked.wait() == status
    said = {"exit": "why\n" if status == 1 else "", "raise": "ValueError: not caught\n"}
    assert text_of(err).endswith(said[arguments[0]])


async def waiting(fork_server: ForkServer, folder: Path, out: IO[bytes]) -> Forked:
    forked = await start(fork_server, wanted(folder, "wait"), out.fileno(), 2)
    await eventually(lambda: "up" in text_of(out), lambda: "it does not run")
    return forked


async def test_a_signal_that_ended_a_process_is_known(
    fork_server: ForkServer, tmp_path: Path, out: IO[bytes]
) -> None:
    forked = await waiting(fork_server, tmp_path, out)
    forked.kill()
    assert await forked.wait() == -signal.SIGKILL


async def test_processes_show_their_own_command_line(
    fork_server: ForkServer, tmp_path: Path, out: IO[bytes]
) -> None:
    forked = await waiting(fork_server, tmp_path, out)
    assert psutil.Process(forked.pid).cmdline() == [*SCSERV, "wait"]
    forked.kill()
    await forked.wait()


async def test_a_killed_fork_server_leaves_its_processes_alone_and_forks_no_more(
    fork_server: ForkServer, tmp_path: Path, out: IO[bytes]
) -> None:
    forked = await waiting(fork_server, tmp_path, out)
    assert fork_server.pid is not None
    os.kill(fork_server.pid, signal.SIGKILL)
    with pytest.raises(ForkError, match="the fork server does not fork"):
        await start(fork_server, wanted(tmp_path, "wait"), out.fileno(), 2)
    await eventually(lambda: fork_server.pid is None, lambda: "it still runs")
    assert forked.returncode is None
    forked.terminate()
    assert await forked.wait() == -signal.SIGTERM


async def test_a_closed_fork_server_is_not_started_again(
    fork_server: ForkServer, tmp_path: Path, out: IO[bytes]
) -> None:
    """Another role may be waiting for its turn when the fork server has failed."""
    fork_server.close()
    with pytest.raises(ForkError, match="it was closed"):
        await start(fork_server, wanted(tmp_path, "wait"), out.fileno(), 2)
    assert fork_server.pid is None


def has_environment_of(tree: Path, process: psutil.Process) -> bool:
    """Whether a process is the fork server of a tree, or came from it."""
    try:
        return process.environ().get("PYTHONPATH") == str(tree)
    except psutil.Error:
        return False


async def test_a_process_that_is_forked_too_late_ends(
    fork_server: ForkServer,
    tree: Path,
    tmp_path: Path,
    out: IO[bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its supervisor has started another one meanwhile."""
    forked = await waiting(fork_server, tmp_path, out)
    assert fork_server.pid is not None
    os.kill(fork_server.pid, signal.SIGSTOP)
    monkeypatch.setattr(forks, "_FORK_WITHIN_S", 0.1)
    with pytest.raises(ForkError, match="timed out"):
        await start(fork_server, wanted(tmp_path, "wait"), out.fileno(), 2)
    monkeypatch.undo()
    os.kill(fork_server.pid, signal.SIGCONT)
    forked.kill()
    await forked.wait()
    again = await start(fork_server, wanted(tmp_path, "exit", "0"), out.fileno(), 2)
    assert await again.wait() == 0
    assert text_of(out) == "up\n"
    # The late one was forked before the next: it is there, or has ended.
    await eventually(
        lambda: (
            [o.pid for o in psutil.process_iter() if has_environment_of(tree, o)]
            == [fork_server.pid]
        ),
        lambda: "the late one runs on",
    )


async def test_a_start_that_is_cancelled_does_not_wait_for_a_fork_server_that_hangs(
    fork_server: ForkServer, tmp_path: Path, out: IO[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fork_server.pid is not None
    os.kill(fork_server.pid, signal.SIGSTOP)
    monkeypatch.setattr(forks, "_FORK_WITHIN_S", 10 * PATIENCE_S)
    starts = [
        asyncio.create_task(start(fork_server, wanted(tmp_path, "wait"), out.fileno(), 2))
        for _ in range(3)
    ]
    await asyncio.sleep(0)
    for starting in starts:
        starting.cancel()
    async with asyncio.timeout(PATIENCE_S):
        ended = await asyncio.gather(*starts, return_exceptions=True)
    assert all(isinstance(end, asyncio.CancelledError) for end in ended)
    assert fork_server.pid is None


async def test_a_start_that_is_cancelled_twice_ends_and_leaves_the_descriptors_alone(
    tmp_path: Path,
) -> None:
    is_asked, may_go_on, has_written = threading.Event(), threading.Event(), threading.Event()

    class Hanging(ForkServer):
        def fork(self, wanted: ProcessSpec, out: int, err: int) -> int:
            is_asked.set()
            may_go_on.wait()
            os.write(out, b"a log")
            os.write(wanted.passed["LIFE"], b"a life")
            has_written.set()
            raise ForkError

    paths = [tmp_path / name for name in ("log", "life", "other", "another")]
    log, life = (path.open("ab") for path in paths[:2])
    asked = ProcessSpec([], {}, "/", passed={"LIFE": life.fileno()})
    starting = asyncio.create_task(start(Hanging([]), asked, log.fileno(), log.fileno()))
    async with asyncio.timeout(PATIENCE_S):
        assert await asyncio.to_thread(is_asked.wait, PATIENCE_S)
        for _ in range(2):
            starting.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await starting
    for file in (log, life):
        file.close()
    with paths[2].open("ab"), paths[3].open("ab"):  # they get the numbers that are free now
        may_go_on.set()
        assert await asyncio.to_thread(has_written.wait, PATIENCE_S)
    assert [path.read_text() for path in paths] == ["a log", "a life", "", ""]


THREAD = """
import threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
"""


@pytest.mark.parametrize("problem", ["import nothing_like_it", THREAD], ids=["import", "thread"])
async def test_a_fork_server_that_can_not_fork_ends(
    tree: Path, tmp_path: Path, out: IO[bytes], problem: str
) -> None:
    (tree / "inbound" / "broken.py").write_text(problem)
    with (
        ForkServer(["inbound.cli", "inbound.broken"], tree) as fork_server,
        pytest.raises(ForkError, match="the fork server does not fork"),
    ):
        await start(fork_server, wanted(tmp_path, "exit", "0"), out.fileno(), 2)


PARENT = """
import sys, time
from inbound.local.forks import ForkServer, ProcessSpec

with ForkServer(["inbound.cli"], sys.argv[1]) as fork_server:
    fork_server.fork(ProcessSpec(["exit", "0"], {}, "/"), 1, 2)
    print(fork_server.pid, flush=True)
    time.sleep(600)
"""


def test_the_fork_server_ends_when_the_supervisor_is_killed(tree: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tree)], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        fork_server = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    gone, _ = psutil.wait_procs([fork_server], timeout=PATIENCE_S)
    assert gone


async def test_a_supervisor_goes_on_without_its_fork_server(
    fork_server: ForkServer, events: Events, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that is killed after its fork server is started by its command line."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "tree"))
    said: list[str] = []
    child = Child("worker", [*SCSERV, "wait"])
    spawn = FromForkServer(fork_server, said.append)
    async with Supervisor([child], tmp_path, events, backoff=AT_ONCE, spawn=spawn) as supervisor:
        assert fork_server.pid is not None
        first = supervisor.pids["worker"]
        os.kill(first, signal.SIGKILL)
        assert "signal SIGKILL" in str(await events.next(ChildEventType.DIED))
        await events.next(ChildEventType.STARTED)
        os.kill(fork_server.pid, signal.SIGKILL)
        for _ in range(2):
            killed = supervisor.pids["worker"]
            os.kill(killed, signal.SIGKILL)
            await events.next(ChildEventType.DIED)
            await events.next(ChildEventType.STARTED)
            assert supervisor.pids["worker"] not in {first, killed}
    assert len(said) == 1
    assert "from now on processes start without it" in said[0]


async def test_the_fork_server_of_the_roles_forks_scserv(
    tmp_path: Path, out: IO[bytes], err: IO[bytes]
) -> None:
    with ForkServer(ROLE_MODULES) as fork_server:
        asked = wanted(tmp_path, "worker", "--help", **os.environ)
        assert await (await start(fork_server, asked, out.fileno(), err.fileno())).wait() == 0
        assert fork_server.pid is not None
        assert not psutil.Process(fork_server.pid).net_connections()
    assert "Process commands, orders" in text_of(out)
    assert text_of(err) == ""
