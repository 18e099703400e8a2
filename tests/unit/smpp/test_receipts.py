"""Receipts: those of the specification, those of real centres, and junk."""

from datetime import datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inbound.smpp.message_ids import MAX_ID
from inbound.smpp.pdu import DataSm, DeliverSm, Tlvs
from inbound.smpp.receipts import (
    DeliveryOutcome,
    IdForm,
    MessageState,
    MessageType,
    Receipt,
    candidate_ids,
    message_type_of,
    normalise,
    read,
)

APPENDIX_B = (
    "id:854019 sub:001 dlvrd:001 submit date:1108202241 done date:1108202242 "
    "stat:DELIVRD err:000 text:Your personal code"
)
DONE = datetime(2011, 8, 20, 22, 42)  # noqa: DTZ001 — receipts name no zone
ID, STATE, ERROR = 0x001E, 0x0427, 0x0423


def receipt(text: str | bytes = "", tlvs: Tlvs = (), esm_class: int = 0x04) -> Receipt:
    octets = text.encode("latin-1") if isinstance(text, str) else text
    found = read(DeliverSm(esm_class=esm_class, short_message=octets, tlvs=tlvs))
    assert found is not None
    return found


def test_the_text_of_appendix_b() -> None:
    got = receipt(APPENDIX_B)
    assert got == Receipt(
        message_ids=got.message_ids,
        state=MessageState.DELIVERED,
        final=True,
        error="000",
        done_at=DONE,
    )
    assert got.message_ids[0] == "854019"
    assert got.outcome is DeliveryOutcome.DELIVERED


def test_the_tlvs_alone_are_enough_and_data_sm_has_nothing_else() -> None:
    tlvs = ((ID, b"7f3a\0"), (STATE, b"\x05"), (ERROR, b"\x03\x00\x08"))
    for pdu in (DataSm(esm_class=0x04, tlvs=tlvs), DeliverSm(esm_class=0x04, tlvs=tlvs)):
        got = read(pdu)
        assert got is not None
        assert got.message_ids[0] == "7f3a"
        assert (got.outcome, got.error, got.network) == (DeliveryOutcome.UNDELIVERABLE, "8", 3)


def test_tlvs_take_precedence_over_the_text() -> None:
    got = receipt(APPENDIX_B, ((ID, b"other\0"), (STATE, b"\x03"), (ERROR, b"\x01\x01\x00")))
    assert (got.outcome, got.error, got.network) == (DeliveryOutcome.EXPIRED, "256", 1)
    assert got.message_ids[:2] == ("other", "854019")
    assert got.done_at == DONE


def test_text_fills_fields_missing_in_tlvs() -> None:
    got = receipt(APPENDIX_B, ((ID, b""), (STATE, b""), (ERROR, b"\x03")))
    assert got.message_ids[0] == "854019"
    assert (got.state, got.error, got.network) == (MessageState.DELIVERED, "000", None)
    assert receipt(APPENDIX_B, ((STATE, b"\xee"),)).state is MessageState.DELIVERED


def test_the_answer_to_a_query_about_a_number() -> None:
    """A centre's form for the result of an HLR query: no dates, fields of its own."""
    got = receipt(
        "id:855469 stat:DELIVRD err:000 imsi:250023012345678 msc:79128200003 mcc:250 mnc:02 "
        "cn:Russia net:MegaFon rcn: rnet:"
    )
    assert (got.message_ids[0], got.outcome, got.error) == (
        "855469",
        DeliveryOutcome.DELIVERED,
        "000",
    )
    assert "250023012345678" not in repr(got)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("ID:7 SUB:001 STAT:delivrd ERR:0AF", {"state": MessageState.DELIVERED, "error": "0AF"}),
        ("id:7 stat:UNDELIV err:0x1A TEXT:stat:DELIVRD", {"state": MessageState.UNDELIVERABLE}),
        ("id:7 stat:REJECTED error:spam-1", {"state": MessageState.REJECTED, "error": "spam-1"}),
        ("id:7 stat:DELIVRD err:Secret4zz", {"error": None}),
        ("id:7, status: Expired; err: text:x", {"state": MessageState.EXPIRED, "error": None}),
        ("id:7\nstat:UNKNOWN\nerr:099", {"state": MessageState.UNKNOWN, "final": True}),
        ("id:7 stat:ENROUTE", {"state": MessageState.ENROUTE, "final": False}),
        ("id:7 stat:ACCEPTD", {"state": MessageState.ACCEPTED, "final": False}),
        ("id:7 stat:DELETED", {"state": MessageState.DELETED, "final": True}),
        ("id:7 stat:SOMEHOW err:1", {"state": None, "final": False, "error": "1"}),
        ("id:7 text:code 1a2b stat:DELIVRD err:9", {"state": None, "error": None}),
        ("id:7 stat: err:12", {"state": None, "error": "12"}),
        ("id:7", {"state": None, "final": False, "error": None, "done_at": None}),
        ("id:7 done date:110820224259", {"done_at": DONE.replace(second=59)}),
        ("id:7 done date:202601311530", {"done_at": datetime(2026, 1, 31, 15, 30)}),  # noqa: DTZ001 — receipts name no zone
        ("id:7 done_date:20260131153001", {"done_at": datetime(2026, 1, 31, 15, 30, 1)}),  # noqa: DTZ001 — as above
        ("id:7 donedate:1108202242", {"done_at": DONE}),
        ("id:7 done date:1113202242", {"done_at": None}),
        ("id:7 done date:yesterday", {"done_at": None}),
        ("id:7 stat:DELIVRD err:000 Text:cut o", {"state": MessageState.DELIVERED}),
    ],
)
def test_texts_as_centres_write_them(text: str, wanted: dict[str, Any]) -> None:
    got = receipt(text)
    assert got.message_ids[0] == "7"
    assert {name: getattr(got, name) for name in wanted} == wanted


def test_a_text_in_ucs_2_or_with_a_final_nul_is_read_too() -> None:
    for octets in (
        APPENDIX_B.encode("utf-16-be"),
        APPENDIX_B.encode("utf-16"),
        APPENDIX_B.encode() + b"\0",
        # After a header that tells of nothing but itself.
    ):
        assert receipt(octets).outcome is DeliveryOutcome.DELIVERED
    assert receipt(b"\x02\x70\x00" + APPENDIX_B.encode(), esm_class=0x44).message_ids


@pytest.mark.parametrize(
    ("esm_class", "kind"),
    [
        (0x00, MessageType.TEXT),
        (0x03, MessageType.TEXT),
        (0x40, MessageType.TEXT),
        (0xC3, MessageType.TEXT),
        (0x04, MessageType.RECEIPT),
        (0x07, MessageType.RECEIPT),
        (0x44, MessageType.RECEIPT),
        (0x24, MessageType.RECEIPT),
        (0x08, MessageType.DELIVERY_ACK),
        (0x10, MessageType.USER_ACK),
        (0x18, MessageType.ABORT),
        (0x20, MessageType.INTERMEDIATE),
        (0xE2, MessageType.INTERMEDIATE),
    ],
)
def test_esm_class_gives_the_message_type(esm_class: int, kind: MessageType) -> None:
    pdu = DeliverSm(esm_class=esm_class, short_message=APPENDIX_B.encode())
    assert message_type_of(pdu) is kind
    assert (read(pdu) is not None) == (kind in {MessageType.RECEIPT, MessageType.INTERMEDIATE})


def test_text_from_a_phone_is_never_a_receipt_but_the_tlv_makes_one() -> None:
    assert read(DeliverSm(short_message=APPENDIX_B.encode())) is None
    assert (
        receipt(tlvs=((ID, b"7"), (STATE, b"\x02")), esm_class=0).outcome
        is DeliveryOutcome.DELIVERED
    )


@pytest.mark.parametrize("message_id", [b"", b"\0", b"\x01", b"7\0", b"seven of nine"])
def test_an_id_without_a_state_makes_no_receipt_of_a_text(message_id: bytes) -> None:
    pdu = DeliverSm(short_message=b"CLIENT info", tlvs=((ID, message_id),))
    assert message_type_of(pdu) is MessageType.TEXT
    assert read(pdu) is None


def test_an_id_makes_a_receipt_of_a_text_with_a_state() -> None:
    assert receipt(APPENDIX_B, ((ID, b"\0 7\0"),), esm_class=0).message_ids[0] == "7"


def test_intermediate_notification_is_not_final() -> None:
    got = receipt("id:7 stat:UNDELIV err:011", esm_class=0x20)
    assert (got.state, got.final, got.outcome) == (MessageState.UNDELIVERABLE, False, None)


def test_every_state_is_final_or_not() -> None:
    assert {state.name: state.outcome for state in MessageState} == {
        "SCHEDULED": None,
        "ENROUTE": None,
        "ACCEPTED": None,
        "DELIVERED": DeliveryOutcome.DELIVERED,
        "EXPIRED": DeliveryOutcome.EXPIRED,
        "DELETED": DeliveryOutcome.UNDELIVERABLE,
        "UNDELIVERABLE": DeliveryOutcome.UNDELIVERABLE,
        "SKIPPED": DeliveryOutcome.UNDELIVERABLE,
        "UNKNOWN": DeliveryOutcome.UNKNOWN,
        "REJECTED": DeliveryOutcome.REJECTED,
    }


def test_repr_shows_neither_ids_nor_text() -> None:
    got = receipt("id:79161234567 stat:DELIVRD text:1a2b3c4d", ((ID, b"79161234567"),))
    assert "79161234567" in got.message_ids
    assert "7916" not in repr(got)
    assert "1a2b" not in f"{got} {got!r} {vars(type(got))}"


@given(
    st.binary() | st.text(st.sampled_from("idstaxe:dlvron 019,;\0\x0bT_\n")).map(str.encode),
    st.lists(st.tuples(st.sampled_from([ID, STATE, ERROR, 0x424, 0]), st.binary())).map(tuple),
    st.integers(0, 255),
    st.sampled_from(IdForm),
)
@example(b"id:" + b"9" * 5000, (), 4, IdForm.HEXADECIMAL)
@example(b"", ((STATE, b"\xff" * 60_000),), 4, IdForm.ANY)
def test_junk_never_raises(octets: bytes, tlvs: Tlvs, esm_class: int, form: IdForm) -> None:
    for pdu in (
        DeliverSm(esm_class=esm_class, short_message=octets, tlvs=tlvs),
        DataSm(esm_class=esm_class, tlvs=(*tlvs, (0x0424, octets))),
    ):
        got = read(pdu, form)
        assert (got is None) == (
            message_type_of(pdu) not in {MessageType.RECEIPT, MessageType.INTERMEDIATE}
        )
        if got is not None:
            assert all(0 < len(message_id) <= MAX_ID for message_id in got.message_ids)


# Ids.


@pytest.mark.parametrize(
    ("answered", "reported"),
    [
        ("1234", "1234"),
        ("0001234", "1234"),
        ("1234", "0001234"),
        ("4d2", "1234"),
        ("4D2", "1234"),
        ("000004D2", "1234"),
        ("1234", "4d2"),
        ("0000001234", "4D2"),
        ("ABCDEF", "abcdef"),
        ("0", "000"),
        ("c0ffee00-1111-4222-8333-444455556666", "C0FFEE00-1111-4222-8333-444455556666"),
    ],
)
def test_receipt_matches_an_id_in_another_form(answered: str, reported: str) -> None:
    assert normalise(answered) in candidate_ids(reported)


@pytest.mark.parametrize("stored", ["4d2", "4D2", "1234"])
def test_ids_stored_unchanged_are_found(stored: str) -> None:
    assert stored in candidate_ids("1234")


@given(st.integers(0, 2**64 - 1), st.sampled_from("dxX"), st.sampled_from("dxX"), st.integers(0, 9))
def test_any_two_forms_of_a_number_match(number: int, one: str, other: str, zeros: int) -> None:
    answered, reported = f"{number:{one}}", "0" * zeros + f"{number:{other}}"
    assert normalise(answered) in candidate_ids(reported)
    assert normalise("0" * zeros + answered) in candidate_ids(reported)
    forms = {"d": IdForm.DECIMAL, "x": IdForm.HEXADECIMAL, "X": IdForm.HEXADECIMAL}
    assert normalise(answered, forms[one]) == normalise(reported, forms[other]) == str(number)


def test_candidates_start_with_the_id_as_written() -> None:
    # 1000 may be 0x3e8 or, read as hexadecimal, 4096: the id itself is believed first.
    assert candidate_ids("1000") == ("1000", "3e8", "3E8", "4096")


def test_a_known_form_has_one_key_and_no_false_match() -> None:
    assert normalise("1000", IdForm.HEXADECIMAL) == "4096" != normalise("1000", IdForm.DECIMAL)
    assert normalise("00Ab", IdForm.EXACT) == "00Ab"
    pdu = DeliverSm(esm_class=4, short_message=b"id:1000 stat:DELIVRD", tlvs=((ID, b"3E8"),))
    decimal = read(DeliverSm(esm_class=4, short_message=b"id:1000"), IdForm.DECIMAL)
    hexadecimal = read(pdu, IdForm.HEXADECIMAL)
    assert decimal is not None
    assert hexadecimal is not None
    assert decimal.message_ids == ("1000",)
    # The two writings of one receipt disagree under a wrong setting; both are kept.
    assert hexadecimal.message_ids == ("1000", "4096")


def test_an_id_that_is_not_of_its_form_is_kept() -> None:
    assert normalise("msg-0042", IdForm.DECIMAL) == "msg-0042"
    assert normalise("0" * 10 + "xyz", IdForm.HEXADECIMAL) == "xyz"


def test_long_ids_are_strings_and_not_numbers() -> None:
    uuid = "12345678123456781234567812345678"
    assert candidate_ids(uuid) == (uuid,)
    assert normalise(uuid, IdForm.HEXADECIMAL) == uuid
    assert candidate_ids("") == ()
    assert normalise("") == ""
