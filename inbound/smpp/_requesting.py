"""The request layer of a session: outgoing requests, their answers and timeouts.

Invariants: a request ends in exactly one of three ways (see `inbound.smpp.session`). One
timer serves all deadlines. Deadlines are suspended while reading is paused, because then
answers are unread too.
"""

import asyncio
import logging
from typing import Any, Final

from inbound.smpp._base import AnswerT
from inbound.smpp._connection import FramedConnection
from inbound.smpp._terms import SessionSettings, SessionState, SessionStats
from inbound.smpp._window import PendingRequest, RequestWindow
from inbound.smpp.errors import NotSentError
from inbound.smpp.pdu import (
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    RequestPdu,
    ResponsePdu,
    encode,
)
from inbound.smpp.status import Status

log = logging.getLogger(__name__)

# The shortest timer, in seconds.
_TICK_S: Final = 0.005


class Requesting(FramedConnection):
    """A connection that sends requests. Subclasses override the `on_...` hooks."""

    def __init__(self, settings: SessionSettings) -> None:
        super().__init__()
        self.settings = settings
        self.state = SessionState.OPEN
        self.stats = SessionStats()
        self._window = RequestWindow(settings.window)
        self._unwritten: list[PendingRequest] = []
        self._room = asyncio.Event()
        self._enquire_at = 0.0
        self._open_enquiries = 0
        self._timer: asyncio.TimerHandle | None = None

    def window_free(self) -> int:
        """How many requests may be sent now; 0 unless bound and the peer reads."""
        if self.state is not SessionState.BOUND or self.reason or self.writing_paused:
            return 0
        return self._window.free

    @property
    def unanswered(self) -> int:
        """How many messages and queries were sent and are not answered yet."""
        return self._window.size - self._window.free

    async def slot(self) -> None:
        """Wait until the window has room. Reserves nothing: send before awaiting again.

        Raises `NotSentError` if the session ends first.
        """
        while not self.window_free():
            if self.state is not SessionState.BOUND or self.reason:
                raise NotSentError(self.reason or "the session is not bound")
            await self._room.wait()

    # Hooks.

    def on_answer(self, answer: ResponsePdu) -> None:
        """Handle an answer before its future is resolved."""

    def next_due(self, _now: float) -> float | None:
        """Do other work due by now; return when to call again (loop time), None for never."""
        return None

    # Outgoing requests.

    def _send(
        self, request: RequestPdu[AnswerT], timeout_s: float, *, takes_room: bool
    ) -> asyncio.Future[AnswerT]:
        request.sequence = self._window.next_sequence()
        frame = encode(request)
        future: asyncio.Future[AnswerT] = self.loop.create_future()
        deadline = self.loop.time() + timeout_s
        pending = PendingRequest(
            sequence=request.sequence,
            answer_type=request.answer_type,
            future=future,
            timeout_s=timeout_s,
            deadline=deadline,
            takes_room=takes_room,
        )
        if self.reason:
            pending.fail(self.reason)
            return future
        self._window.add(pending)
        self._unwritten.append(pending)
        self.write(frame)
        self._wake_by(deadline)
        self._update_room()
        return future

    def on_written(self) -> None:
        """Mark requests as written: from now on a missing answer is an `UnansweredError`."""
        for pending in self._unwritten:
            pending.written = True
        self._unwritten.clear()

    # Answers.

    def _take_answer(self, answer: ResponsePdu) -> None:
        """Resolve the future of the request that this answers."""
        pending = self._window.take(answer.sequence)
        if pending is None:
            self.stats.unmatched_answers += 1
            log.debug("%s: no request matches %r", self, answer)
            return
        self.stats.answers_in += 1
        if isinstance(answer, GenericNack):
            status = answer.status or Status.ESME_RUNKNOWNERR
            answer = pending.answer_type(status=status, sequence=answer.sequence)
        if not isinstance(answer, pending.answer_type):
            pending.fail("the answer is another command's response")
        elif not pending.future.done():
            self.on_answer(answer)
            pending.future.set_result(answer)
        self._update_room()

    def _end_requests(self) -> None:
        """Fail all pending requests, because the connection has ended."""
        if self._timer is not None:
            self._timer.cancel()
        self._window.fail_all(self.reason)
        self._update_room()

    def _update_room(self) -> None:
        """Wake tasks in `slot`: there is room, or there never will be."""
        if self.window_free() > 0 or self.state is not SessionState.BOUND or self.reason:
            self._room.set()
        else:
            self._room.clear()

    # Timers.

    def _set_timer(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_at(max(when, self.loop.time() + _TICK_S), self._tick)

    def _wake_by(self, when: float) -> None:
        if self._timer is None or when < self._timer.when():
            self._set_timer(when)

    def _tick(self) -> None:
        """Expire requests, enquire, and set the timer for the next deadline."""
        self._timer = None
        now = self.loop.time()
        if self.reason:
            return
        due = [self._next_enquiry(now), self.next_due(now)]
        if self.reading_paused and not self.writing_paused:
            due.append(now + self.settings.response_timeout_s)
        else:
            for pending in self._window.expired(now):
                self._expire(pending)
            due.append(self._window.due())
        known = [when for when in due if when is not None]
        if known and not self.reason:
            self._set_timer(min(known))

    def _expire(self, pending: PendingRequest) -> None:
        # A peer that has unbound owes no answer to an earlier enquire_link.
        if pending.answer_type is EnquireLinkResp and self.state is SessionState.BOUND:
            self.abort(f"no answer to enquire_link for {pending.timeout_s:g} s")
        self.stats.unanswered += 1
        pending.fail(f"no answer for {pending.timeout_s:g} s")
        self._update_room()

    def _next_enquiry(self, now: float) -> float | None:
        """Send an enquire_link when it is due; return when the next one is.

        Every `enquire_link_s`, whatever was received meanwhile: SMS centres drop a client that
        stops enquiring (SMPP 3.4, 4.11 and 7.2), even while they send to it.
        """
        interval_s = self.settings.enquire_link_s
        if not interval_s or self.state is not SessionState.BOUND:
            return None
        if now >= self._enquire_at:
            self._enquire_at = now + interval_s
            # While reading is paused no answer is read, so one at a time bounds the memory.
            if not (self.reading_paused and self._open_enquiries):
                self._enquire()
        return self._enquire_at

    def _enquire(self) -> None:
        self._open_enquiries += 1
        enquiry = self._send(EnquireLink(), self.settings.response_timeout_s, takes_room=False)
        enquiry.add_done_callback(self._end_enquiry)

    def _end_enquiry(self, enquiry: asyncio.Future[Any]) -> None:
        """Count it. `_expire` has already handled a missing answer."""
        self._open_enquiries -= 1
        if not enquiry.cancelled():
            enquiry.exception()  # retrieved, so that asyncio does not log it as lost
