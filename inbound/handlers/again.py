"""What a decision of the past was asked, from the events it made.

Events carry the facts that were known, so the same question can be asked again. Whatever is
added to `CommandRequest` or `SubmitResult` has to stand in the event under the same name,
or is lost here: a test decides again what was decided and wants the same events.
"""

from dataclasses import fields, replace
from operator import attrgetter
from uuid import UUID, uuid5

from inbound.handlers.decision import CommandRequest
from schemas.events import (
    CommandLimitReached,
    Facts,
    MessageErased,
    MessageEvent,
    MessageExpired,
    MessageRejected,
    MessageSubmitted,
    MessageUnknown,
    RequestAccepted,
)
from schemas.messages import Outcome, SubmitResult

_ASKED = {field.name for field in fields(CommandRequest)}
_IN_EVENT = sorted(_ASKED & RequestAccepted.model_fields.keys())
_IN_FACTS = sorted(_ASKED & Facts.model_fields.keys())
_OF_RESULT = sorted(SubmitResult.model_fields.keys() & MessageEvent.model_fields.keys())
# Millions of events are read so, and attrgetter does it in C.
_read_event, _read_facts = attrgetter(*_IN_EVENT), attrgetter(*_IN_FACTS)
_read_result = attrgetter(*_OF_RESULT)

_OUTCOMES: dict[type[MessageEvent], Outcome] = {
    MessageSubmitted: Outcome.SUBMITTED,
    MessageRejected: Outcome.REJECTED,
    MessageUnknown: Outcome.UNKNOWN,
    MessageExpired: Outcome.EXPIRED,
    MessageErased: Outcome.ERASED,
}


def request_of(event: RequestAccepted) -> CommandRequest:
    """Return the command that was accepted, with what was known of it then."""
    return CommandRequest(
        **dict(zip(_IN_EVENT, _read_event(event), strict=True)),
        **dict(zip(_IN_FACTS, _read_facts(event.facts), strict=True)),
    )


def request_of_limited(
    event: CommandLimitReached, subject_id: UUID, previous: RequestAccepted
) -> CommandRequest:
    """Return the command that was one too many.

    Its event knows neither its id nor whether the number was a client's: the id is made up,
    the rest is as with `previous`, the command accepted before it.
    """
    return replace(
        request_of(previous),
        request_id=uuid5(subject_id, f"limited at {event.arrived_at.isoformat()}"),
        command=event.command,
        arrived_at=event.arrived_at,
        decided_at=event.arrived_at,
    )


def result_of(event: MessageEvent, subject_id: UUID) -> SubmitResult:
    """Return the submit result that the event tells of."""
    return SubmitResult(
        **dict(zip(_OF_RESULT, _read_result(event), strict=True)),
        subject_id=subject_id,
        key="",
        outcome=_OUTCOMES[type(event)],
        final=getattr(event, "final", True),
    )
