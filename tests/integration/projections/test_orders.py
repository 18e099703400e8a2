"""Counts of orders: followed, rebuilt and verified, over events that the intake wrote."""

from collections.abc import AsyncIterator

import psycopg
import pytest

from inbound.keys import VaultCipher
from inbound.projections.rebuild import rebuild
from inbound.projections.verification import verify
from inbound.store.connections import connect
from inbound.store.transactions.postgres import PostgresStore
from tests.fix_orders import intake_on, order
from tests.fix_store import VAULT_KEY
from tests.integration.projections.lines import ALL, catch_up, dumps


@pytest.fixture
async def store(url: str) -> AsyncIterator[PostgresStore]:
    made = PostgresStore(url, VaultCipher(VAULT_KEY))
    yield made
    await made.close()


async def test_a_rebuild_counts_the_same_orders(
    url: str, store: PostgresStore, conn: psycopg.Connection
) -> None:
    intake = intake_on(store)
    await intake.place([order(), order(text="another"), order(client_id="c-404")])
    assert not catch_up(conn)
    await intake.place([order(text="a third"), order(account="unknown")])
    assert not catch_up(conn)
    counted = conn.execute(
        "SELECT account, kind, outcome, count, parts FROM projections.order_counts"
    ).fetchall()
    assert sorted(counted) == [
        ("default", "notification", "accepted", 3, 3),
        ("default", "notification", "recipient_unknown", 1, 1),
        ("unknown", "notification", "account_unknown", 1, 1),
    ]
    followed = dumps(conn)

    def opening() -> psycopg.Connection:
        return connect(url, "tests", long=True)

    assert [one.difference for one in verify(opening, ALL)] == [None] * len(ALL)
    rebuild(opening, ALL, from_zero=True)
    assert dumps(conn) == followed
