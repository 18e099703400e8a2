"""Fixtures and builders for tests of the store: a migrated database, keys, rows.

`postgres_server` and `new_database` come from the fixtures of the servers.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import LiteralString
from uuid import UUID, uuid4

import psycopg
import pytest

from inbound.keys import SubjectHasher, VaultCipher
from inbound.store.claims.rows import Secret
from inbound.store.connections import connect
from inbound.store.dead_letters.rows import DeadLetter
from inbound.store.log.rows import NewEvent, NewState
from inbound.store.mo.rows import InboxRow, MessagePart, PartChanges
from inbound.store.outbox.rows import NewOutboxRow
from inbound.store.people.rows import ErasedRows, PersonToErase
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.port import Transaction
from inbound.store.transactions.postgres import PostgresStore
from tests import keys
from tests.fix_servers import MIGRATED, SharedPostgres
from tests.patience import PATIENCE_S

SUBJECT_KEY, VAULT_KEY = keys.SUBJECT_KEY, keys.VAULT_KEY
NOON = datetime(2024, 5, 17, 12, tzinfo=UTC)
BOUND: LiteralString = """
    INSERT INTO bind_presence (account, bind, gateway, sends, state, seen_at)
    VALUES ('a', 'main-1', 'gateway-1', true,
            '{"centre": "main", "type": "transceiver", "state": "bound"}',
            now() + interval '1 year')
    ON CONFLICT DO NOTHING
"""
"""A bind that stays bound: without one, texts may wait at the SMS centre."""


@pytest.fixture(scope="session")
def migrated_template(postgres_server: SharedPostgres) -> str:
    """A database with all tables, to be copied."""
    del postgres_server  # which has it
    return MIGRATED


@pytest.fixture
def database_url(new_database: Callable[[str], str], migrated_template: str) -> str:
    """A database of its own for one test, with all tables."""
    return new_database(migrated_template)


@pytest.fixture
def conn(database_url: str) -> Iterator[psycopg.Connection]:
    """A second connection to the test's database."""
    with connect(database_url, "tests") as conn:
        yield conn


@pytest.fixture
def hasher() -> SubjectHasher:
    return SubjectHasher(SUBJECT_KEY)


@pytest.fixture
def cipher() -> VaultCipher:
    return VaultCipher(VAULT_KEY)


@pytest.fixture
async def postgres_store(database_url: str, cipher: VaultCipher) -> AsyncIterator[PostgresStore]:
    store = PostgresStore(database_url, cipher)
    yield store
    await store.close()


@pytest.fixture
def settings_of_the_service(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment in which commands find the test's database and the keys."""
    monkeypatch.setenv("SCSERV_DATABASE_URL", database_url)
    monkeypatch.setenv("SCSERV_SUBJECT_KEY", SUBJECT_KEY.hex())
    monkeypatch.setenv("SCSERV_VAULT_KEY", VAULT_KEY.hex())


async def add_parts(tx: Transaction, *parts: MessagePart) -> None:
    """Store parts that wait for others."""
    await tx.store_parts(PartChanges(waiting=list(parts)))


async def until(check: Callable[[], bool]) -> None:
    """Let other tasks run until `check`, which queries the database, returns True."""
    async with asyncio.timeout(PATIENCE_S):
        while not check():  # noqa: ASYNC110  what is waited for happens in the server
            await asyncio.sleep(0.005)


def somebody_waits(conn: psycopg.Connection) -> bool:
    """Say whether a session of this database waits for a lock."""
    query = """
        SELECT count(*) > 0 FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'
    """
    return conn.execute(query).fetchone() == (True,)


def event(stream_id: UUID, version: int = 1, data: bytes = b'{"n": 1}') -> NewEvent:
    return NewEvent(stream_id, version, "test.happened", 1, data, b'{"by":  "tests"}')


def state(stream_id: UUID, expected: int, version: int, text: bytes = b'{"on": true}') -> NewState:
    return NewState(stream_id, expected, version, 1, text)


def outbox_row(shard: int = 0, value: bytes | None = b"value") -> NewOutboxRow:
    return NewOutboxRow(shard, "sms.test.v1", "key", str(uuid4()), "test", b'{"a": "b"}', value)


def inbox_row(mo_id: UUID | None = None) -> InboxRow:
    return InboxRow(mo_id or uuid4(), NOON)


def secret(message_id: UUID | None = None, plaintext: bytes = b"1a2b3c4d") -> Secret:
    return Secret(message_id or uuid4(), plaintext, NOON + timedelta(hours=1))


def dead_letter(offset: int = 7) -> DeadLetter:
    return DeadLetter("sms.mo.v1", 0, offset, "not JSON", b"garbage")


def batch(messages: int) -> Changes:
    """What one poll of new subjects writes: per message 3 events, 2 outbox rows, 1 inbox row."""
    changes = Changes()
    for _ in range(messages):
        stream_id = uuid4()
        changes.inbox.append(inbox_row())
        changes.events += [event(stream_id, version) for version in (1, 2, 3)]
        changes.states.append(state(stream_id, 0, 3))
        changes.outbox += [outbox_row(), outbox_row()]
    return changes


async def erase(tx: Transaction, number: str) -> ErasedRows:
    """Erase the person with this number, and the secrets of their requests."""
    number_hash = SubjectHasher(SUBJECT_KEY).hash(number)
    subject_id = (await tx.find_subjects([number_hash])).get(number_hash)
    return await tx.erase(PersonToErase(number, number_hash, subject_id))
