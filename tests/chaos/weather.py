"""What goes wrong at the SMS centre, and the book of what it took.

Faults come and go while the centre runs: each is a script of the simulator, for a while.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from inbound.local.simulator.dialects import DEFAULT_PLAN, ReceiptPlan
from inbound.local.simulator.fault_injector import FaultInjector
from inbound.local.simulator.faults import Proceed
from inbound.local.simulator.rules import RuleBook
from inbound.local.simulator.script import Script
from inbound.local.simulator.server import Simulator
from inbound.local.simulator.settings import PHONE
from inbound.smpp import alphabet
from inbound.smpp.pdu import DeliverSm, DeliverSmResp, SubmitSm
from inbound.smpp.segmentation import body_of, part_of
from inbound.smpp.session import Answer, Session
from inbound.smpp.status import Status

_CALM: Final = RuleBook(Script())


@dataclass(frozen=True, slots=True)
class Taken:
    """One submit_sm that the centre took: from here on the client may have it.

    `at` is in seconds of the monotonic clock; `part` is 0 for a text in one PDU.
    """

    number: str
    text: str
    part: int
    total: int
    at: float


class Weather:
    """The centre's faults of the moment. Give it to a `Simulator`, then `settle_at` that centre."""

    def __init__(self) -> None:
        self.taken: list[Taken] = []
        self.statuses: Counter[str] = Counter()
        self._fronts: list[FaultInjector] = []
        self._centre: Simulator | None = None

    def settle_at(self, centre: Simulator) -> None:
        """Take the centre whose links are to be broken."""
        self._centre = centre

    @contextmanager
    def front(self, seed: int, *rules: dict[str, Any]) -> Iterator[None]:
        """Let these rules of a script hold for as long as the block lasts."""
        assert self._centre is not None
        script = Script.model_validate({"seed": seed, "rule": rules})
        scripted = FaultInjector(
            script, self._centre._links, self._centre._scheduler, magic=False, window=500
        )
        self._fronts.append(scripted)
        if scripted.book.has("bind"):
            self._centre._injector.book = scripted.book
        try:
            yield
        finally:
            self._fronts.remove(scripted)
            if self._centre._injector.book is scripted.book:
                self._centre._injector.book = _CALM

    def cut_all(self, reason: str) -> None:
        """End every link of the account at once."""
        assert self._centre is not None
        for client in self._centre._clients.values():
            for session in list(client.queue.sessions):
                session.abort(reason)

    async def on_submit(self, pdu: SubmitSm, session: Session, proceed: Proceed) -> Answer:
        """See `Faults`."""
        if session.bound_as is None or session.bound_as.system_id == PHONE:
            return await proceed(pdu, session)
        return await self._pass(tuple(self._fronts), pdu, session, proceed)

    async def _pass(
        self, fronts: tuple[FaultInjector, ...], pdu: SubmitSm, session: Session, proceed: Proceed
    ) -> Answer:
        if not fronts:
            return await self._take(pdu, session, proceed, DEFAULT_PLAN)
        first, *rest = fronts

        def inner(
            pdu: SubmitSm, session: Session, receipt: ReceiptPlan = DEFAULT_PLAN
        ) -> Awaitable[Answer]:
            if rest:
                return self._pass(tuple(rest), pdu, session, proceed)
            return self._take(pdu, session, proceed, receipt)

        return await first.on_submit(pdu, session, inner)

    async def _take(
        self, pdu: SubmitSm, session: Session, proceed: Proceed, receipt: ReceiptPlan
    ) -> Answer:
        answer = await proceed(pdu, session, receipt)
        if not isinstance(answer, asyncio.Future) and answer and answer.status == Status.ESME_ROK:
            part = part_of(pdu)
            body = alphabet.decode(part.body if part else body_of(pdu), pdu.data_coding)
            self.taken.append(
                Taken(
                    f"+{pdu.destination_addr}",
                    body or "",
                    part.sequence if part else 0,
                    part.total if part else 1,
                    time.monotonic(),
                )
            )
        return answer

    def on_deliver(self, pdu: DeliverSm, session: Session) -> asyncio.Future[DeliverSmResp] | None:
        """See `Faults`."""
        for front in self._fronts:
            if (answer := front.on_deliver(pdu, session)) is not None:
                return answer
        return None
