"""The whole service as `scserv up` runs it: servers, preparation, children, health."""

import asyncio
import contextlib
import json
import re
import secrets
import socket
import sys
import time
import urllib.error
import urllib.request
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Protocol

from pydantic import SecretStr
from rich.console import Console

from inbound.errors import RetryableError, SetupError
from inbound.local.samples import SAMPLES, write_samples
from inbound.local.supervisor import Child, ChildEvent, ChildEventType, Supervisor
from inbound.ops.health import Health, HealthServer
from inbound.service_file import DEFAULT_DATA_DIR, SERVICE_FILE, write_service_file
from inbound.settings import ApiSettings, Settings, SmppSettings
from inbound.startup import check_database, load_templates

WATCH_EVERY_S = 0.5
RESTART_EVERY_S = 3.0
ROLES = ("relay", "worker", "gateway", "projector", "api")
STARTING = ": starting"
LOOPBACK = "127.0.0.1"
# A reason that only counts on is no news.
_SECONDS = re.compile(r"[0-9.]+ s")
SCSERV = (sys.executable, "-m", "inbound.cli")


class Server(Protocol):
    """An embedded server: PostgreSQL or Kafka."""

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""

    def start(self) -> object:
        """Start it and return when it answers. Blocks."""

    def stop(self) -> None:
        """End it. Blocks."""


class Service:
    """Everything on one machine. `run` until cancelled; then all of it is gone within 10 s."""

    def __init__(
        self,
        settings: Settings,
        data_dir: Path,
        port: int,
        config: Path | None,
        *,
        built_in_centre: bool,
    ) -> None:
        self._settings = settings
        self._data_dir = data_dir
        self._port = port
        self._config = config
        self._built_in_centre = built_in_centre
        self._console = Console(highlight=False, soft_wrap=True)
        self._health = Health()
        self._health_urls: dict[str, str] = {}
        self._api_port = 0
        self._begin = time.monotonic()

    async def run(self) -> None:
        """Start everything, say `ready`, and keep it running."""
        self._health.set("service", ok=False, reason="is starting")
        load_templates(self._settings)
        async with AsyncExitStack() as stack:
            server = HealthServer(self._health, self._settings.health_host, self._port).start()
            stack.callback(server.close)
            servers = await self._start_servers(stack)
            try:
                await self._prepare()
            except RetryableError as error:
                raise SetupError(f"{error}; start it, or correct the address") from error
            children = self._children()
            self._say(f"starting {', '.join(child.name for child in children)}")
            supervisor = Supervisor(children, self._data_dir / "logs", self._tell)
            await stack.enter_async_context(supervisor)
            async with asyncio.TaskGroup() as group:
                group.create_task(supervisor.watch())
                group.create_task(self._watch_children(server.url))
                for name, embedded in servers.items():
                    group.create_task(self._keep_server(name, embedded))

    # -- servers --------------------------------------------------------------------

    async def _start_servers(self, stack: AsyncExitStack) -> dict[str, Server]:
        """Start those that no setting names, side by side, and note where they are."""
        from inbound.local.servers.kafka import KafkaServer
        from inbound.local.servers.postgres import PostgresServer

        servers: dict[str, Server] = {}
        if not self._settings.database_url.get_secret_value():
            servers["PostgreSQL"] = PostgresServer(self._data_dir / "postgres")
        if not self._settings.kafka_bootstrap_servers:
            servers["Kafka"] = KafkaServer(self._data_dir / "kafka")
        for name in servers:
            self._say(f"starting {name} in {self._data_dir / name.removesuffix('QL').lower()}")
        for embedded in servers.values():
            stack.push_async_callback(asyncio.to_thread, embedded.stop)
        started = await asyncio.gather(
            *(asyncio.to_thread(embedded.start) for embedded in servers.values()),
            return_exceptions=True,
        )
        for problem in started:
            if isinstance(problem, BaseException):
                raise problem
        self._settings = self._settings.model_copy(update=_places(servers))
        return servers

    async def _keep_server(self, name: str, server: Server) -> None:
        """Start an embedded server again whenever it dies."""
        while True:
            await asyncio.sleep(WATCH_EVERY_S)
            if server.pid is None:
                self._say(f"{name} died, starting it again")
                self._health.set(name, ok=False, reason="died and is being started")
                await self._restart(name, server)
                self._health.set(name, ok=True)
                self._say(f"{name} is back")

    async def _restart(self, name: str, server: Server) -> None:
        said = ""
        while True:
            await asyncio.to_thread(server.stop)
            try:
                await asyncio.to_thread(server.start)
            except SetupError as error:
                if str(error) != said:
                    said = str(error)
                    self._say(f"{said}; trying again every {RESTART_EVERY_S:g} s")
                    self._health.set(name, ok=False, reason=said)
                await asyncio.sleep(RESTART_EVERY_S)
            else:
                return

    # -- preparation ----------------------------------------------------------------

    async def _prepare(self) -> None:
        self._say("preparing database and topics")
        if self._built_in_centre:
            self._settings = self._settings.model_copy(update={"smpp": self._own_centre()})
        await asyncio.to_thread(self._migrate)
        write_service_file(self._data_dir, _effective(self._settings))
        if self._built_in_centre:
            await asyncio.to_thread(self._import_samples)

    def _own_centre(self) -> SmppSettings:
        password = SecretStr(secrets.token_hex(4))
        port = free_port(self._settings.smpp.port)
        place = {"host": LOOPBACK, "port": port, "password": password}
        return self._settings.smpp.model_copy(update=place)

    def _migrate(self) -> None:
        from inbound.kafka import admin
        from inbound.store.migrations.runner import migrate
        from schemas.topics import TopicNames

        settings = self._settings
        migrate(settings.database_url.get_secret_value())
        check_database(settings)
        specs = TopicNames.prefixed(settings.topic_prefix).specs()
        admin.apply(settings.kafka_bootstrap_servers, specs, settings.kafka_replication_factor)

    def _import_samples(self) -> None:
        """Make the sample clients once; an operator's own file is never mixed with them."""
        from inbound.directory.csv_import import ImportKeys, import_clients
        from inbound.directory.sealing import ClientSealer
        from inbound.keys import SubjectHasher
        from inbound.store.connections import connect

        path = self._data_dir / "sample-clients.csv"
        if path.exists():
            return
        write_samples(path)
        settings = self._settings
        keys = ImportKeys(
            SubjectHasher(settings.subject_key_bytes()), ClientSealer(settings.vault_key_bytes())
        )
        with connect(settings.database_url.get_secret_value(), "scserv up", long=True) as conn:
            import_clients(conn, path, keys)

    # -- children -------------------------------------------------------------------

    def _children(self) -> list[Child]:
        children = [self._centre()] if self._built_in_centre else []
        for role in ROLES:
            port = free_port()
            url = f"http://{LOOPBACK}:{port}/health"
            self._health_urls[role] = f"{url}/ready"
            where = ["--data-dir", str(self._data_dir)]
            if self._config is not None:
                where += ["--config", str(self._config.absolute())]
            # The role's own health is on a free port of its own, ours on the one named.
            env = {"SCSERV_HEALTH_PORT": str(port), "SCSERV_HEALTH_HOST": LOOPBACK}
            if role == "api":
                self._api_port = free_port(self._settings.api.port)
                env["SCSERV_API__PORT"] = str(self._api_port)
            children.append(Child(role, [*SCSERV, role, *where], env, f"{url}/live"))
        return children

    def _centre(self) -> Child:
        smpp = self._settings.smpp
        argv = [*SCSERV, "simulator", "--port", str(smpp.port), "--system-id", smpp.system_id]
        argv += ["--number", self._settings.federal_number]
        password = {"SCSERV_SMPP__PASSWORD": smpp.password.get_secret_value()}
        return Child("simulator", argv, password, lambda: accepts(smpp.port))

    async def _watch_children(self, health_url: str) -> None:
        """Carry what the children say of themselves to our own health port, and say changes.

        `ready` is said once all of them are; a reason why not, whenever it changes.
        """
        said: dict[str, str] = {}
        started = False
        while True:
            problems = {
                role: await asyncio.to_thread(ask_health, url)
                for role, url in self._health_urls.items()
            }
            for role, problem in problems.items():
                self._health.set(role, ok=not problem, reason=problem)
                kind = _SECONDS.sub("", problem)
                news = started or (problem and not problem.endswith(STARTING))
                if kind != said.get(role, "") and news:
                    self._say(f"{role}: {problem or 'ready again'}")
                said[role] = kind
            if not started and not any(problems.values()):
                started = True
                self._health.set("service", ok=True)
                self._say_ready(health_url)
            await asyncio.sleep(WATCH_EVERY_S)

    # -- what is said ---------------------------------------------------------------

    def _tell(self, event: ChildEvent) -> None:
        if event.what in {ChildEventType.DIED, ChildEventType.KILLED}:
            self._say(str(event))

    def _say(self, text: str) -> None:
        self._console.print(f"[{time.monotonic() - self._begin:5.1f} s] {text}", markup=False)

    def _command(self, words: str) -> str:
        """Return a command as it was called here: `make up` puts nothing on the PATH."""
        here = self._data_dir == DEFAULT_DATA_DIR.absolute()
        return f"{sys.argv[0]} {words}{'' if here else f' --data-dir {self._data_dir}'}"

    def _say_ready(self, health_url: str) -> None:
        smpp = self._settings.smpp
        self._say(f"logs in {self._data_dir / 'logs'}, settings in {self._data_dir / SERVICE_FILE}")
        if self._built_in_centre:
            self._say(f"built-in SMS centre on {smpp.host}:{smpp.port}; sample clients:")
            for number, client, *_ in SAMPLES:
                self._say(f"    {number}  {client}")
            self._say(f'try: {self._command("text")} {SAMPLES[0][0]} "CLIENT info"')
        else:
            for bind in self._settings.all_binds:
                self._say(f"bind {bind.bind} to {bind.host}:{bind.port} as {bind.system_id}")
        self._say(f"HTTP API on {api_url(self._settings.api, self._api_port)}; for a token:")
        self._say(f"    {self._command('tokens create')} --name me --scope read")
        self._console.print(f"ready: {health_url}/health/ready", markup=False)


def _places(servers: dict[str, Server]) -> dict[str, Any]:
    from inbound.local.servers.kafka import KafkaServer
    from inbound.local.servers.postgres import PostgresServer

    places: dict[str, Any] = {}
    for server in servers.values():
        if isinstance(server, PostgresServer):
            places["database_url"] = SecretStr(server.url())
        elif isinstance(server, KafkaServer):
            places["kafka_bootstrap_servers"] = server.bootstrap
    return places


def _effective(settings: Settings) -> dict[str, Any]:
    """Return what other commands need to work with this service; secrets in the clear."""
    smpp = settings.smpp
    return {
        "database_url": settings.database_url.get_secret_value(),
        "kafka_bootstrap_servers": settings.kafka_bootstrap_servers,
        "vault_key": settings.vault_key.get_secret_value(),
        "subject_key": settings.subject_key.get_secret_value(),
        "smpp": {
            "host": smpp.host,
            "port": smpp.port,
            "system_id": smpp.system_id,
            "password": smpp.password.get_secret_value(),
        },
    }


def api_url(settings: ApiSettings, port: int) -> str:
    """Return where the HTTP API is to be reached."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"{'https' if settings.tls_cert else 'http'}://{host}:{port}"


def free_port(wanted: int = 0) -> int:
    """Return `wanted` if it is free on loopback, else some port that is."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, wanted))
        except OSError:
            return free_port()
        port: int = probe.getsockname()[1]
        return port


async def accepts(port: int) -> bool:
    """Whether something listens on that loopback port."""
    try:
        _, writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        return False
    writer.close()
    return True


def ask_health(url: str) -> str:
    """Return why a health URL does not answer 200, "" when it does. Blocks up to 2 s."""
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310 — http, made here
            return ""
    except urllib.error.HTTPError as error:
        with contextlib.suppress(ValueError, LookupError):
            return "; ".join(json.loads(error.read())["reasons"])
        return f"answers {error.code}"
    except OSError as error:
        return f"does not answer: {getattr(error, 'reason', error)}"
