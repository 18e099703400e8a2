"""Rebuilds the inputs of past decisions from the events that they made.

Events carry the facts that a decision was based on. A field that is added to `CommandRequest`
or `SubmitResult` has to be in the event under the same name, or it is lost here. A test
repeats decisions and expects the same events.
"""

from dataclasses import fields, replace
from operator import attrgetter
from uuid import UUID, uuid5

from inbound.handlers.decision import CommandRequest
from schemas.events import CommandLimitReached, Facts, RequestAccepted
from schemas.message_events import (
    MessageErased,
    MessageEvent,
    MessageExpired,
    MessageRejected,
    MessageSubmitted,
    MessageUnknown,
    MessageWithheld,
)
from schemas.messages import Outcome, SubmitResult

_INPUTS = {field.name for field in fields(CommandRequest)}
_IN_EVENT = sorted(_INPUTS & RequestAccepted.model_fields.keys())
_IN_FACTS = sorted(_INPUTS & Facts.model_fields.keys())
_OF_RESULT = sorted(SubmitResult.model_fields.keys() & MessageEvent.model_fields.keys())
# Millions of events are read this way, and attrgetter does it in C.
_read_event, _read_facts = attrgetter(*_IN_EVENT), attrgetter(*_IN_FACTS)
_read_result = attrgetter(*_OF_RESULT)

_OUTCOMES: dict[type[MessageEvent], Outcome] = {
    MessageSubmitted: Outcome.SUBMITTED,
    MessageRejected: Outcome.REJECTED,
    MessageUnknown: Outcome.UNKNOWN,
    MessageWithheld: Outcome.EXPIRED,
    MessageExpired: Outcome.EXPIRED,
    MessageErased: Outcome.ERASED,
}


def request_of(event: RequestAccepted) -> CommandRequest:
    """Return the input of the decision that accepted a command."""
    return CommandRequest(
        **dict(zip(_IN_EVENT, _read_event(event), strict=True)),
        **dict(zip(_IN_FACTS, _read_facts(event.facts), strict=True)),
    )


def request_of_limited(
    event: CommandLimitReached, subject_id: UUID, previous: RequestAccepted
) -> CommandRequest:
    """Return the input of the decision that refused a command because of the hourly limit.

    The event has neither the request's id nor whether the number was a client's. The id is
    derived from the event, the rest comes from `previous`, the last accepted command.
    """
    return replace(
        request_of(previous),
        request_id=uuid5(subject_id, f"limited at {event.arrived_at.isoformat()}"),
        command=event.command,
        arrived_at=event.arrived_at,
        decided_at=event.arrived_at,
    )


def result_of(event: MessageEvent, subject_id: UUID) -> SubmitResult:
    """Return the submit result that the event was made from."""
    return SubmitResult(
        **dict(zip(_OF_RESULT, _read_result(event), strict=True)),
        subject_id=subject_id,
        key="",
        outcome=_OUTCOMES[type(event)],
        withheld=event.reason if isinstance(event, MessageWithheld) else None,
        final=getattr(event, "final", True),
    )
