"""Carries out the faults that a script or a magic number asks for, on real links.

Only accounts meet faults; phones are the tester's own hand. A fault that says nothing but
a status or a receipt is answered by the session, in order; any other answer is written
here, so that a late one is overtaken by those after it, as at a real centre.
"""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Final

from inbound.local.simulator.client_links import ClientLinks, kind_of
from inbound.local.simulator.dialects import DEFAULT_PLAN
from inbound.local.simulator.faults import Proceed
from inbound.local.simulator.magic import MagicNumbers
from inbound.local.simulator.malformed import MALFORMED
from inbound.local.simulator.rules import RuleBook
from inbound.local.simulator.scheduler import Scheduler
from inbound.local.simulator.script import Command, Fault, Script
from inbound.local.simulator.settings import PHONE
from inbound.smpp.errors import UnansweredError
from inbound.smpp.pdu import (
    Bind,
    DeliverSm,
    DeliverSmResp,
    EnquireLink,
    QuerySm,
    RequestPdu,
    ResponsePdu,
    SubmitSm,
    encode,
)
from inbound.smpp.session import Answer, Session
from inbound.smpp.status import Status

log = logging.getLogger(__name__)

_CUT: Final = "a fault cut the link"
# sequence_numbers of frames that are not the session's own.
_FOREIGN_SEQUENCE: Final = 0x7FFF0000

Picked = tuple[str, Fault]


class FaultInjector:
    """The faults of a script and of magic numbers; the first rule of the script wins."""

    def __init__(
        self, script: Script, links: ClientLinks, scheduler: Scheduler, *, magic: bool, window: int
    ) -> None:
        """Take at most `window` answers of a link that are put off at one time."""
        self.book = RuleBook(script)
        self._magic = MagicNumbers() if magic else None
        self._links = links
        self._scheduler = scheduler
        self._window = window
        self._rng = random.Random(script.seed)  # noqa: S311 — to be repeated, not secret
        self._put_off: Counter[Session] = Counter()

    async def on_bind(
        self, bind: Bind, session: Session, admit: Callable[[Bind, Session], int]
    ) -> int:
        """Answer a bind; return its status, once the link has ended if it gets no answer."""
        picked = self.book.pick("bind", bind.system_id) if bind.system_id != PHONE else None
        if picked is None:
            return admit(bind, session)
        fault = self._meet(picked, session, bind)
        if delay := self._delay(fault):
            await self._scheduler.sleep(delay)
        status = fault.status or admit(bind, session)
        if fault.no_answer or fault.cut or fault.malformed:
            self._give(bind.answer(status), fault, session)
            await session.wait_closed()
        return status

    async def on_submit(self, pdu: SubmitSm, session: Session, proceed: Proceed) -> Answer:
        """See `Faults`."""
        picked = self._pick_submit(pdu, session)
        if picked is None:
            return await proceed(pdu, session)
        fault = self._meet(picked, session, pdu)
        if fault.slow_reading_s:
            session.pause_reading()
            # Serving waits too: the session reads on by itself as soon as it has answered.
            await self._scheduler.sleep(fault.slow_reading_s)
        delay = self._delay(fault)
        if delay and self._put_off[session] >= self._window:
            return pdu.answer(Status.ESME_RTHROTTLED)
        answer = await self._answer(pdu, session, proceed, fault, delay)
        if answer is None or not (
            delay or fault.no_answer or fault.cut or fault.malformed or fault.duplicate
        ):
            return answer
        answer.sequence = pdu.sequence
        self._give_after(delay, answer, fault, session)
        return None

    def on_deliver(self, pdu: DeliverSm, session: Session) -> asyncio.Future[DeliverSmResp] | None:
        """See `Faults`."""
        picked = self._pick_deliver(pdu, session)
        if picked is None:
            return None
        return self._scheduler.task(self._deliver(self._meet(picked, session, pdu), pdu, session))

    def on_enquire_link(self, pdu: EnquireLink, session: Session) -> bool:
        """Answer an enquire_link with a fault; False when it meets none."""
        return self._stand_in(pdu, session, self._pick_of(session, "enquire_link"), pdu.answer())

    def on_query(self, pdu: QuerySm, session: Session, answer: ResponsePdu) -> bool:
        """Answer a query_sm with a fault, or `answer` in a way of its own; False if with none."""
        return self._stand_in(
            pdu, session, self._pick_of(session, "query_sm", pdu.source_addr), answer
        )

    def _stand_in(
        self, pdu: RequestPdu[Any], session: Session, picked: Picked | None, answer: ResponsePdu
    ) -> bool:
        if picked is None:
            return False
        fault = self._meet(picked, session, pdu)
        answer = pdu.answer(fault.status) if fault.status else answer
        answer.sequence = pdu.sequence
        self._give_after(self._delay(fault), answer, fault, session)
        return True

    # Which fault.

    def _pick_of(
        self, session: Session, command: Command, source: str = "", destination: str = ""
    ) -> Picked | None:
        bound = session.bound_as
        if bound is None or bound.system_id == PHONE:
            return None
        return self.book.pick(command, bound.system_id, source, destination)

    def _pick_submit(self, pdu: SubmitSm, session: Session) -> Picked | None:
        picked = self._pick_of(session, "submit_sm", pdu.source_addr, pdu.destination_addr)
        if picked is None and self._magic and _is_account(session):
            return self._magic.of_submit(pdu)
        return picked

    def _pick_deliver(self, pdu: DeliverSm, session: Session) -> Picked | None:
        command: Command = "receipt" if kind_of(pdu) == "receipt" else "deliver_sm"
        picked = self._pick_of(session, command, pdu.source_addr, pdu.destination_addr)
        if picked is None and self._magic and command == "deliver_sm" and _is_account(session):
            return self._magic.of_deliver(pdu)
        return picked

    def _meet(self, picked: Picked, session: Session, pdu: RequestPdu[Any]) -> Fault:
        label, fault = picked
        self._links.event(session, "fault", label)
        log.debug("%r meets %s on %r", pdu, label, session)
        return fault

    def _delay(self, fault: Fault) -> float:
        low, high = fault.delay_s
        return low if low == high else self._rng.uniform(low, high)

    # Answers of ours.

    async def _answer(
        self, pdu: SubmitSm, session: Session, proceed: Proceed, fault: Fault, delay: float
    ) -> ResponsePdu | None:
        if fault.status or not fault.taken:
            return pdu.answer(fault.status)
        plan = fault.receipt or DEFAULT_PLAN
        if delay and not plan.before_answer:
            plan = plan.model_copy(update={"late_s": plan.late_s + delay})
        answer = await proceed(pdu, session, plan)
        return await answer if isinstance(answer, asyncio.Future) else answer

    def _give_after(
        self, delay: float, answer: ResponsePdu, fault: Fault, session: Session
    ) -> None:
        if not delay:
            self._give(answer, fault, session)
            return

        def give() -> None:
            self._put_off[session] -= 1
            if not self._put_off[session]:
                del self._put_off[session]
            self._give(answer, fault, session)

        self._put_off[session] += 1
        self._scheduler.after(delay, give)

    def _give(self, answer: ResponsePdu, fault: Fault, session: Session) -> None:
        """Write an answer as the fault wants it: whole, twice, malformed, in part, not at all."""
        frame = encode(answer)
        if fault.malformed:
            frame = MALFORMED[fault.malformed](frame)
        if not fault.no_answer and fault.cut != "before":
            session.write(frame[: len(frame) // 2] if fault.cut == "middle" else frame)
            if fault.duplicate:
                session.write(frame)
            self._links.answer(session, f"{_name(answer)}_resp", answer, _how(fault))
        if fault.cut:
            session.close(_CUT)

    # Messages of ours.

    async def _deliver(self, fault: Fault, pdu: DeliverSm, session: Session) -> DeliverSmResp:
        if delay := self._delay(fault):
            await self._scheduler.sleep(delay)
        what = kind_of(pdu)
        if fault.malformed or fault.cut == "middle":
            foreign = _foreign(pdu)
            if fault.malformed:
                session.write(MALFORMED[fault.malformed](foreign))
            else:
                session.write(foreign[: len(foreign) // 2])
            self._links.message(session, what, pdu, _how(fault))
        if fault.cut in {"before", "middle"}:
            session.close(_CUT)
            raise UnansweredError(_CUT)
        answer = await self._send(fault, pdu, session, what)
        if fault.duplicate:
            self._links.answer(session, f"{what}_resp", answer)
            await session.slot()
            answer = await self._send(fault, pdu, session, what)
        if fault.no_answer:
            raise UnansweredError("a fault lost the answer")
        return answer

    def _send(
        self, fault: Fault, pdu: DeliverSm, session: Session, what: str
    ) -> Awaitable[DeliverSmResp]:
        future = session.send(pdu)
        self._links.message(session, what, pdu)
        if fault.cut == "after":
            session.close(_CUT)
        return future


def _is_account(session: Session) -> bool:
    return session.bound_as is not None and session.bound_as.system_id != PHONE


def _foreign(pdu: DeliverSm) -> bytes:
    """Return the frame of a message under a sequence_number that no answer is matched to."""
    own, pdu.sequence = pdu.sequence, _FOREIGN_SEQUENCE
    try:
        return encode(pdu)
    finally:
        pdu.sequence = own


def _name(answer: ResponsePdu) -> str:
    """Return the name of what an answer belongs to, as the ledger says it."""
    names = {0x03: "query_sm", 0x04: "submit_sm", 0x15: "enquire_link", 0x103: "submit_sm"}
    return names.get(answer.command_id & 0xFFFF, "bind")


def _how(fault: Fault) -> str:
    """Return what the ledger says of a PDU that did not leave as it should."""
    words = [f"malformed {fault.malformed}" if fault.malformed else ""]
    words += ["cut in the middle" if fault.cut == "middle" else ""]
    words += ["twice" if fault.duplicate else ""]
    return ", ".join(filter(None, words))
