"""Messages that wait for one receiver: an ESME's account, or a phone.

What always holds: of one conversation (source and destination) a single message is on its
way, and the next follows once that one is accepted or refused for good, so the receiver
sees them in order; conversations do not wait for each other; at most `limit` messages are
kept. A message is handed over at least once: after a temporary error or a lost link it
goes again.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from inbound.smpp.errors import UnencodableError
from inbound.smpp.pdu import DeliverSm, DeliverSmResp
from inbound.smpp.session import Session
from inbound.smpp.status import Status, is_temporary, name_of

log = logging.getLogger(__name__)

Conversation = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Letter:
    """A message to hand over, and whom to tell its final command_status."""

    pdu: DeliverSm
    settled: Callable[[int], None] | None = None


@dataclass(slots=True)
class MailboxStats:
    """Counters of one mailbox: what became of the messages handed to it."""

    accepted: int = 0
    delivered: int = 0
    refused: int = 0
    retried: int = 0


class Mailbox:
    """The queue of one receiver, and the sessions it is bound with."""

    def __init__(
        self,
        limit: int,
        retry_s: float,
        *,
        before: Callable[[DeliverSm, Session], None] = lambda _pdu, _session: None,
    ) -> None:
        """Keep at most `limit` messages; try again `retry_s` seconds after a temporary error.

        `before` is called with each deliver_sm that is about to leave.
        """
        self.stats = MailboxStats()
        self.sessions: list[Session] = []
        self.size = 0
        self._limit = limit
        self._retry_s = retry_s
        self._before = before
        self._queues: dict[Conversation, deque[Letter]] = {}
        self._ready: deque[Conversation] = deque()
        self._turn = 0

    def put(self, letter: Letter) -> bool:
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
            self._before(letter.pdu, session)
            try:
                future = session.send(letter.pdu)
            except UnencodableError:
                self._finish(conversation, Status.ESME_RSUBMITFAIL)
            else:
                future.add_done_callback(partial(self._answered, conversation))

    def _session_with_room(self) -> Session | None:
        """Take the sessions in turn, so that several binds share the load."""
        for _ in self.sessions:
            self._turn = (self._turn + 1) % len(self.sessions)
            session = self.sessions[self._turn]
            if session.window_free() > 0:
                return session
        return None

    def _answered(self, conversation: Conversation, future: asyncio.Future[DeliverSmResp]) -> None:
        if future.cancelled() or future.exception() is not None:
            # The link is gone or the receiver is silent: the message goes again.
            self._retry(conversation, self._retry_s if self.sessions else 0.0)
        elif is_temporary(future.result().status):
            self._retry(conversation, self._retry_s)
        else:
            self._finish(conversation, future.result().status)
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
