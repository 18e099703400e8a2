"""What was sent to the programs of one account, and is not settled in the database.

A delivery is one deliver_sm, or several: the parts of a text, which may be more than the window of
its link takes. It is answered when all its parts are.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from inbound.smpp.pdu import DeliverSm, DeliverSmResp
from inbound.smpp.session import Session, SessionState
from inbound.store.smpp.rows import Topic, WaitingDelivery

_GATHER_S: Final = 0.01
"""Answers share a transaction if they come within this time; when all have come it ends."""

DeliverAnswer = asyncio.Future[DeliverSmResp]


@dataclass(slots=True, eq=False)
class SentDelivery:
    """A delivery that was begun on a link. Parts are forgotten when they are sent."""

    id: int
    topic: Topic
    session: Session
    unsent: deque[DeliverSm] = field(repr=False)
    answers: list[DeliverAnswer] = field(default_factory=list)

    def send(self, on_answer: Callable[[DeliverAnswer], None]) -> None:
        """Send as many parts as the window takes; on a link that has ended all fail."""
        while self.unsent and (self.session.window_free() or _has_ended(self.session)):
            answer = self.session.send(self.unsent[0])
            self.unsent.popleft()
            self.answers.append(answer)
            answer.add_done_callback(on_answer)

    @property
    def is_answered(self) -> bool:
        """Whether nothing is left to send or to be answered."""
        return not self.unsent and all(answer.done() for answer in self.answers)


class Outstanding:
    """The outstanding deliveries of an account, over all its links. For one event loop."""

    def __init__(self) -> None:
        self._sent: dict[int, SentDelivery] = {}
        self._woken = asyncio.Event()
        self.newest = 0
        """The highest id that was begun."""
        self.acknowledged: list[int] = []
        """Those to delete. They are kept here until the database has deleted them."""

    def __len__(self) -> int:
        """How many deliveries were begun and not yet taken as answered."""
        return len(self._sent)

    @property
    def topics(self) -> Collection[Topic]:
        """What they are about. No other delivery about it is begun before they are settled."""
        return {one.topic for one in self._sent.values()}

    def begin(self, one: WaitingDelivery, session: Session, pdus: Iterable[DeliverSm]) -> None:
        """Send a delivery, or as many of its parts as the window takes."""
        self._sent[one.id] = SentDelivery(one.id, one.topic, session, deque(pdus))
        self.newest = max(self.newest, one.id)
        self._sent[one.id].send(self._on_answer)

    def send_more(self) -> None:
        """Send the next parts of texts that are partly sent."""
        for one in self._sent.values():
            one.send(self._on_answer)

    def take_answered(self) -> Sequence[SentDelivery]:
        """Return those that were answered, and forget them."""
        answered = [one for one in self._sent.values() if one.is_answered]
        for one in answered:
            del self._sent[one.id]
        return answered

    def wake(self) -> None:
        """End `wait`, because there are new deliveries."""
        self._woken.set()

    async def wait(self, limit_s: float) -> None:
        """Wait for an answer, `wake` or the time limit; after an answer a little for others."""
        with suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await self._woken.wait()
        if any(answer.done() for answer in self._answers()):
            await self.wait_for_all(_GATHER_S)
        self._woken.clear()

    async def wait_for_all(self, limit_s: float | None) -> None:
        """Wait until all that was sent is answered, or for the time limit."""
        if answers := self._answers():
            await asyncio.wait(answers, timeout=limit_s)

    def _answers(self) -> list[DeliverAnswer]:
        return [answer for one in self._sent.values() for answer in one.answers]

    def _on_answer(self, answer: DeliverAnswer) -> None:
        if not answer.cancelled():
            answer.exception()  # retrieved: at the end of the process nobody looks at it
        self._woken.set()


def _has_ended(session: Session) -> bool:
    return session.state is not SessionState.BOUND or bool(session.reason)
