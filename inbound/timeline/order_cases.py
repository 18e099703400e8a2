"""Collects what the sentence about an order has to say. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from inbound.freshness.model import Pending
from inbound.handlers.order_progress import change_of, refused_state
from inbound.timeline.cases import ReplyProgress, progress_of, taken_at
from inbound.timeline.incidents import Switch, in_minute
from inbound.timeline.orders import OrderHistory, WaitingOrder
from inbound.timeline.waiting import MessageWait
from schemas.events import PersonErased
from schemas.message_events import MessageWithheld
from schemas.order_events import (
    OrderAccepted,
    OrderDecided,
    OrderRefused,
)
from schemas.orders import WAITING, OrderState, RefusalReason, WithheldReason
from schemas.sending_hours import SendingHours

_ENDED: Final = frozenset({OrderState.DELIVERED, OrderState.UNDELIVERED})


@dataclass(frozen=True, slots=True)
class OrderCase:
    """The facts for the sentence about an order.

    `message` is the progress of its last message. `due_at` is set while it is scheduled for a time;
    a scheduled order without one waits until its broadcast is resumed. `is_overdue` is whether that
    time has come, for example because no scheduler runs; `expired_at` is set once it is too late to
    send it, also while no scheduler has noticed. `at` is when it reached its state, `stop` the
    switch that had turned notifications off, if that is known. `is_exact`: times are to the second,
    because something else happened in the same minute. `is_paused`: it was queued, and its
    broadcast is paused. `unread`, `taken_at` and `waits` as in `Case`.
    """

    decided: OrderDecided
    state: OrderState
    at: datetime
    message: ReplyProgress
    open_for: timedelta
    is_overdue: bool = False
    expired_at: datetime | None = None
    due_at: datetime | None = None
    refused: RefusalReason | None = None
    withheld: WithheldReason | None = None
    stop: Switch | None = None
    is_exact: bool = False
    unread: Pending | None = None
    taken_at: datetime | None = None
    waits: MessageWait | None = None
    is_paused: bool = False

    @property
    def awaited_hours(self) -> SendingHours | None:
        """The sending hours whose beginning a scheduled order waits for."""
        hours, due_at = self.decided.hours, self.due_at
        if hours is None or due_at is None:
            return None
        return hours if due_at.astimezone(ZoneInfo(hours.zone)).time() == hours.start else None

    @property
    def ordered_at(self) -> datetime:
        """When it was ordered."""
        return self.decided.facts.accepted_at or self.decided.facts.decided_at


class RefusalText(NamedTuple):
    """Why an order was refused, for the client; for support the cause, and the fix."""

    why: str
    advice: str | None = None


def order_case_of(
    order: OrderHistory,
    now: datetime,
    parts_delivered: int | None,
    row: WaitingOrder | None,
    *,
    unread: Pending | None = None,
    claimed_at: datetime | None = None,
    is_exact: bool = False,
    waits: MessageWait | None = None,
) -> OrderCase:
    """Return the case of an order.

    No event says that a scheduled order was queued, so that comes from its `row`, None once that
    is deleted.
    """
    message = progress_of(order.results(order.message_id), order.delivery(), parts_delivered)
    state, at, due_at = _folded(order)
    open_ = {*WAITING, OrderState.ERASED}
    if state in open_ and row is not None and row.state in open_:
        state, at, due_at = row.state, row.changed_at, row.due_at
    refused = order.refused
    decided = refused or order.decided
    due_at = due_at if state is OrderState.SCHEDULED else None
    last_at = order.last_at if state is OrderState.SCHEDULED else None
    return OrderCase(
        decided=decided,
        state=state,
        at=at,
        message=message,
        open_for=now - (message.sent_at or now),
        is_overdue=due_at is not None and due_at <= now,
        expired_at=last_at if last_at is not None and last_at <= now else None,
        due_at=due_at,
        refused=refused.reason if refused and state is OrderState.REFUSED else None,
        withheld=_withheld(order) if state is OrderState.WITHHELD else None,
        stop=order.stop,
        is_exact=is_exact or _is_in_minute_of_stop(order),
        unread=unread,
        taken_at=taken_at(claimed_at, now),
        waits=waits,
        is_paused=row is not None and row.is_paused,
    )


def _is_in_minute_of_stop(order: OrderHistory) -> bool:
    return order.stop is not None and in_minute(order.stop.at) == in_minute(order.at)


def _folded(order: OrderHistory) -> tuple[OrderState, datetime, datetime | None]:
    """Return the state after the events, since when it holds, and when its message may be sent."""
    decided = order.decided
    state, at, due_at = OrderState.QUEUED, order.at, None
    if isinstance(decided, OrderRefused):
        state = refused_state(decided)
    elif isinstance(decided, OrderAccepted):
        is_due = decided.due_at <= order.at
        state = OrderState.QUEUED if is_due else OrderState.SCHEDULED
        due_at = decided.due_at
    for one in order.events:
        change = change_of(one.event)
        if isinstance(one.event, PersonErased) and state is OrderState.SCHEDULED:
            state, at, due_at = OrderState.ERASED, one.event.at, None
        if change is not None and (state not in _ENDED or change.state in _ENDED):
            state, at, due_at = change.state, change.at, change.due_at
    return state, at, due_at


def _withheld(order: OrderHistory) -> WithheldReason | None:
    if order.refused is not None:
        return WithheldReason.OPTED_OUT
    withheld = (e for one in reversed(order.events) if isinstance(e := one.event, MessageWithheld))
    return next((event.reason for event in withheld), None)
