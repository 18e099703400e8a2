"""Children that hang are started again."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import psutil
import pytest

from inbound.local import child as child_module
from inbound.local.ports import free_port
from inbound.local.probes import accepts, answers_smpp
from inbound.local.spawning import SCSERV
from inbound.local.supervisor import Child, ChildEventType, Supervisor
from inbound.ops.health import Health, HealthServer
from tests.patience import PATIENCE_S
from tests.unit.local.supervised import AT_ONCE, OBEDIENT, STUBBORN, Events


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_module, "_ASK_WHETHER_LIVE_S", 0.01)
    monkeypatch.setattr(child_module, "_ASK_AGAIN_WHETHER_LIVE_S", 0.01)
    monkeypatch.setattr(child_module, "_NOT_LIVE_S", 0.05)
    monkeypatch.setattr(child_module, "_SILENT_S", 0.05)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("script", [OBEDIENT, STUBBORN])
async def test_child_that_is_not_live_is_started_again(
    script: str, child: Callable[..., Child], events: Events, tmp_path: Path
) -> None:
    health = Health()
    health.beat("results", 600)
    with HealthServer(health) as server:
        one = child("gateway", script, live=f"{server.url}/health/live", stuck_timeout_s=0.2)
        async with Supervisor([one], tmp_path, events, backoff=AT_ONCE) as supervisor:
            await events.next(ChildEventType.READY)
            before = supervisor.pids["gateway"]
            health.beat("results", -1)
            stuck = await events.next(ChildEventType.STUCK)
            assert "answers 503" in str(stuck)
            health.beat("results", 600)
            await events.next(ChildEventType.STARTED)
            assert supervisor.pids["gateway"] != before
            assert not psutil.pid_exists(before)


@pytest.mark.usefixtures("quick")
async def test_child_that_says_nothing_is_started_again(
    child: Callable[..., Child], events: Events, tmp_path: Path
) -> None:
    with HealthServer(Health()) as server:
        url = f"{server.url}/health/live"
        one = child("gateway", OBEDIENT, live=url)
        async with Supervisor([one], tmp_path, events, backoff=AT_ONCE):
            await events.next(ChildEventType.READY)
            server.close()
            assert "does not answer" in str(await events.next(ChildEventType.STUCK))
            await events.next(ChildEventType.STARTED)


@pytest.mark.usefixtures("quick")
async def test_a_simulator_that_hangs_is_started_again(events: Events, tmp_path: Path) -> None:
    """It accepts connections all the same: the kernel does."""
    port = free_port()
    script = (*SCSERV, "simulator", "--port", str(port))
    ready, live = partial(accepts, port), partial(answers_smpp, port)
    password = {"SCSERV_SMPP__PASSWORD": "s3cret"}
    one = Child("simulator", script, password, ready, live, stuck_timeout_s=0.2)
    async with Supervisor([one], tmp_path, events, backoff=AT_ONCE) as supervisor:
        await events.next(ChildEventType.READY)
        assert await answers_smpp(port)
        before = supervisor.pids["simulator"]
        os.kill(before, signal.SIGSTOP)
        assert await accepts(port)
        assert "it does not answer" in str(await events.next(ChildEventType.STUCK))
        await events.next(ChildEventType.READY)
        assert supervisor.pids["simulator"] != before


async def test_child_that_stood_still_for_a_moment_is_left_alone(
    child: Callable[..., Child],
    events: Events,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After a suspension the first answer says that the heartbeats are old."""
    answers = iter([503, None, 200, 503, 200])
    asked = asyncio.Event()

    async def status_of(_url: str) -> int | None:
        answer = next(answers, 0)
        if answer != 0:
            return answer
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(child_module, "_ASK_WHETHER_LIVE_S", 0.001)
    monkeypatch.setattr(child_module, "_ASK_AGAIN_WHETHER_LIVE_S", 0.001)
    monkeypatch.setattr(child_module, "status_of", status_of)
    one = child("gateway", OBEDIENT, live="http://127.0.0.1:1/health/live")
    async with Supervisor([one], tmp_path, events):
        async with asyncio.timeout(PATIENCE_S):
            await asked.wait()
    assert not events.of(ChildEventType.STUCK)


async def test_child_that_hangs_in_a_restart_is_started_again(
    events: Events, tmp_path: Path
) -> None:
    """Its second run is stopped (SIGSTOP) before it answers."""
    script = f"""
import os, pathlib, signal
runs = pathlib.Path({str(tmp_path / "runs")!r})
with runs.open("a") as file:
    print(os.getpid(), file=file)
if len(runs.read_text().split()) == 2:
    os.kill(os.getpid(), signal.SIGSTOP)
print("ready", os.getpid(), flush=True)
{OBEDIENT}"""

    async def is_ready() -> bool:
        return f"ready {supervisor.pids.get('gateway')}\n" in (tmp_path / "gateway.log").read_text()

    argv = [sys.executable, "-S", "-c", script]
    one = Child("gateway", argv, ready=is_ready, stuck_timeout_s=0.2)
    supervisor = Supervisor([one], tmp_path, events, backoff=AT_ONCE)
    async with supervisor:
        await events.next(ChildEventType.READY)
        supervisor._kept[0].child = replace(one, ready_timeout_s=1.0)
        os.kill(supervisor.pids["gateway"], signal.SIGKILL)
        stuck = await events.next(ChildEventType.STUCK)
        await events.next(ChildEventType.READY)
    assert str(stuck) == "gateway is stuck and is stopped; it is not ready after 1 s"
