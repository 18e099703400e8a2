"""Every field of every PDU that an SMS centre may send, with hostile values."""

import asyncio
import io
import logging
import random
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import fields
from datetime import UTC, datetime
from typing import Final

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from inbound.gateway.dialect import CentreDialect
from inbound.gateway.receipts import to_message
from inbound.keys import IndexKey, SubjectHasher
from inbound.smpp._wire import MAX_FRAME, MAX_TLVS
from inbound.smpp.errors import PduError
from inbound.smpp.message_ids import ID
from inbound.smpp.pdu import (
    BindTransceiver,
    DataSm,
    DeliverSm,
    EnquireLink,
    EnquireLinkResp,
    MessageResp,
    Pdu,
    SubmitSmResp,
    decode,
    encode,
)
from inbound.smpp.session import Session, SessionRole, SessionState
from tests.unit.smpp.fakes import Handler, Loop, Wire
from tests.unit.smpp.fuzz import SETTINGS
from tests.unit.smpp.hostile_frames import DATA, DELIVER, LAYOUTS, RESPONSE, SECRET, hostile_frame
from tests.unit.smpp.peer import submit

FIXED: Final = settings(
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=25,
    phases=[Phase.explicit, Phase.generate],
)
SEEDS: Final = st.integers(0, 2**32)
LONGEST_STRING: Final = 64
LONGEST_RECEIPT: Final = 2_000
"""Octets of a receipt as it is published."""

FIELDS: Final = [
    pytest.param(command, at, id=f"{command:08x}-{at}")
    for command, layout in LAYOUTS.items()
    for at in range(len(layout) + 1)
]
COMMANDS: Final = [pytest.param(command, id=f"{command:08x}") for command in LAYOUTS]
UNBIND, UNBIND_RESP = 0x06, 0x06 | RESPONSE


def frame(seed: int, command: int, at: int, sequence: int = 1) -> bytes:
    return hostile_frame(random.Random(seed), command, at=at, sequence=sequence)


@pytest.mark.parametrize(("command", "at"), FIELDS)
@FIXED
@given(seed=SEEDS)
def test_every_value_is_refused_or_bounded(command: int, at: int, seed: int) -> None:
    octets = frame(seed, command, at)
    try:
        pdu = decode(octets)
    except PduError as error:
        refused = str(error)
        assert is_harmless(refused)
        return
    assert is_harmless(repr(pdu))
    for each in fields(pdu):
        value = getattr(pdu, each.name)
        assert not isinstance(value, str) or len(value) <= LONGEST_STRING, each.name
    assert len(getattr(pdu, "tlvs", ())) <= MAX_TLVS
    if isinstance(pdu, MessageResp):
        assert not pdu.message_id or ID.fullmatch(pdu.message_id)


def is_harmless(line: str) -> bool:
    """Whether this may be a line of a log: it is printable, and short, and quotes nothing."""
    return line.isprintable() and SECRET not in line and len(line) <= 300


# -- a session that receives them ----------------------------------------------------------


@contextmanager
def logged() -> Iterator[io.StringIO]:
    """Collect what is logged, as the formatter writes it."""
    out = io.StringIO()
    handler, root = logging.StreamHandler(out), logging.getLogger("inbound.smpp")
    handler.setFormatter(logging.Formatter("%(message)s"))
    root.addHandler(handler)
    level, root.propagate = root.level, False
    root.setLevel(logging.DEBUG)
    try:
        yield out
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
        root.propagate = True


@pytest.mark.parametrize("command", COMMANDS)
@FIXED
@given(seed=SEEDS)
def test_a_session_answers_or_ends_and_quotes_nothing(command: int, seed: int) -> None:
    with closing(Loop()) as loop, logged() as out:
        _survive(loop, command, seed)
    assert not loop.complaints
    lines = out.getvalue().splitlines()
    assert all(is_harmless(line) for line in lines), lines


def _survive(loop: Loop, command: int, seed: int) -> None:
    """Bind, hear hostile frames, and answer an enquire_link and a submit_sm's answer after them."""
    wire = Wire(loop)
    session = loop.act(lambda: Session(SessionRole.ESME, SETTINGS, Handler()))
    wire.session = session
    loop.act(lambda: session.connection_made(wire))
    bind = loop.act(lambda: loop.create_task(session.bind(BindTransceiver())))
    hostile_bind = frame(seed, 0x09 | RESPONSE, seed % 3)
    loop.act(lambda: session.data_received(hostile_bind))
    assert bind.result().status == 0
    sent = loop.act(lambda: session.send(submit()))
    for number, at in enumerate(range(len(LAYOUTS[command]) + 1)):
        if wire.closing or command in {UNBIND, UNBIND_RESP}:
            break
        octets = frame(seed + number, command, at, sequence=100 + number)
        loop.act(lambda octets=octets: session.data_received(octets))  # type: ignore[misc]
    assert session.state is SessionState.BOUND
    assert len(session._framer._buffer) <= MAX_FRAME
    wire.written.clear()
    loop.act(lambda: session.data_received(encode(EnquireLink(sequence=4711))))
    assert decode(bytes(wire.written)) == EnquireLinkResp(sequence=4711)
    loop.act(lambda: session.data_received(frame(seed, 0x04 | RESPONSE, seed % 3, sequence=2)))
    assert _is_settled(sent)
    loop.act(wire.lose)


def _is_settled(sent: "asyncio.Future[SubmitSmResp]") -> bool:
    """Whether the message has its answer, whatever its message_id."""
    return sent.done() and sent.exception() is None and sent.result().status == 0


# -- what the gateway makes of them --------------------------------------------------------


@pytest.mark.parametrize("command", [DELIVER, DATA])
@FIXED
@given(seed=SEEDS, at=st.integers(0, 18))
def test_a_text_has_a_certain_sender_and_a_receipt_has_ids(
    command: int, seed: int, at: int
) -> None:
    rng = random.Random(seed)
    octets = hostile_frame(rng, command, at=min(at, len(LAYOUTS[command])), sequence=1)
    try:
        pdu: Pdu = decode(octets)
    except PduError:
        return
    assert isinstance(pdu, DeliverSm | DataSm)
    pdu.esm_class = rng.choice((pdu.esm_class, 0, 4, 0x40))
    dialect = CentreDialect()
    text = dialect.read_text(pdu)
    assert text.source is None or text.source in {"+79161234567", f"+{pdu.source_addr}"}
    assert len(text.payload) <= MAX_FRAME
    receipt = dialect.read_receipt(pdu)
    if receipt is None:
        return
    message = to_message(
        *(receipt, dialect.phone_of(pdu), SubjectHasher(IndexKey(bytes(32)))),
        centre="north",
        bind="north-1",
        per_message=False,
        arrived_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    if message is not None:
        assert all(ID.fullmatch(each) for each in message.message_ids)
        assert message.error is None or (message.error.isprintable() and len(message.error) <= 10)
        assert len(message.to_json()) <= LONGEST_RECEIPT
