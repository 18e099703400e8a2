"""Texts of phones reach the program of their account over SMPP: in order, once acknowledged."""

import json
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from click.testing import CliRunner

from inbound.cli import scserv
from inbound.clock import utc_now
from inbound.keys import VaultCipher
from inbound.smpp.pdu import BindReceiver, BindTransmitter, DeliverSm
from inbound.smpp.segmentation import text_of
from inbound.smpp.status import Status
from inbound.smpp.user_data import user_data_of
from inbound.store.mo.account_texts import NewAccountText, TextContent
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.postgres import PostgresStore
from tests.fix_store import VAULT_KEY
from tests.integration.ingress.smpp_world import bind, create_account, eventually, rows, serving

pytestmark = pytest.mark.usefixtures("settings_of_the_service")

PHONE = "+79161234567"


def texts(*arguments: str, status: int = 0) -> str:
    """Run `scserv accounts texts`."""
    result = CliRunner().invoke(scserv, ["accounts", "texts", *arguments])
    assert result.exit_code == status, result.output + str(result.exception)
    return result.output


async def receive(
    database_url: str, *bodies: str, account: str = "shop", sender: bytes = b"hash"
) -> None:
    """Store texts of one phone, as the worker does."""
    store = PostgresStore(database_url, VaultCipher(VAULT_KEY))
    async with store.transaction() as transaction:
        changes = Changes()
        for body in bodies:
            content = TextContent(PHONE, "79086228779", body)
            changes.account_texts.append(
                NewAccountText(account, uuid4(), sender, content, utc_now())
            )
        await transaction.write(changes)
    await store.close()


def is_empty(conn: psycopg.Connection) -> bool:
    return not rows(conn, "SELECT id FROM account_texts UNION SELECT id FROM smpp_deliveries")


@pytest.fixture
def shop() -> dict[str, Any]:
    return create_account("shop")


async def test_texts_wait_for_the_program_and_keep_their_order(
    shop: dict[str, Any], conn: psycopg.Connection, database_url: str
) -> None:
    bodies = [f"shop {number}" for number in range(30)]
    await receive(database_url, *bodies)
    async with serving() as (port,):
        await bind(port, shop, BindTransmitter)
        program = await bind(port, shop, BindReceiver)
        found = [await program.receive() for _ in bodies]
        await eventually(lambda: is_empty(conn))
    assert [one.short_message.decode() for one in found] == bodies
    assert {(one.source_addr, one.esm_class) for one in found} == {(PHONE[1:], 0)}


async def test_a_text_that_was_not_acknowledged_comes_again(
    shop: dict[str, Any], conn: psycopg.Connection, database_url: str
) -> None:
    async with serving() as (port,):
        program = await bind(port, shop)
        await receive(database_url, "shop 1")
        first = await program.peer.read(DeliverSm)
        program.peer.send(first.answer(Status.ESME_RX_T_APPN))
        again = await program.peer.read(DeliverSm)
        assert again.short_message == first.short_message == b"shop 1"
        program.peer.close()
        program = await bind(port, shop)
        assert (await program.receive()).short_message == b"shop 1"
        await eventually(lambda: is_empty(conn))


async def test_with_single_a_text_of_more_parts_than_the_window_is_whole(
    shop: dict[str, Any], conn: psycopg.Connection, database_url: str
) -> None:
    text = "я" * 67 * 25
    async with serving() as (port,):
        program = await bind(port, shop, system_type="SINGLE")
        await receive(database_url, text, "next")
        found = [await program.receive() for _ in range(26)]
        await eventually(lambda: is_empty(conn))
    assert text_of(part for one in found if (part := user_data_of(one).part)) == text


async def test_an_account_gets_only_its_own(
    shop: dict[str, Any], conn: psycopg.Connection, database_url: str
) -> None:
    other = create_account("other")
    await receive(database_url, "shop 1")
    await receive(database_url, "other 1", account="other")
    async with serving() as (port,):
        program = await bind(port, other)
        assert (await program.receive()).short_message == b"other 1"
        await eventually(lambda: len(rows(conn, "SELECT id FROM account_texts")) == 1)
        assert (await (await bind(port, shop)).receive()).short_message == b"shop 1"


async def test_texts_go_one_way_and_those_that_wait_follow(
    shop: dict[str, Any], conn: psycopg.Connection, database_url: str
) -> None:
    del shop
    ways = "SELECT 'smpp' FROM smpp_deliveries UNION ALL SELECT 'http' FROM callbacks"
    await receive(database_url, "1", "2")
    assert rows(conn, ways) == ["smpp", "smpp"]
    texts("over", "shop", "http")
    assert rows(conn, ways) == ["http", "http"]
    await receive(database_url, "3")
    assert rows(conn, ways) == ["http", "http", "http"]
    texts("over", "shop", "smpp")
    assert rows(conn, ways) == ["smpp", "smpp", "smpp"]
    assert texts("over", "shop", "smpp") == "shop gets its texts over SMPP\n"


def test_an_operator_assigns_texts_and_the_audit_says_so(
    shop: dict[str, Any], conn: psycopg.Connection
) -> None:
    del shop
    create_account("other")
    assert "to …9086228779 that begin with shop" in texts(
        *("assign", "shop", "--number", "+7 908 622-87-79", "--word", "SHOP")
    )
    texts("assign", "shop", "--all")
    assert "already" in texts("assign", "shop", "--all")
    texts("assign", "other", "--all")
    texts("withdraw", "shop", "--all", status=1)
    found = [json.loads(line) for line in texts("list", "--json").splitlines()]
    assert [(one["account"], one["number"], one["word"], one["over"]) for one in found] == [
        ("other", None, None, "smpp"),
        ("shop", "9086228779", "shop", "smpp"),
    ]
    texts("withdraw", "shop", "--number", "89086228779", "--word", "shop")
    for wrong in (
        (),
        ("--all", "--word", "a"),
        ("--word", "two words"),
        ("--number", "shop"),
        ("--word", " "),
    ):
        texts("assign", "shop", *wrong, status=1)
    texts("assign", "nobody", "--all", status=1)
    actions = "SELECT action FROM audit WHERE action LIKE 'accounts.texts.%%' ORDER BY id"
    assert rows(conn, actions) == ["accounts.texts.assign"] * 3 + ["accounts.texts.withdraw"]
