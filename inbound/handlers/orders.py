"""Decides an order: accepts it for now or for later, or refuses it with one reason. Pure.

The decision follows from the order and the facts alone, and both are in the event, so that a replay
can decide it again. Reasons about the account are checked first, then those about recipient and
text, then those that depend on the moment; the first one that applies is given.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid5

from inbound.handlers.sending_hours import window_at
from schemas.order_events import OrderAccepted, OrderDecided, OrderRefused
from schemas.order_facts import LimitFacts, OrderFacts, OrderRequest
from schemas.orders import OrderKind, RefusalReason
from schemas.sending_hours import SendingHours

MOST_WAITING: Final = 100
"""The most messages of orders that wait for one person, shared by accounts (`most_of_account`)."""

LEAST_OF_ACCOUNT: Final = 5
"""How many messages to one person each account may have waiting, whatever the others have."""

MOST_QUEUED: Final = timedelta(hours=60)
"""How long a message may be queued: less than the lanes keep its record.

Then the order gets another one.
"""

FIRST_DISPATCH: Final = 1

OWN_TEXT: Final = "text"
"""The template of an order with a text of its own."""

_OF_REQUEST: Final = tuple(OrderRequest.model_fields)


@dataclass(frozen=True, slots=True)
class SendingTime:
    """When a message may be sent: from `due_at` on, not from `not_after` on.

    `last_at` is when its order expires.
    """

    due_at: datetime
    not_after: datetime
    last_at: datetime


def decide_order(request: OrderRequest, facts: OrderFacts) -> OrderAccepted | OrderRefused:
    """Return the event that records what happened to `request`."""
    fields = _fields(request, facts)
    reason = next(_reasons(request, facts), None)
    if reason is not None:
        return OrderRefused.model_construct(**fields, reason=reason)
    time = sending_time(request, facts)
    if time is None:
        return OrderRefused.model_construct(**fields, reason=RefusalReason.EXPIRED)
    return OrderAccepted.model_construct(
        **fields,
        due_at=time.due_at,
        not_after=time.not_after,
        last_at=time.last_at,
        price=facts.price,
    )


def most_of_account(others: int) -> int:
    """Return how many messages of an account may wait for a person for whom `others` wait.

    Half of what the others leave, so that one account can't take all of it: 50 by itself, 25 beside
    one that has 50. The state of a person stays bounded: by `MOST_WAITING` and `LEAST_OF_ACCOUNT`
    for each account.
    """
    return max(LEAST_OF_ACCOUNT, (MOST_WAITING - others) // 2)


def dispatched_message_id(order_id: UUID, dispatch: int) -> UUID:
    """Return the id of an order's message: always the same, so that repeats are detected.

    `dispatch` counts the messages of the order; a message that was not sent may be followed by
    another one.
    """
    return uuid5(order_id, str(dispatch))


def sending_time(request: OrderRequest, facts: OrderFacts) -> SendingTime | None:
    """Return when the message may be sent first; None if its order expires before."""
    now = facts.decided_at
    earliest = max(now, request.not_before or now, facts.free_at or now)
    last_at = request.expires_at or earliest + timedelta(seconds=facts.valid_for_s)
    return next_sending_time(earliest, last_at, request.hours)


def next_sending_time(
    earliest: datetime, last_at: datetime, hours: SendingHours | None
) -> SendingTime | None:
    """Return the first time from `earliest` on at which a message may be sent, if there is one."""
    due_at, not_after = earliest, last_at
    if hours is not None:
        window = window_at(hours, earliest)
        due_at, not_after = max(earliest, window.opens), min(last_at, window.closes)
    not_after = min(not_after, due_at + MOST_QUEUED)
    return SendingTime(due_at, not_after, last_at) if due_at < not_after else None


def request_of_order(event: OrderDecided) -> tuple[OrderRequest, OrderFacts]:
    """Return what a decision about an order was made from."""
    return OrderRequest(**{name: getattr(event, name) for name in _OF_REQUEST}), event.facts


def _fields(request: OrderRequest, facts: OrderFacts) -> dict[str, Any]:
    return {**{name: getattr(request, name) for name in _OF_REQUEST}, "facts": facts}


def _reasons(request: OrderRequest, facts: OrderFacts) -> Iterator[RefusalReason]:
    """Yield the reasons to refuse an order, the most important one first."""
    if not facts.account_enabled:
        yield RefusalReason.ACCOUNT_DISABLED
    if not facts.has_right:
        yield RefusalReason.RIGHT_MISSING
    if facts.problem is not None:
        yield facts.problem
    if not facts.client_known and not facts.may_text_strangers:
        yield RefusalReason.RECIPIENT_NOT_A_CLIENT
    if needs_consent(request.kind) and not facts.notifications_on:
        yield RefusalReason.OPTED_OUT
    if not facts.sender_approved:
        yield RefusalReason.SENDER_NOT_APPROVED
    if not facts.text_allowed:
        yield RefusalReason.TEXT_NOT_ALLOWED
    if facts.max_parts is not None and request.parts > facts.max_parts:
        yield RefusalReason.TOO_MANY_PARTS
    if _has_too_many_waiting(facts):
        yield RefusalReason.TOO_MANY_WAITING
    yield from _limits(facts)


def _limits(facts: OrderFacts) -> Iterator[RefusalReason]:
    """Yield the reasons that depend on what the account ordered before."""
    if _is_within(facts.same_text_at, facts.repeat_within_s, facts.decided_at):
        yield RefusalReason.REPEATED
    if _is_within(facts.last_at, facts.min_delay_s, facts.decided_at):
        yield RefusalReason.MINIMUM_DELAY
    if _is_reached(facts.day):
        yield RefusalReason.DAILY_LIMIT
    if _is_reached(facts.week):
        yield RefusalReason.WEEKLY_LIMIT
    if _is_reached(facts.month):
        yield RefusalReason.MONTHLY_LIMIT
    if facts.balance is not None and facts.price is not None and facts.price > facts.balance:
        yield RefusalReason.BALANCE


def needs_consent(kind: OrderKind) -> bool:
    """Whether people who have opted out get no message of this kind."""
    return kind is not OrderKind.SERVICE


def _has_too_many_waiting(facts: OrderFacts) -> bool:
    own = facts.waiting_of_account
    if own is None:  # decided before accounts were told apart
        return facts.waiting >= MOST_WAITING
    return own >= most_of_account(facts.waiting - own)


def _is_within(before: datetime | None, seconds: int | None, now: datetime) -> bool:
    if before is None or not seconds:
        return False
    return now - before < timedelta(seconds=seconds)


def _is_reached(limit: LimitFacts | None) -> bool:
    return limit is not None and limit.used >= limit.limit
