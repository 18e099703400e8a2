"""Programs bind to the SMPP server: credentials, links, limits, and what leaves no trace."""

import asyncio
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner
from psycopg import sql

from inbound.cli import scserv
from inbound.ingress.smpp.links import LOOKUPS_PER_S
from inbound.smpp.pdu import (
    BindReceiver,
    BindTransmitter,
    CancelSm,
    CancelSmResp,
    EnquireLink,
    EnquireLinkResp,
    QuerySm,
    QuerySmResp,
)
from inbound.smpp.segmentation import split
from inbound.smpp.status import Status
from tests.integration.ingress.smpp_world import (
    LONG,
    PHONE,
    bind,
    create_account,
    id_of,
    rows,
    serving,
)

pytestmark = pytest.mark.usefixtures("settings_of_the_service")


@pytest.fixture
def shop() -> dict[str, Any]:
    return create_account("shop")


async def test_a_message_can_be_queried_and_while_scheduled_cancelled(
    shop: dict[str, Any], conn: psycopg.Connection
) -> None:
    async with serving() as (port,):
        program = await bind(port, shop)
        answer = await program.submit(schedule_delivery_time="000001000000000R")
        message_id = answer.message_id
        query = QuerySm(message_id=message_id, source_addr="SCSERV")
        assert (await program.ask(query, QuerySmResp)).message_state == 1
        bare = QuerySm(message_id=message_id)
        assert (await program.ask(bare, QuerySmResp)).message_state == 1
        foreign = QuerySm(message_id=message_id, source_addr="OTHER")
        assert (await program.ask(foreign, QuerySmResp)).status == Status.ESME_RQUERYFAIL
        cancel = CancelSm(message_id=message_id, source_addr="SCSERV", destination_addr=PHONE)
        assert (await program.ask(cancel, CancelSmResp)).status == 0
        assert b"stat:DELETED" in (await program.receive()).short_message
        assert (await program.ask(query, QuerySmResp)).message_state == 4
        queued = (await program.submit("at once")).message_id
        cancel = CancelSm(message_id=queued, source_addr="SCSERV")
        assert (await program.ask(cancel, CancelSmResp)).status == Status.ESME_RCANCELFAIL
    assert rows(conn, "SELECT state FROM orders ORDER BY created_at") == ["cancelled", "queued"]


async def test_a_message_of_an_erased_person_can_be_queried_by_its_program(
    shop: dict[str, Any], conn: psycopg.Connection
) -> None:
    async with serving() as (port,):
        program = await bind(port, shop)
        message_id = (await program.submit()).message_id
        conn.execute("UPDATE smpp_messages SET addresses = NULL, number_hash = NULL")
        conn.execute("UPDATE orders SET state = 'erased'")
        query = QuerySm(message_id=message_id, source_addr="SCSERV")
        assert (await program.ask(query, QuerySmResp)).message_state == 4


async def test_messages_of_other_accounts_are_not_found(shop: dict[str, Any]) -> None:
    other = create_account("other")
    async with serving() as (port,):
        message_id = (await (await bind(port, shop)).submit()).message_id
        query = QuerySm(message_id=message_id, source_addr="SCSERV")
        stranger = await bind(port, other)
        for asked in (query, QuerySm(message_id=message_id)):
            answer = await stranger.ask(asked, QuerySmResp)
            assert answer.status == Status.ESME_RQUERYFAIL


async def test_wrong_credentials_are_refused(shop: dict[str, Any]) -> None:
    async with serving() as (port,):
        await bind(port, shop, password="wrong", status=Status.ESME_RINVPASWD)
        await bind(port, shop, system_id="nobody", status=Status.ESME_RINVPASWD)


async def test_a_newer_bind_ends_the_older_unless_more_are_asked_for(shop: dict[str, Any]) -> None:
    async with serving() as (port,):
        first = await bind(port, shop)
        second = await bind(port, shop)
        assert await first.peer.at_end()
        third = await bind(port, shop, system_type="MCON2")
        assert (await second.ask(EnquireLink(), EnquireLinkResp)).status == 0
        assert (await third.submit()).status == 0


async def test_a_transmitter_and_a_receiver_count_as_one_link(shop: dict[str, Any]) -> None:
    async with serving() as (port,):
        sends = await bind(port, shop, BindTransmitter)
        receives = await bind(port, shop, BindReceiver)
        assert (await sends.submit()).status == 0
        assert (await receives.ask(EnquireLink(), EnquireLinkResp)).status == 0


async def test_a_program_that_is_too_fast_is_throttled_and_no_other(shop: dict[str, Any]) -> None:
    other = create_account("other")
    async with serving(rate_per_s=2) as (port,):
        fast, slow = await bind(port, shop), await bind(port, other)
        statuses = [(await fast.submit(f"text {number}")).status for number in range(6)]
        assert statuses[:2] == [0, 0]
        assert Status.ESME_RTHROTTLED in statuses
        assert (await slow.submit()).status == 0


async def test_look_ups_are_throttled_too_and_no_others(shop: dict[str, Any]) -> None:
    other = create_account("other")
    async with serving() as (port,):
        program, calm = await bind(port, shop), await bind(port, other)
        answer = await program.submit()
        many = range(2, 3 + 2 * int(LOOKUPS_PER_S))
        program.peer.send(*(QuerySm(message_id=answer.message_id, sequence=n) for n in many))
        statuses = {(await program.peer.read(QuerySmResp)).status for _ in many}
        assert statuses == {0, Status.ESME_RTHROTTLED}
        message_id = (await calm.submit()).message_id
        assert (await calm.ask(QuerySm(message_id=message_id), QuerySmResp)).message_state == 1


async def test_an_erased_person_leaves_no_address_and_the_receipt_still_comes(
    shop: dict[str, Any], conn: psycopg.Connection
) -> None:
    async with serving() as (port,):
        program = await bind(port, shop, BindTransmitter)
        answer = await program.submit(schedule_delivery_time="000001000000000R")
        part = split(LONG, reference=7)[0]
        await program.submit(part.short_message, esm_class=part.esm_class)
        arguments = ["erase", "--phone", f"+{PHONE}", "--reason", "test", "--yes"]
        result = await asyncio.to_thread(CliRunner().invoke, scserv, arguments)
        assert result.exit_code == 0, result.output
        assert rows(conn, "SELECT addresses FROM smpp_messages") == [None]
        assert rows(conn, "SELECT sequence FROM smpp_parts") == []
        receipt = await (await bind(port, shop, BindReceiver)).receive()
    assert (id_of(receipt), receipt.source_addr) == (answer.message_id, "")
    assert b"stat:DELETED" in receipt.short_message


async def test_texts_comments_and_numbers_are_sealed_and_not_logged(
    shop: dict[str, Any], conn: psycopg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    async with serving() as (port,):
        program = await bind(port, shop)
        octets = "canary-text\n~~~\ncanary-comment".encode("gsm23.038")
        assert (await program.submit(octets)).status == 0
        part = split("canary-part " * 20, reference=7)[0]
        await program.submit(part.short_message, esm_class=part.esm_class)
        await program.submit("canary-refused", destination_addr="112")
    stored = [
        str(row)
        for table in ("smpp_messages", "smpp_parts", "orders", "order_contents", "outbox", "events")
        for row in conn.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table)))
    ]
    for secret in ("canary", PHONE, shop["password"]):
        assert not any(secret in one for one in stored), secret
        assert secret not in caplog.text
