"""In which order `scserv up` starts its servers and prepares the database."""

import threading
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from inbound.errors import SetupError
from inbound.kafka.connection import KafkaConnection
from inbound.local.embedded import EmbeddedServers
from inbound.local.servers.kafka import KafkaServer
from inbound.local.servers.postgres import PostgresServer
from inbound.ops.health import Health
from inbound.settings import Settings
from tests.patience import PATIENCE_S

BOOTSTRAP = "127.0.0.1:9092"
URL = "postgresql://scserv:secret@127.0.0.1:5432/scserv"


@pytest.fixture
def servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EmbeddedServers:
    """Return servers of which PostgreSQL is there at once."""
    monkeypatch.setattr(PostgresServer, "start", lambda _: None)
    monkeypatch.setattr(PostgresServer, "url", lambda _: URL)
    return EmbeddedServers(Settings(), tmp_path, Health(), print)


async def test_the_database_is_prepared_while_kafka_starts(
    servers: EmbeddedServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    launched = threading.Event()
    used: list[str] = []

    def launch(_: KafkaServer) -> None:
        monkeypatch.setattr(KafkaServer, "connection", KafkaConnection(BOOTSTRAP))
        launched.set()

    def prepare(settings: Settings) -> None:
        assert launched.wait(PATIENCE_S)
        used.append(settings.database_url.get_secret_value())

    def wait(_: KafkaServer) -> None:
        assert used == [URL]
        raise SetupError("Kafka is only asked")

    monkeypatch.setattr(KafkaServer, "launch", launch)
    monkeypatch.setattr(KafkaServer, "wait", wait)
    async with AsyncExitStack() as stack:
        settings = await servers.start(stack, prepare)
        assert settings.kafka_bootstrap_servers == BOOTSTRAP
        with pytest.raises(SetupError, match="only asked"):
            await servers.wait_for_kafka()


async def test_a_database_that_can_not_be_prepared_ends_the_start(
    servers: EmbeddedServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def prepare(_: Settings) -> None:
        raise SetupError("of a later release")

    monkeypatch.setattr(KafkaServer, "launch", lambda _: None)
    async with AsyncExitStack() as stack:
        with pytest.raises(SetupError, match="later release"):
            await servers.start(stack, prepare)
