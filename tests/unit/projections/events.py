"""Events as a fold gets them, built from the current classes."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

from inbound.handlers.decision import message_id
from inbound.handlers.results import event_of
from inbound.projections.model import Event, Projection, Row
from schemas.events import DomainEvent
from schemas.messages import Outcome, Purpose, SubmitResult
from schemas.upcasters import read_object
from tests.unit.handlers.scenario import NOON, SUBJECT

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
METADATA = f'{{"traceparent":"00-{TRACE_ID}-b7ad6b7169203331-01"}}'


def recorded(
    events: Sequence[DomainEvent], subject: UUID = SUBJECT, metadata: str = METADATA
) -> list[Event]:
    """Return events as in the log: recorded a minute apart, from noon on."""
    positions = count(1)
    return [
        Event(
            position,
            str(subject),
            position,
            event.TYPE,
            read_object(event.TYPE, event.VERSION, event.to_json()),
            metadata,
            f"{NOON + timedelta(minutes=position):%Y-%m-%d %H:%M:%S}+00",
        )
        for event, position in zip(events, positions, strict=False)
    ]


def repeated_result(
    request_id: UUID, purpose: Purpose, outcome: Outcome, *, attempt: int = 3
) -> DomainEvent:
    """Return a repeated result, which no longer changes anything."""
    return event_of(
        SubmitResult(
            message_id=message_id(request_id, purpose),
            subject_id=SUBJECT,
            request_id=request_id,
            key="k",
            purpose=purpose,
            template="t",
            outcome=outcome,
            final=outcome is not Outcome.UNKNOWN,
            attempt=attempt,
            centre="main",
            bind="main-1",
            at=NOON + timedelta(hours=1),
        )
    )


def named(projection: Projection, row: Row) -> dict[str, Any]:
    """Return a whole row by its columns."""
    return dict(zip(projection.columns, row, strict=True))
