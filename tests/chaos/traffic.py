"""Clients who text: commands in every form, and texts that are not commands.

No client repeats its previous command, so every accepted command is a request of its own,
however close together two of them arrive.
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
_SPELLINGS: Final = {
    "client_info": "CLIENT info",
    "sms_stop": "CLIENT sms stop",
    "sms_start": "CLIENT sms start",
}
_NOISE: Final = ("привет", "CLIENT", "СLIENT info", "client info please", "stop", "")
_UCS_2: Final = 8
_UDHI: Final = 0x40
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


Deliver = Callable[..., "asyncio.Future[int]"]


class Traffic:
    """Sends texts at a steady rate until cancelled. `deliver` is that of `Service`."""

    def __init__(
        self, clients: list[Client], deliver: Deliver, rng: random.Random, per_second: float
    ) -> None:
        self.clients = [TextingClient(client, rng.randrange(3)) for client in clients]
        self.rejections: list[int] = []
        self._deliver = deliver
        self._rng = rng
        self._period_s = 1 / per_second
        self._unanswered: set[asyncio.Future[int]] = set()
        self._reference = 0

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
            client = self._rng.choice(self.clients)
            if self._rng.random() < 0.1:
                self._send_noise(client)
            elif client.open_texts < MAX_OPEN_TEXTS:
                self._send_command(client)

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
        parts = [self._send(client, *part) for part in self._encode(_SPELLINGS[command])]

        def on_answer(_: "asyncio.Future[int]") -> None:
            if not all(part.done() for part in parts):
                return
            client.open_texts -= 1
            if all(part.result() == Status.ESME_ROK for part in parts):
                text.accepted_at = time.monotonic()
            else:
                self.rejections += [part.result() for part in parts if part.result()]
                client.texts.remove(text)

        for part in parts:
            part.add_done_callback(on_answer)

    def _encode(self, spelling: str) -> list[tuple[bytes, dict[str, int]]]:
        """Return a command's PDUs: plain, in capitals, as UCS-2, or in two parts."""
        form = self._rng.random()
        if form < 0.6:
            return [(spelling.encode(), {})]
        if form < 0.75:
            return [(spelling.upper().encode(), {})]
        if form < 0.9:
            return [(spelling.encode("utf-16-be"), {"data_coding": _UCS_2})]
        self._reference = (self._reference + 1) % 256
        cut = self._rng.randrange(1, len(spelling))
        return [
            (
                bytes((5, 0, 3, self._reference, 2, number)) + piece.encode(),
                {"esm_class": _UDHI},
            )
            for number, piece in ((1, spelling[:cut]), (2, spelling[cut:]))
        ]

    def _send(
        self,
        client: TextingClient,
        body: bytes,
        fields: dict[str, int] | None = None,
        **more: Any,
    ) -> "asyncio.Future[int]":
        future = self._deliver(client.client.number, body, **(fields or {}), **more)
        self._unanswered.add(future)
        future.add_done_callback(self._unanswered.discard)
        return future
