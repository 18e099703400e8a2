"""Programs bind to the SMPP server and submit: real connections, a real database."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner
from psycopg import sql

from inbound.cli import scserv
from inbound.clock import utc_now
from inbound.handlers.order_progress import OrderChange, change_of
from inbound.ingress.smpp.links import LOOKUPS_PER_S
from inbound.ingress.smpp.long_messages import WAIT
from inbound.ingress.smpp.placing import Placing
from inbound.keys import OrderHasher, VaultCipher
from inbound.orders.comments import comments_of, words_of
from inbound.settings.channels import MailSettings
from inbound.smpp.pdu import (
    BindReceiver,
    BindTransmitter,
    CancelSm,
    CancelSmResp,
    DataSm,
    DataSmResp,
    DeliverSm,
    EnquireLink,
    EnquireLinkResp,
    QuerySm,
    QuerySmResp,
    SubmitMulti,
    SubmitMultiResp,
    SubmitSm,
    SubmitSmResp,
    Tlvs,
    encode,
)
from inbound.smpp.segmentation import split
from inbound.smpp.status import Status
from inbound.smpp.user_data import (
    TLV_MESSAGE_PAYLOAD,
    TLV_SAR_REFERENCE,
    TLV_SAR_SEQUENCE,
    TLV_SAR_TOTAL,
)
from inbound.store.callbacks.callbacks import CallbackUrl, set_url
from inbound.store.errors import StoreUnavailable
from inbound.store.orders.lookup import OrderQuery, search_orders
from inbound.store.orders.rows import OrderWrites
from inbound.store.sealing import Sealer
from inbound.store.smpp.parts import expire_parts
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.postgres import PostgresStore
from schemas.contracts.examples import example_of
from schemas.message_events import MessageUndeliverable
from schemas.messages import ReceiptState
from schemas.orders import OrderState
from tests.fix_store import SUBJECT_KEY, VAULT_KEY
from tests.integration.ingress.smpp_world import (
    PHONE,
    bind,
    create_account,
    end_orders,
    eventually,
    rows,
    serving,
)

pytestmark = pytest.mark.usefixtures("settings_of_the_service")

LONG = "A text that needs more than one part, because it is longer than 160. " * 3


def id_of(receipt: DeliverSm) -> str:
    """Return the id in the text of a receipt."""
    return receipt.short_message.decode().split()[0].removeprefix("id:")


def sar(total: int, sequence: int) -> Tlvs:
    """Return the SAR parameters of a part."""
    return (
        (TLV_SAR_REFERENCE, b"\0\x07"),
        (TLV_SAR_TOTAL, bytes((total,))),
        (TLV_SAR_SEQUENCE, bytes((sequence,))),
    )


def found_by(conn: psycopg.Connection, account: str, words: str) -> list[str]:
    """Return the comments of an account's messages that are found by these words."""
    hashes = words_of(OrderHasher(SUBJECT_KEY), account, words)
    query = OrderQuery(account, since=utc_now() - timedelta(days=1), words=hashes)
    found = [one.order_id for one in search_orders(conn, query, None, 10)]
    return list(comments_of(conn, Sealer(VaultCipher(VAULT_KEY)), found).values())


@pytest.fixture
def shop() -> dict[str, Any]:
    return create_account("shop")


async def test_a_message_is_an_order_when_it_is_answered(
    shop: dict[str, Any], conn: psycopg.Connection
) -> None:
    async with serving() as (port,):
        program = await bind(port, shop)
        answer = await program.submit("hello")
        assert (answer.status, answer.message_id.isdigit()) == (0, True)
        assert rows(conn, "SELECT account, state, parts FROM orders") == [("shop", "queued", 1)]
        assert rows(conn, "SELECT message_id FROM smpp_messages") == [int(answer.message_id)]


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


async def test_the_same_message_over_the_same_link_is_refused_and_over_a_new_one_is_the_same(
    shop: dict[str, Any], conn: psycopg.Connection
) -> None:
    async with serving() as (port,):
        program = await bind(port, shop)
        first = await program.submit()
        assert (await program.submit()).status == Status.ESME_RSUBMITFAIL
        assert (await program.submit(destination_addr="79161234568")).status == 0
        program.peer.close()
        again = await bind(port, shop)
        second = await again.submit()
        assert (second.status, second.message_id != first.message_id) == (0, True)
        assert len(rows(conn, "SELECT order_id FROM orders")) == 2
        end_orders(conn)
        told = {id_of(await again.receive()) for _ in range(3)}
        assert {first.message_id, second.message_id} < told


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


async def test_a_message_with_a_relative_schedule_is_the_same_when_it_comes_again(
    shop: dict[str, Any], conn: psycopg.Connection
) -> None:
    schedule = {"schedule_delivery_time": "000000000006000R"}
    async with serving() as (port,):
        program = await bind(port, shop)
        first = await program.submit(**schedule)
        assert (await program.submit(**schedule)).status == Status.ESME_RSUBMITFAIL
        later = await program.submit(schedule_delivery_time="000000000007000R")
        assert later.status == 0, "another schedule is another message"
        program.peer.close()
        again = await bind(port, shop)
        second = await again.submit(**schedule)
        assert (second.status, second.message_id != first.message_id) == (0, True)
    assert len(rows(conn, "SELECT order_id FROM orders")) == 2


async def test_a_comment_is_neither_sent_nor_counted(
    shop: dict[str, Any], conn: psycopg.Connection
) -> None:
    async with serving() as (port,):
        program = await bind(port, shop)
        octets = "hello\n~~~\nOrder 4711".encode("gsm23.038")
        assert (await program.submit(octets)).status == 0
        assert found_by(conn, "shop", "4711 order") == ["Order 4711"]
        assert found_by(conn, "shop", "4712") == []
        assert found_by(conn, "other", "4711") == []
        # Without the comment it is the same text.
        assert (await program.submit()).status == Status.ESME_RSUBMITFAIL
    assert rows(conn, "SELECT comment IS NOT NULL, cardinality(words) FROM smpp_messages") == [
        (True, 2)
    ]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"destination_addr": "112"}, Status.ESME_RINVDSTADR),
        ({"source_addr": "FOREIGN"}, Status.ESME_RINVSRCADR),
        ({"text": b""}, Status.ESME_RINVMSGLEN),
        ({"text": "__MAIL__: hello".encode("gsm23.038")}, Status.ESME_RINVSERTYP),
        ({"data_coding": 0x02}, Status.ESME_RINVDCS),
        ({"data_coding": 0x08, "text": b"\xd8\x00"}, Status.ESME_RINVDCS),
        ({"data_coding": 0x08, "text": "текст".encode("utf-16-be")[:-1]}, Status.ESME_RINVDCS),
        ({"data_coding": 0x19, "text": b"\x04"}, Status.ESME_RINVDCS),
        *(
            ({"data_coding": coding, "text": b"\0a\0b"}, Status.ESME_RINVDCS)
            for coding in (0x10, 0x12, 0x13, 0x18, 0xC8, 0xD8, 0xE8, 0xF0, 0xF2, 0xF3, 0xF8)
        ),
        ({"esm_class": 0x40, "text": b"\x06\x05\x04\x0b\x84\x23\xf0x"}, Status.ESME_RINVESMCLASS),
        ({"esm_class": 0x40, "text": b"\x05\0\x03\x07\x02\x03x"}, Status.ESME_RINVESMCLASS),
        ({"esm_class": 0x40, "text": b"\x05\0\x03\x07\0\0x"}, Status.ESME_RINVESMCLASS),
        ({"esm_class": 0x40, "text": b"\x05\0\x03\x07\x02\0x"}, Status.ESME_RINVESMCLASS),
        ({"esm_class": 0x40, "text": b"\x04\0\x02\x02\x01x"}, Status.ESME_RINVESMCLASS),
        ({"esm_class": 0x40, "text": b"\x09\0\x03\x07\x02\x01x"}, Status.ESME_RINVESMCLASS),
        (
            {"esm_class": 0x40, "text": b"\x0a" + b"\0\x03\x07\x02\x01" * 2},
            Status.ESME_RINVESMCLASS,
        ),
        ({"tlvs": sar(2, 3)}, Status.ESME_RINVOPTPARAMVAL),
        ({"tlvs": sar(0, 0)}, Status.ESME_RINVOPTPARAMVAL),
        ({"tlvs": sar(2, 1)[1:]}, Status.ESME_RINVOPTPARAMVAL),
        ({"tlvs": sar(2, 1) * 2}, Status.ESME_ROPTPARNOTALLWD),
        ({"validity_period": "yesterday"}, Status.ESME_RINVEXPIRY),
        ({"validity_period": "200101000000000+"}, Status.ESME_RINVEXPIRY),
        ({"schedule_delivery_time": "991231235959000+"}, Status.ESME_RINVSCHED),
        ({"replace_if_present_flag": 1}, Status.ESME_RINVSUBREP),
    ],
)
async def test_what_can_not_be_done_is_refused_and_not_stored(
    shop: dict[str, Any], conn: psycopg.Connection, fields: dict[str, Any], status: Status
) -> None:
    async with serving() as (port,):
        program = await bind(port, shop)
        answer = await program.submit(**fields)
        assert (answer.status, answer.message_id) == (status, "")
        assert rows(conn, "SELECT message_id FROM smpp_messages") == []
        assert (await program.submit("the link goes on")).status == 0


async def test_optional_parameters_that_are_cut_off_are_refused(
    shop: dict[str, Any], conn: psycopg.Connection
) -> None:
    async with serving() as (port,):
        program = await bind(port, shop)
        whole = encode(
            SubmitSm(
                source_addr="SCSERV",
                dest_addr_ton=1,
                destination_addr=PHONE,
                tlvs=((TLV_MESSAGE_PAYLOAD, b"hello"),),
                sequence=2,
            )
        )[:-1]
        program.peer.writer.write(len(whole).to_bytes(4, "big") + whole[4:])
        answer = await program.peer.read(SubmitSmResp)
        assert (answer.sequence, answer.status) == (2, Status.ESME_RINVOPTPARSTREAM)
        program.sequence = 2
        assert (await program.submit("the link goes on")).status == 0
    assert rows(conn, "SELECT count(*) FROM orders") == [1]


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


@pytest.mark.parametrize("coding", [0x11, 0xF1])
async def test_a_text_of_the_class_that_phones_keep_is_an_ordinary_one(
    shop: dict[str, Any], conn: psycopg.Connection, coding: int
) -> None:
    async with serving() as (port,):
        program = await bind(port, shop)
        assert (await program.submit("hello", data_coding=coding)).status == 0
    assert rows(conn, "SELECT state FROM orders") == ["queued"]


async def test_messages_of_other_accounts_are_not_found(shop: dict[str, Any]) -> None:
    other = create_account("other")
    async with serving() as (port,):
        message_id = (await (await bind(port, shop)).submit()).message_id
        query = QuerySm(message_id=message_id, source_addr="SCSERV")
        stranger = await bind(port, other)
        for asked in (query, QuerySm(message_id=message_id)):
            answer = await stranger.ask(asked, QuerySmResp)
            assert answer.status == Status.ESME_RQUERYFAIL


async def test_submit_multi_is_refused_in_its_own_form(shop: dict[str, Any]) -> None:
    async with serving() as (port,):
        program = await bind(port, shop)
        answer = await program.ask(SubmitMulti(octets=b"\0" * 20), SubmitMultiResp)
        assert answer.status == Status.ESME_RINVCMDID


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


async def test_many_messages_share_transactions_and_are_answered_in_order(
    shop: dict[str, Any], conn: psycopg.Connection
) -> None:
    async with serving() as (port,):
        program = await bind(port, shop)
        many = range(2, 202)
        program.peer.send(
            *(
                SubmitSm(
                    source_addr="SCSERV",
                    dest_addr_ton=1,
                    destination_addr=PHONE[:-3] + f"{number:03d}",
                    short_message=b"hello",
                    sequence=number,
                )
                for number in many
            )
        )
        answers = [await program.peer.read(SubmitSmResp) for _ in many]
        assert [one.sequence for one in answers] == list(many)
        assert [one.status for one in answers] == [0] * len(many)
    (transactions,) = rows(conn, "SELECT count(DISTINCT created_at) FROM orders")
    assert transactions < len(many) / 4


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


async def test_many_messages_of_an_account_are_bulk_and_its_urgent_ones_are_not(
    shop: dict[str, Any], conn: psycopg.Connection
) -> None:
    async with serving() as (port,):
        program = await bind(port, shop)
        program.peer.send(
            *(
                SubmitSm(
                    source_addr="SCSERV",
                    dest_addr_ton=1,
                    destination_addr=PHONE,
                    short_message=b"text %d" % number,
                    sequence=number,
                )
                for number in range(2, 42)
            )
        )
        for _ in range(2, 42):
            assert (await program.peer.read(SubmitSmResp)).status == 0
        program.sequence = 41
        assert (await program.submit("now", priority_flag=1)).status == 0
        query = "SELECT count(*) FROM orders WHERE is_bulk AND state = %(state)s"
        assert 0 < rows(conn, query, state="scheduled")[0] <= 30, "the pump queues them in turns"
        assert rows(conn, query, state="queued") == [0]
        assert rows(conn, "SELECT count(*) FROM outbox WHERE topic = 'sms.mt.normal.v1'")[0] >= 11
        (is_bulk,) = rows(conn, "SELECT is_bulk FROM orders ORDER BY created_at DESC LIMIT 1")
        assert not is_bulk


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
