"""Messages that wait for one receiver: an ESME's account, or a phone.

What always holds: of one conversation (source and destination) a single message is on its
way, and the next follows once that one is accepted or refused for good, so the receiver
sees them in order; conversations do not wait for each other; at most `limit` messages are
kept. A message is handed over at least once: after a temporary error or a lost link it
goes again.
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

Conversation = tuple[str, str]
Deliverable = DeliverSm | DataSm


@dataclass(slots=True, eq=False)
class QueuedMessage:
    """A message to hand over, and whom to tell its final command_status.

    `sender` is the account it came from. The mailbox writes down what became of it:
    `status`, and when, in seconds since 1970.
    """

    pdu: Deliverable
    settled: Callable[[int], None] | None = None
    sender: str = ""
    status: int | None = None
    done: float = 0.0


@dataclass(slots=True)
class DeliveryQueueStats:
    """Counters of one mailbox: what became of the messages handed to it."""

    accepted: int = 0
    delivered: int = 0
    refused: int = 0
    retried: int = 0


class DeliveryQueue:
    """The queue of one receiver, and the sessions it is bound with."""

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
        """Keep at most `limit` messages; try again `retry_s` seconds after a temporary error.

        `send` sends one and returns the future of its answer; `answered` hears of that, or
        why there was none. So much of a session's window is left `spare`.
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
        self._queues: dict[Conversation, deque[QueuedMessage]] = {}
        self._ready: deque[Conversation] = deque()
        self._turn = 0

    def put(self, letter: QueuedMessage) -> bool:
        """Take a message and deliver it as soon as that can be; False when the box is full."""
        if self.size >= self._limit:
            return False
        conversation = (letter.pdu.source_addr, letter.pdu.destination_addr)
        queue = self._queues.get(conversation)
        if queue is None:
            self._queues[conversation] = queue = deque()
            self._ready.append(conversation)
        queue.append(letter)
        self.size += 1
        self.stats.accepted += 1
        self.pump()
        return True

    def attach(self, session: Session) -> None:
        """Deliver through this session too."""
        self.sessions.append(session)
        self.pump()

    def detach(self, session: Session) -> None:
        """Deliver through this session no more."""
        if session in self.sessions:
            self.sessions.remove(session)

    def pump(self) -> None:
        """Send what may be sent now. Never waits; every answer pumps again."""
        while self._ready and (session := self._session_with_room()):
            conversation = self._ready.popleft()
            letter = self._queues[conversation][0]
            try:
                future = self._send(letter.pdu, session)
            except UnencodableError:
                self._finish(conversation, Status.ESME_RSUBMITFAIL)
            else:
                future.add_done_callback(partial(self._answered, conversation, session))

    def _session_with_room(self) -> Session | None:
        """Take the sessions in turn, so that several binds share the load."""
        for _ in self.sessions:
            self._turn = (self._turn + 1) % len(self.sessions)
            session = self.sessions[self._turn]
            if session.window_free() > self._spare:
                return session
        return None

    def _answered(
        self, conversation: Conversation, session: Session, future: asyncio.Future[Any]
    ) -> None:
        error = asyncio.CancelledError() if future.cancelled() else future.exception()
        outcome: ResponsePdu | BaseException = future.result() if error is None else error
        self._tell(self._queues[conversation][0].pdu, session, outcome)
        if isinstance(outcome, BaseException):
            # The link is gone or the receiver is silent: the message goes again.
            self._retry(conversation, self._retry_s if self.sessions else 0.0)
        elif outcome.status and is_temporary(outcome.status):
            self._retry(conversation, self._retry_s)
        else:
            self._finish(conversation, outcome.status)
        self.pump()

    def _retry(self, conversation: Conversation, delay_s: float) -> None:
        self.stats.retried += 1
        if delay_s:
            loop = asyncio.get_running_loop()
            loop.call_later(delay_s, self._again, conversation)
        else:
            self._ready.appendleft(conversation)

    def _again(self, conversation: Conversation) -> None:
        self._ready.append(conversation)
        self.pump()

    def _finish(self, conversation: Conversation, status: int) -> None:
        queue = self._queues[conversation]
        letter = queue.popleft()
        letter.status, letter.done = status, self._wall_clock()
        self.size -= 1
        if queue:
            self._ready.append(conversation)
        else:
            del self._queues[conversation]
        if status:
            self.stats.refused += 1
            log.warning("%r was refused: %s", letter.pdu, name_of(status))
        else:
            self.stats.delivered += 1
        if letter.settled is not None:
            letter.settled(status)
