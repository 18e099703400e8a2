"""Incoming requests: handled one at a time, answered in the order they arrived.

The handler may answer at once or return a future. While that future is open the next
request is handled; its answer is written after all earlier answers. There is no task per
PDU: one loop calls the handler, and callbacks of futures write answers.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from inbound.smpp.errors import PduError, UnencodableError
from inbound.smpp.pdu import DeliverSm, RequestPdu, ResponsePdu, answer_to_unreadable
from inbound.smpp.status import Status

log = logging.getLogger(__name__)

# None: the request is never answered. Only the simulator's faults need that.
Answer = ResponsePdu | asyncio.Future[Any] | None
IncomingRequest = RequestPdu[Any] | PduError


class Answering:
    """Queues of requests not handled yet and of answers that are still open.

    Log lines begin with `who`.
    """

    __slots__ = (
        "_changed",
        "_gate",
        "_handling",
        "_idle",
        "_open",
        "_serve",
        "_waiting",
        "_who",
        "_write",
        "octets",
        "stopped",
    )

    def __init__(
        self,
        who: object,
        serve: Callable[[RequestPdu[Any]], Awaitable[Answer]],
        write: Callable[[IncomingRequest, ResponsePdu], None],
        changed: Callable[[], None],
    ) -> None:
        self._who = who
        self._serve = serve
        self._write = write
        self._changed = changed
        self._waiting: deque[tuple[IncomingRequest, int]] = deque()
        self._open: deque[tuple[IncomingRequest, int, Answer]] = deque()
        self._gate = _Gate()
        self._handling = False
        self._idle = asyncio.Event()
        self._idle.set()
        # Frame sizes of all requests that are not answered yet.
        self.octets = 0
        self.stopped = False

    @property
    def backlog(self) -> int:
        """Requests that are not answered yet."""
        return len(self._waiting) + len(self._open)

    def futures(self) -> list[asyncio.Future[Any]]:
        """Return the futures of open answers."""
        return [answer for _, _, answer in self._open if isinstance(answer, asyncio.Future)]

    def put(self, arrival: IncomingRequest, octets: int) -> None:
        """Queue a request or an unreadable PDU; `octets` is the size of its frame."""
        self._idle.clear()
        self._waiting.append((arrival, octets))
        self.octets += octets
        self._gate.set(work=True)

    def hold(self, *, held: bool) -> None:
        """Pause or resume handling, so that no answers pile up while the peer does not read."""
        self._gate.set(held=held)

    def stop(self) -> None:
        """Discard all waiting requests and answers. A running handler may finish."""
        self.stopped = True
        self._waiting.clear()
        self._open.clear()
        self.octets = 0
        self._idle.set()
        self._gate.set(work=True, held=False)

    async def wait_idle(self) -> None:
        """Wait until every request is answered, or `stop` was called."""
        await self._idle.wait()

    async def run(self) -> None:
        """Handle requests until `stop`. If the handler raises, answer with a temporary error."""
        while True:
            await self._gate.wait()
            if self.stopped:
                return
            arrival, octets = self._waiting.popleft()
            if not self._waiting:
                self._gate.set(work=False)
            self._handling = True
            answer = await self._answer(arrival)
            self._handling = False
            self._take(arrival, octets, answer)

    async def _answer(self, arrival: IncomingRequest) -> Answer:
        if isinstance(arrival, PduError):
            return answer_to_unreadable(arrival)
        try:
            return await self._serve(arrival)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            log.warning(
                "%s: the handler of %r awaited a task that was cancelled", self._who, arrival
            )
        except Exception:
            log.exception("%s: the handler of %r failed", self._who, arrival)
        return _temporary_error(arrival)

    def _take(self, arrival: IncomingRequest, octets: int, answer: Answer) -> None:
        if not self.stopped:
            self._open.append((arrival, octets, answer))
        if isinstance(answer, asyncio.Future):
            answer.add_done_callback(self._settle)
        else:
            self._settle()

    def _settle(self, settled: asyncio.Future[Any] | None = None) -> None:
        """Write all answers at the head of the queue that are ready."""
        if settled is not None and not settled.cancelled():
            settled.exception()  # retrieved, so that asyncio does not log it as lost
        while self._open:
            arrival, octets, answer = self._open[0]
            if isinstance(answer, asyncio.Future):
                if not answer.done():
                    break
                answer = self._result(arrival, answer)
            self._open.popleft()
            self.octets -= octets
            if answer is not None:
                answer.sequence = arrival.sequence
                self._write_or_replace(arrival, answer)
        if not self.backlog and not self._handling:
            self._idle.set()
        self._changed()

    def _write_or_replace(self, arrival: IncomingRequest, answer: ResponsePdu) -> None:
        if not isinstance(arrival, PduError) and not isinstance(answer, arrival.answer_type):
            log.error(
                "%s: the handler answered %r with %r, another command's response",
                self._who,
                arrival,
                answer,
            )
            answer = _temporary_error(arrival)
        try:
            self._write(arrival, answer)
        except UnencodableError:
            log.exception("%s: the handler's answer to %r can't be encoded", self._who, arrival)
            if not isinstance(arrival, PduError):
                self._write(arrival, _temporary_error(arrival))

    def _result(self, arrival: IncomingRequest, answer: asyncio.Future[Any]) -> ResponsePdu | None:
        assert not isinstance(arrival, PduError)  # noqa: S101 — only handlers return futures
        if answer.cancelled() or answer.exception() is not None:
            cause = None if answer.cancelled() else answer.exception()
            log.error(
                "%s: the handler's future for %r failed or was cancelled",
                self._who,
                arrival,
                exc_info=cause,
            )
            return _temporary_error(arrival)
        result: ResponsePdu | None = answer.result()
        return result


class _Gate:
    """Open while requests wait and handling is not paused."""

    __slots__ = ("_event", "_held", "_work")

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._held = False
        self._work = False

    def set(self, *, work: bool | None = None, held: bool | None = None) -> None:
        self._work = self._work if work is None else work
        self._held = self._held if held is None else held
        if self._work and not self._held:
            self._event.set()
        else:
            self._event.clear()

    async def wait(self) -> None:
        await self._event.wait()


def _temporary_error(request: RequestPdu[Any]) -> ResponsePdu:
    """Return an answer that makes the peer keep the message and retry later (SMPP 3.4, 5.1.3)."""
    status = Status.ESME_RX_T_APPN if isinstance(request, DeliverSm) else Status.ESME_RSYSERR
    answer: ResponsePdu = request.answer(status)
    return answer
