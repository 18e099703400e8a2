"""Long messages over SMPP: parts, payloads, and parts that stay incomplete."""

import json
from typing import Any

import psycopg
import pytest

from inbound.clock import utc_now
from inbound.handlers.order_progress import OrderChange
from inbound.ingress.smpp.long_messages import WAIT
from inbound.ingress.smpp.placing import Placing
from inbound.keys import VaultCipher
from inbound.smpp.pdu import DataSm, DataSmResp, QuerySm, QuerySmResp, SubmitSm
from inbound.smpp.segmentation import split
from inbound.smpp.status import Status
from inbound.smpp.user_data import TLV_MESSAGE_PAYLOAD
from inbound.store.callbacks.callbacks import CallbackUrl, set_url
from inbound.store.errors import StoreUnavailable
from inbound.store.orders.rows import OrderWrites
from inbound.store.smpp.parts import expire_parts
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.postgres import PostgresStore
from schemas.orders import OrderState
from tests.fix_store import VAULT_KEY
from tests.integration.ingress.smpp_world import (
    LONG,
    PHONE,
    bind,
    create_account,
    end_orders,
    eventually,
    id_of,
    rows,
    serving,
)

pytestmark = pytest.mark.usefixtures("settings_of_the_service")


@pytest.fixture
def shop() -> dict[str, Any]:
    return create_account("shop")


async def test_without_a_receipt_the_url_is_told_of_the_ids_that_the_program_has(
    shop: dict[str, Any], conn: psycopg.Connection, database_url: str
) -> None:
    set_url(conn, CallbackUrl("shop", "https://example.org/sms", b"sealed", False, False))
    async with serving() as (port,):
        program = await bind(port, shop, system_type="SINGLE")
        answers = [
            await program.submit(
                part.short_message, esm_class=part.esm_class, registered_delivery=0
            )
            for part in split(LONG, reference=7)
        ]
        ids = [one.message_id for one in answers]
        (order_id,) = rows(conn, "SELECT order_id FROM orders")
        store = PostgresStore(database_url, VaultCipher(VAULT_KEY))
        change = OrderChange(order_id, OrderState.DELIVERED, utc_now())
        async with store.transaction() as transaction:
            await transaction.write(Changes(orders=OrderWrites(changes={order_id: change})))
        await store.close()
    (body,) = rows(conn, "SELECT body FROM callbacks")
    data = json.loads(body)["data"]
    assert (data["id"], data["message_ids"]) == (str(order_id), ids)
    assert len(ids) == len(set(ids)) > 1
    assert not rows(conn, "SELECT id FROM smpp_deliveries")


async def test_parts_are_one_order_with_one_id_and_one_receipt(
    shop: dict[str, Any], conn: psycopg.Connection
) -> None:
    async with serving() as (port,):
        program = await bind(port, shop)
        parts = split(LONG, reference=7)
        answers = [
            await program.submit(part.short_message, esm_class=part.esm_class) for part in parts
        ]
        assert [one.status for one in answers] == [0] * len(parts)
        assert len({one.message_id for one in answers}) == 1
        assert rows(conn, "SELECT parts FROM orders") == [len(parts)]
        # What is left of the parts recognises them, and holds no text.
        assert rows(conn, "SELECT pdu FROM smpp_parts") == [None] * len(parts)
        end_orders(conn)
        receipt = await program.receive()
    assert f"sub:{len(parts):03d} dlvrd:{len(parts):03d}".encode() in receipt.short_message


async def test_with_single_each_part_has_an_id_and_a_receipt(
    shop: dict[str, Any], conn: psycopg.Connection
) -> None:
    async with serving() as (port,):
        program = await bind(port, shop, system_type="SINGLE")
        parts = split(LONG, reference=7)
        ids = [
            (await program.submit(part.short_message, esm_class=part.esm_class)).message_id
            for part in reversed(parts)
        ]
        assert len(set(ids)) == len(parts)
        assert len(rows(conn, "SELECT order_id FROM orders")) == 1
        end_orders(conn)
        receipts = [await program.receive() for _ in ids]
    assert {one.short_message.split()[0].decode() for one in receipts} == {
        f"id:{id_}" for id_ in ids
    }


async def test_parts_by_sar_parameters_and_a_payload(
    shop: dict[str, Any], conn: psycopg.Connection
) -> None:
    async with serving() as (port,):
        program = await bind(port, shop)
        for sequence, text in enumerate((b"first, ", b"second"), 1):
            tlvs = ((0x20C, b"\0\7"), (0x20E, b"\2"), (0x20F, bytes((sequence,))))
            assert (await program.submit(text, tlvs=tlvs)).status == 0
        payload = ((TLV_MESSAGE_PAYLOAD, LONG.encode()),)
        assert (await program.submit(b"", tlvs=payload)).status == 0
        data = DataSm(
            source_addr="SCSERV", destination_addr=PHONE, dest_addr_ton=1,
            tlvs=((TLV_MESSAGE_PAYLOAD, b"as data"),),
        )  # fmt: skip
        answer = await program.ask(data, DataSmResp)
        assert (answer.status, answer.message_id.isdigit()) == (0, True)
    assert sorted(rows(conn, "SELECT parts FROM orders")) == [1, 1, 2]


async def test_a_payload_of_many_parts_is_one_submitted_message_in_its_receipt(
    shop: dict[str, Any], conn: psycopg.Connection
) -> None:
    """Appendix B of SMPP 3.4: `sub` counts what was submitted."""
    async with serving() as (port,):
        program = await bind(port, shop)
        await program.submit(b"", tlvs=((TLV_MESSAGE_PAYLOAD, LONG.encode()),))
        assert rows(conn, "SELECT parts > 1 FROM orders") == [True]
        end_orders(conn)
        receipt = await program.receive()
    assert b"sub:001 dlvrd:001" in receipt.short_message


async def test_a_character_that_is_cut_in_two_by_parts_is_whole_in_the_message(
    shop: dict[str, Any], conn: psycopg.Connection
) -> None:
    octets = "текст".encode("utf-16-be")
    async with serving() as (port,):
        program = await bind(port, shop)
        for missing, status in ((0, 0), (1, Status.ESME_RINVDCS)):
            halves = (octets[:5], octets[5 : len(octets) - missing])
            header = b"\x05\0\x03%c\x02" % missing
            first, second = [
                await program.submit(
                    header + bytes((number,)) + half, esm_class=0x40, data_coding=8
                )
                for number, half in enumerate(halves, 1)
            ]
            assert (first.status, second.status) == (0, status)
    assert rows(conn, "SELECT count(*) FROM orders") == [1]


async def test_a_message_that_stays_incomplete_expires_and_its_program_is_told(
    shop: dict[str, Any], conn: psycopg.Connection
) -> None:
    async with serving() as (port,):
        program = await bind(port, shop)
        part = split(LONG, reference=7)[0]
        answer = await program.submit(part.short_message, esm_class=part.esm_class)
        query = QuerySm(message_id=answer.message_id, source_addr="SCSERV")
        assert (await program.ask(query, QuerySmResp)).message_state == 1
        later = utc_now() + WAIT
        assert expire_parts(conn, later - WAIT, later) == 1
        receipt = await program.receive()
        assert id_of(receipt) == answer.message_id
        assert b"stat:EXPIRED err:246" in receipt.short_message
        assert (await program.ask(query, QuerySmResp)).message_state == 3
    assert rows(conn, "SELECT order_id FROM orders") == []


async def test_whole_messages_that_a_killed_process_left_become_orders(
    shop: dict[str, Any], conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = split(LONG, reference=7)
    with monkeypatch.context() as killed:
        # The process ends after the last part was stored, before its order is.
        killed.setattr(Placing, "place", _never)
        async with serving() as (port,):
            program = await bind(port, shop)
            for part in parts[:-1]:
                await program.submit(part.short_message, esm_class=part.esm_class)
            program.peer.send(
                SubmitSm(
                    source_addr_ton=5,
                    source_addr="SCSERV",
                    dest_addr_ton=1,
                    dest_addr_npi=1,
                    destination_addr=PHONE,
                    registered_delivery=1,
                    esm_class=parts[-1].esm_class,
                    short_message=parts[-1].short_message,
                    sequence=99,
                )
            )
            total = "SELECT count(*) FROM smpp_parts"
            await eventually(lambda: rows(conn, total) == [len(parts)])
    assert rows(conn, "SELECT order_id FROM orders") == []
    conn.execute("UPDATE smpp_parts SET arrived_at = arrived_at - interval '1 minute'")
    async with serving():
        await eventually(lambda: rows(conn, "SELECT parts FROM orders") == [len(parts)])


async def _never(*_: object) -> list[Status]:
    raise StoreUnavailable("the process is killed")
