"""The supervisor against real processes; a test waits for events, never for a while."""

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

from inbound.errors import SetupError
from inbound.local import child as child_module
from inbound.local.child import SupervisedChild
from inbound.local.child_logs import bound_log
from inbound.local.probes import accepts, answers_smpp, free_port
from inbound.local.service import SCSERV
from inbound.local.supervisor import Child, ChildEvent, ChildEventType, RestartBackoff, Supervisor
from inbound.ops.health import Health, HealthServer
from tests.patience import PATIENCE_S

UNIT = Path("deploy/systemd/scserv-@.service.d/common.conf").read_text()
AT_ONCE = RestartBackoff(first_s=0.0)

# Says that its handler is in place by writing to its log, which `says` waits for.
OBEDIENT = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print("up", flush=True)
signal.pause()
"""
STUBBORN = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
while True:
    signal.pause()
"""


class Events:
    """What the supervisor reported, in order, and a way to wait for the next of a kind."""

    def __init__(self) -> None:
        self.seen: list[ChildEvent] = []
        self._queue: asyncio.Queue[ChildEvent] = asyncio.Queue()

    def __call__(self, event: ChildEvent) -> None:
        self.seen.append(event)
        self._queue.put_nowait(event)

    async def next(self, what: ChildEventType) -> ChildEvent:
        async with asyncio.timeout(PATIENCE_S):
            while (event := await self._queue.get()).what is not what:
                pass
            return event

    def of(self, what: ChildEventType) -> list[str]:
        return [event.child for event in self.seen if event.what is what]


@pytest.fixture
def events() -> Events:
    return Events()


@pytest.fixture
def child(tmp_path: Path) -> Callable[..., Child]:
    def make(name: str, script: str, **options: object) -> Child:
        async def is_up() -> bool:
            return "up" in (tmp_path / f"{name}.log").read_text()

        options.setdefault("ready", is_up)
        return Child(name, [sys.executable, "-S", "-c", script], **options)  # type: ignore[arg-type]  # options of Child

    return make


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


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_module, "_ASK_WHETHER_LIVE_S", 0.01)
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
