"""Throws junk at a session from inside one process: no sockets, and a clock that is moved.

`SessionMachine` plays a peer that sends right, wrong and mangled frames in any pieces, a
handler that answers, fails, or takes its time, a caller that submits and gives up, and
time. After every step and at the end it holds the session to what its module promises.
The tests run a fixed selection; `python -m tests.unit.smpp.fuzz --seconds 300` looks on.
"""

import argparse
import asyncio
import logging
import resource
import time
from collections import deque
from collections.abc import Callable
from contextlib import closing
from typing import Any, Final

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from inbound.smpp._wire import MAX_FRAME, Framer
from inbound.smpp.errors import FramingError, PduError
from inbound.smpp.pdu import (
    BindTransceiver,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    QuerySm,
    RequestPdu,
    ResponsePdu,
    UnbindResp,
    answer_to_unreadable,
    decode,
    encode,
)
from inbound.smpp.session import Session, SessionRole, SessionSettings, SessionState
from tests.unit.smpp.corpus.malformed import CASES, DELIVER, FATAL, SUBMIT, TAKEN, UNBIND, frame
from tests.unit.smpp.fakes import Handler, Loop, Wire
from tests.unit.smpp.peer import deliver, submit
from tests.unit.smpp.strategies import PDUS

SETTINGS: Final = SessionSettings(
    window=3,
    response_timeout_s=10,
    bind_timeout_s=20,
    enquire_link_s=30,
    queue_limit=5,
    queue_octets=20_000,
)
COMMANDS: Final = [0, 1, 2, 3, 4, 5, 7, 9, 0x0B, 0x15, 0x21, 0x102, 0x103, 0x112]
LIFE: Final = 25
# Small numbers meet those of what the session sent.
SEQUENCES = st.integers(0, 12) | st.sampled_from([0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])


def one_of(octets: list[bytes]) -> st.SearchStrategy[bytes]:
    """One of the corpus, by number: a strategy's repr would hold all of it."""
    return st.integers(0, len(octets) - 1).map(lambda number: octets[number])


@st.composite
def mangled(draw: st.DrawFn) -> bytes:
    """A frame that was right once: octets changed, cut out or put in, its length true."""
    octets = bytearray(draw(st.one_of(PDUS.map(encode), one_of(KNOWN))))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(4, len(octets)))
        octets[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    octets += bytes(max(0, 16 - len(octets)))
    octets[:4] = len(octets).to_bytes(4, "big")
    return bytes(octets)


KNOWN: Final = [case.frame for case in CASES if len(case.frame) < 1000] + [
    frame(command, taken.body, taken.status, taken.sequence)
    for taken in TAKEN
    for command in (SUBMIT, DELIVER)
    if len(taken.body) < 1000
]
LARGE: Final = [case.frame for case in CASES if len(case.frame) >= 1000]
ANSWERS = st.builds(
    frame,
    st.sampled_from([0x80000000 | command for command in COMMANDS]),
    st.sampled_from([b"", b"id\0", b"id", b"id\0\0\2\0", b"x" * 20]),
    status=st.sampled_from([0, 3, 0x58, 0x4FF]),
    sequence=SEQUENCES,
)
ANY_FRAMES = st.one_of(
    PDUS.map(encode),
    st.builds(
        frame,
        st.sampled_from(COMMANDS) | st.integers(0, 0xFFFFFFFF),
        st.binary(max_size=60),
        sequence=SEQUENCES,
    ),
    ANSWERS,
    one_of(KNOWN),
    one_of(LARGE),
    mangled(),
)
# An unbind ends a session: it comes as a step of its own, or every session would be short.
FRAMES = ANY_FRAMES.filter(lambda octets: octets[4:8] != b"\0\0\0\x06")


def _old(machine: "SessionMachine") -> bool:
    """Whether a session may end: not before it has lived."""
    return machine.steps > LIFE


class SessionMachine(RuleBasedStateMachine):
    """One session, everything that may happen to it, and what must hold all the while."""

    loop: Loop
    wire: Wire
    session: Session

    @initialize(role=st.sampled_from(SessionRole), bound=st.sampled_from([True, True, True, False]))
    def connect(self, role: SessionRole, bound: bool) -> None:
        self.loop = Loop()
        self.wire = Wire(self.loop)
        self.handler = Handler()
        self.sent: list[asyncio.Future[Any]] = []
        self.waiting: list[asyncio.Task[None]] = []
        # (command_id, sequence) of the answers that are due, in their order.
        self.due: deque[tuple[int, int]] = deque()
        self.enquiries: deque[int] = deque()
        # After an unbind only enquire_link is answered.
        self.peer_unbinds = False
        # Frames as they go in and as they come out.
        self.framer, self.reader = Framer(), Framer()
        self.refused = 0
        self.largest = 0
        self.steps = 0
        self.session = self.loop.act(lambda: self._session(role))
        if bound and role is SessionRole.SMSC:
            self._hear(encode(BindTransceiver(system_id="fuzz", sequence=1)))
        elif bound:
            binding = self.loop.act(
                lambda: self.loop.create_task(self.session.bind(BindTransceiver()))
            )
            self._hear(frame(0x80000009, b"centre\0", sequence=1))
            assert binding.result().status == 0
        if bound:
            assert self.session.state is SessionState.BOUND

    def _session(self, role: SessionRole) -> Session:
        async def welcome(_bind: object, _session: Session) -> int:
            return 0

        session = Session(role, SETTINGS, self.handler, on_bind=welcome)
        self.wire.session = session
        session.connection_made(self.wire)
        return session

    # What the peer does.

    @precondition(lambda self: self.wire.reading and not self.wire.closing)
    @rule(frames=st.lists(FRAMES, min_size=1, max_size=8), data=st.data())
    def the_peer_sends(self, frames: list[bytes], data: st.DataObject) -> None:
        octets = b"".join(frames)
        while octets and self.wire.reading and not self.wire.closing:
            size = data.draw(st.sampled_from([len(octets), 1, 4, 16, 17, 100, 5000]))
            self._hear(octets[:size])
            octets = octets[size:]
        # What was not read stays out of the session, to keep the stream in frames.
        if octets and not self.wire.closing:
            self._hear_rest(octets)

    def _hear_rest(self, octets: bytes) -> None:
        """Let the handler finish, so that reading goes on, and send the rest."""
        self.handler.mode = "answers"
        self._finish()
        assert self.wire.reading or self.wire.closing, "reading never went on"
        if not self.wire.closing:
            self._hear(octets)

    def _hear(self, octets: bytes) -> None:
        self.largest = max(self.largest, len(octets))
        self._expect(octets)
        self.loop.act(lambda: self.session.data_received(octets))
        self._read_answers()

    def _expect(self, octets: bytes) -> None:
        """Note which answers the frames of these octets have to bring about."""
        try:
            for whole in self.framer.feed(octets):
                answer = self._answer_to(whole)
                if isinstance(answer, EnquireLinkResp):
                    self.enquiries.append(answer.sequence)
                elif answer is not None and not self.peer_unbinds:
                    self.due.append((answer.command_id, answer.sequence))
                    self.peer_unbinds = isinstance(answer, UnbindResp)
        except FramingError as error:
            self.refused = error.sequence

    @staticmethod
    def _answer_to(whole: bytes) -> ResponsePdu | None:
        try:
            pdu = decode(whole)
        except PduError as error:
            return answer_to_unreadable(error)
        return pdu.answer() if isinstance(pdu, RequestPdu) else None

    def _read_answers(self) -> None:
        octets, self.wire.written = bytes(self.wire.written), bytearray()
        for whole in self.reader.feed(octets):
            pdu = decode(whole)
            if isinstance(pdu, EnquireLinkResp):
                assert pdu.sequence == self.enquiries.popleft()
            elif isinstance(pdu, GenericNack) and self.session.reason.startswith("the peer sent"):
                assert pdu.sequence == self.refused
            elif isinstance(pdu, ResponsePdu):
                assert (pdu.command_id, pdu.sequence) == self.due.popleft()

    @rule(reads=st.booleans())
    @precondition(lambda self: not self.wire.closing)
    def the_peer_reads_or_does_not(self, reads: bool) -> None:
        if reads == self.session.writing_paused:
            change = self.session.resume_writing if reads else self.session.pause_writing
            self.loop.act(change)
            self._read_answers()

    @rule(error=st.sampled_from([None, OSError("reset")]))
    @precondition(lambda self: _old(self) and not self.wire.lost)
    def the_link_breaks(self, error: Exception | None) -> None:
        self.loop.act(lambda: self.wire.lose(error))

    @rule(fatal=st.sampled_from(FATAL))
    @precondition(lambda self: _old(self) and self.wire.reading and not self.wire.closing)
    def the_peer_loses_its_mind(self, fatal: Any) -> None:
        self._hear(fatal.octets)
        assert self.wire.closing

    # What this side does.

    @rule(
        mode=st.sampled_from(["answers", "promises", "waits", "raises", "answers something else"])
    )
    def the_handler_changes(self, mode: str) -> None:
        self.handler.mode = mode

    @rule(how=st.sampled_from(["answer", "fail", "cancel"]), which=st.integers(0, 9))
    @precondition(lambda self: self.handler.open)
    def the_handler_settles(self, how: str, which: int) -> None:
        self.loop.act(lambda: self.handler.settle(how, which))
        self._read_answers()

    @rule(kind=st.sampled_from([submit, deliver, QuerySm]))
    def somebody_sends(self, kind: Callable[[], RequestPdu[Any]]) -> None:
        self.sent.append(self.loop.act(lambda: self.session.send(kind())))

    @rule(which=st.integers(0, 9))
    @precondition(lambda self: self.sent)
    def somebody_gives_up(self, which: int) -> None:
        self.loop.act(self.sent[which % len(self.sent)].cancel)

    @rule()
    @precondition(lambda self: len(self.waiting) < 3)
    def somebody_waits_for_a_slot(self) -> None:
        self.waiting.append(self.loop.act(lambda: self.loop.create_task(self.session.slot())))

    @rule()
    @precondition(lambda self: _old(self) and self.wire.reading and not self.wire.closing)
    def the_peer_unbinds(self) -> None:
        self._hear(frame(UNBIND, b""))

    @rule(seconds=st.sampled_from([0.01, 5.0, 11.0]))
    def time_passes(self, seconds: float) -> None:
        self.loop.now += seconds
        self.loop.act(lambda: None)
        self._read_answers()

    @rule()
    @precondition(_old)
    def this_side_unbinds(self) -> None:
        self.waiting.append(self.loop.act(lambda: self.loop.create_task(self.session.unbind())))

    # What always holds.

    @invariant()
    def the_session_grows_old(self) -> None:
        self.steps += 1

    @invariant()
    def nothing_went_wrong_in_silence(self) -> None:
        assert not self.loop.complaints
        server = self.session._server
        assert server is None or self.wire.lost or not server.done(), "nobody serves any more"

    @invariant()
    def memory_is_bounded(self) -> None:
        session = self.session
        assert 0 <= session.window_free() <= SETTINGS.window
        pending = session._window._pending.values()
        assert len(pending) <= SETTINGS.window + 3
        assert session._window._used == sum(one.takes_room for one in pending)
        assert len(session._framer._buffer) <= MAX_FRAME
        assert session._answering.octets <= SETTINGS.queue_octets + self.largest + MAX_FRAME
        assert not session._out

    @invariant()
    def what_waits_in_vain_is_told(self) -> None:
        if self.wire.lost:
            assert all(future.done() for future in self.sent + self.waiting)
            assert self.session.state is SessionState.CLOSED
            assert self.session.reason

    def _finish(self) -> None:
        """Let everything that is on its way arrive."""
        if self.session.writing_paused and not self.wire.closing:
            self.loop.act(self.session.resume_writing)
        while self.handler.open:
            self.loop.act(lambda: self.handler.settle("answer", 0))
        self._read_answers()

    def teardown(self) -> None:
        if not hasattr(self, "session"):
            return
        with closing(self.loop):
            self._end()
        assert not self.loop.complaints

    def _end(self) -> None:
        self.handler.mode = "answers"
        self._finish()
        if self.peer_unbinds:
            self.time_passes(11.0)  # the answers that the unbind waits for never come
        if not self.wire.closing:
            assert not self.due, "requests without an answer"
            assert self.session._answering.octets == 0
            assert self.wire.reading, "reading never went on"
            self._probe()
        self.loop.act(self.wire.lose)
        self.nothing_went_wrong_in_silence()
        self.what_waits_in_vain_is_told()
        assert self.session._answering.octets == 0
        for future in self.sent + self.waiting:
            if not future.cancelled():
                future.exception()
        assert not asyncio.all_tasks(self.loop)

    def _probe(self) -> None:
        """Ask whether the session is there: enquire_link, and a message if it is bound."""
        self._hear(encode(EnquireLink(sequence=4711)))
        assert not self.enquiries, "an enquire_link without an answer"
        if self.session.state is SessionState.BOUND:
            self._hear(encode(deliver(4712)))
            assert not self.due, "a message without an answer"
            self.time_passes(31.0)
            asked = [pending.answer_type for pending in self.session._window._pending.values()]
            assert self.wire.closing or EnquireLinkResp in asked, "silence that nobody asks about"


def fuzz(seconds: float) -> int:
    """Run machines of other seeds until the time is over; return how many. Raises on a find."""
    limits = settings(
        max_examples=100,
        stateful_step_count=60,
        deadline=None,
        database=None,
        derandomize=False,
        suppress_health_check=list(HealthCheck),
    )
    end, machines = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        run_state_machine_as_test(SessionMachine, settings=limits)
        machines += 100
        print(f"{machines} sessions, {_megabytes()} MB at most", flush=True)
    return machines


def _megabytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> None:
    """Fuzz by hand."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    logging.disable(logging.CRITICAL)
    print(fuzz(parser.parse_args().seconds), "sessions, nothing found")


if __name__ == "__main__":
    main()
