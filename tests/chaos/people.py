"""Many people who text: commands in every form, and texts that are none.

Nobody repeats their previous command, so every accepted command is a request of its own
whatever time passes between them.
"""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from inbound.smpp.status import Status
from tests.fix_service import Client

_CYCLE: Final = ("client_info", "sms_stop", "sms_start")
_WORDS: Final = {
    "client_info": "CLIENT info",
    "sms_stop": "CLIENT sms stop",
    "sms_start": "CLIENT sms start",
}
_NOISE: Final = ("привет", "CLIENT", "СLIENT info", "client info please", "stop", "")
_UCS_2: Final = 8
_UDHI: Final = 0x40
AT_ONCE: Final = 3
"""Texts of one person that may be on their way."""


@dataclass(slots=True)
class Text:
    """One command that the centre was given: `accepted_at` once it got its positive answer."""

    command: str
    sent_at: float
    accepted_at: float | None = None


@dataclass(slots=True)
class Person:
    """A client with a phone, and what they texted, in order."""

    client: Client
    turn: int
    texts: list[Text] = field(default_factory=list)
    waiting: int = 0


Deliver = Callable[..., "asyncio.Future[int]"]


class People:
    """Texts at a steady rate until told to stop. `deliver` is that of `Service`."""

    def __init__(
        self, clients: list[Client], deliver: Deliver, rng: random.Random, per_second: float
    ) -> None:
        self.people = [Person(client, rng.randrange(3)) for client in clients]
        self.refused: list[int] = []
        self.noise = 0
        self._deliver = deliver
        self._rng = rng
        self._period_s = 1 / per_second
        self._waiting: set[asyncio.Future[int]] = set()
        self._references = 0

    @property
    def waiting(self) -> int:
        """Texts that the service has not accepted yet."""
        return len(self._waiting)

    async def live(self) -> None:
        """Text until cancelled; slower while too much waits, as people would not."""
        due = time.monotonic()
        while True:
            due = max(due + self._period_s, time.monotonic() - 1)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            person = self._rng.choice(self.people)
            if self._rng.random() < 0.1:
                self._send_noise(person)
            elif person.waiting < AT_ONCE:
                self._send_command(person)

    async def answered(self) -> None:
        """Wait until the service has accepted, or refused, every text."""
        while self._waiting:
            await asyncio.wait(self._waiting)

    def _send_noise(self, person: Person) -> None:
        self.noise += 1
        text = self._rng.choice(_NOISE)
        self._put(person, text.encode("utf-16-be"), data_coding=_UCS_2)

    def _send_command(self, person: Person) -> None:
        command = _CYCLE[person.turn % len(_CYCLE)]
        person.turn += 1
        person.waiting += 1
        text = Text(command, time.monotonic())
        person.texts.append(text)
        left = [self._put(person, *form) for form in self._forms(_WORDS[command])]

        def settled(_: "asyncio.Future[int]") -> None:
            if not all(future.done() for future in left):
                return
            person.waiting -= 1
            if all(future.result() == Status.ESME_ROK for future in left):
                text.accepted_at = time.monotonic()
            else:
                self.refused += [future.result() for future in left if future.result()]
                person.texts.remove(text)

        for future in left:
            future.add_done_callback(settled)

    def _forms(self, words: str) -> list[tuple[bytes, dict[str, int]]]:
        """Return the PDUs of a command: plain, in capitals, as UCS-2, or in two parts."""
        form = self._rng.random()
        if form < 0.6:
            return [(words.encode(), {})]
        if form < 0.75:
            return [(words.upper().encode(), {})]
        if form < 0.9:
            return [(words.encode("utf-16-be"), {"data_coding": _UCS_2})]
        self._references = (self._references + 1) % 256
        cut = self._rng.randrange(1, len(words))
        return [
            (
                bytes((5, 0, 3, self._references, 2, number)) + piece.encode(),
                {"esm_class": _UDHI},
            )
            for number, piece in ((1, words[:cut]), (2, words[cut:]))
        ]

    def _put(
        self, person: Person, body: bytes, fields: dict[str, int] | None = None, **more: Any
    ) -> "asyncio.Future[int]":
        future = self._deliver(person.client.number, body, **(fields or {}), **more)
        self._waiting.add(future)
        future.add_done_callback(self._waiting.discard)
        return future
