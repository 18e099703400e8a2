"""A worker without Kafka on a real PostgreSQL, and the desk that looks into it."""

import psycopg
import pytest

from inbound.clock import utc_now
from inbound.freshness.model import Backlog
from inbound.keys import SubjectHasher, VaultCipher
from inbound.store.sealing import Sealer
from inbound.timeline.reader import TimelineReader
from tests.fix_store import (
    BOUND,
    SUBJECT_KEY,
    VAULT_KEY,
    cipher,
    conn,
    database_url,
    migrated_template,
)
from tests.integration.conftest import postgres_backend, postgres_world

__all__ = [
    "cipher",
    "conn",
    "database_url",
    "migrated_template",
    "postgres_backend",
    "postgres_world",
]


@pytest.fixture
def desk() -> TimelineReader:
    return TimelineReader(SubjectHasher(SUBJECT_KEY), Sealer(VaultCipher(VAULT_KEY)), miss_days=7)


@pytest.fixture
def settings_of_the_service(
    database_url: str, conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment in which the command line finds database and keys. Nothing waits in Kafka."""
    for command in ("timeline", "events"):
        target = f"inbound.cli.{command}.ask_backlog"
        monkeypatch.setattr(target, lambda *_: Backlog(utc_now(), {}))
    conn.execute(BOUND)
    monkeypatch.setenv("SCSERV_DATABASE_URL", database_url)
    monkeypatch.setenv("SCSERV_SUBJECT_KEY", SUBJECT_KEY.hex())
    monkeypatch.setenv("SCSERV_VAULT_KEY", VAULT_KEY.hex())
