"""Rows of accounts and orders. Plain data; times are UTC."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from inbound.handlers.order_progress import OrderChange, change_of
from inbound.store.broadcasts.rows import CursorMove
from inbound.store.smpp.rows import SmppWrites
from schemas.channels import Channel
from schemas.domain_event import DomainEvent
from schemas.message_events import MessageSubmitted
from schemas.orders import Order, OrderEntry, OrderKind, OrderState
from schemas.sending_hours import SendingHours

SEND: Final = "send"
SERVICE: Final = "service"
BROADCASTS: Final = "broadcasts"
STRANGERS: Final = "strangers"
KAFKA: Final = "kafka"
CHANNELS: Final = "channels"
RIGHTS: Final = (SEND, SERVICE, BROADCASTS, STRANGERS, KAFKA, CHANNELS)
"""The rights of an account: to notify, to send service messages, to make broadcasts, to send to
people who are not in the directory, to order through `sms.notify.v1`, and to use channels."""

RIGHT_OF: Final[Mapping[OrderKind, str]] = {
    OrderKind.NOTIFICATION: SEND,
    OrderKind.SERVICE: SERVICE,
    OrderKind.BROADCAST: BROADCASTS,
}


RIGHT_OF_ENTRY: Final[Mapping[OrderEntry, str]] = {OrderEntry.KAFKA: KAFKA}


def rights_of(order: Order) -> list[str]:
    """Return the rights that an account needs to place an order."""
    entry = [] if order.entry is None else [RIGHT_OF_ENTRY[order.entry]]
    return [*rights_to_send(order.kind, order.channel), *entry]


def rights_to_send(kind: OrderKind, channel: Channel | None) -> list[str]:
    """Return the rights that an account needs to have such a message sent."""
    return [RIGHT_OF[kind], *([] if channel is None else [CHANNELS])]


class AccountMissingError(LookupError):
    """There is no account of this name."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account as orders see it; `senders` are those that a person approved.

    `balance` None is unlimited, and so is a limit of None. At its rate, the messages accepted so
    far have been sent by `free_at`.
    """

    account: str
    enabled: bool = True
    rights: frozenset[str] = frozenset()
    senders: frozenset[str] = frozenset()
    zone: str = "Europe/Moscow"
    day_limit: int | None = None
    week_limit: int | None = None
    month_limit: int | None = None
    min_delay_s: int | None = None
    repeat_within_s: int | None = None
    max_parts: int = 8
    patterns: tuple[str, ...] = ()
    price_per_part: Decimal | None = None
    balance: Decimal | None = None
    rate_per_s: int | None = None
    free_at: datetime | None = None

    def may_send_as(self, sender: str | None, service: str) -> bool:
        """Whether a person approved the sender; that of the service, or none, needs no approval."""
        return sender is None or sender == service or sender in self.senders

    @property
    def has_counters(self) -> bool:
        """Whether a decision depends on what the account ordered before."""
        limits = (
            *(self.day_limit, self.week_limit, self.month_limit),
            *(self.balance, self.rate_per_s),
        )
        return self.looks_back or any(limit is not None for limit in limits)

    @property
    def looks_back(self) -> bool:
        """Whether a decision depends on the account's last orders to the same number."""
        return self.min_delay_s is not None or self.repeat_within_s is not None


class UsageKey(NamedTuple):
    """A counter of accepted orders: of an account, in a day, week or month."""

    account: str
    period: str


def usage_keys(account: Account, at: datetime) -> tuple[UsageKey, UsageKey, UsageKey]:
    """Return the counters of an account's day, week (ISO 8601) and month at a moment."""
    return _usage_keys(account.account, account.zone, at)


@lru_cache(maxsize=64)
def _usage_keys(account: str, zone: str, at: datetime) -> tuple[UsageKey, UsageKey, UsageKey]:
    """Format a moment once for a batch, which asks for each order."""
    local = at.astimezone(ZoneInfo(zone))
    return (
        UsageKey(account, f"d{local:%Y-%m-%d}"),
        UsageKey(account, f"w{local:%G-%V}"),
        UsageKey(account, f"m{local:%Y-%m}"),
    )


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order. `due_at` is set while a scheduled order waits for that time.

    `not_after` and `last_at` are None for an order that was not accepted. `was_scheduled` says
    whether it had to wait when it was placed, `refunded` whether it ended unsent and its price was
    given back. `stranger_hash` is the hash of the number of an order without a subject.
    """

    order_id: UUID
    account: str
    subject_id: UUID | None
    kind: OrderKind
    state: OrderState
    reason: str | None
    template: str
    template_version: int | None
    language: str | None
    sender: str | None
    parts: int
    price: Decimal | None
    content_digest: bytes
    text_digest: bytes
    created_at: datetime
    changed_at: datetime
    due_at: datetime | None
    not_after: datetime | None
    last_at: datetime | None
    hours: SendingHours | None
    dispatch: int = 1
    resend_unknown: bool = False
    broadcast_id: UUID | None = None
    callback: bool = False
    traceparent: str | None = None
    was_scheduled: bool = False
    refunded: bool = False
    stranger_hash: bytes | None = None
    is_bulk: bool = False
    channel: Channel | None = None

    @property
    def was_accepted(self) -> bool:
        """Whether it was accepted when it was placed."""
        return self.last_at is not None

    @property
    def first_state(self) -> OrderState:
        """Its state right after it was placed."""
        if self.state is OrderState.REFUSED or not self.was_accepted:
            return self.state
        return OrderState.SCHEDULED if self.was_scheduled else OrderState.QUEUED


@dataclass(frozen=True, slots=True)
class OrderContent:
    """The text of an order, sealed when it is stored.

    `address` is where a channel sends the message, if that is not the number.
    """

    order_id: UUID
    subject_id: UUID | None
    text: str = field(repr=False)
    delete_at: datetime
    address: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class RecentQuery:
    """A query for an account's last orders to one person since a time."""

    account: str
    subject_id: UUID
    text_digest: bytes
    since: datetime


@dataclass(frozen=True, slots=True)
class RecentOrders:
    """When an account last ordered for a person: any text, and the same text."""

    last_at: datetime | None = None
    same_text_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OrderWrites:
    """All that a batch of orders writes beside events and outbox rows."""

    orders: list[OrderRow] = field(default_factory=list)
    contents: list[OrderContent] = field(default_factory=list)
    changes: dict[UUID, OrderChange] = field(default_factory=dict)
    usage: dict[UsageKey, int] = field(default_factory=dict)
    charges: dict[str, Decimal] = field(default_factory=dict)
    free_at: dict[str, datetime] = field(default_factory=dict)
    cursors: list[CursorMove] = field(default_factory=list)
    smpp: SmppWrites = field(default_factory=SmppWrites)
    smsc_ids: dict[UUID, bytes] = field(default_factory=dict, repr=False)
    """The ids by which SMSC's programs know orders, sealed."""

    def note(self, events: Iterable[DomainEvent]) -> None:
        """Note what these events change about orders; of several changes the last one counts."""
        for event in events:
            if (change := change_of(event)) is not None:
                before = self.changes.get(change.order_id)
                if before is not None and before.unsent is False and change.unsent is None:
                    change = replace(change, unsent=False)
                self.changes[change.order_id] = change

    def note_late(self, submitted: MessageSubmitted) -> None:
        """Note that a message was submitted whose order had perhaps ended unsent."""
        change = change_of(submitted)
        if change is not None:
            self.changes[change.order_id] = replace(change, unsent=False)
