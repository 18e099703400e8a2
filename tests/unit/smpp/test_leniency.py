"""Deviations that are tolerated: what is damaged, what is still read, and what is refused."""

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbound.smpp.leniency import Leniency, Treatment
from inbound.smpp.pdu import (
    BindPdu,
    BindTransceiverResp,
    DataSm,
    DeliverSm,
    DeliverSmResp,
    Pdu,
    RequestPdu,
    ResponsePdu,
    SubmitSm,
    SubmitSmResp,
    decode,
    encode,
)
from inbound.smpp.session import Session, SessionRole, SessionSettings, SessionState
from inbound.smpp.status import Status
from inbound.smpp.user_data import TLV_MESSAGE_PAYLOAD
from tests.patience import PATIENCE_S
from tests.unit.smpp.corpus.malformed import frame, message, tlv
from tests.unit.smpp.peer import BIND, FAST, Peer, esme_session, peers, submit

DELIVER, BIND_RESP, SUBMIT_RESP = 0x05, 0x80000009, 0x80000004
TEXT = b"CLIENT info"
TLVS = tlv(0x0204, b"\0\1") + tlv(0x020A, b"\x1f\x90") + tlv(0x1403, b"vendor's own")
RESPONSE = b"smsc\0" + tlv(0x0210, b"\x34")


def damaged(octets: bytes) -> Iterator[bytes]:
    """Yield every truncation of these octets, and every change of a single one."""
    yield from (octets[:size] for size in range(len(octets)))
    for at in range(len(octets)):
        yield from (octets[:at] + bytes((value,)) + octets[at + 1 :] for value in range(256))


def refused(status: int) -> bool:
    return status != Status.ESME_ROK


# -- the optional part ----------------------------------------------------------------------


def test_whatever_the_optional_part_the_message_is_read() -> None:
    tails = [*damaged(TLVS), *(TLVS + bytes((octet,)) for octet in range(256))]
    for tail in tails:
        pdu = decode(frame(DELIVER, message(text=TEXT, tail=tail)))
        assert isinstance(pdu, DeliverSm)
        assert (pdu.source_addr, pdu.short_message) == ("79161234567", TEXT)


@pytest.mark.parametrize("size", range(len(TLVS)))
def test_intact_tlvs_before_the_garbage_are_used(size: int) -> None:
    pdu = decode(frame(DELIVER, message(tail=TLVS[:size])))
    assert isinstance(pdu, DeliverSm)
    whole = [(0x0204, b"\0\1"), (0x020A, b"\x1f\x90"), (0x1403, b"vendor's own")]
    ends = [6, 12]
    assert pdu.tlvs == tuple(whole[: sum(end <= size for end in ends)])
    assert bool(pdu.leniencies) is (size not in {0, *ends})


def test_a_payload_that_is_cut_is_no_text() -> None:
    """Its rest is missing, so that it may not become a command."""
    cut = frame(DELIVER, message(text=b"", tail=tlv(TLV_MESSAGE_PAYLOAD, TEXT + b" please")[:-7]))
    pdu = decode(cut)
    assert isinstance(pdu, DeliverSm)
    assert (pdu.short_message, pdu.tlvs) == (b"", ())
    assert pdu.leniencies == (Leniency.OPTIONAL_PART,)


def test_data_sm_with_garbage_behind_its_payload_is_read() -> None:
    pdu = DataSm(source_addr="79161234567", tlvs=((TLV_MESSAGE_PAYLOAD, TEXT),))
    octets = encode(pdu) + b"\0"
    read = decode(len(octets).to_bytes(4, "big") + octets[4:])
    assert read == pdu
    assert read.leniencies == (Leniency.OPTIONAL_PART,)


GARBAGE = {
    "an octet that sm_length does not count": message(tail=b"\0"),
    "a TLV that is cut": message(tail=bytes.fromhex("0204000201")),
    "a receipt with an octet more": message(
        flags=b"\x04\0\0", text=b"id:7 stat:DELIVRD err:000", tail=b"\0"
    ),
}


@pytest.mark.parametrize("name", GARBAGE)
async def test_a_message_with_garbage_reaches_the_handler(name: str) -> None:
    served: list[RequestPdu[Any]] = []

    async def serve(request: RequestPdu[Any], _: Session) -> ResponsePdu:
        served.append(request)
        answer: ResponsePdu = request.answer()
        return answer

    async with esme_session(serve) as (_, peer):
        peer.send(frame(DELIVER, GARBAGE[name]))
        answer = await peer.read(DeliverSmResp)
    assert (answer.status, answer.sequence) == (Status.ESME_ROK, 77)
    (pdu,) = served
    assert pdu.leniencies == (Leniency.OPTIONAL_PART,)


async def test_a_strict_session_refuses_garbage_in_requests_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    strict = SessionSettings(response_timeout_s=PATIENCE_S, enquire_link_s=0, strict=True)
    noted: list[tuple[type[Pdu], Treatment]] = []

    def note(pdu: Pdu, treatment: Treatment) -> None:
        noted.append((type(pdu), treatment))

    async with esme_session(settings=strict, on_leniency=note) as (session, peer):
        for body in GARBAGE.values():
            peer.send(frame(DELIVER, body))
            answer = await peer.read(DeliverSmResp)
            assert (answer.status, answer.sequence) == (Status.ESME_RINVOPTPARSTREAM, 77)
        sent = session.send(submit())
        number = (await peer.read(SubmitSm)).sequence
        peer.send(frame(SUBMIT_RESP, b"id\0\2", sequence=number))
        assert (await sent).message_id == "id"
    refused = [(DeliverSm, Treatment.REFUSED)] * len(GARBAGE)
    assert noted == [*refused, (SubmitSmResp, Treatment.TOLERATED)]
    assert "can't parse" not in caplog.text


# -- responses ------------------------------------------------------------------------------


def test_any_body_of_a_bind_response_is_read() -> None:
    for body in damaged(RESPONSE):
        pdu = decode(frame(BIND_RESP, body))
        assert isinstance(pdu, BindTransceiverResp)
        assert pdu.status == 0


BIND_BODIES = {
    "a TLV that is cut": b"smsc\0" + bytes.fromhex("0210000234"),
    "a NUL more": b"smsc\0\0",
    "no NUL": b"smsc",
    "a long name": b"the name of a great centre\0",
    "nothing": b"",
    "three NULs": bytes(3),
    "no octet that makes sense": b"\xff" * 40,
}


async def bind(peer: Peer, session: Session, body: bytes) -> None:
    binding = asyncio.ensure_future(session.bind(BIND))
    request = await peer.read(BindPdu)
    peer.send(frame(BIND_RESP, body, sequence=request.sequence))
    await binding


@pytest.mark.parametrize("name", BIND_BODIES)
async def test_status_0_is_bound_whatever_the_body(name: str) -> None:
    async with esme_session(bound=False) as (session, peer):
        await bind(peer, session, BIND_BODIES[name])
        assert session.state is SessionState.BOUND
        sent = session.send(submit())
        peer.send((await peer.read(SubmitSm)).answer())
        assert (await sent).status == 0


@pytest.mark.parametrize("body", BIND_BODIES.values())
def test_a_refused_bind_has_no_leniency(body: bytes) -> None:
    """Whatever its body, nothing was taken as bound."""
    assert decode(frame(BIND_RESP, body, status=Status.ESME_RINVPASWD)).leniencies == ()


@pytest.mark.parametrize("body", [b"7f3a", b"7f 3a\0", b"id\0\2"])
def test_an_error_response_has_no_leniency(body: bytes) -> None:
    """Its message_id is not used."""
    assert decode(frame(SUBMIT_RESP, body)).leniencies
    assert decode(frame(SUBMIT_RESP, body, status=Status.ESME_RINVSRCADR)).leniencies == ()


async def test_a_strict_session_binds_too() -> None:
    strict = SessionSettings(response_timeout_s=PATIENCE_S, enquire_link_s=0, strict=True)
    async with esme_session(settings=strict, bound=False) as (session, peer):
        await bind(peer, session, BIND_BODIES["a TLV that is cut"])
        assert session.state is SessionState.BOUND


def test_a_message_id_is_read_from_any_response() -> None:
    for body in damaged(b"7f3a\0" + TLVS):
        decode(frame(SUBMIT_RESP, body))
    unterminated = decode(frame(SUBMIT_RESP, b"7f3a"))
    assert unterminated.leniencies == (Leniency.MESSAGE_RESPONSE,)
    assert decode(frame(SUBMIT_RESP, b"", status=0x58)).leniencies == ()


@pytest.mark.parametrize(
    "octets",
    [b"\x01" * 65_500, b"a" * 65, b"\x1b]0;owned\x07", b"7f3a\r\nfake line", b"\x9b31m", b"7f 3a"],
)
def test_what_is_no_message_id_is_kept_as_a_digest(octets: bytes) -> None:
    """It reaches topics, the log and terminals, where it must neither grow nor do anything."""
    answer = decode(frame(SUBMIT_RESP, octets + b"\0"))
    again = decode(frame(SUBMIT_RESP, octets + b"\0"))
    assert isinstance(answer, SubmitSmResp)
    assert isinstance(again, SubmitSmResp)
    assert answer.leniencies == (Leniency.MESSAGE_ID,)
    assert re.fullmatch(rf"sha256-[0-9a-f]{{40}}-{len(octets)}", answer.message_id)
    assert answer.message_id == again.message_id


@given(st.binary(max_size=80))
def test_a_message_id_is_always_printable_and_short(body: bytes) -> None:
    answer = decode(frame(SUBMIT_RESP, body))
    assert isinstance(answer, SubmitSmResp)
    assert re.fullmatch("[!-~]{0,64}", answer.message_id)


@pytest.mark.parametrize("octets", [b"7f3a", b" 7f3a ", b"a" * 64])
def test_a_message_id_is_kept_as_it_is(octets: bytes) -> None:
    answer = decode(frame(SUBMIT_RESP, octets + b"\0"))
    assert isinstance(answer, SubmitSmResp)
    assert (answer.message_id, answer.leniencies) == (octets.decode().strip(), ())


# -- the report -----------------------------------------------------------------------------


async def test_each_pdu_with_leniencies_is_reported_once() -> None:
    noted: list[tuple[tuple[Leniency, ...], Treatment]] = []

    def note(pdu: Pdu, treatment: Treatment) -> None:
        noted.append((pdu.leniencies, treatment))

    async def serve(request: RequestPdu[Any], _: Session) -> ResponsePdu:
        answer: ResponsePdu = request.answer()
        return answer

    async with peers() as (port, connections):
        loop = asyncio.get_running_loop()
        _, session = await loop.create_connection(
            lambda: Session(SessionRole.ESME, FAST, serve, on_leniency=note), "127.0.0.1", port
        )
        peer = await connections.get()
        await bind(peer, session, BIND_BODIES["no NUL"])
        peer.send(frame(DELIVER, message()), frame(DELIVER, message(tail=b"\0")))
        for _ in range(2):
            await peer.read(DeliverSmResp)
        session.abort("the test ends")
        await session.wait_closed()
        peer.close()
    assert noted == [
        ((Leniency.BIND_RESPONSE,), Treatment.TOLERATED),
        ((Leniency.OPTIONAL_PART,), Treatment.TOLERATED),
    ]
