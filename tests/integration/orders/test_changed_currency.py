"""Amounts keep the currency of their time when the currency of an account changes."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest
from click.testing import CliRunner

from inbound.broadcasts.costs import Cost, cost_of, is_priced_as_now
from inbound.cli import scserv
from inbound.keys import SubjectHasher, VaultCipher
from inbound.orders.dispatch import Dispatcher
from inbound.store.broadcasts.broadcasts import find_broadcast
from inbound.store.broadcasts.rows import Broadcast
from inbound.store.lookup.orders import waiting_orders
from inbound.store.orders.account_records import change_account, list_accounts
from inbound.store.orders.currencies import ExchangeRateMissingError
from inbound.store.orders.lookup import find_order
from inbound.store.transactions.postgres import PostgresStore
from schemas.topics import TopicNames
from tests.fix_orders import NOON, intake_on, order
from tests.fix_store import SUBJECT_KEY

HOUR = timedelta(hours=1)


class Shop:
    """An account with a price of 2 RUB and a balance of 100."""

    def __init__(self, store: PostgresStore, conn: psycopg.Connection) -> None:
        self.conn, self.store, self.now = conn, store, NOON
        self._intake = intake_on(store, clock=lambda: self.now)
        conn.execute("UPDATE accounts SET price_per_part = 2, balance = 100")

    async def place(self, **fields: Any) -> UUID:
        (placed,) = await self._intake.place([order(text=f"Заявка {self.now}", **fields)])
        assert placed.reason is None
        return placed.order_id

    async def cancel(self, order_id: UUID) -> None:
        dispatcher = Dispatcher(
            *(self.store, SubjectHasher(SUBJECT_KEY), TopicNames()),
            sender="SCSERV",
            clock=lambda: self.now,
        )
        await dispatcher.cancel([order_id])

    def exchange(self, currency: str, rate: str) -> None:
        def change(before: Any) -> Any:
            price, balance = (
                one * Decimal(rate) for one in (before.price_per_part, before.balance)
            )
            return replace(before, currency=currency, price_per_part=price, balance=balance)

        assert change_account(
            *(self.conn, "default", change),
            actor="anna",
            now=self.now,
            exchange_rate=Decimal(rate),
        )

    @property
    def balance(self) -> Decimal | None:
        return list_accounts(self.conn, "default")[0].settings.balance

    def shown(self, order_id: UUID) -> tuple[Decimal | None, str | None]:
        found = find_order(self.conn, "default", order_id)
        assert found is not None
        [row] = waiting_orders(self.conn, [order_id])
        assert row.currency == found.currency
        return found.price, found.currency


@pytest.fixture
async def shop(
    database_url: str, cipher: VaultCipher, conn: psycopg.Connection
) -> AsyncIterator[Shop]:
    store = PostgresStore(database_url, cipher)
    yield Shop(store, conn)
    await store.close()


async def test_each_order_has_the_currency_of_its_time(shop: Shop) -> None:
    placed = []
    for currency, rate in (("EUR", "0.01"), ("USD", "2"), ("RUB", "50")):
        placed.append(await shop.place())
        shop.now += HOUR
        shop.exchange(currency, rate)
        shop.now += HOUR
    placed.append(await shop.place())
    assert [shop.shown(one) for one in placed] == [
        (Decimal(2), "RUB"),
        (Decimal("0.02"), "EUR"),
        (Decimal("0.04"), "USD"),
        (Decimal(2), "RUB"),
    ]


async def test_what_comes_back_is_converted(shop: Shop) -> None:
    first = await shop.place(not_before=NOON + 10 * HOUR)
    shop.now += HOUR
    shop.exchange("EUR", "0.01")
    shop.now += HOUR
    second = await shop.place(not_before=NOON + 10 * HOUR)
    shop.now += HOUR
    shop.exchange("USD", "2")
    assert shop.balance == Decimal("1.92")
    shop.now += HOUR
    await shop.cancel(first)
    assert shop.balance == Decimal("1.96")  # 2 RUB are 0.02 EUR, and those 0.04 USD
    await shop.cancel(second)
    assert shop.balance == Decimal(2)


async def test_a_balance_is_not_relabelled(shop: Shop) -> None:
    with pytest.raises(ExchangeRateMissingError):
        change_account(
            shop.conn, "default", lambda before: replace(before, currency="EUR"), actor="anna"
        )
    assert list_accounts(shop.conn, "default")[0].settings.currency == "RUB"


def broadcast_of(shop: Shop, began_at: datetime) -> Broadcast:
    [(made,)] = shop.conn.execute(
        "INSERT INTO broadcasts (broadcast_id, state, name, recipients, began_at, ended_at)"
        " VALUES (gen_random_uuid(), 'done', 'Spring', 2, %s, %s) RETURNING broadcast_id",
        [began_at, shop.now],
    ).fetchall()
    shop.conn.execute("UPDATE orders SET broadcast_id = %s", [made])
    found = find_broadcast(shop.conn, made)
    assert found is not None
    return found


async def test_a_broadcast_that_has_ended_keeps_its_currency(shop: Shop) -> None:
    await shop.place()
    one = broadcast_of(shop, shop.now)
    shop.now += HOUR
    shop.exchange("EUR", "0.01")
    assert cost_of(shop.conn, one) == Cost(Decimal(2), Decimal(0), "RUB")
    assert not is_priced_as_now(shop.conn, one)


async def test_a_broadcast_on_both_sides_of_a_change_is_summed_up_in_the_new_currency(
    shop: Shop,
) -> None:
    await shop.place()
    shop.now += HOUR
    shop.exchange("EUR", "0.01")
    shop.now += HOUR
    await shop.place()
    one = broadcast_of(shop, shop.now)
    assert cost_of(shop.conn, one) == Cost(Decimal("0.04"), Decimal(0), "EUR")
    shop.conn.execute("UPDATE account_currencies SET to_current = NULL")
    assert cost_of(shop.conn, one) is None


def run(*arguments: str) -> str:
    result = CliRunner().invoke(scserv, ["accounts", *arguments])
    return result.output if result.exception is None else str(result.exception)


@pytest.mark.usefixtures("settings_of_the_service")
def test_the_command_asks_how_a_balance_converts(conn: psycopg.Connection) -> None:
    change = ("change", "default", "--currency", "EUR")
    run("change", "default", "--price", "2.50", "--balance", "100")
    asked = run(*change)
    assert "a balance of 100.00 RUB and a price of 2.50 RUB" in asked
    assert "say what one RUB is worth in EUR with --exchange-rate" in asked
    assert "a balance of 100.00 RUB;" in run(*change, "--price", "0.03")
    assert run(*change, "--exchange-rate", "0.0105", "--price", "0.03") == "changed default\n"
    shown = json.loads(run("show", "default", "--json"))
    assert [shown[of] for of in ("currency", "balance", "price_per_part")] == [
        *("EUR", "1.05", "0.03")
    ]
    [(reason,)] = conn.execute("SELECT reason FROM audit ORDER BY id DESC LIMIT 1").fetchall()
    assert "balance 100.00 -> 1.05; one RUB is 0.0105 EUR" in reason
    assert "only with another --currency" in run("change", "default", "--exchange-rate", "2")
    run("change", "default", "--balance", "unlimited", "--price", "none")
    assert run("change", "default", "--currency", "RUB") == "changed default\n"
