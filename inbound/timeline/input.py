"""The input of a timeline: what to show, and what the reader found. Plain data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from inbound.freshness.model import Backlog, Freshness
from inbound.freshness.reception import SendingGap
from inbound.handlers.decision import message_id
from inbound.timeline.incidents import BroadcastExclusion, Switch
from inbound.timeline.message_steps import ClaimRow
from inbound.timeline.model import Language, TextReading
from inbound.timeline.orders import OrderHistory, WaitingOrder
from inbound.timeline.requests import RequestHistory
from inbound.timeline.words import ArrivalSpan
from schemas.events import CommandLimitReached
from schemas.message_events import MessageUndeliverable
from schemas.messages import Purpose


class PartDelivery(Protocol):
    """What receipts say of one part of a message."""

    @property
    def message_id(self) -> UUID: ...  # noqa: D102
    @property
    def state(self) -> str | None: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class MissNote:
    """Texts of one kind within one minute that made no request."""

    kind: str
    span: ArrivalSpan
    reading: TextReading | None = None


@dataclass(frozen=True, slots=True)
class LongText:
    """An incomplete long message; `sequences` are the parts that arrived, in that order."""

    total: int
    sequences: tuple[int, ...]
    span: ArrivalSpan


@dataclass(frozen=True, slots=True)
class TimelineOptions:
    """Which requests and orders to show, and in which language and time zone."""

    now: datetime
    zone: str = "Europe/Moscow"
    language: Language = Language.RU
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 10
    """The maximum number of requests and orders to show."""
    only: frozenset[UUID] | None = None
    """Show these requests and orders only; None shows all within `since` and `until`."""
    backlog: Backlog | None = None
    """The backlog of the workers before the timeline was read; None if that is unknown."""


@dataclass(frozen=True, slots=True)
class SelectedHistory:
    """The requests and orders to show, newest first, and how many older ones are left out.

    `last_request` is the newest request if all are left out: the sentence is about the last text.
    """

    requests: Sequence[RequestHistory] = ()
    orders: Sequence[OrderHistory] = ()
    limits: Sequence[CommandLimitReached] = ()
    requests_left_out: int = 0
    orders_left_out: int = 0
    last_request: RequestHistory | None = None

    @property
    def told_requests(self) -> Sequence[RequestHistory]:
        """The requests that sentences are about."""
        return [*self.requests, self.last_request] if self.last_request else self.requests

    @property
    def left_out(self) -> int:
        """How many older ones are left out."""
        return self.requests_left_out + self.orders_left_out

    @property
    def oldest_at(self) -> datetime | None:
        """When the oldest of them arrived or was ordered."""
        times = [request.at for request in self.requests] + [order.at for order in self.orders]
        return min(times, default=None)

    @property
    def open_messages(self) -> list[UUID]:
        """The messages of these requests and orders without a delivery outcome."""
        of_requests = [
            message_id(request.accepted.request_id, purpose)
            for request in self.told_requests
            for purpose in (Purpose.ACKNOWLEDGEMENT, Purpose.FULFILMENT)
            if request.delivery(purpose) is None
        ]
        of_orders = [order.message_id for order in self.orders if order.delivery() is None]
        return of_requests + of_orders

    @property
    def partly_delivered(self) -> list[UUID]:
        """The messages that failed as a whole, and of which some parts may have arrived."""
        deliveries = [
            request.delivery(purpose)
            for request in self.told_requests
            for purpose in (Purpose.ACKNOWLEDGEMENT, Purpose.FULFILMENT)
        ]
        deliveries += [order.delivery() for order in self.orders]
        return [
            one.message_id
            for one in deliveries
            if isinstance(one, MessageUndeliverable) and one.parts > 1
        ]


@dataclass(frozen=True, slots=True)
class TimelineInput:
    """What the reader found for one number or id; notes and long messages newest first.

    `number` is masked unless it was revealed. `claims` belong to the selection's open messages,
    `parts` to these and to those that were partly delivered, `rows` to its orders as far as they
    are stored. `switches` are those by operators, `all_switches` the newest of
    all, None if the timeline is not that of a number. `not_noted` are texts of all numbers within
    the requested time. `sending` is set while nothing can be sent. `unpublished` are the open
    messages that no relay has published, and since when they are in the outbox.
    """

    number: str | None = None
    subject_id: UUID | None = None
    selection: SelectedHistory = SelectedHistory()
    claims: Sequence[ClaimRow] = ()
    rows: Sequence[WaitingOrder] = ()
    excluded: Sequence[BroadcastExclusion] = ()
    switches: Sequence[Switch] = ()
    all_switches: Sequence[Switch] | None = None
    parts: Sequence[PartDelivery] = ()
    misses: Sequence[MissNote] = ()
    misses_left_out: bool = False
    not_noted: ArrivalSpan | None = None
    unfinished: Sequence[LongText] = ()
    miss_days: int = 7
    freshness: Freshness | None = None
    sending: SendingGap | None = None
    unpublished: Mapping[UUID, datetime] = field(default_factory=dict)
