"""Faults of the SMS centres that come and go, and a record of the messages they accepted.

Each fault is a script of the simulator that applies for a while.
"""

import asyncio
import time
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from inbound.local.simulator.attacks import ATTACKS
from inbound.local.simulator.dialects import DEFAULT_PLAN, ReceiptPlan
from inbound.local.simulator.fault_injector import FaultInjector
from inbound.local.simulator.faults import Proceed
from inbound.local.simulator.rules import RuleBook
from inbound.local.simulator.script import Attack, Script
from inbound.local.simulator.server import Simulator
from inbound.local.simulator.settings import PHONE
from inbound.smpp import alphabet
from inbound.smpp.pdu import DeliverSm, DeliverSmResp, SubmitSm
from inbound.smpp.session import Answer, Session
from inbound.smpp.status import Status
from inbound.smpp.user_data import body_of, part_of

_ATTACK_RATE: Final = 200.0
_ATTACK_RATES: Final = {
    "large_parts": 10.0,
    "slow_octets": 20.0,
    **dict.fromkeys(("alerts", "outbinds", "enquiries", "unmatched_answers"), 2_000.0),
}
"""PDUs a second on each link: few of those that have to be stored."""

_NO_RULES: Final = RuleBook(Script())


@dataclass(frozen=True, slots=True)
class AcceptedSubmit:
    """One submit_sm that an SMS centre accepted: the client may have got it.

    `at` is in seconds of the monotonic clock; `part` is 0 for a message in one PDU.
    """

    number: str
    text: str
    part: int
    total: int
    at: float


class SmscFaults:
    """The faults in effect, at all SMS centres. Give it to each, then call `attach` with them."""

    def __init__(self) -> None:
        self.accepted: list[AcceptedSubmit] = []
        self._injectors: list[FaultInjector] = []
        self._centres: Mapping[str, Simulator] = {}

    def attach(self, centres: Mapping[str, Simulator]) -> None:
        """Set the SMS centres whose links the faults break, by their names."""
        self._centres = centres

    @contextmanager
    def apply(self, seed: int, *rules: dict[str, Any]) -> Iterator[None]:
        """Apply these rules of a script for the duration of the block, at all SMS centres."""
        script = Script.model_validate({"seed": seed, "rule": rules})
        # Of the simulator it needs a ledger and a scheduler: that of any.
        first = next(iter(self._centres.values()))
        injector = FaultInjector(script, first._links, first._scheduler, magic=False, window=500)
        self._injectors.append(injector)
        try:
            yield
        finally:
            self._injectors.remove(injector)

    @contextmanager
    def apply_to_binds(self, seed: int, effect: dict[str, Any], centre: str) -> Iterator[None]:
        """Cut the links of one SMS centre, or of all (""); bind requests have this effect.

        Of two such faults at once the later one counts.
        """
        rule = {"match": {"command": "bind"}, "fault": effect}
        centres = [each for name, each in self._centres.items() if centre in {"", name}]
        with self._replace_books(seed, rule, centres):
            for each in centres:
                _cut_links(each)
            yield

    @contextmanager
    def apply_to_queries(self, seed: int, effect: dict[str, Any]) -> Iterator[None]:
        """Answer query_sm with this effect, at all SMS centres, as `apply_to_binds` does."""
        rule = {"match": {"command": "query_sm"}, "fault": effect}
        with self._replace_books(seed, rule, list(self._centres.values())):
            yield

    @contextmanager
    def _replace_books(
        self, seed: int, rule: dict[str, Any], centres: Sequence[Simulator]
    ) -> Iterator[None]:
        book = RuleBook(Script.model_validate({"seed": seed, "rule": [rule]}))
        for each in centres:
            each._injector.book = book
        try:
            yield
        finally:
            for each in centres:
                if each._injector.book is book:
                    each._injector.book = _NO_RULES

    async def attack(self, kind: str, lasts_s: float) -> None:
        """Attack every link for a while; cut those that the attack would starve for longer."""
        per_second = _ATTACK_RATES.get(kind, _ATTACK_RATE)
        attack = Attack(kind=kind, count=max(1, int(per_second * lasts_s)), per_second=per_second)
        centres = self._centres.values()
        with suppress(TimeoutError):
            async with asyncio.timeout(lasts_s):
                await asyncio.gather(*(each.attack(attack) for each in centres))
                if ATTACKS[kind].is_slow:
                    await asyncio.sleep(lasts_s)
        if ATTACKS[kind].is_deaf or ATTACKS[kind].is_slow:
            for each in centres:
                _cut_links(each)

    async def on_submit(self, pdu: SubmitSm, session: Session, proceed: Proceed) -> Answer:
        """Answer a submit_sm, as `Faults` says."""
        if session.bound_as is None or session.bound_as.system_id == PHONE:
            return await proceed(pdu, session)
        return await self._submit_through(tuple(self._injectors), pdu, session, proceed)

    async def _submit_through(
        self,
        injectors: tuple[FaultInjector, ...],
        pdu: SubmitSm,
        session: Session,
        proceed: Proceed,
    ) -> Answer:
        """Pass a submit_sm through the injectors, the oldest first."""
        if not injectors:
            return await self._submit(pdu, session, proceed, DEFAULT_PLAN)
        first, *rest = injectors

        def inner(
            pdu: SubmitSm, session: Session, receipt: ReceiptPlan = DEFAULT_PLAN
        ) -> Awaitable[Answer]:
            if rest:
                return self._submit_through(tuple(rest), pdu, session, proceed)
            return self._submit(pdu, session, proceed, receipt)

        return await first.on_submit(pdu, session, inner)

    async def _submit(
        self, pdu: SubmitSm, session: Session, proceed: Proceed, receipt: ReceiptPlan
    ) -> Answer:
        answer = await proceed(pdu, session, receipt)
        if not isinstance(answer, asyncio.Future) and answer and answer.status == Status.ESME_ROK:
            part = part_of(pdu)
            body = alphabet.decode(part.body if part else body_of(pdu), pdu.data_coding)
            self.accepted.append(
                AcceptedSubmit(
                    f"+{pdu.destination_addr}",
                    body or "",
                    part.sequence if part else 0,
                    part.total if part else 1,
                    time.monotonic(),
                )
            )
        return answer

    def on_deliver(self, pdu: DeliverSm, session: Session) -> asyncio.Future[DeliverSmResp] | None:
        """Deliver a deliver_sm with the first fault that applies, as `Faults` says."""
        for injector in self._injectors:
            if (answer := injector.on_deliver(pdu, session)) is not None:
                return answer
        return None


def _cut_links(centre: Simulator) -> None:
    """Cut every link of the account at once."""
    for client in centre._clients.values():
        for session in list(client.queue.sessions):
            session.abort("the campaign cuts every link")
