"""The queue of messages to one receiver: an account or a phone.

Invariants: each conversation (source and destination) has one message in flight, and the
next is sent after that one was accepted or permanently refused, so the receiver gets them
in order. Conversations don't wait for each other. At most `limit` messages are queued.
Delivery is at least once: after a temporary error or a lost link a message is sent again.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from inbound.smpp.errors import UnencodableError
from inbound.smpp.pdu import DataSm, DeliverSm, ResponsePdu
from inbound.smpp.session import Session
from inbound.smpp.status import Status, is_temporary, name_of

log = logging.getLogger(__name__)

NumberPair = tuple[str, str]
Deliverable = DeliverSm | DataSm


@dataclass(slots=True, eq=False)
class QueuedMessage:
    """A message to deliver. `settled` is called with its final command_status.

    `sender` is the account that submitted it. The queue sets `status` and `done` (seconds
    since 1970) when the message is in its final state.
    """

    pdu: Deliverable
    settled: Callable[[int], None] | None = None
    sender: str = ""
    status: int | None = None
    done: float = 0.0


@dataclass(slots=True)
class DeliveryQueueStats:
    """Counters of one delivery queue."""

    accepted: int = 0
    delivered: int = 0
    refused: int = 0
    retried: int = 0


class DeliveryQueue:
    """The queue of one receiver and its bound sessions."""

    def __init__(
        self,
        limit: int,
        retry_s: float,
        send: Callable[[Deliverable, Session], asyncio.Future[Any]],
        answered: Callable[[Deliverable, Session, ResponsePdu | BaseException], None],
        *,
        spare: int = 0,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """Queue at most `limit` messages; retry `retry_s` seconds after a temporary error.

        `send` sends a message and returns the future of its answer; `answered` is called
        with the answer or the error. `spare` places of a session's window stay free.
        """
        self.stats = DeliveryQueueStats()
        self.sessions: list[Session] = []
        self.size = 0
        self._limit = limit
        self._retry_s = retry_s
        self._send = send
        self._tell = answered
        self._spare = spare
        self._wall_clock = wall_clock
        self._conversations: dict[NumberPair, deque[QueuedMessage]] = {}
        self._ready: deque[NumberPair] = deque()
        self._turn = 0

    def put(self, message: QueuedMessage) -> bool:
        """Queue a message for delivery; return False if the queue is full."""
        if self.size >= self._limit:
            return False
        conversation = (message.pdu.source_addr, message.pdu.destination_addr)
        messages = self._conversations.get(conversation)
        if messages is None:
            self._conversations[conversation] = messages = deque()
            self._ready.append(conversation)
        messages.append(message)
        self.size += 1
        self.stats.accepted += 1
        self.pump()
        return True

    def attach(self, session: Session) -> None:
        """Add a session to deliver through."""
        self.sessions.append(session)
        self.pump()

    def detach(self, session: Session) -> None:
        """Remove a session."""
        if session in self.sessions:
            self.sessions.remove(session)

    def pump(self) -> None:
        """Send all messages that may be sent now. Never waits; every answer calls it again."""
        while self._ready and (session := self._session_with_room()):
            conversation = self._ready.popleft()
            message = self._conversations[conversation][0]
            try:
                future = self._send(message.pdu, session)
            except UnencodableError:
                self._finish(conversation, Status.ESME_RSUBMITFAIL)
            else:
                future.add_done_callback(partial(self._answered, conversation, session))

    def _session_with_room(self) -> Session | None:
        """Return the next session with room, in turn, so that binds share the load."""
        for _ in self.sessions:
            self._turn = (self._turn + 1) % len(self.sessions)
            session = self.sessions[self._turn]
            if session.window_free() > self._spare:
                return session
        return None

    def _answered(
        self, conversation: NumberPair, session: Session, future: asyncio.Future[Any]
    ) -> None:
        error = asyncio.CancelledError() if future.cancelled() else future.exception()
        outcome: ResponsePdu | BaseException = future.result() if error is None else error
        self._tell(self._conversations[conversation][0].pdu, session, outcome)
        if isinstance(outcome, BaseException):
            # The link is lost or the receiver did not answer: send again.
            self._retry(conversation, self._retry_s if self.sessions else 0.0)
        elif outcome.status and is_temporary(outcome.status):
            self._retry(conversation, self._retry_s)
        else:
            self._finish(conversation, outcome.status)
        self.pump()

    def _retry(self, conversation: NumberPair, delay_s: float) -> None:
        self.stats.retried += 1
        if delay_s:
            loop = asyncio.get_running_loop()
            loop.call_later(delay_s, self._again, conversation)
        else:
            self._ready.appendleft(conversation)

    def _again(self, conversation: NumberPair) -> None:
        self._ready.append(conversation)
        self.pump()

    def _finish(self, conversation: NumberPair, status: int) -> None:
        messages = self._conversations[conversation]
        message = messages.popleft()
        message.status, message.done = status, self._wall_clock()
        self.size -= 1
        if messages:
            self._ready.append(conversation)
        else:
            del self._conversations[conversation]
        if status:
            self.stats.refused += 1
            log.warning("%r was refused: %s", message.pdu, name_of(status))
        else:
            self.stats.delivered += 1
        if message.settled is not None:
            message.settled(status)
