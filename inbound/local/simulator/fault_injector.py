"""Injects the faults of a script and of magic numbers.

Only accounts meet faults, never phones. A fault with only a status or a receipt is answered
by the session, in order. Any other answer is written here, so that later answers overtake a
delayed one, as at a real SMS centre.
"""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

from inbound.local.simulator.client_links import ClientLinks, kind_of
from inbound.local.simulator.client_session import ClientSession
from inbound.local.simulator.dialects import DEFAULT_PLAN
from inbound.local.simulator.fault_frames import (
    bend_answer,
    describe,
    is_written_here,
    name_of,
    unmatched_frame,
)
from inbound.local.simulator.faults import Proceed
from inbound.local.simulator.habits import UNBIND, bend
from inbound.local.simulator.hostile_values import FORGED, forge, in_message
from inbound.local.simulator.magic import MagicNumbers
from inbound.local.simulator.malformed import MALFORMED
from inbound.local.simulator.rules import RuleBook
from inbound.local.simulator.scheduler import TaskScheduler
from inbound.local.simulator.script import Command, Fault, Script
from inbound.local.simulator.settings import PHONE
from inbound.smpp.errors import UnansweredError
from inbound.smpp.pdu import (
    BindPdu,
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
# Seconds from an unbind to the answer after it, unless the fault says otherwise.
_UNBINDING_S: Final = 0.1

Picked = tuple[str, Fault]


class FaultInjector:
    """Injects faults of a script and of magic numbers. Rules of the script go first."""

    def __init__(
        self,
        script: Script,
        links: ClientLinks,
        scheduler: TaskScheduler,
        *,
        magic: bool,
        window: int,
    ) -> None:
        """Take a script. At most `window` answers are delayed on a link at one time."""
        self.book = RuleBook(script)
        self._magic = MagicNumbers() if magic else None
        self._links = links
        self._scheduler = scheduler
        self._window = window
        self._rng = random.Random(script.seed)  # noqa: S311 — reproducible, not secret
        self._delayed: Counter[Session] = Counter()

    async def on_bind(
        self, bind: BindPdu, session: Session, admit: Callable[[BindPdu, Session], int]
    ) -> int:
        """Return the status of a bind; if it gets no answer, only after the link has ended."""
        picked = self.book.pick("bind", bind.system_id) if bind.system_id != PHONE else None
        if picked is None:
            return admit(bind, session)
        fault = self._record(picked, session, bind)
        if delay := self._delay(fault):
            await self._scheduler.sleep(delay)
        status = fault.status or admit(bind, session)
        if (fault.habit or fault.hostile) and isinstance(session, ClientSession):
            session.bend_bind = partial(bend_answer, fault, bind)
        if fault.no_answer or fault.cut or fault.malformed:
            self._write(bind, bind.answer(status), fault, session)
            await session.wait_closed()
        return status

    async def on_submit(self, pdu: SubmitSm, session: Session, proceed: Proceed) -> Answer:
        """Answer a submit_sm, as `Faults` says."""
        picked = self._pick_submit(pdu, session)
        if picked is None:
            return await proceed(pdu, session)
        fault = self._record(picked, session, pdu)
        if fault.slow_reading_s:
            session.pause_reading()
            # Handling waits too. The session resumes reading as soon as it has answered.
            await self._scheduler.sleep(fault.slow_reading_s)
        delay = self._delay(fault)
        if fault.habit == UNBIND:
            delay = delay or _UNBINDING_S
            self._scheduler.task(session.unbind())
        if delay and self._delayed[session] >= self._window:
            return pdu.answer(Status.ESME_RTHROTTLED)
        answer = await self._answer(pdu, session, proceed, fault, delay)
        if answer is None or not (delay or is_written_here(fault)):
            return answer
        answer.sequence = pdu.sequence
        self._write_after(delay, pdu, answer, fault, session)
        return None

    def on_deliver(self, pdu: DeliverSm, session: Session) -> asyncio.Future[DeliverSmResp] | None:
        """Send a deliver_sm with its fault, as `Faults` says."""
        picked = self._pick_deliver(pdu, session)
        if picked is None:
            return None
        return self._scheduler.task(self._deliver(self._record(picked, session, pdu), pdu, session))

    def on_enquire_link(self, pdu: EnquireLink, session: Session) -> bool:
        """Answer an enquire_link with its fault; False if it has none."""
        return self._answer_with_fault(
            pdu, session, self._pick_of(session, "enquire_link"), pdu.answer()
        )

    def on_query(self, pdu: QuerySm, session: Session, answer: ResponsePdu) -> bool:
        """Answer a query_sm with its fault or send `answer` faultily; False if it has none."""
        return self._answer_with_fault(
            pdu, session, self._pick_of(session, "query_sm", pdu.source_addr), answer
        )

    def _answer_with_fault(
        self, pdu: RequestPdu[Any], session: Session, picked: Picked | None, answer: ResponsePdu
    ) -> bool:
        if picked is None:
            return False
        fault = self._record(picked, session, pdu)
        answer = pdu.answer(fault.status) if fault.status else answer
        answer.sequence = pdu.sequence
        self._write_after(self._delay(fault), pdu, answer, fault, session)
        return True

    # Selecting the fault.

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

    def _record(self, picked: Picked, session: Session, pdu: RequestPdu[Any]) -> Fault:
        label, fault = picked
        self._links.event(session, "fault", label)
        log.debug("%r: fault %s on %r", pdu, label, session)
        return fault

    def _delay(self, fault: Fault) -> float:
        low, high = fault.delay_s
        return low if low == high else self._rng.uniform(low, high)

    # Our answers.

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

    def _write_after(
        self,
        delay: float,
        request: RequestPdu[Any],
        answer: ResponsePdu,
        fault: Fault,
        session: Session,
    ) -> None:
        if not delay:
            self._write(request, answer, fault, session)
            return

        def write() -> None:
            self._delayed[session] -= 1
            if not self._delayed[session]:
                del self._delayed[session]
            self._write(request, answer, fault, session)

        self._delayed[session] += 1
        self._scheduler.after(delay, write)

    def _write(
        self, request: RequestPdu[Any], answer: ResponsePdu, fault: Fault, session: Session
    ) -> None:
        """Write an answer as the fault says: twice, malformed, partly, or not at all."""
        frame = bend_answer(fault, request, encode(answer))
        if fault.malformed:
            frame = MALFORMED[fault.malformed](frame)
        if not fault.no_answer and fault.cut != "before":
            session.write(frame[: len(frame) // 2] if fault.cut == "middle" else frame)
            if fault.duplicate:
                session.write(frame)
            self._links.answer(session, f"{name_of(answer)}_resp", answer, describe(fault))
        if fault.cut:
            session.close(_CUT)

    # Our deliveries.

    async def _deliver(self, fault: Fault, pdu: DeliverSm, session: Session) -> DeliverSmResp:
        if delay := self._delay(fault):
            await self._scheduler.sleep(delay)
        what = kind_of(pdu)
        if fault.malformed or fault.cut == "middle":
            frame = unmatched_frame(pdu)
            if fault.malformed:
                session.write(MALFORMED[fault.malformed](frame))
            else:
                session.write(frame[: len(frame) // 2])
            self._links.message(session, what, pdu, describe(fault))
        if fault.cut in {"before", "middle"}:
            session.close(_CUT)
            raise UnansweredError(_CUT)
        answer = await self._send(fault, pdu, session, what)
        if fault.duplicate:
            self._links.answer(session, f"{what}_resp", answer)
            await session.slot()
            answer = await self._send(fault, pdu, session, what)
        if fault.no_answer:
            raise UnansweredError("a fault discarded the answer")
        return answer

    def _send(
        self, fault: Fault, pdu: DeliverSm, session: Session, what: str
    ) -> Awaitable[DeliverSmResp]:
        if fault.hostile == FORGED:
            session.write(unmatched_frame(forge(pdu)))
        bent = in_message(fault.hostile, bend(fault.habit, pdu))
        future = session.send(bent)
        self._links.message(session, what, bent, describe(fault))
        if fault.cut == "after":
            session.close(_CUT)
        return future


def _is_account(session: Session) -> bool:
    return session.bound_as is not None and session.bound_as.system_id != PHONE
