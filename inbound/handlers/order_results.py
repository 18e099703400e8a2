"""Decides what a submit result means for its order. Pure.

The first final result of a message ends its order, with two exceptions: a message that expired
before its order, because its sending hours were over or it had been queued for too long, and one
that was held back because its broadcast is paused.
Their order stays open and gets another message, with a `dispatch` of one more.

As for requests, each attempt that no gateway reported becomes a `message.unknown`
(`inbound.handlers.results`).
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from inbound.handlers.decision import Decision, Disposition
from inbound.handlers.orders import SendingTime, dispatched_message_id, next_sending_time
from inbound.handlers.results import event_of, unreported_attempts
from inbound.handlers.state import OpenOrder, SubjectState
from schemas.events import DomainEvent
from schemas.messages import MobileTerminated, Outcome, SubmitResult
from schemas.order_events import OrderRescheduled
from schemas.orders import WithheldReason

MOST_DISPATCHES: Final = 100
"""The most messages of one order. An order that would need more ends as its last message did."""


def is_order_awaited(state: SubjectState, message: SubmitResult | MobileTerminated) -> bool:
    """Whether the final result of an order's message is still to come."""
    open_order = state.orders.get(message.order_id) if message.order_id else None
    if open_order is None or message.order_id is None:
        return False
    return message.message_id == dispatched_message_id(message.order_id, open_order.dispatch)


def decide_order_result(state: SubjectState, result: SubmitResult) -> Decision:
    """Return what follows from the result of an order's message; nothing if it is repeated."""
    if result.order_id is None or not is_order_awaited(state, result):
        return Decision(Disposition.DUPLICATE)
    order = state.orders[result.order_id]
    if not result.final and result.attempt <= order.unknown_attempts:
        return Decision(Disposition.DUPLICATE)
    reported = range(1, order.unknown_attempts + 1)
    events: list[DomainEvent] = [*unreported_attempts(result, reported), event_of(result)]
    if result.final and (again := _rescheduled(order, result)):
        events.append(again)
    return Decision(Disposition.ACCEPTED, tuple(events))


def _rescheduled(order: OpenOrder, result: SubmitResult) -> OrderRescheduled | None:
    """Return the event that gives the order another message, if it may have one."""
    if result.order_id is None or order.dispatch >= MOST_DISPATCHES:
        return None
    if result.withheld is WithheldReason.PAUSED:
        return reschedule(result.order_id, order, None, result.at)
    if result.outcome is not Outcome.EXPIRED or result.withheld is not None:
        return None
    time = next_sending_time(max(result.at, order.not_after), order.last_at, order.hours)
    return None if time is None else reschedule(result.order_id, order, time, result.at)


def reschedule(
    order_id: UUID, order: OpenOrder, time: SendingTime | None, at: datetime
) -> OrderRescheduled:
    """Return the event that gives an order its next message; without a time it is held back."""
    return OrderRescheduled(
        order_id=order_id,
        dispatch=order.dispatch + 1,
        due_at=time.due_at if time else None,
        not_after=time.not_after if time else order.last_at,
        last_at=order.last_at,
        hours=order.hours,
        at=at,
    )
