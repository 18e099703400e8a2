"""The supervisor against real processes; a test waits for events, never for a while."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from inbound.errors import SetupError
from inbound.local.child import SupervisedChild
from inbound.local.child_logs import bound_log, last_line
from inbound.local.supervisor import Child, ChildEventType, RestartBackoff, Supervisor
from inbound.ops import process_metrics
from inbound.ops.health import Health, HealthServer
from tests.patience import PATIENCE_S
from tests.unit.local.supervised import AT_ONCE, OBEDIENT, STUBBORN, Events

UNIT = Path("deploy/systemd/scserv-@.service.d/common.conf").read_text()


async def test_children_start_together_and_what_serves_them_stops_last(
    child: Callable[..., Child], events: Events, tmp_path: Path
) -> None:
    centre = child("centre", OBEDIENT, serves_others=True)
    children = [centre, child("worker", OBEDIENT), child("gateway", OBEDIENT)]
    async with Supervisor(children, tmp_path, events):
        assert set(events.of(ChildEventType.READY)) == {"centre", "worker", "gateway"}
    *others, last = events.of(ChildEventType.STOPPED)
    assert (set(others), last) == ({"gateway", "worker"}, "centre")


async def test_no_child_waits_for_another_to_get_ready(
    child: Callable[..., Child], events: Events, tmp_path: Path
) -> None:
    other_is_ready = asyncio.Event()

    async def once_the_other_is() -> bool:
        return other_is_ready.is_set()

    async def first() -> bool:
        other_is_ready.set()
        return True

    patient = child("worker", OBEDIENT, ready=once_the_other_is)
    async with Supervisor([patient, child("gateway", OBEDIENT, ready=first)], tmp_path, events):
        assert events.of(ChildEventType.READY) == ["gateway", "worker"]


async def test_a_child_that_waits_starts_later_and_has_its_time_from_then_on(
    child: Callable[..., Child], events: Events, tmp_path: Path
) -> None:
    kafka = asyncio.Event()
    first = child("desk", OBEDIENT)
    later = child("gateway", OBEDIENT, after=kafka.wait, ready_timeout_s=PATIENCE_S)
    supervisor = Supervisor([later, first], tmp_path, events)
    starting = asyncio.create_task(supervisor.start())
    await events.next(ChildEventType.READY)
    assert (list(supervisor.pids), starting.done()) == (["desk"], False)
    kafka.set()
    await starting
    assert events.of(ChildEventType.READY) == ["desk", "gateway"]
    os.kill(supervisor.pids["gateway"], signal.SIGKILL)
    await events.next(ChildEventType.DIED)
    await events.next(ChildEventType.STARTED)
    await supervisor.stop()


async def test_a_start_that_is_given_up_does_not_wait_for_what_a_child_waits_for(
    child: Callable[..., Child], events: Events, tmp_path: Path
) -> None:
    later = child("gateway", OBEDIENT, after=asyncio.Event().wait)
    broken = child("desk", "raise SystemExit(2)", ready=None)
    with pytest.raises(SetupError, match="desk does not start"):
        await Supervisor([later, broken], tmp_path, events).start()
    assert events.of(ChildEventType.STARTED) == ["desk"]


async def test_a_killed_child_is_started_again(
    child: Callable[..., Child], events: Events, tmp_path: Path
) -> None:
    async with Supervisor([child("worker", OBEDIENT)], tmp_path, events, backoff=AT_ONCE) as all_:
        first = all_.pids["worker"]
        os.kill(first, signal.SIGKILL)
        died = await events.next(ChildEventType.DIED)
        await events.next(ChildEventType.STARTED)
        assert all_.pids["worker"] != first
    assert str(died) == "worker died (signal SIGKILL), restarts in 0 s (restart 1)"


async def test_back_off_grows_while_a_child_keeps_dying(
    child: Callable[..., Child], events: Events, tmp_path: Path
) -> None:
    dying = child("worker", "raise SystemExit(3)", ready=None)
    backoff = RestartBackoff(first_s=0.01, most_s=0.03)
    async with Supervisor([dying], tmp_path, events, backoff=backoff):
        deaths = [await events.next(ChildEventType.DIED) for _ in range(3)]
    assert [event.delay_s for event in deaths] == [0.01, 0.02, 0.03]
    assert [event.restart for event in deaths] == [1, 2, 3]
    said = f"no output (log: {tmp_path / 'worker.log'})"
    assert {event.exit for event in deaths} == {f"exit status 3: {said}"}


def deaths_of(role: str) -> float:
    """Return what is exported of a child."""
    return process_metrics.CHILD_DEATHS.values()[frozenset({("role", role)})]


async def test_deaths_in_a_row_are_measured_until_a_child_runs_for_a_while(
    child: Callable[..., Child], events: Events, tmp_path: Path
) -> None:
    """For the alert CrashLoop."""
    dying = child("worker", "raise SystemExit(3)", ready=None)
    async with Supervisor([dying], tmp_path, events, backoff=AT_ONCE):
        for number in (1, 2, 3):
            await events.next(ChildEventType.DIED)
            assert deaths_of("worker") >= number
    calm_at_once = RestartBackoff(first_s=0.0, calm_s=0.0)
    living = child("relay", OBEDIENT)
    async with Supervisor([living], tmp_path, events, backoff=calm_at_once) as all_:
        assert deaths_of("relay") == 0
        os.kill(all_.pids["relay"], signal.SIGKILL)
        await events.next(ChildEventType.DIED)
        await events.next(ChildEventType.STARTED)
        assert deaths_of("relay") == 0


async def test_back_off_restarts_after_a_long_run(
    child: Callable[..., Child], events: Events, tmp_path: Path
) -> None:
    backoff = RestartBackoff(first_s=0.01, calm_s=0.0)
    dying = child("worker", "raise SystemExit(3)", ready=None)
    async with Supervisor([dying], tmp_path, events, backoff=backoff):
        deaths = [await events.next(ChildEventType.DIED) for _ in range(3)]
    assert [event.delay_s for event in deaths] == [0.01, 0.01, 0.01]


async def test_child_that_ignores_sigterm_is_killed(
    child: Callable[..., Child],
    events: Events,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limit_s = 1.0
    shares: dict[str, float] = {}
    stop = SupervisedChild.stop

    async def recorded(kept: SupervisedChild, share_s: float) -> None:
        shares[kept.child.name] = share_s
        await stop(kept, share_s)

    monkeypatch.setattr(SupervisedChild, "stop", recorded)
    centre = child("centre", OBEDIENT, serves_others=True)
    children = [centre, child("a", STUBBORN), child("b", STUBBORN)]
    supervisor = Supervisor(children, tmp_path, events, stop_limit_s=limit_s)
    await supervisor.start()
    pids = list(supervisor.pids.values())
    await supervisor.stop()
    assert shares["a"] + shares["centre"] <= limit_s
    assert sorted(events.of(ChildEventType.KILLED)) == ["a", "b"]
    assert events.of(ChildEventType.STOPPED) == ["centre"], "the last one had its share of the time"
    assert not [pid for pid in pids if psutil.pid_exists(pid)]


async def test_children_have_the_time_that_operators_are_told_to_give_them(
    child: Callable[..., Child],
    events: Events,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[float] = []
    stop = SupervisedChild.stop

    async def recorded(kept: SupervisedChild, share_s: float) -> None:
        given.append(min(share_s, kept.child.stop_timeout_s))
        await stop(kept, share_s)

    monkeypatch.setattr(SupervisedChild, "stop", recorded)
    centre = child("centre", OBEDIENT, serves_others=True)
    async with Supervisor([centre, child("worker", OBEDIENT)], tmp_path, events):
        pass
    assert given[0] >= float(UNIT.split("TimeoutStopSec=")[1].split()[0])


async def test_stop_that_is_cancelled_kills_what_is_left(
    child: Callable[..., Child], events: Events, tmp_path: Path
) -> None:
    """A second Ctrl-C."""
    children = [
        child("centre", STUBBORN, serves_others=True),
        child("api", OBEDIENT),
        child("worker", STUBBORN),
    ]
    supervisor = Supervisor(children, tmp_path, events)
    await supervisor.start()
    processes = [kept._process for kept in supervisor._kept]
    stopping = asyncio.create_task(supervisor.stop())
    await events.next(ChildEventType.STOPPED)
    assert set(supervisor.pids) == {"centre", "worker"}
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(PATIENCE_S):
            await stopping
    async with asyncio.timeout(PATIENCE_S):
        for process in processes:
            assert process is not None
            await process.wait()


async def test_descendants_of_a_dead_child_are_killed_before_its_restart(
    child: Callable[..., Child], events: Events, tmp_path: Path
) -> None:
    script = f"""
import subprocess, sys
print(subprocess.Popen([sys.executable, "-S", "-c", {STUBBORN!r}]).pid, "up", flush=True)
sys.stdin.close()
import signal; signal.pause()
"""
    async with Supervisor([child("worker", script)], tmp_path, events, backoff=AT_ONCE) as all_:
        grandchild = psutil.Process(int((tmp_path / "worker.log").read_text().split()[0]))
        os.kill(all_.pids["worker"], signal.SIGKILL)
        await events.next(ChildEventType.DIED)
        gone, _ = psutil.wait_procs([grandchild], timeout=PATIENCE_S)
        assert gone


async def test_setup_error_of_a_child_stops_the_start(
    child: Callable[..., Child], events: Events, tmp_path: Path
) -> None:
    broken = child(
        "gateway",
        "import sys; print('SCSERV_SMPP_PASSWORD is not set', flush=True); sys.exit(2)",
        ready=None,
    )

    async def never() -> bool:
        return False

    broken = Child(broken.name, broken.argv, ready=never)
    with pytest.raises(SetupError, match="gateway does not start: SCSERV_SMPP_PASSWORD is not set"):
        await Supervisor([child("relay", OBEDIENT), broken], tmp_path, events).start()
    assert events.of(ChildEventType.STOPPED) == ["relay"]


def test_the_last_words_of_a_child_are_a_line_or_a_whole_refusal(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    refusal = "scserv: a key does not fit.\nSet it to another one.\n"
    log.write_text(f"2024-05-17T12:00:00.000Z worker INFO starts\n{refusal}")
    assert last_line(log) == "scserv: a key does not fit. Set it to another one."
    log.write_text(f"{refusal}2024-05-17T12:00:00.000Z worker INFO starts\nValueError: x\n\n")
    assert last_line(log) == "ValueError: x"


async def test_child_that_never_gets_ready_stops_the_start(
    child: Callable[..., Child], events: Events, tmp_path: Path
) -> None:
    async def never() -> bool:
        return False

    idle = child("gateway", OBEDIENT, ready=never, ready_timeout_s=0.1)
    with pytest.raises(
        SetupError, match=r"gateway is not ready after 0\.1 s; its log .*gateway\.log says last: "
    ):
        await Supervisor([idle], tmp_path, events).start()


async def test_a_port_that_another_program_answers_on_stops_the_start(
    child: Callable[..., Child], events: Events, tmp_path: Path
) -> None:
    taken = child("centre", "print('2775 is taken', flush=True); raise SystemExit(2)", ready=None)
    idle = child("gateway", OBEDIENT, ready=asyncio.Event().wait)
    with pytest.raises(SetupError, match="centre does not start: 2775 is taken"):
        await Supervisor([taken, idle], tmp_path, events).start()
    assert events.of(ChildEventType.DIED) == []


async def test_a_setup_error_after_the_start_is_said_and_the_next_start_asks_again(
    child: Callable[..., Child], events: Events, tmp_path: Path
) -> None:
    """The port that was chosen for it may be taken when it binds."""
    ports, bound = iter(("8090", "8091")), tmp_path / "bound"
    script = f"""
import os, pathlib, sys
if os.environ["PORT"] == "8090":
    print("8090 is taken")
    sys.exit(2)
pathlib.Path({str(bound)!r}).write_text(os.environ["PORT"])
{OBEDIENT}"""
    api = child("api", script, env=lambda: {"PORT": next(ports)}, ready=None)
    async with Supervisor([api], tmp_path, events, backoff=AT_ONCE):
        died = await events.next(ChildEventType.DIED)
        async with asyncio.timeout(PATIENCE_S):
            while not bound.exists() or bound.read_text() != "8091":  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    assert died.exit == "exit status 2: 8090 is taken"


async def test_a_child_that_ends_says_why(
    child: Callable[..., Child], events: Events, tmp_path: Path
) -> None:
    script = "print('exits: PostgreSQL is starting', flush=True); raise SystemExit(1)"
    async with Supervisor([child("worker", script, ready=None)], tmp_path, events):
        died = await events.next(ChildEventType.DIED)
    assert died.exit == "exit status 1: exits: PostgreSQL is starting"


async def test_missing_program_is_named(events: Events, tmp_path: Path) -> None:
    missing = Child("gateway", ["/nowhere/scserv"])
    with pytest.raises(SetupError, match="gateway can't be started: /nowhere/scserv: No such"):
        await Supervisor([missing], tmp_path, events).start()


async def test_readiness_follows_the_health_url(events: Events, tmp_path: Path) -> None:
    health = Health()
    health.set("bind", ok=False, reason="connecting")
    with HealthServer(health) as server:
        gateway = Child(
            "gateway", [sys.executable, "-S", "-c", OBEDIENT], ready=f"{server.url}/health/ready"
        )
        supervisor = Supervisor([gateway], tmp_path, events)
        starting = asyncio.create_task(supervisor.start())
        await events.next(ChildEventType.STARTED)
        assert not starting.done()
        health.set("bind", ok=True)
        async with asyncio.timeout(PATIENCE_S):
            await starting
        await supervisor.stop()


async def test_children_get_their_environment_and_write_to_their_logs(
    child: Callable[..., Child], events: Events, tmp_path: Path
) -> None:
    script = "import os, sys\nprint(os.environ['ROLE'], file=sys.stderr)" + OBEDIENT
    async with Supervisor([child("worker", script, env={"ROLE": "w1"})], tmp_path / ".", events):
        pass
    assert (tmp_path / "worker.log").read_text() == "w1\nup\n"


def test_long_log_is_truncated_while_its_writer_continues(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"old" * 10)
        bound_log(log, limit_bytes=100)
        assert log.read_bytes() == b"old" * 10
        bound_log(log, limit_bytes=29)
        writer.write(b"new")
    assert log.read_bytes() == b"new"
    assert (tmp_path / "worker.log.1").read_bytes() == b"old" * 10


PARENT = """
import asyncio, pathlib, sys
from inbound.local.supervisor import Child, Supervisor

async def main():
    logs = pathlib.Path(sys.argv[1])
    child = Child("worker", [sys.executable, "-c", sys.argv[2]])
    async with Supervisor([child], logs, lambda event: None) as supervisor:
        print(supervisor.pids["worker"], flush=True)
        await supervisor.watch()

asyncio.run(main())
"""


@pytest.mark.parametrize("manners", [OBEDIENT, STUBBORN], ids=["obedient", "stubborn"])
async def test_children_end_when_the_supervisor_is_killed(manners: str, tmp_path: Path) -> None:
    worker = (
        "from inbound.ops.parent import end_with_parent\nend_with_parent(grace_s=0.1)" + manners
    )
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PARENT, str(tmp_path), worker), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    child = psutil.Process(int(await parent.stdout.readline()))
    parent.kill()
    await parent.wait()
    gone, _ = await asyncio.to_thread(psutil.wait_procs, [child], timeout=PATIENCE_S)
    assert gone


def test_without_a_supervisor_nothing_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    from inbound.ops.parent import PARENT_FD, end_with_parent

    monkeypatch.delenv(PARENT_FD, raising=False)
    end_with_parent()
    # A variable that outlived its pipe: the number is somebody else's file by now.
    with Path(os.devnull).open() as file:
        monkeypatch.setenv(PARENT_FD, str(file.fileno()))
        end_with_parent()
    assert PARENT_FD not in os.environ
