"""Cuts the recorded events of one stream into decisions. Pure."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final
from uuid import UUID

from inbound.replay.diff.protocol import PastEvent
from schemas.events import CommandLimitReached, DomainEvent, RequestAccepted, SubscriptionRestored
from schemas.message_events import DeliveryEvent, MessageEvent
from schemas.order_events import OrderCancelled, OrderDecided, OrderExpired, OrderRescheduled
from schemas.registration_events import RegistrationRefused, RegistrationReleased
from schemas.upcasters import read_event

Run = Sequence[tuple[PastEvent, DomainEvent]]
"""The events of one recorded decision, as they are stored and as they were read."""

Failure = Callable[[PastEvent, str, DomainEvent | None, Exception], None]

_BEGINNINGS: Final = (
    *(RequestAccepted, CommandLimitReached, MessageEvent, DeliveryEvent),
    *(RegistrationReleased, SubscriptionRestored),
    *(OrderDecided, OrderCancelled, OrderExpired),
)


def recorded_runs(
    events: Sequence[PastEvent], fail: Failure, announce: Callable[[int], None] | None
) -> Iterator[Run]:
    """Yield each complete recorded decision; stop at an event that can't be read.

    `fail` is called with that event. `announce` gets the version of each event before it is read.
    """
    run: list[tuple[PastEvent, DomainEvent]] = []
    request: UUID | None = None
    for stored in events:
        if announce is not None:
            announce(stored.version)
        try:
            event = read_event(stored.type, stored.schema_version, stored.data)
        except Exception as error:  # noqa: BLE001 — an upcaster of a candidate may raise anything
            fail(stored, "command", None, error)
            return
        if run and (_begins(event, run) or request is None or about(event) != request):
            yield run
            run = []
        if not run:
            request = about(event)
        run.append((stored, event))
    if run:
        yield run


def about(event: DomainEvent) -> UUID | None:
    """Return the request or the order that an event names."""
    request: UUID | None = getattr(event, "request_id", None)
    order: UUID | None = getattr(event, "order_id", None)
    return request or order


def _begins(event: DomainEvent, run: Run) -> bool:
    """Whether a recorded decision begins with this event instead of going on with `run`."""
    if isinstance(event, OrderRescheduled):
        return not isinstance(run[-1][1], MessageEvent)
    if isinstance(event, RegistrationRefused):
        return event.cause.ends_hold
    return isinstance(event, _BEGINNINGS)
