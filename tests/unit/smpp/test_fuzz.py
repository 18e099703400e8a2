"""A fixed selection of what `python -m tests.unit.smpp.fuzz` looks for without end."""

import logging
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

from inbound.smpp._wire import MAX_FRAME, Framer
from inbound.smpp.pdu import (
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    UnbindResp,
    decode,
    encode,
)
from inbound.smpp.session import Session, SessionRole
from tests.unit.smpp.fakes import Handler, Loop, Wire
from tests.unit.smpp.fuzz import FRAMES, SETTINGS, SessionMachine

# What is found is not made smaller: that takes minutes, and the long mode does it.
FIXED = settings(
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=60,
    phases=[Phase.explicit, Phase.generate],
    report_multiple_bugs=False,
)


@pytest.fixture(autouse=True, scope="module")
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def test_session_invariants_hold_for_random_input() -> None:
    few = settings(FIXED, max_examples=25, stateful_step_count=40)
    run_state_machine_as_test(SessionMachine, settings=few)


@FIXED
@given(st.sampled_from(SessionRole), st.lists(st.binary(max_size=40) | FRAMES, max_size=12))
def test_any_octets_are_handled_or_refused(role: SessionRole, chunks: list[bytes]) -> None:
    """After any junk an enquire_link is answered, or a generic_nack and a close came."""
    with closing(Loop()) as loop:
        _survive(loop, role, chunks)
    assert not loop.complaints


def _survive(loop: Loop, role: SessionRole, chunks: list[bytes]) -> None:
    wire = Wire(loop)
    session = loop.act(lambda: Session(role, SETTINGS, Handler()))
    wire.session = session
    loop.act(lambda: session.connection_made(wire))

    def hear(octets: bytes) -> None:
        if not wire.closing:
            loop.act(lambda: session.data_received(octets))
        assert len(session._framer._buffer) <= MAX_FRAME

    for chunk in chunks:
        hear(chunk)
    # The frame that the junk began, whatever length it told, is completed.
    begun = session._framer._buffer
    told = int.from_bytes((begun + bytes(4))[:4])
    hear(bytes(min(MAX_FRAME, max(0, told - len(begun)))) if begun else b"")
    hear(encode(EnquireLink(sequence=4711)))
    last = list(Framer().feed(bytes(wire.written)))[-1]
    if wire.closing:
        assert isinstance(decode(last), GenericNack | UnbindResp)
    else:
        assert decode(last) == EnquireLinkResp(sequence=4711)
    loop.act(wire.lose)
