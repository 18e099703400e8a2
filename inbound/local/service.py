"""Runs the whole service on one machine for `scserv up`: servers, roles, simulator, health."""

import asyncio
import re
import sys
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

from inbound.errors import RetryableError, SetupError
from inbound.local.administrator import Administrator, prepare_administrator
from inbound.local.embedded import EmbeddedServers
from inbound.local.forks import ForkServer
from inbound.local.preparation import (
    effective,
    import_samples,
    prepare_database,
    prepare_topics,
)
from inbound.local.probes import LOOPBACK, accepts, answers_smpp, ask_health, free_port, url_of
from inbound.local.samples import SAMPLES
from inbound.local.spawning import SCSERV, FromForkServer, Spawn, execute
from inbound.local.supervisor import Child, ChildEvent, ChildEventType, Supervisor
from inbound.local.waiting import Waiting
from inbound.ops.health import Health, HealthServer
from inbound.service_file import DEFAULT_DATA_DIR, SERVICE_FILE, write_service_file
from inbound.settings import ListenerSettings, Settings, SmppSettings, TcpSettings
from inbound.startup import load_templates
from inbound.terminal import Terminal

ASK_AGAIN_S = 0.2
LOOK_AGAIN_S = 4.0
"""Between two looks at roles that are ready: each look costs every role some time."""

DEFAULT_PORT = 8080
"""Of the health of the whole service, if it is free."""
ROLES = ("relay", "worker", "gateway", "scheduler", "projector", "api", "desk", "ingress")
STARTING = ": starting"
# Figures in a reason change all the time and are ignored when reasons are compared.
_FIGURES = re.compile(r"[0-9.]+(?= s\b| messages? waiting|\] is stuck)")


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
        self._health_urls: dict[str, str] = {}
        self._listeners: Mapping[str, Mapping[str, TcpSettings]] = {
            "api": {"api": settings.api},
            "desk": {"desk": settings.desk},
            "ingress": {
                "ingress": settings.ingress,
                "smpp": settings.smpp_server,
                "smtp": settings.smtp_server,
            },
        }
        self._ports: dict[str, int] = {}
        self._administrator = Administrator()
        self._begin = time.monotonic()
        self._waiting = Waiting(self._say)
        self._supervisor: Supervisor | None = None
        self._is_stopping = False
        self._starting: dict[str, None] = {}

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
        self._waiting.wait_for("the database to be prepared and Kafka to answer")
        try:
            self._settings = await servers.start(stack, self._prepare_database)
            await self._prepare()
        except RetryableError as error:
            raise SetupError(f"{error}; start it, or correct the address") from error
        children = self._children()
        self._say(f"starting {', '.join(child.name for child in children)}")
        supervisor = Supervisor(children, self._data_dir / "logs", self._tell, spawn=self._spawn)
        self._supervisor = supervisor
        await stack.enter_async_context(supervisor)
        async with asyncio.TaskGroup() as group:
            group.create_task(supervisor.watch())
            group.create_task(self._watch_children(health_url))
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
        prepare_database(settings)
        url = settings.database_url.get_secret_value()
        self._administrator = prepare_administrator(url, self._data_dir, self._operator)
        if self._built_in_simulator:
            import_samples(settings, self._data_dir)

    async def _prepare(self) -> None:
        self._say("preparing topics")
        self._waiting.wait_for("the topics to be prepared")
        await asyncio.to_thread(prepare_topics, self._settings)
        if self._built_in_simulator:  # as late as possible: another program may take the port
            self._settings = self._settings.model_copy(update={"smpp": self._simulator_settings()})
        self._write_settings()

    def _simulator_settings(self) -> SmppSettings:
        smpp = self._settings.smpp
        port = free_port(smpp.port)
        if port != smpp.port:
            self._say(f"port {smpp.port} is taken: the SMS centre moves to {port}")
        return smpp.model_copy(update={"host": LOOPBACK, "port": port})

    # -- children -------------------------------------------------------------------

    def _children(self) -> list[Child]:
        children = [self._simulator()] if self._built_in_simulator else []
        for role in ROLES:
            port = free_port()
            url = f"http://{LOOPBACK}:{port}/health"
            self._health_urls[role] = f"{url}/ready"
            where = ["--data-dir", str(self._data_dir)]
            if self._config is not None:
                where += ["--config", str(self._config.absolute())]
            # Each role has its own health port; `--port` is the port of the whole service.
            env = {"SCSERV_HEALTH_PORT": str(port), "SCSERV_HEALTH_HOST": LOOPBACK}
            live = f"{url}/live"
            listens = role in self._listeners
            changing = partial(self._listener_environment, role, env) if listens else env
            if role == "desk":
                if "uploads" not in self._settings.desk.model_fields_set:
                    env["SCSERV_DESK__UPLOADS"] = str(self._data_dir / "uploads")
                if self._built_in_simulator:
                    where.append("--handset")
            children.append(Child(role, [*SCSERV, role, *where], changing, live, live))
        return children

    def _listener_environment(self, role: str, env: Mapping[str, str]) -> Mapping[str, str]:
        """Choose listeners' ports at each start: another program may have taken the last ones."""
        chosen = {}
        for name, listener in self._listeners[role].items():
            before = self._ports.get(name, 0)
            port = self._ports[name] = free_port(before or listener.port)
            if before and port != before:
                where = _address_of(listener, port)
                self._say(f"port {before} is taken: {listener.called} moves to {where}")
            chosen[f"SCSERV_{listener.group}__PORT"] = str(port)
        self._write_settings()
        return {**env, **chosen}

    def _write_settings(self) -> None:
        """Leave the settings for other commands, with the addresses of the listeners that began."""
        listeners = {
            listener.group.lower(): {"host": listener.host, "port": self._ports[name]}
            for role in self._listeners.values()
            for name, listener in role.items()
            if name in self._ports and getattr(listener, "on", True)
        }
        write_service_file(self._data_dir, {**effective(self._settings), **listeners})

    def _simulator(self) -> Child:
        smpp = self._settings.smpp
        argv = [*SCSERV, "simulator", "--port", str(smpp.port), "--system-id", smpp.system_id]
        argv += ["--number", self._settings.federal_number]
        passwords = {
            "SCSERV_SMPP__PASSWORD": smpp.password.get_secret_value(),
            "SCSERV_PHONE_PASSWORD": self._settings.phone_password.get_secret_value(),
        }
        # A simulator that hangs still accepts connections.
        ready, live = partial(accepts, smpp.port), partial(answers_smpp, smpp.port)
        return Child("simulator", argv, passwords, ready, live, serves_others=True)

    async def _watch_children(self, health_url: str) -> None:
        """Copy the roles' readiness to our health port, and print changes.

        Prints `ready` once all are ready, and later every change of a reason.
        """
        said: dict[str, str] = {}
        started = False
        while True:
            answers = await asyncio.gather(*map(ask_health, self._health_urls.values()))
            problems = dict(zip(self._health_urls, answers, strict=True))
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
                self._say_ready(health_url)
            await asyncio.sleep(LOOK_AGAIN_S if started and not any(answers) else ASK_AGAIN_S)

    # -- output ---------------------------------------------------------------

    def _tell(self, event: ChildEvent) -> None:
        if event.what is ChildEventType.STARTED and not event.restart:
            self._starting[event.child] = None
        if event.what is ChildEventType.READY:
            self._starting.pop(event.child, None)
        if self._starting:
            self._waiting.wait_for(f"{', '.join(self._starting)} to start")
        if event.what in {ChildEventType.DIED, ChildEventType.KILLED, ChildEventType.STUCK}:
            self._say(str(event))
        if self._is_stopping:
            self._await_end()

    def _await_end(self) -> None:
        left = ", ".join(self._supervisor.pids) if self._supervisor is not None else ""
        hint = " (Ctrl-C again kills what is left)" if left else ""
        self._waiting.wait_for(f"{left or 'the servers'} to stop{hint}")

    def _say(self, text: str) -> None:
        self._console.print(f"[{time.monotonic() - self._begin:5.1f} s] {text}")

    def _command(self, words: str) -> str:
        """Return a command line for this installation: `make up` puts nothing on the PATH."""
        here = self._data_dir == DEFAULT_DATA_DIR.absolute()
        return f"{sys.argv[0]} {words}{'' if here else f' --data-dir {self._data_dir}'}"

    def _say_ready(self, health_url: str) -> None:
        smpp = self._settings.smpp
        self._say(f"logs in {self._data_dir / 'logs'}, settings in {self._data_dir / SERVICE_FILE}")
        if self._built_in_simulator:
            self._say(f"built-in SMS centre on {smpp.host}:{smpp.port}; sample clients:")
            for number, client, *_ in SAMPLES:
                self._say(f"    {number}  {client}")
            self._say(f'try: {self._command("text")} {SAMPLES[0][0]} "CLIENT info"')
        else:
            for bind in self._settings.all_binds:
                self._say(f"bind {bind.bind} to {bind.host}:{bind.port} as {bind.system_id}")
        self._say(f"HTTP API on {url_of(self._settings.api, self._ports['api'])}; for a token:")
        self._say(f"    {self._command('tokens create')} --name me --scope read")
        if entry_points := self._entry_points():
            self._say(f"ingress: {entry_points}")
        desk = url_of(self._settings.desk, self._ports["desk"])
        self._say(f"desk: {desk}/{self._administrator}")
        self._say(f"ready: {health_url}/health/ready")

    def _entry_points(self) -> str:
        """Return the listeners of the ingress that are switched on."""
        settings, ports = self._settings, self._ports
        smpp, smtp = settings.smpp_server, settings.smtp_server
        http = [url_of(settings.ingress, ports["ingress"])] if settings.ingress.on else []
        over_smpp = [f"smpp {smpp.host}:{ports['smpp']}"] if smpp.on else []
        over_smtp = [f"smtp {smtp.host}:{ports['smtp']}"] if smtp.on else []
        return " ".join([*http, *over_smpp, *over_smtp])


def _address_of(listener: TcpSettings, port: int) -> str:
    """Return the URL of a listener for HTTP, the address of another one."""
    if isinstance(listener, ListenerSettings):
        return url_of(listener, port)
    return f"{listener.host}:{port}"
