"""Reads the events of one subject, and groups them by request."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from pydantic_core import from_json

from inbound.timeline.incidents import Switch
from schemas.events import (
    AcknowledgementLate,
    Command,
    CommandLimitReached,
    DomainEvent,
    RequestAccepted,
    RequestCompleted,
    SubscriptionRestored,
    SubscriptionStarted,
    SubscriptionStopped,
)
from schemas.message_events import DeliveryEvent, MessageEvent
from schemas.messages import Purpose
from schemas.registration_events import RegistrationHeld, RegistrationRefused, RegistrationReleased
from schemas.upcasters import read_event

RequestEvent = (
    RequestAccepted
    | SubscriptionStopped
    | SubscriptionStarted
    | SubscriptionRestored
    | RegistrationHeld
    | RegistrationReleased
    | RegistrationRefused
    | MessageEvent
    | AcknowledgementLate
    | RequestCompleted
    | DeliveryEvent
)


class EventRow(Protocol):
    """An event as the store returns it."""

    @property
    def position(self) -> int: ...  # noqa: D102
    @property
    def stream_id(self) -> UUID: ...  # noqa: D102
    @property
    def version(self) -> int: ...  # noqa: D102
    @property
    def type(self) -> str: ...  # noqa: D102
    @property
    def schema_version(self) -> int: ...  # noqa: D102
    @property
    def data(self) -> bytes: ...  # noqa: D102
    @property
    def metadata(self) -> bytes: ...  # noqa: D102
    @property
    def recorded_at(self) -> datetime: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """One event with its position in the log and version in its stream."""

    event: DomainEvent
    position: int
    stream_id: UUID
    version: int
    recorded_at: datetime
    metadata: bytes

    @property
    def trace_id(self) -> str | None:
        """The trace id in its W3C traceparent (Trace Context, 3.2.2)."""
        parts = str(from_json(self.metadata).get("traceparent", "")).split("-")
        return parts[1] if len(parts) == 4 else None


@dataclass(slots=True)
class RequestHistory:
    """One request and its events in order; the first is its acceptance.

    `stop` is the switch by which notifications were off before it; the reader finds it.
    """

    subject_id: UUID
    accepted: RequestAccepted
    trace_id: str | None
    events: list[TimelineEvent] = field(default_factory=list)
    stop: Switch | None = None

    @property
    def id(self) -> UUID:
        """Its id."""
        return self.accepted.request_id

    @property
    def at(self) -> datetime:
        """When it arrived."""
        return self.accepted.arrived_at

    @property
    def repeats_stop_at(self) -> int | None:
        """The version of its acceptance if it is a stop while notifications were off already."""
        is_stop = self.accepted.command is Command.SMS_STOP
        were_off = not self.accepted.facts.notifications_on
        return self.events[0].version if is_stop and were_off else None

    def results(self, purpose: Purpose) -> list[MessageEvent]:
        """Return the submit results of one of its messages."""
        events = (one.event for one in self.events)
        return [e for e in events if isinstance(e, MessageEvent) and e.purpose is purpose]

    def hold(self) -> RegistrationHeld | RegistrationReleased | RegistrationRefused | None:
        """Return the last event about holding back its registration data."""
        kinds = RegistrationHeld | RegistrationReleased | RegistrationRefused
        return next((e for one in reversed(self.events) if isinstance(e := one.event, kinds)), None)

    def is_held_at(self, position: int) -> bool:
        """Whether its registration data was held when the event at this position was recorded."""
        held = False
        for one in self.events:
            if one.position < position:
                held = isinstance(one.event, RegistrationHeld) or (
                    held and not isinstance(one.event, RegistrationReleased | RegistrationRefused)
                )
        return held

    def restored(self) -> SubscriptionRestored | None:
        """Return how its stop was undone, None if it was not."""
        events = (one.event for one in self.events)
        return next((e for e in events if isinstance(e, SubscriptionRestored)), None)

    def delivery(self, purpose: Purpose) -> DeliveryEvent | None:
        """Return the delivery outcome of one of its messages, None while it is unknown."""
        events = (one.event for one in self.events)
        deliveries = (e for e in events if isinstance(e, DeliveryEvent) and e.purpose is purpose)
        return next(deliveries, None)


def read_events(rows: Iterable[EventRow]) -> list[TimelineEvent]:
    """Return the stored events. Raises UnknownEventError for an event of a newer release."""
    return [
        TimelineEvent(
            event=read_event(row.type, row.schema_version, row.data),
            position=row.position,
            stream_id=row.stream_id,
            version=row.version,
            recorded_at=row.recorded_at,
            metadata=row.metadata,
        )
        for row in rows
    ]


def group_requests(
    events: Iterable[TimelineEvent],
) -> tuple[list[RequestHistory], list[CommandLimitReached]]:
    """Return the requests in the order of their acceptance, and where the limit was reached.

    `events` are those of one subject in order. Events of a request whose acceptance is not
    among them are ignored.
    """
    requests: dict[UUID, RequestHistory] = {}
    limits = []
    for recorded in events:
        event = recorded.event
        if isinstance(event, CommandLimitReached):
            limits.append(event)
        elif isinstance(event, RequestAccepted):
            request = RequestHistory(recorded.stream_id, event, recorded.trace_id, [recorded])
            requests[event.request_id] = request
        elif isinstance(event, SubscriptionRestored):
            for request in _stops_from(list(requests.values()), event.request_id):
                request.events.append(recorded)
        elif isinstance(event, RequestEvent) and event.request_id in requests:
            requests[event.request_id].events.append(recorded)
    return list(requests.values()), limits


def _stops_from(requests: list[RequestHistory], first: UUID) -> Iterator[RequestHistory]:
    """Yield the request of a stop and those that repeated it: undoing it undoes them all."""
    ids = [request.accepted.request_id for request in requests]
    if first in ids:
        for request in requests[ids.index(first) :]:
            if request.accepted.command is Command.SMS_STOP:
                yield request
