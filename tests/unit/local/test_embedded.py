"""In which order `scserv up` starts its servers and prepares the database."""

import threading
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from inbound.errors import SetupError
from inbound.local.embedded import EmbeddedServers
from inbound.local.servers.kafka import KafkaServer
from inbound.local.servers.postgres import PostgresServer
from inbound.ops.health import Health
from inbound.settings import Settings
from tests.patience import PATIENCE_S

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
    prepared = threading.Event()
    used: list[str] = []

    def prepare(settings: Settings) -> None:
        used.append(settings.database_url.get_secret_value())
        prepared.set()

    def start(_: KafkaServer) -> None:
        assert prepared.wait(PATIENCE_S)
        raise SetupError("Kafka is only asked")

    monkeypatch.setattr(KafkaServer, "start", start)
    async with AsyncExitStack() as stack:
        with pytest.raises(SetupError, match="only asked"):
            await servers.start(stack, prepare)
    assert used == [URL]


async def test_a_database_that_can_not_be_prepared_ends_the_start(
    servers: EmbeddedServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def prepare(_: Settings) -> None:
        raise SetupError("of a later release")

    monkeypatch.setattr(KafkaServer, "start", lambda _: None)
    async with AsyncExitStack() as stack:
        with pytest.raises(SetupError, match="later release"):
            await servers.start(stack, prepare)
