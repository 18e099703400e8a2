"""The load generator: an SMSC that sends commands and measures when replies arrive."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from typing_extensions import override

from inbound.smpp.errors import SmppError
from inbound.smpp.listener import Listener, listen
from inbound.smpp.pdu import DeliverSm, DeliverSmResp, RequestPdu, ResponsePdu, SubmitSm
from inbound.smpp.session import Session, SessionSettings, SessionState

FEDERAL_NUMBER = "79086228779"
FIRST_RECIPIENT = 79_200_000_000
"""From this number on people only receive; clients who text have smaller ones."""


@dataclass(slots=True)
class Run:
    """What was sent and when its replies were accepted; times of the monotonic clock."""

    expected: int = 0
    sent_at: dict[str, float] = field(default_factory=dict)
    acknowledged_at: dict[str, float] = field(default_factory=dict)
    fulfilled_at: dict[str, float] = field(default_factory=dict)
    refused: int = 0
    extra: int = 0
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def latencies(self) -> list[float]:
        """Seconds from sending a text to accepting its acknowledgement, sorted."""
        return sorted(at - self.sent_at[n] for n, at in self.acknowledged_at.items())


class LoadSmsc:
    """Accepts one transceiver bind and drives it."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._ids = count(1)
        self._bound = asyncio.Event()
        self._session: Session | None = None
        self._listener: Listener | None = None
        self._again: set[asyncio.Future[None]] = set()
        self.run = Run()

    async def start(self, port: int = 0) -> int:
        """Listen and return the port."""
        self._listener = await listen(
            "127.0.0.1",
            port,
            on_bind=self._on_bind,
            on_request=self._on_request,
            on_change=self._on_change,
            settings=SessionSettings(window=self._window, response_timeout_s=60),
        )
        return self._listener.port

    async def bound(self) -> None:
        """Wait until the service has bound."""
        await self._bound.wait()

    async def stop(self) -> None:
        """Unbind and stop listening."""
        if self._listener is not None:
            await self._listener.close()

    async def text(self, numbers: Sequence[str], body: bytes, rate: float | None = None) -> Run:
        """Send `body` from each number, `rate` per second or as fast as the window allows.

        Returns once every number has its two replies.
        """
        run = self.run = Run(expected=len(numbers))
        begin = time.monotonic()
        for n, number in enumerate(numbers):
            if rate is not None:
                await asyncio.sleep(max(0.0, begin + n / rate - time.monotonic()))
            run.sent_at[number] = time.monotonic()
            await self._send(number, body)
        await run.done.wait()
        return run

    async def _send(self, number: str, body: bytes) -> None:
        """Deliver one text as soon as there is a session with room in its window."""
        while True:
            await self._bound.wait()
            session = self._session
            if session is None:
                raise RuntimeError("no session is bound")
            try:
                await session.slot()
            except SmppError:
                await session.wait_closed()
                continue
            session.send(_deliver(number, body)).add_done_callback(
                lambda answered: self._note_answer(number, body, answered)
            )
            return

    def _note_answer(
        self, number: str, body: bytes, answered: asyncio.Future[DeliverSmResp]
    ) -> None:
        if answered.cancelled():
            return
        error = answered.exception()
        if isinstance(error, SmppError) or (error is None and answered.result().status):
            # A real SMSC also delivers again after an error.
            self.run.refused += 1
            again = asyncio.ensure_future(self._send(number, body))
            self._again.add(again)
            again.add_done_callback(self._again.discard)

    async def _on_bind(self, _bind: object, session: Session) -> int:
        self._session = session
        return 0

    def _on_change(self, session: Session) -> None:
        if session.state is SessionState.BOUND:
            self._session = session
            self._bound.set()
        elif session is self._session:
            self._bound.clear()

    async def _on_request(self, request: RequestPdu[Any], _session: Session) -> ResponsePdu:
        answer = request.answer()
        if isinstance(request, SubmitSm):
            answer.message_id = str(next(self._ids))
            self._note_reply(request.destination_addr)
        response: ResponsePdu = answer
        return response

    def _note_reply(self, number: str) -> None:
        run, now = self.run, time.monotonic()
        if number not in run.acknowledged_at:
            run.acknowledged_at[number] = now
        elif number not in run.fulfilled_at:
            run.fulfilled_at[number] = now
            if len(run.fulfilled_at) == run.expected:
                run.done.set()
        else:
            run.extra += 1


class ReceivingSmsc(LoadSmsc):
    """Counts, beside what clients text, what is submitted to numbers from `first` on."""

    def __init__(self, window: int, first: int) -> None:
        super().__init__(window)
        self._first = first
        self.received = 0
        self.last_at = 0.0
        self._wanted = 0
        self._has_all = asyncio.Event()

    async def has_received(self, count: int, patience_s: float) -> bool:
        """Wait until the recipients have received so many messages, or for so long."""
        self._wanted = count
        self._has_all.clear()
        if self.received < count:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._has_all.wait(), patience_s)
        return self.received >= count

    @override
    def _note_reply(self, number: str) -> None:
        if int(number) >= self._first:
            self.received += 1
            self.last_at = time.monotonic()
            if self.received >= self._wanted:
                self._has_all.set()
        else:
            super()._note_reply(number)


def _deliver(number: str, body: bytes) -> DeliverSm:
    return DeliverSm(
        source_addr_ton=1,
        source_addr_npi=1,
        source_addr=number,
        dest_addr_ton=1,
        dest_addr_npi=1,
        destination_addr=FEDERAL_NUMBER,
        short_message=body,
    )
