"""`scserv messages`: whose messages, by account and broadcast, without whole numbers."""

import json
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner

from inbound.cli import scserv
from inbound.clock import utc_now
from inbound.keys import VaultCipher
from inbound.store.transactions.postgres import PostgresStore
from schemas.orders import OrderKind
from tests.fix_orders import CLIENT, OTHER_CLIENT, intake_on, order

pytestmark = pytest.mark.usefixtures("settings_of_the_service")


def run(*arguments: str) -> str:
    result = CliRunner().invoke(scserv, ["messages", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def rows(*arguments: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run(*arguments, "--json").splitlines()]


@pytest.fixture
async def store(database_url: str, cipher: VaultCipher) -> AsyncIterator[PostgresStore]:
    made = PostgresStore(database_url, cipher)
    yield made
    await made.close()


@pytest.fixture
async def placed(store: PostgresStore, conn: psycopg.Connection) -> list[str]:
    """Two of the account default, the second a service message, and one of a shop."""
    conn.execute("INSERT INTO accounts (account, rights) VALUES ('shop', '{send}')")
    conn.execute("UPDATE accounts SET price_per_part = 2 WHERE account = 'default'")
    intake = intake_on(store, clock=utc_now)
    return [
        str(one.order_id)
        for wanted in (
            order(),
            order(kind=OrderKind.SERVICE, phone=OTHER_CLIENT),
            order(account="shop"),
        )
        for one in await intake.place([wanted])
    ]


def test_messages_of_an_account(placed: list[str]) -> None:
    assert [row["id"] for row in rows()] == [placed[1], placed[0]]
    [of_shop] = rows("--account", "shop")
    assert (of_shop["id"], of_shop["account"], of_shop["price"]) == (placed[2], "shop", None)
    [service] = rows("--kind", "service")
    assert (service["id"], service["to"]) == (placed[1], "+7916*****02")
    assert (service["price"], service["currency"]) == ("2.00", "RUB")
    assert rows("--state", "delivered") == []
    assert len(rows("--limit", "1")) == 1


def test_messages_of_a_broadcast(placed: list[str], conn: psycopg.Connection) -> None:
    [(made,)] = conn.execute(
        "INSERT INTO broadcasts (broadcast_id, state, name, recipients, account)"
        " VALUES (gen_random_uuid(), 'running', 'Spring', 1, 'shop') RETURNING broadcast_id::text"
    ).fetchall()
    conn.execute("UPDATE orders SET broadcast_id = %s, created_at = now()", [made])
    assert [row["id"] for row in rows("--broadcast", made)] == [placed[2]]


def test_people_read_lines_without_numbers(placed: list[str]) -> None:
    printed = run()
    assert f"{placed[0]}  +7916*****01  notification  queued  2.00 RUB" in printed
    assert "It can't be told now whether the operator has reported since." in printed
    assert "older ones exist: use --limit 2" in run("--limit", "1")
    assert "no such message of the account shop" in run("--account", "shop", "--state", "sent")
    for number in (CLIENT, OTHER_CLIENT):
        assert number not in printed
