"""PDUs and octets: what goes out comes back, and whatever comes in has an answer."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbound.smpp._wire import HEADER, Framer
from inbound.smpp.errors import FramingError, PduError, UnencodableError
from inbound.smpp.pdu import (
    BindTransceiver,
    BindTransceiverResp,
    DeliverSm,
    Pdu,
    QuerySm,
    QuerySmResp,
    SubmitSm,
    SubmitSmResp,
    answer_to_unreadable,
    decode,
    encode,
)
from tests.unit.smpp.corpus.malformed import CASES, Case, frame
from tests.unit.smpp.strategies import PDUS

# Written out by hand from SMPP 3.4, 4.4.1, field by field.
BY_HAND = bytes.fromhex(
    "00000042 00000004 00000000 00000002"  # length, submit_sm, status, sequence
    "00"  # service_type
    "01 01 3739313631323334353637 00"  # source: international, E.164
    "01 01 3739303836323238373739 00"  # destination
    "00 00 00"  # esm_class, protocol_id, priority
    "00 00"  # schedule, validity
    "01 00 00 00"  # registered_delivery, replace, data_coding, default message
    "0b 434c49454e5420696e666f"  # sm_length, short_message
)


@given(PDUS)
def test_encoding_round_trips(pdu: Pdu) -> None:
    assert decode(encode(pdu)) == pdu


def test_a_frame_written_out_by_hand() -> None:
    pdu = decode(BY_HAND)
    assert pdu == SubmitSm(
        sequence=2,
        source_addr_ton=1,
        source_addr_npi=1,
        source_addr="79161234567",
        dest_addr_ton=1,
        dest_addr_npi=1,
        destination_addr="79086228779",
        registered_delivery=1,
        short_message=b"CLIENT info",
    )
    assert encode(pdu) == BY_HAND


def test_a_query_and_its_answer_written_out_by_hand() -> None:
    query = bytes.fromhex("0000001a 00000003 00000000 00000009 376633 6100 01 01 373900")
    assert decode(query) == QuerySm(
        sequence=9, message_id="7f3a", source_addr_ton=1, source_addr_npi=1, source_addr="79"
    )
    answer = bytes.fromhex("00000018 80000003 00000000 00000009 3766336100 00 02 00")
    assert decode(answer) == QuerySmResp(sequence=9, message_id="7f3a", message_state=2)
    assert encode(decode(query)) == query
    assert encode(decode(answer)) == answer
    # Beside an error nothing but the header may come.
    refused = frame(0x80000003, b"", status=0x67)
    assert decode(refused) == QuerySmResp(status=0x67, sequence=77)


@given(st.integers(0, 0xFFFFFFFF) | st.sampled_from([1, 2, 4, 5, 9, 0x103]), st.binary())
def test_any_octets_decode_or_give_an_error_status(command_id: int, body: bytes) -> None:
    refused = None
    try:
        pdu = decode(frame(command_id, body))
    except PduError as error:
        refused = error
    if refused is None:
        assert (pdu.command_id, pdu.sequence) == (command_id, 77)
    else:
        assert (refused.command_id, refused.sequence) == (command_id, 77)
        assert refused.status


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_malformed_frames(case: Case) -> None:
    try:
        decode(case.frame)
    except PduError as error:
        answer = answer_to_unreadable(error)
    else:
        answer = None
    if case.answer is None:
        assert answer is None
    else:
        assert type(answer) is case.answer
        assert (answer.status, answer.sequence) == (case.status, case.sequence)


def test_an_answer_is_read_leniently() -> None:
    resp = 0x80000004
    assert decode(frame(resp, b"")) == SubmitSmResp(sequence=77)
    assert decode(frame(resp, b"no-nul")) == SubmitSmResp(sequence=77, message_id="no-nul")
    assert decode(frame(resp, b"id\0\xff")) == SubmitSmResp(sequence=77, message_id="id")


@pytest.mark.parametrize(
    "pdu",
    [
        SubmitSm(destination_addr="7" * 21),
        SubmitSm(destination_addr="7\x008"),
        SubmitSm(destination_addr="семь"),
        SubmitSm(short_message=b"x" * 255),
        SubmitSm(data_coding=256),
        SubmitSm(tlvs=((0x424, b"x" * 65536),)),
        SubmitSm(tlvs=((0x424, b"x" * 40000), (0x425, b"x" * 40000))),
        SubmitSm(tlvs=((0x1400, b""),) * 257),
        QuerySm(message_id="7" * 65),
        BindTransceiver(password="swordfish"),
    ],
    ids=repr,
)
def test_value_over_a_limit_is_not_encoded(pdu: Pdu) -> None:
    with pytest.raises(UnencodableError) as caught:
        encode(pdu)
    assert caught.value.__cause__ is None
    for content in ("7777", "семь", "swordfish"):
        assert content not in str(caught.value)


def test_repr_shows_no_contents() -> None:
    secret = "1a2b3c4d"
    for pdu in (
        DeliverSm(source_addr=secret, short_message=secret.encode(), tlvs=((1, secret.encode()),)),
        BindTransceiver(system_id=secret, password=secret),
        SubmitSmResp(message_id=secret),
    ):
        assert secret not in repr(pdu)
        assert secret not in f"{pdu}"


@given(st.lists(PDUS, max_size=6), st.data())
def test_framer_cuts_frames_from_any_chunks(pdus: list[Pdu], data: st.DataObject) -> None:
    stream = b"".join(map(encode, pdus))
    framer = Framer()
    got = []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        got += [decode(octets) for octets in framer.feed(stream[:size])]
        stream = stream[size:]
    assert got == pdus


@given(st.lists(st.binary(), max_size=8))
def test_framer_accepts_any_octets(chunks: list[bytes]) -> None:
    framer = Framer()
    with contextlib.suppress(FramingError):
        for chunk in chunks:
            for octets in framer.feed(chunk):
                assert len(octets) == int.from_bytes(octets[:4], "big")


@pytest.mark.parametrize("length", [0, 1, 15, 65537, 0xFFFFFFFF])
def test_an_impossible_length_ends_the_stream_with_the_headers_sequence(length: int) -> None:
    header = length.to_bytes(4, "big") + bytes(8) + (9).to_bytes(4, "big")
    with pytest.raises(FramingError) as caught:
        list(Framer().feed(frame(0x15, b"")[:0] + header))
    assert caught.value.sequence == 9


def test_a_whole_frame_before_an_impossible_one_is_not_lost() -> None:
    good = frame(0x15, b"")
    frames = Framer().feed(good + b"\0\0\0\1")
    assert next(frames) == good
    with pytest.raises(FramingError):
        next(frames)


HOSTILE = b"\x1b[2J\r\n\x9b31m\xff"


@pytest.mark.parametrize(
    "field", ["service_type", "source_addr", "destination_addr", "validity_period"]
)
def test_strings_of_a_peer_are_printable(field: str) -> None:
    for octets in (b"\x1b[2J", b"\r\n\x9b", bytes(range(128, 133))):
        fields: dict[str, Any] = {field: octets.decode("latin-1")}
        pdu = decode(encode(DeliverSm(**fields)))
        text = getattr(pdu, field)
        assert text.isascii()
        assert text.isprintable()
        assert len(text) == len(octets)


def test_a_number_keeps_its_separators() -> None:
    pdu = decode(encode(DeliverSm(source_addr="8\xa0916\t123-45-67")))
    assert isinstance(pdu, DeliverSm)
    assert pdu.source_addr == "8 916 123-45-67"


def test_the_system_id_of_a_response_is_short_and_printable() -> None:
    body = HOSTILE + b"\0"
    head = HEADER.pack(16 + len(body), BindTransceiverResp.command_id, 0, 1)
    pdu = decode(head + body)
    assert isinstance(pdu, BindTransceiverResp)
    assert pdu.system_id == "?[2J???31m?"


def test_a_password_is_compared_as_it_is() -> None:
    password = b"\xe9\x1b12".decode("latin-1")
    bind = decode(encode(BindTransceiver(system_id="a", password=password)))
    assert isinstance(bind, BindTransceiver)
    assert bind.password == password
