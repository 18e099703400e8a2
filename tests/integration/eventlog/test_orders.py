"""A log with orders is verified, carried away and brought back as any other."""

from collections.abc import AsyncIterator
from datetime import timedelta

import psycopg
import pytest

from inbound.handlers.state import stored_state
from inbound.keys import SubjectHasher, VaultCipher
from inbound.orders.dispatch import Dispatcher
from inbound.store.transactions.postgres import PostgresStore
from inbound.subjects import StateCache, Subjects
from schemas.topics import TopicNames
from tests.bench import history
from tests.fix_orders import NOON, intake_on, order
from tests.fix_store import SUBJECT_KEY
from tests.integration.eventlog.tampering import find, tamper
from tests.integration.eventlog.test_export_import import (
    empty,
    exported,
    heads,
    imported,
    rows,
    url_of,
)
from tests.integration.projections.lines import catch_up, dumps

__all__ = ["empty"]

LATER = NOON + timedelta(days=3)


@pytest.fixture
async def store(url: str) -> AsyncIterator[PostgresStore]:
    made = PostgresStore(url, VaultCipher(history.KEY))
    yield made
    await made.close()


@pytest.fixture(autouse=True)
async def orders(store: PostgresStore) -> None:
    """Accepted, scheduled, cancelled, expired and refused orders, one of them to nobody."""
    intake = intake_on(store)
    placed = await intake.place(
        [
            order(),
            order(text="another", not_before=NOON + timedelta(hours=1)),
            order(text="a third", not_before=LATER - timedelta(hours=1)),
            order(client_id="c-404"),
        ]
    )
    dispatcher = Dispatcher(
        store, SubjectHasher(SUBJECT_KEY), TopicNames(), sender="SCSERV", clock=lambda: LATER
    )
    await dispatcher.cancel([placed[2].order_id])
    await dispatcher.dispatch_due()


def test_it_arrives_to_the_byte(conn: psycopg.Connection, empty: psycopg.Connection) -> None:
    types = {row[0] for row in conn.execute("SELECT DISTINCT type FROM events")}
    expected = {f"order.{what}" for what in ("accepted", "refused", "cancelled", "expired")}
    assert expected <= types
    assert find(conn) == []
    assert imported(empty, exported(conn)) > 0
    assert (rows(empty), heads(empty)) == (rows(conn), heads(conn))
    assert find(empty) == []
    catch_up(conn)
    catch_up(empty)
    assert dumps(empty) == dumps(conn)


async def test_states_are_folded_again(
    store: PostgresStore,
    conn: psycopg.Connection,
    empty: psycopg.Connection,
) -> None:
    imported(empty, exported(conn))
    [subject] = {
        row[0] for row in conn.execute("SELECT subject_id FROM orders WHERE subject_id IS NOT NULL")
    }
    async with store.transaction() as tx:
        stored = (await tx.states([subject]))[subject]
    there = PostgresStore(url_of(empty), VaultCipher(history.KEY))
    async with there.transaction() as tx:
        subjects = Subjects(tx, StateCache())
        await subjects.load([subject])
        assert subjects[subject] == stored_state(stored.state_version, stored.state)
    await there.close()


def test_an_altered_order_is_found(conn: psycopg.Connection) -> None:
    tamper(
        conn,
        "UPDATE events SET data = replace(data::text, 'recipient_unknown', 'opted_out')::json"
        " WHERE type = 'order.refused'",
    )
    assert find(conn)
