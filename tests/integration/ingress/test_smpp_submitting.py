"""What programs submit over SMPP: messages become orders, or are refused."""

from datetime import timedelta
from typing import Any

import psycopg
import pytest

from inbound.clock import utc_now
from inbound.keys import OrderHasher, VaultCipher
from inbound.orders.comments import comments_of, words_of
from inbound.smpp.pdu import SubmitMulti, SubmitMultiResp, SubmitSm, SubmitSmResp, Tlvs, encode
from inbound.smpp.status import Status
from inbound.smpp.user_data import (
    TLV_MESSAGE_PAYLOAD,
    TLV_SAR_REFERENCE,
    TLV_SAR_SEQUENCE,
    TLV_SAR_TOTAL,
)
from inbound.store.orders.lookup import OrderQuery, search_orders
from inbound.store.sealing import Sealer
from tests.fix_store import SUBJECT_KEY, VAULT_KEY
from tests.integration.ingress.smpp_world import (
    PHONE,
    bind,
    create_account,
    end_orders,
    id_of,
    rows,
    serving,
)

pytestmark = pytest.mark.usefixtures("settings_of_the_service")


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
        ({"dest_addr_ton": 5}, Status.ESME_RINVDSTADR),
        ({"source_addr": "FOREIGN"}, Status.ESME_RINVSRCADR),
        ({"text": b""}, Status.ESME_RINVMSGLEN),
        ({"text": b"", "sm_default_msg_id": 7}, Status.ESME_RINVDFTMSGID),
        ({"tlvs": ((TLV_MESSAGE_PAYLOAD, b"too"),)}, Status.ESME_ROPTPARNOTALLWD),
        (
            {"text": b"", "tlvs": ((TLV_MESSAGE_PAYLOAD, b"twice"),) * 2},
            Status.ESME_ROPTPARNOTALLWD,
        ),
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


@pytest.mark.parametrize("coding", [0x11, 0xF1])
async def test_a_text_of_the_class_that_phones_keep_is_an_ordinary_one(
    shop: dict[str, Any], conn: psycopg.Connection, coding: int
) -> None:
    async with serving() as (port,):
        program = await bind(port, shop)
        assert (await program.submit("hello", data_coding=coding)).status == 0
    assert rows(conn, "SELECT state FROM orders") == ["queued"]


async def test_submit_multi_is_refused_in_its_own_form(shop: dict[str, Any]) -> None:
    async with serving() as (port,):
        program = await bind(port, shop)
        answer = await program.ask(SubmitMulti(octets=b"\0" * 20), SubmitMultiResp)
        assert answer.status == Status.ESME_RINVCMDID


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
