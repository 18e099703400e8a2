"""Makes the differences between recorded decisions and those of a candidate. Pure."""

from typing import Final
from uuid import UUID

from pydantic_core import from_json

from inbound.handlers.decision import Decision, Disposition, Reply
from inbound.replay.diff.protocol import DecisionDifference, EventFields, PastEvent
from inbound.replay.diff.runs import Run
from schemas.events import CommandLimitReached, DomainEvent
from schemas.message_events import MessageEvent

_ERROR_LENGTH: Final = 300


def is_same(run: Run, decision: Decision) -> bool:
    """Whether the candidate decides the recorded events."""
    begins = run[0][1]
    if isinstance(begins, CommandLimitReached):
        # It contains the limit in force then, which may differ; the effect is the same.
        return decision.disposition is Disposition.LIMITED
    return decision.disposition is Disposition.ACCEPTED and [event for _, event in run] == list(
        decision.events
    )


def another_decision(
    run: Run, of: str, request: UUID | None, decision: Decision
) -> DecisionDifference:
    """Return the difference between a recorded decision and the candidate's."""
    return DecisionDifference(
        run[0][0].version,
        of,
        None if request is None else str(request),
        decision.disposition.value,
        [_plain(event) for _, event in run],
        [_plain(event) for event in decision.events],
    )


def another_reply(stored: PastEvent, sent: MessageEvent, owed: Reply | None) -> DecisionDifference:
    """Return the difference between a sent message and the one that the candidate would send."""
    return DecisionDifference(
        stored.version,
        "reply",
        str(sent.request_id),
        Disposition.ACCEPTED.value,
        recorded=((sent.purpose.value, 0, sent.template),),
        decided=() if owed is None else ((owed.purpose.value, 0, owed.template),),
    )


def unexpected_reply(
    stored: PastEvent, request: UUID | None, decision: Decision, reply: Reply
) -> DecisionDifference:
    """Return the difference of a message that the candidate alone would send."""
    return DecisionDifference(
        stored.version,
        "reply",
        str(request),
        decision.disposition.value,
        decided=((reply.purpose.value, 0, reply.template),),
    )


def no_decision(stored: PastEvent, of: str, request: UUID | None, error: str) -> DecisionDifference:
    """Return the difference of an event that the candidate can't decide."""
    recorded = ((stored.type, stored.schema_version, from_json(stored.data)),)
    named = None if request is None else str(request)
    text = error[:_ERROR_LENGTH]
    return DecisionDifference(stored.version, of, named, None, recorded=recorded, error=text)


def _plain(event: DomainEvent) -> EventFields:
    return event.TYPE, event.VERSION, event.model_dump(mode="json", exclude_none=True)
