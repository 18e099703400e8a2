"""The limits of an account whose time zone changes: the windows of both zones overlap."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta

import psycopg
import pytest

from inbound.keys import VaultCipher
from inbound.store.orders.account_records import change_account
from inbound.store.transactions.postgres import PostgresStore
from schemas.orders import RefusalReason
from tests.fix_orders import CLIENT, NOON, OTHER_CLIENT, intake_on, order

MORNING = NOON - timedelta(hours=6)  # 2026-03-02 06:00 UTC, 09:00 in Moscow
LIMIT = 3


class Shop:
    """An account in Moscow with a limit for the day."""

    def __init__(self, store: PostgresStore, conn: psycopg.Connection) -> None:
        self._conn = conn
        self.now = MORNING
        self._intake = intake_on(store, clock=lambda: self.now)
        conn.execute("UPDATE accounts SET day_limit = %s, zone = 'Europe/Moscow'", [LIMIT])

    async def accepted(self, wanted: int = LIMIT + 1) -> int:
        """Place orders now; return how many were accepted."""
        texts = [f"Заявка {self.now} {n}" for n in range(wanted)]
        orders = [
            order(phone=(CLIENT, OTHER_CLIENT)[n % 2], text=text) for n, text in enumerate(texts)
        ]
        placed = await self._intake.place(orders)
        assert {one.reason for one in placed} <= {None, RefusalReason.DAILY_LIMIT}
        return sum(one.reason is None for one in placed)

    def move(self, zone: str) -> None:
        assert change_account(
            self._conn,
            "default",
            lambda settings: replace(settings, zone=zone),
            actor="tests",
            now=self.now,
        )

    def used(self) -> dict[str, int]:
        return dict(self._conn.execute("SELECT period, used FROM account_usage").fetchall())


@pytest.fixture
async def shop(
    database_url: str, cipher: VaultCipher, conn: psycopg.Connection
) -> AsyncIterator[Shop]:
    store = PostgresStore(database_url, cipher)
    yield Shop(store, conn)
    await store.close()


@pytest.mark.parametrize(
    "zone",
    [
        "Asia/Vladivostok",  # the same day, which began earlier
        "Pacific/Kiritimati",  # a day later: 3 March began at 10:00 UTC
        "Pacific/Honolulu",  # a day earlier at 09:00 UTC: still 1 March
    ],
)
@pytest.mark.parametrize("moved_at", [MORNING + timedelta(hours=3), NOON])
async def test_a_move_gives_no_second_limit(shop: Shop, zone: str, moved_at: datetime) -> None:
    assert await shop.accepted(2) == 2
    shop.now = moved_at
    shop.move(zone)
    assert await shop.accepted() == LIMIT - 2
    shop.move("Europe/Moscow")
    assert await shop.accepted() == 0


async def test_what_was_ordered_before_in_the_new_zones_day_counts(shop: Shop) -> None:
    shop.now = NOON - timedelta(hours=16)  # 20:00 UTC on 1 March, 23:00 in Moscow
    assert await shop.accepted(2) == 2
    shop.now = MORNING
    assert await shop.accepted(1) == 1  # of the next day in Moscow
    shop.move("Asia/Vladivostok")  # whose day began at 14:00 UTC on 1 March
    assert await shop.accepted() == 0


async def test_the_next_day_begins_with_nothing_used(shop: Shop) -> None:
    shop.move("Pacific/Kiritimati")
    shop.now = NOON  # 3 March there
    assert await shop.accepted() == LIMIT
    shop.move("UTC")  # 2 March again
    shop.now = NOON + timedelta(hours=13)
    assert await shop.accepted() == LIMIT


async def test_an_order_that_was_given_back_is_not_counted(
    shop: Shop, conn: psycopg.Connection
) -> None:
    assert await shop.accepted(2) == 2
    conn.execute("UPDATE orders SET refunded = true WHERE ctid = (SELECT min(ctid) FROM orders)")
    conn.execute("UPDATE account_usage SET used = used - 1")
    shop.move("Asia/Vladivostok")
    assert set(shop.used().values()) == {1}
