"""What became of a request, as the sentence about it has to tell it. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from inbound.handlers.results import ACKNOWLEDGE_WITHIN_S
from inbound.timeline.model import Clock, ClockState, Verdict
from inbound.timeline.reading import Request
from schemas.events import Command, MessageEvent, MessageUnknown, Plan
from schemas.messages import Outcome, Purpose, ReceiptState

_VERDICTS = {
    "submitted": Verdict.ON_ITS_WAY,
    "rejected": Verdict.REJECTED,
    "unknown": Verdict.UNKNOWN,
    "expired": Verdict.EXPIRED,
    "erased": Verdict.ERASED,
    "delivered": Verdict.DELIVERED,
    "undeliverable": Verdict.UNDELIVERABLE,
    "undetermined": Verdict.UNDETERMINED,
}


@dataclass(frozen=True, slots=True)
class Reply:
    """One of the two messages of a request, as far as it got.

    `at` is when the verdict was known; `sent_at` when the centre took it. `status` is the
    first that is no ESME_ROK; `partly`: other parts were taken. `tried` counts attempts that
    were never answered.
    """

    verdict: Verdict
    at: datetime | None = None
    sent_at: datetime | None = None
    status: int | None = None
    partly: bool = False
    state: ReceiptState | None = None
    error: str | None = None
    parts: int = 1
    parts_delivered: int = 0
    tried: int = 0


@dataclass(frozen=True, slots=True)
class Case:
    """What a sentence tells. `reply` is the message that matters: the fulfilment if one is owed.

    `repeated`: it was so already, and nothing was switched. `waited` is how long the text
    waited to be decided, `open_for` how long the reply has been at the centre.
    """

    command: Command
    plan: Plan
    confirm: bool
    repeated: bool
    arrived_at: datetime
    waited: timedelta
    open_for: timedelta
    clock: Clock
    acknowledgement: Reply
    reply: Reply


def case_of(request: Request, now: datetime, delivered: dict[Purpose, int]) -> Case:
    """Return the case of a request; `delivered` counts parts whose receipt says so."""
    accepted = request.accepted
    on = accepted.facts.notifications_on
    acknowledgement = _reply(request, Purpose.ACKNOWLEDGEMENT, delivered)
    reply = _reply(request, Purpose.FULFILMENT, delivered) if accepted.confirm else acknowledgement
    return Case(
        command=accepted.command,
        plan=accepted.plan,
        confirm=accepted.confirm,
        repeated=(accepted.plan is Plan.STOPPED and not on)
        or (accepted.plan is Plan.STARTED and on),
        arrived_at=accepted.arrived_at,
        waited=accepted.facts.decided_at - accepted.arrived_at,
        open_for=now - (reply.sent_at or now),
        clock=clock_of(accepted.arrived_at, acknowledgement, now),
        acknowledgement=acknowledgement,
        reply=reply,
    )


def clock_of(arrived_at: datetime, acknowledgement: Reply, now: datetime) -> Clock:
    """Return how a request stands to the two minutes within which it is acknowledged."""
    if acknowledgement.sent_at is not None:
        after_s = (acknowledgement.sent_at - arrived_at).total_seconds()
        state = ClockState.KEPT if after_s <= ACKNOWLEDGE_WITHIN_S else ClockState.LATE
        return Clock(state=state, within_s=ACKNOWLEDGE_WITHIN_S, after_s=round(after_s, 3))
    if acknowledgement.verdict is not Verdict.WAITING:
        return Clock(state=ClockState.MISSED, within_s=ACKNOWLEDGE_WITHIN_S)
    left_s = ACKNOWLEDGE_WITHIN_S - (now - arrived_at).total_seconds()
    state = ClockState.RUNNING if left_s >= 0 else ClockState.OVERDUE
    return Clock(state=state, within_s=ACKNOWLEDGE_WITHIN_S, left_s=round(left_s, 3))


def outcome_of(event: MessageEvent) -> Outcome:
    """Return what became of one attempt."""
    return Outcome(event.TYPE.partition(".")[2])


def _reply(request: Request, purpose: Purpose, delivered: dict[Purpose, int]) -> Reply:
    results = request.results(purpose)
    tried = sum(isinstance(event, MessageUnknown) for event in results)
    last = results[-1] if results else None
    if last is None or (isinstance(last, MessageUnknown) and not last.final):
        return Reply(Verdict.WAITING, tried=tried)
    fate = request.fate(purpose)
    sent_at = last.at if outcome_of(last) is Outcome.SUBMITTED else None
    if fate is not None:
        return Reply(
            _VERDICTS[fate.TYPE.partition(".")[2]],
            at=fate.at,
            sent_at=sent_at,
            state=fate.state,
            error=fate.error,
            parts=fate.parts,
        )
    statuses = (part.status for part in last.parts if part.status)
    return Reply(
        _VERDICTS[outcome_of(last).value],
        at=last.at,
        sent_at=sent_at,
        status=next(statuses, None),
        partly=any(part.status == 0 for part in last.parts),
        parts=max(1, len(last.parts)),
        parts_delivered=delivered.get(purpose, 0),
        tried=tried,
    )
