"""Events as folds see them, built from today's classes."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

from inbound.projections.model import Event, Projection, Row
from schemas.events import DomainEvent
from schemas.upcasters import read_object
from tests.unit.handlers.scenario import NOON, SUBJECT

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
METADATA = f'{{"traceparent":"00-{TRACE_ID}-b7ad6b7169203331-01"}}'


def told(
    events: Sequence[DomainEvent], subject: UUID = SUBJECT, metadata: str = METADATA
) -> list[Event]:
    """Return events as they stand in the log: recorded a minute apart, from noon on."""
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


def named(projection: Projection, row: Row) -> dict[str, Any]:
    """Return a whole row by its columns."""
    return dict(zip(projection.columns, row, strict=True))
