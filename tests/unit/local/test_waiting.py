"""What `scserv up` says while its start takes long, and when it stops."""

import asyncio
from contextlib import AsyncExitStack, closing, suppress
from pathlib import Path

import pytest

from inbound.errors import SetupError
from inbound.local import service
from inbound.local.embedded import EmbeddedServers
from inbound.local.service import LocalService
from inbound.local.supervisor import Child, Supervisor
from inbound.local.waiting import Waiting
from inbound.ops.health import Health, HealthServer
from inbound.settings import Settings


async def said_of(*awaited: str) -> list[str]:
    """Return what is said if these are awaited, one each time it looks."""
    lines: list[str] = []
    left = list(awaited)

    async def look(_: float) -> None:
        if not left:
            raise asyncio.CancelledError
        waiting.wait_for(left.pop(0))

    waiting = Waiting(lines.append, sleep=look)
    with suppress(asyncio.CancelledError):
        await waiting.watch()
    return lines


async def test_what_is_awaited_for_long_is_said_once() -> None:
    assert await said_of("Kafka", "Kafka", "Kafka", "relay", "", "desk", "desk") == [
        "waiting for Kafka",
        "waiting for desk",
    ]
    assert await said_of("Kafka", "relay", "desk", "") == []


def local(folder: Path, port: int | None) -> LocalService:
    return LocalService(
        Settings(health_host="127.0.0.1"),
        folder,
        port,
        None,
        built_in_simulator=False,
        operator="ann",
    )


def test_the_usual_health_port_may_be_taken_and_a_chosen_one_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with HealthServer(Health()) as taken:
        monkeypatch.setattr(service, "DEFAULT_PORT", taken.port)
        with closing(local(tmp_path, None)._open_health_port()) as found:
            assert found.port not in {0, taken.port}
        with pytest.raises(SetupError, match="can't be opened"):
            local(tmp_path, taken.port)._open_health_port()


async def test_a_cancelled_start_says_that_it_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    began = asyncio.Event()

    async def start(_: object, stack: AsyncExitStack, __: object) -> None:
        stack.callback(print, "all servers have ended")
        began.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(EmbeddedServers, "start", start)
    running = asyncio.create_task(local(tmp_path, 0).run())
    await began.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    said = capsys.readouterr().out.splitlines()
    assert said[-2].endswith("s] stopping; no accepted text or message is lost")
    assert said[-1] == "all servers have ended"


async def test_what_a_stop_waits_for_is_said(tmp_path: Path) -> None:
    children = [Child(name, ["sleep", "600"]) for name in ("relay", "worker")]
    one = local(tmp_path, 0)
    one._supervisor = Supervisor(children, tmp_path, one._tell)
    async with one._supervisor:
        one._is_stopping = True
        one._await_end()
        assert one._waiting._awaited == "relay, worker to stop (Ctrl-C again kills what is left)"
    assert one._waiting._awaited == "the servers to stop"
