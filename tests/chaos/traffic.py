"""Clients who text: commands in every form, and texts that are not commands.

The parts of a long text travel at the same time, over different binds, and name the receiver in
different forms; the client sends nothing else until all of them are accepted.

No client repeats its previous command, so every accepted command is a request of its own,
however close together two of them arrive.
"""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

from inbound.smpp.status import Status
from tests.fix_service import Client

_CYCLE: Final = ("client_info", "sms_stop", "sms_start")
_SPELLINGS: Final = {
    "client_info": "CLIENT info",
    "sms_stop": "CLIENT sms stop",
    "sms_start": "CLIENT sms start",
}
_NOISE: Final = ("привет", "CLIENT", "СLIENT info", "client info please", "stop", "")
_UCS_2: Final = 8
_UDHI: Final = 0x40
_RECEIVERS: Final[tuple[dict[str, Any], ...]] = (
    {"destination_addr": "79086228779"},
    {"destination_addr": "+79086228779"},
    {"destination_addr": "89086228779", "dest_addr_ton": 0},
)
"""The service's number as SMS centres write it. Each is a queue of its own in the simulator, so
parts don't wait for each other, and the simulator's binds take turns."""

Piece = tuple[bytes, dict[str, Any]]
"""The short_message of one PDU, and its other fields."""

MAX_OPEN_TEXTS: Final = 3
"""Commands of one client that may be unanswered at a time."""


@dataclass(slots=True)
class SentText:
    """One command given to the SMS centre. Times are of the monotonic clock.

    `accepted_at` is when the service answered the last of its PDUs with ESME_ROK.
    """

    command: str
    sent_at: float
    accepted_at: float | None = None


@dataclass(slots=True)
class TextingClient:
    """A client with a phone and the commands it sent, in order."""

    client: Client
    turn: int
    texts: list[SentText] = field(default_factory=list)
    open_texts: int = 0
    reference: int = 0
    sends_parts: bool = False


Deliver = Callable[..., "asyncio.Future[int]"]


class Traffic:
    """Sends texts at a steady rate until cancelled. `deliver` is that of `Service`.

    It sends nothing while `is_paused`.
    """

    def __init__(
        self, clients: list[Client], deliver: Deliver, rng: random.Random, per_second: float
    ) -> None:
        self.clients = [TextingClient(client, rng.randrange(3)) for client in clients]
        self.rejections: list[int] = []
        self.is_paused = False
        self._deliver = deliver
        self._rng = rng
        self._period_s = 1 / per_second
        self._unanswered: set[asyncio.Future[int]] = set()

    @property
    def unanswered(self) -> int:
        """PDUs that the service has not answered for good."""
        return len(self._unanswered)

    async def run(self) -> None:
        """Send until cancelled. A client with too many unanswered commands sends no more."""
        due = time.monotonic()
        while True:
            due = max(due + self._period_s, time.monotonic() - 1)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if self.is_paused:
                continue
            client = self._rng.choice(self.clients)
            if self._rng.random() < 0.1:
                self._send_noise(client)
            else:
                self.send_next(client)

    def send_next(self, client: TextingClient) -> None:
        """Send the client's next command, unless it has to wait for answers first."""
        if client.open_texts < MAX_OPEN_TEXTS and not client.sends_parts:
            self._send_command(client)

    async def wait_until_few(self, at_most: int) -> None:
        """Wait until at most so many PDUs are unanswered."""
        while len(self._unanswered) > at_most:
            await asyncio.wait(self._unanswered, return_when=asyncio.FIRST_COMPLETED)

    async def wait_until_answered(self) -> None:
        """Wait until the service has accepted or rejected every text."""
        while self._unanswered:
            await asyncio.wait(self._unanswered)

    def _send_noise(self, client: TextingClient) -> None:
        text = self._rng.choice(_NOISE)
        self._send(client, text.encode("utf-16-be"), data_coding=_UCS_2)

    def _send_command(self, client: TextingClient) -> None:
        command = _CYCLE[client.turn % len(_CYCLE)]
        client.turn += 1
        client.open_texts += 1
        text = SentText(command, time.monotonic())
        client.texts.append(text)
        pieces = self._encode(client, _SPELLINGS[command])
        client.sends_parts = len(pieces) > 1
        # One callback for all parts: with one each, parts answered together would count twice.
        answers = asyncio.gather(*(self._send(client, body, **fields) for body, fields in pieces))

        def on_answers(answered: "asyncio.Future[list[int]]") -> None:
            client.open_texts -= 1
            client.sends_parts = False
            statuses = answered.result()
            if all(status == Status.ESME_ROK for status in statuses):
                text.accepted_at = time.monotonic()
            else:
                self.rejections += [status for status in statuses if status]
                client.texts.remove(text)

        answers.add_done_callback(on_answers)

    def _encode(self, client: TextingClient, spelling: str) -> Sequence[Piece]:
        """Return a command's PDUs: plain, in capitals, as UCS-2, or in two or three parts."""
        form = self._rng.random()
        if form >= 0.8 and client.open_texts == 1:
            return self._split(client, spelling)
        if form < 0.5:
            return [(spelling.encode(), {})]
        if form < 0.65:
            return [(spelling.upper().encode(), {})]
        return [(spelling.encode("utf-16-be"), {"data_coding": _UCS_2})]

    def _split(self, client: TextingClient, spelling: str) -> Sequence[Piece]:
        """Return the parts of a text, in random order, with a reference of 8 or 16 bits."""
        total = self._rng.choice((2, 3))
        cuts = sorted(self._rng.sample(range(1, len(spelling)), total - 1))
        texts = [spelling[a:b] for a, b in pairwise((0, *cuts, len(spelling)))]
        coding = self._rng.choice((0, _UCS_2))
        encoding = "utf-16-be" if coding else "ascii"
        client.reference = (client.reference + 1) % 256
        element = self._rng.choice((b"\x05\x00\x03", b"\x06\x08\x04\x00"))
        pieces = []
        for number, (text, receiver) in enumerate(zip(texts, _RECEIVERS, strict=False), 1):
            header = element + bytes((client.reference, total, number))
            fields = receiver | {"esm_class": _UDHI, "data_coding": coding}
            pieces.append((header + text.encode(encoding), fields))
        self._rng.shuffle(pieces)
        return pieces

    def _send(self, client: TextingClient, body: bytes, **fields: Any) -> "asyncio.Future[int]":
        future = self._deliver(client.client.number, body, **fields)
        self._unanswered.add(future)
        future.add_done_callback(self._unanswered.discard)
        return future
