"""The PostgreSQL and the Kafka that `scserv up` starts and keeps running."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from pydantic import SecretStr

from inbound.errors import SetupError
from inbound.kafka.connection import SECURITY_PROTOCOL
from inbound.ops.health import Health
from inbound.settings import Settings
from inbound.settings.kafka import values_of

if TYPE_CHECKING:
    from inbound.local.servers.kafka import KafkaServer

WATCH_EVERY_S: Final = 0.5
RESTART_EVERY_S: Final = 3.0


class EmbeddedServer(Protocol):
    """An embedded server: PostgreSQL or Kafka."""

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""

    def start(self) -> object:
        """Start the server. Blocks until it answers."""

    def stop(self) -> None:
        """Stop the server. Blocks."""


class EmbeddedServers:
    """The servers that no setting names. `say` prints a line."""

    def __init__(
        self, settings: Settings, data_dir: Path, health: Health, say: Callable[[str], None]
    ) -> None:
        self._settings = settings
        self._data_dir = data_dir
        self._health = health
        self._say = say
        self._servers: dict[str, EmbeddedServer] = {}
        self._kafka: KafkaServer | None = None

    async def start(
        self, stack: AsyncExitStack, prepare_database: Callable[[Settings], None]
    ) -> Settings:
        """Start them in parallel; return the settings with their addresses. `stack` stops them.

        Returns when `prepare_database`, which is called in a thread, has prepared the database.
        Kafka takes longer: `wait_for_kafka` waits for that.
        """
        from inbound.local.servers.kafka import KafkaServer
        from inbound.local.servers.postgres import PostgresServer

        servers: dict[str, EmbeddedServer] = {}
        starts: list[Callable[[], object]] = []
        if not self._settings.database_url.get_secret_value():
            servers["PostgreSQL"] = PostgresServer(self._data_dir / "postgres")
        if not self._settings.kafka_bootstrap_servers:
            self._refuse_unused_kafka_settings()
            servers["Kafka"] = self._kafka = KafkaServer(self._data_dir / "kafka")
            starts.append(self._kafka.launch)
        for name in servers:
            self._say(f"starting {name} in {self._data_dir / name.removesuffix('QL').lower()}")
        for embedded in servers.values():
            stack.push_async_callback(asyncio.to_thread, embedded.stop)

        def start_database() -> None:
            own = {name: server for name, server in servers.items() if name == "PostgreSQL"}
            for server in own.values():
                server.start()
            prepare_database(self._settings.model_copy(update=_addresses(own)))

        started = await asyncio.gather(
            *(asyncio.to_thread(start) for start in (*starts, start_database)),
            return_exceptions=True,
        )
        for problem in started:
            if isinstance(problem, BaseException):
                raise problem
        self._servers = servers
        return self._settings.model_copy(update=_addresses(servers))

    @property
    def has_kafka(self) -> bool:
        """Whether Kafka is one of them."""
        return self._kafka is not None

    async def wait_for_kafka(self) -> None:
        """Return when Kafka answers, if it is one of them. Raises `SetupError`."""
        if self._kafka is not None:
            await asyncio.to_thread(self._kafka.wait)

    def _refuse_unused_kafka_settings(self) -> None:
        if self._settings.kafka_security_protocol != "PLAINTEXT":
            raise SetupError(
                f"{SECURITY_PROTOCOL} is set, but SCSERV_KAFKA_BOOTSTRAP_SERVERS is not: set the"
                " address of that Kafka too, or neither"
            )

    async def keep(self) -> None:
        """Restart each of them whenever it dies, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for name, server in self._servers.items():
                group.create_task(self._keep_one(name, server))

    async def _keep_one(self, name: str, server: EmbeddedServer) -> None:
        while True:
            await asyncio.sleep(WATCH_EVERY_S)
            if server.pid is None:
                self._say(f"{name} died and is restarted")
                self._health.set(name, ok=False, reason="died and is being restarted")
                await self._restart(name, server)
                self._health.set(name, ok=True)
                self._say(f"{name} is running again")

    async def _restart(self, name: str, server: EmbeddedServer) -> None:
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


def _addresses(servers: dict[str, EmbeddedServer]) -> dict[str, Any]:
    from inbound.local.servers.kafka import KafkaServer
    from inbound.local.servers.postgres import PostgresServer

    addresses: dict[str, Any] = {}
    for server in servers.values():
        if isinstance(server, PostgresServer):
            addresses["database_url"] = SecretStr(server.url())
        elif isinstance(server, KafkaServer):
            addresses |= values_of(server.connection)
    return addresses
