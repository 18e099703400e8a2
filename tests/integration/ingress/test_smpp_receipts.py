"""Receipts over SMPP: their text, order and repetition, and what the end of a message tells."""

from typing import Any

import psycopg
import pytest

from inbound.handlers.order_progress import change_of
from inbound.keys import VaultCipher
from inbound.settings.channels import MailSettings
from inbound.smpp.pdu import BindReceiver, BindTransmitter, DeliverSm, QuerySm, QuerySmResp
from inbound.smpp.status import Status
from inbound.smpp.user_data import TLV_MESSAGE_PAYLOAD
from inbound.store.orders.rows import OrderWrites
from inbound.store.sealing import Sealer
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.postgres import PostgresStore
from schemas.contracts.examples import example_of
from schemas.message_events import MessageUndeliverable
from schemas.messages import ReceiptState
from tests.fix_store import VAULT_KEY
from tests.integration.ingress.smpp_world import (
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


async def test_the_receipt_has_the_id_of_the_answer_and_the_addresses_as_written(
    shop: dict[str, Any], conn: psycopg.Connection
) -> None:
    async with serving() as (port,):
        program = await bind(port, shop)
        answer = await program.submit()
        end_orders(conn)
        receipt = await program.receive()
        await eventually(lambda: not rows(conn, "SELECT id FROM smpp_deliveries"))
    assert (receipt.source_addr, receipt.destination_addr) == (PHONE, "SCSERV")
    assert receipt.esm_class == 0x04
    text = receipt.short_message.decode()
    assert text.startswith(f"id:{answer.message_id} sub:001 dlvrd:001 submit date:")
    assert text.endswith("stat:DELIVRD err:000")
    assert dict(receipt.tlvs)[0x1E] == answer.message_id.encode() + b"\0"
    assert dict(receipt.tlvs)[0x427] == b"\2"


async def test_receipts_wait_for_a_program_that_is_away_and_keep_their_order(
    shop: dict[str, Any], conn: psycopg.Connection
) -> None:
    async with serving() as (port,):
        program = await bind(port, shop, BindTransmitter)
        ids = [(await program.submit(f"text {number}")).message_id for number in range(30)]
        program.peer.close()
        end_orders(conn)
        program = await bind(port, shop, BindReceiver)
        receipts = [await program.receive() for _ in ids]
        await eventually(lambda: not rows(conn, "SELECT id FROM smpp_deliveries"))
    assert [one.short_message.split()[0] for one in receipts] == [
        f"id:{id_}".encode() for id_ in ids
    ]


@pytest.mark.parametrize(
    ("state", "word", "number"),
    [
        (ReceiptState.UNDELIVERABLE, "UNDELIV", 5),
        (ReceiptState.EXPIRED, "EXPIRED", 3),
        (ReceiptState.REJECTED, "REJECTD", 8),
        (ReceiptState.DELETED, "DELETED", 4),
        (ReceiptState.SKIPPED, "UNDELIV", 5),
    ],
)
async def test_a_receipt_has_the_state_and_the_error_code_of_the_sms_centre(
    shop: dict[str, Any],
    conn: psycopg.Connection,
    database_url: str,
    state: ReceiptState,
    word: str,
    number: int,
) -> None:
    async with serving() as (port,):
        program = await bind(port, shop)
        answer = await program.submit()
        store = PostgresStore(database_url, VaultCipher(VAULT_KEY))
        (order_id,) = rows(conn, "SELECT order_id FROM orders")
        example = example_of(MessageUndeliverable)
        assert isinstance(example, MessageUndeliverable)
        of_order = {"order_id": order_id, "request_id": None, "error": "00B", "state": state}
        change = change_of(example.model_copy(update=of_order))
        assert change is not None
        async with store.transaction() as transaction:
            await transaction.write(Changes(orders=OrderWrites(changes={order_id: change})))
        await store.close()
        receipt = await program.receive()
        assert receipt.short_message.endswith(f"stat:{word} err:00B".encode())
        assert dict(receipt.tlvs)[0x427] == bytes((number,))
        assert dict(receipt.tlvs)[0x423] == b"\3\0\x0b"
        found = await program.ask(
            QuerySm(message_id=answer.message_id, source_addr="SCSERV"), QuerySmResp
        )
        assert (found.message_state, found.error_code) == (number, 11)


async def test_a_receipt_that_was_not_acknowledged_comes_again(
    shop: dict[str, Any], conn: psycopg.Connection
) -> None:
    async with serving() as (port,):
        program = await bind(port, shop)
        answer = await program.submit()
        end_orders(conn, "expired")
        await program.peer.read(DeliverSm)
        program.peer.close()
        program = await bind(port, shop)
        receipt = await program.receive()
    assert f"id:{answer.message_id} ".encode() in receipt.short_message
    assert b"stat:EXPIRED" in receipt.short_message


@pytest.mark.parametrize("wanted", [0, 2])
async def test_no_receipt_that_was_not_asked_for(
    shop: dict[str, Any], conn: psycopg.Connection, wanted: int
) -> None:
    async with serving() as (port,):
        program = await bind(port, shop)
        await program.submit(registered_delivery=wanted)
        end_orders(conn)
        assert rows(conn, "SELECT state FROM smpp_deliveries") == []


async def test_a_message_that_has_ended_when_it_is_sent_again_has_its_receipt_at_once(
    shop: dict[str, Any], conn: psycopg.Connection
) -> None:
    async with serving() as (port,):
        program = await bind(port, shop)
        first = await program.submit()
        conn.execute(
            "UPDATE orders SET state = 'undelivered', error = '00B', receipt = 'expired'"
            " WHERE state = 'queued'"
        )
        told = [await program.receive()]
        program.peer.close()
        again = await bind(port, shop)
        second = await again.submit()
        told.append(await again.receive())
    assert [id_of(one) for one in told] == [first.message_id, second.message_id]
    for one in told:
        assert one.short_message.endswith(b"stat:EXPIRED err:00B")


async def test_a_restarted_server_delivers_what_waits(
    shop: dict[str, Any], conn: psycopg.Connection
) -> None:
    async with serving() as (port,):
        program = await bind(port, shop)
        message_id = (await program.submit()).message_id
    end_orders(conn)
    async with serving() as (port,):
        receipt = await (await bind(port, shop)).receive()
    assert f"id:{message_id} ".encode() in receipt.short_message


async def test_a_mail_has_its_last_receipt_when_it_is_sent(conn: psycopg.Connection) -> None:
    mailer = create_account("mailer", "--grant", "channels")
    mail = MailSettings(host="mail.test", sender="scserv@example.org")
    async with serving({"mail": mail}) as (port,):
        program = await bind(port, mailer)
        # Nobody has an address here, so the order is made of a text.
        text = await program.submit()
        for channel, status in (
            ("__MAIL__: hello", Status.ESME_RINVDSTADR),
            ("__HLR__", Status.ESME_RINVSERTYP),
        ):
            # Programs write the _ as in ASCII, too.
            for coding in ("gsm23.038", "ascii"):
                assert (await program.submit(channel.encode(coding))).status == status
        conn.execute("UPDATE orders SET channel = 'mail' WHERE state = 'queued'")
        end_orders(conn, "sent")
        receipt = await program.receive()
        assert id_of(receipt) == text.message_id
        assert b"stat:ACCEPTD err:000" in receipt.short_message


async def test_what_the_network_told_is_in_the_receipt(
    shop: dict[str, Any], conn: psycopg.Connection
) -> None:
    sealer = Sealer(VaultCipher(VAULT_KEY))
    answer = "imsi:250023012345678 msc:79160000000 mcc:250 mnc:02 cn:Russia net: rcn: rnet:"
    async with serving() as (port,):
        program = await bind(port, shop)
        for told in (answer, answer + "x" * 200):
            asked = await program.submit(told[-20:])
            [number_hash] = rows(
                conn,
                "SELECT number_hash FROM smpp_messages WHERE message_id = %(id)s",
                id=int(asked.message_id),
            )
            conn.execute(
                "UPDATE smpp_messages SET answer = %s WHERE message_id = %s",
                (sealer.network_answer(told.encode(), number_hash), int(asked.message_id)),
            )
            end_orders(conn)
            receipt = await program.receive()
            payload = dict(receipt.tlvs).get(TLV_MESSAGE_PAYLOAD, receipt.short_message)
            assert payload.decode() == f"id:{asked.message_id} stat:DELIVRD err:000 {told}"
