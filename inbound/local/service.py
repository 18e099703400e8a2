"""Runs the whole service on one machine for `scserv up`: servers, roles, simulator, health."""

import asyncio
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Final

from inbound.errors import RetryableError, SetupError
from inbound.local.announcement import ready_lines
from inbound.local.embedded import EmbeddedServers
from inbound.local.forks import ForkServer
from inbound.local.ports import LOOPBACK, free_port
from inbound.local.preparation import import_samples, prepare_database, prepare_topics
from inbound.local.probes import ask_health, url_of
from inbound.local.service_children import AFTER_KAFKA, ServiceChildren
from inbound.local.spawning import FromForkServer, Spawn, execute
from inbound.local.supervisor import ChildEvent, ChildEventType, Supervisor
from inbound.local.waiting import Waiting
from inbound.ops.health import Health, HealthServer
from inbound.settings import Settings, SmppSettings
from inbound.startup import load_templates
from inbound.terminal import Terminal

ASK_AGAIN_S = 0.2
LOOK_AGAIN_S = 4.0
"""Between two looks at roles that are ready: each look costs every role some time."""

DEFAULT_PORT = 8080
"""Of the health of the whole service, if it is free."""
STARTING = ": starting"
# Figures in a reason change all the time and are ignored when reasons are compared.
_AFTER_A_KILL: Final = "after a kill it reads its logs again; up to a minute on a busy machine"
_FIGURES = re.compile(r"(?<![0-9.])[0-9.]+(?= s\b| messages? waiting|\] is stuck)")


class LocalService:
    """The service on one machine.

    After `run` is cancelled, its processes get a minute to stop; cancelled again it kills them.
    """

    def __init__(
        self,
        settings: Settings,
        data_dir: Path,
        port: int | None,
        config: Path | None,
        *,
        built_in_simulator: bool,
        operator: str,
        fork_server: ForkServer | None = None,
    ) -> None:
        """`operator` is who runs the service, for the audit; without `port` a free one is taken.

        Roles are forked from `fork_server`, if there is one.
        """
        self._operator = operator
        self._spawn: Spawn = FromForkServer(fork_server, self._say) if fork_server else execute
        self._settings = settings
        self._data_dir = data_dir
        self._port = port
        self._config = config
        self._built_in_simulator = built_in_simulator
        self._console = Terminal(soft_wrap=True)
        self._health = Health()
        self._sign_in = ""
        self._begin = time.monotonic()
        self._waiting = Waiting(self._say)
        self._supervisor: Supervisor | None = None
        self._is_stopping = False
        self._preparing = ""
        self._starting: dict[str, None] = {}
        self._topics_ready = asyncio.Event()

    async def run(self) -> None:
        """Start everything, print `ready`, and keep it running until cancelled."""
        self._health.set("service", ok=False, reason="starting")
        load_templates(self._settings)
        async with AsyncExitStack() as stack:
            server = self._open_health_port()
            stack.callback(server.close)
            waiting = asyncio.create_task(self._waiting.watch(), name="waiting")
            stack.callback(waiting.cancel)
            try:
                await self._start(stack, server.url)
            except BaseException:
                # Before the stack stops the processes, which may take seconds.
                self._is_stopping = True
                self._await_end()
                self._say("stopping; no accepted text or message is lost")
                raise

    async def _start(self, stack: AsyncExitStack, health_url: str) -> None:
        servers = EmbeddedServers(self._settings, self._data_dir, self._health, self._say)
        self._prepare("the database to be prepared")
        with _outage_as_setup_error():
            self._settings = await servers.start(stack, self._prepare_database)
        if not servers.has_kafka:  # before anything is started: its address may be wrong
            await self._prepare_topics()
        if self._built_in_simulator:  # as late as possible: another program may take the port
            self._settings = self._settings.model_copy(update={"smpp": self._simulator_settings()})
        made = ServiceChildren(
            self._settings,
            self._data_dir,
            self._config,
            self._say,
            has_simulator=self._built_in_simulator,
        )
        children = made.make(self._topics_ready.wait if servers.has_kafka else None)
        self._say(f"starting {', '.join(child.name for child in children if not child.after)}")
        supervisor = Supervisor(children, self._data_dir / "logs", self._tell, spawn=self._spawn)
        self._supervisor = supervisor
        async with asyncio.TaskGroup() as group:
            if servers.has_kafka:
                group.create_task(self._start_with_kafka(servers))
            await stack.enter_async_context(supervisor)
        async with asyncio.TaskGroup() as group:
            group.create_task(supervisor.watch())
            group.create_task(self._watch_children(made, health_url))
            group.create_task(servers.keep())

    def _open_health_port(self) -> HealthServer:
        """Listen on the port that was chosen; else on the usual one, or on any that is free."""
        host = self._settings.health_host
        if self._port is not None:
            return HealthServer(self._health, host, self._port).start()
        try:
            return HealthServer(self._health, host, DEFAULT_PORT).start()
        except SetupError:
            return HealthServer(self._health, host, 0).start()

    # -- preparation ----------------------------------------------------------------

    def _prepare_database(self, settings: Settings) -> None:
        from inbound.local.administrator import prepare_administrator  # when the servers start

        prepare_database(settings)
        url = settings.database_url.get_secret_value()
        self._sign_in = str(prepare_administrator(url, self._data_dir, self._operator))
        if self._built_in_simulator:
            import_samples(settings, self._data_dir)

    async def _start_with_kafka(self, servers: EmbeddedServers) -> None:
        """Let the roles start that need Kafka, once it answers and has the topics."""
        self._prepare(f"Kafka to answer ({_AFTER_A_KILL})")
        with _outage_as_setup_error():
            await servers.wait_for_kafka()
        await self._prepare_topics()
        self._say(f"starting {', '.join(AFTER_KAFKA)}")

    async def _prepare_topics(self) -> None:
        self._say("preparing topics")
        self._prepare("the topics to be prepared")
        with _outage_as_setup_error():
            await asyncio.to_thread(prepare_topics, self._settings)
        self._prepare("")
        self._topics_ready.set()

    def _simulator_settings(self) -> SmppSettings:
        smpp = self._settings.smpp
        port = free_port(smpp.port)
        if port != smpp.port:
            self._say(f"port {smpp.port} is taken: the SMS centre moves to {port}")
        return smpp.model_copy(update={"host": LOOPBACK, "port": port})

    # -- children -------------------------------------------------------------------

    async def _watch_children(self, made: ServiceChildren, health_url: str) -> None:
        """Copy the roles' readiness to our health port, and print changes.

        Prints `ready` once all are ready, and later every change of a reason.
        """
        said: dict[str, str] = {}
        started = False
        while True:
            answers = await asyncio.gather(*map(ask_health, made.health_urls.values()))
            problems = dict(zip(made.health_urls, answers, strict=True))
            for role, problem in problems.items():
                self._health.set(role, ok=not problem, reason=problem)
                kind = _FIGURES.sub("", problem)
                news = started or (problem and not problem.endswith(STARTING))
                if kind != said.get(role, "") and news:
                    self._say(f"{role}: {problem or 'ready again'}")
                said[role] = kind
            if not started:
                awaited = [f"{role} ({problem})" for role, problem in problems.items() if problem]
                self._waiting.wait_for(", ".join(awaited))
            if not started and not any(problems.values()):
                started = True
                self._health.set("service", ok=True)
                self._say_ready(made.ports, health_url)
            await asyncio.sleep(LOOK_AGAIN_S if started and not any(answers) else ASK_AGAIN_S)

    # -- output ---------------------------------------------------------------

    def _tell(self, event: ChildEvent) -> None:
        if event.what is ChildEventType.STARTED and not event.restart:
            self._starting[event.child] = None
        if event.what is ChildEventType.READY:
            self._starting.pop(event.child, None)
        self._say_awaited()
        if event.what in {ChildEventType.DIED, ChildEventType.KILLED, ChildEventType.STUCK}:
            self._say(str(event))
        if self._is_stopping:
            self._await_end()

    def _prepare(self, what: str) -> None:
        """Set which preparation is awaited from now on; "" if none is."""
        self._preparing = what
        self._say_awaited()

    def _say_awaited(self) -> None:
        starting = f"{', '.join(self._starting)} to start" if self._starting else ""
        self._waiting.wait_for(" and ".join(filter(None, (self._preparing, starting))))

    def _await_end(self) -> None:
        left = ", ".join(self._supervisor.pids) if self._supervisor is not None else ""
        hint = " (Ctrl-C again kills what is left)" if left else ""
        self._waiting.wait_for(f"{left or 'the servers'} to stop{hint}")

    def _say(self, text: str) -> None:
        self._console.print(f"[{time.monotonic() - self._begin:5.1f} s] {text}")

    def _say_ready(self, ports: Mapping[str, int], health_url: str) -> None:
        simulated = self._built_in_simulator
        for line in ready_lines(self._settings, ports, self._data_dir, has_simulator=simulated):
            self._say(line)
        self._say(f"desk: {url_of(self._settings.desk, ports['desk'])}/{self._sign_in}")
        self._say(f"ready: {health_url}/health/ready")


@contextmanager
def _outage_as_setup_error() -> Iterator[None]:
    """Turn an outage of a server that we need for the start into a `SetupError`."""
    try:
        yield
    except RetryableError as error:
        raise SetupError(f"{error}; start it, or correct the address") from error
