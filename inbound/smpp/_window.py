"""The window of unanswered requests: sequence numbers, free places, deadlines. No IO."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from inbound.smpp.errors import NotSentError, UnansweredError
from inbound.smpp.pdu import ResponsePdu

# sequence_number runs from 1 to this and starts again (SMPP 3.4, 5.1.4).
_LAST_SEQUENCE: Final = 0x7FFFFFFF


@dataclass(slots=True, eq=False)
class PendingRequest:
    """One unanswered request. Holds no PDU, so that texts are not kept longer than needed."""

    sequence: int
    answer_type: type[ResponsePdu]
    future: asyncio.Future[Any]
    timeout_s: float
    deadline: float
    takes_room: bool
    written: bool = False

    def fail(self, reason: str) -> None:
        """Fail the request: `UnansweredError` if it was written, else `NotSentError`."""
        if not self.future.done():
            kind = UnansweredError if self.written else NotSentError
            self.future.set_exception(kind(reason))


class RequestWindow:
    """The table of pending requests, in the order they were sent.

    All have the same timeout, so the first is the first to expire and one timer suffices.
    """

    __slots__ = ("_pending", "_sequence", "_used", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self._used = 0
        self._sequence = 0
        self._pending: dict[int, PendingRequest] = {}

    @property
    def free(self) -> int:
        """How many more requests may be sent before one is answered."""
        return self.size - self._used

    def next_sequence(self) -> int:
        """Return a sequence_number that no pending request has."""
        while True:
            self._sequence = self._sequence % _LAST_SEQUENCE + 1
            if self._sequence not in self._pending:
                return self._sequence

    def add(self, pending: PendingRequest) -> None:
        """Add a request. Its deadline is in seconds of the event loop's clock."""
        self._pending[pending.sequence] = pending
        self._used += pending.takes_room

    def take(self, sequence: int) -> PendingRequest | None:
        """Remove and return the request with this sequence_number, or None."""
        pending = self._pending.pop(sequence, None)
        if pending is not None:
            self._used -= pending.takes_room
        return pending

    def expired(self, now: float) -> Iterator[PendingRequest]:
        """Remove and yield the requests whose deadline has passed."""
        while self._pending and (oldest := self._oldest()).deadline <= now:
            self.take(oldest.sequence)
            yield oldest

    def due(self) -> float | None:
        """When the oldest request expires, None if there is none."""
        return self._oldest().deadline if self._pending else None

    def postpone(self, deadline: float) -> None:
        """Extend every deadline to at least `deadline`."""
        for pending in self._pending.values():
            pending.deadline = max(pending.deadline, deadline)

    def fail_all(self, reason: str) -> None:
        """Fail all requests and empty the window."""
        pendings = list(self._pending.values())
        self._pending.clear()
        self._used = 0
        for pending in pendings:
            pending.fail(reason)

    def futures(self) -> list[asyncio.Future[Any]]:
        """Return the futures of all pending requests."""
        return [pending.future for pending in self._pending.values()]

    def messages(self) -> list[asyncio.Future[Any]]:
        """Return the futures of those that take room: messages and queries."""
        return [pending.future for pending in self._pending.values() if pending.takes_room]

    def _oldest(self) -> PendingRequest:
        return next(iter(self._pending.values()))
