"""Rows of broadcasts. Plain data; times are UTC."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from inbound.handlers.broadcasts import BroadcastState, Lifecycle
from schemas.documented_enum import DocumentedEnum
from schemas.orders import OrderState
from schemas.sending_hours import SendingHours

_UNSENT: Final = (OrderState.CANCELLED, OrderState.EXPIRED, OrderState.ERASED)
"""The states of orders that count as withheld, each for a reason of its own."""


class RecipientState(DocumentedEnum):
    """What happened to a recipient of a broadcast, as it is counted."""

    WAITING = "waiting", "may still be sent"
    SENT = "sent", "accepted by the SMS centre, without a final delivery receipt yet"
    DELIVERED = "delivered", "on the phone, according to delivery receipts"
    UNDELIVERED = "undelivered", "will never be delivered, or was rejected by the SMS centre"
    UNKNOWN = "unknown", "sent and not answered: it may have arrived, and is not sent again"
    WITHHELD = "withheld", "not sent: opted out, cancelled, expired or erased"
    REFUSED = "refused", "not accepted, by a limit of the account for example"


ORDER_STATES: Final[Mapping[RecipientState, tuple[OrderState, ...]]] = {
    RecipientState.WAITING: (OrderState.SCHEDULED, OrderState.QUEUED),
    RecipientState.SENT: (OrderState.SENT,),
    RecipientState.DELIVERED: (OrderState.DELIVERED,),
    RecipientState.UNDELIVERED: (OrderState.UNDELIVERED, OrderState.REJECTED),
    RecipientState.UNKNOWN: (OrderState.UNKNOWN,),
    RecipientState.WITHHELD: (OrderState.WITHHELD, *_UNSENT),
    RecipientState.REFUSED: (OrderState.REFUSED,),
}
"""The states of the orders of recipients in each state."""


@dataclass(frozen=True, slots=True)
class Broadcast:
    """A broadcast. `account_rate` and `account_enabled` are those of its account now.

    `parts` are the SMS parts of all recipients, `most_parts` those of the longest text; None for a
    broadcast that was made before they were counted. `columns` are those of its table beside
    msisdn; `column_order` has, in the table's order, the index of each in msisdn and `columns`, and
    `separator` is that of a CSV file.
    """

    broadcast_id: UUID
    name: str
    account: str
    lifecycle: Lifecycle
    created_at: datetime
    template: str | None = None
    template_version: int | None = None
    sender: str | None = None
    is_spread: bool = False
    rate_per_s: int | None = None
    columns: tuple[str, ...] = ()
    excluded: Mapping[str, int] = field(default_factory=dict)
    cursor_no: int = 0
    ended_at: datetime | None = None
    problem: str | None = None
    audience_deleted_at: datetime | None = None
    text_sealed: bytes | None = field(default=None, repr=False)
    account_rate: int | None = None
    account_enabled: bool = True
    parts: int | None = None
    most_parts: int | None = None
    column_order: tuple[int, ...] | None = None
    separator: str | None = None

    @property
    def state(self) -> BroadcastState:
        """Its state."""
        return self.lifecycle.state

    @property
    def hours(self) -> SendingHours | None:
        """Its sending hours."""
        return self.lifecycle.hours

    @property
    def rate(self) -> int | None:
        """Messages a second at most: of the broadcast or of its account."""
        rates = [rate for rate in (self.rate_per_s, self.account_rate) if rate is not None]
        return min(rates, default=None)

    def after(self, lifecycle: Lifecycle) -> "Broadcast":
        """Return it with another lifecycle."""
        return replace(self, lifecycle=lifecycle)


@dataclass(frozen=True, slots=True)
class BroadcastRecipient:
    """One recipient, sealed."""

    no: int
    number_hash: bytes
    number_sealed: bytes = field(repr=False)
    fields_sealed: bytes | None = field(repr=False)


class CursorMove(NamedTuple):
    """The cursor of a broadcast moves to this recipient."""

    broadcast_id: UUID
    to: int


class Cursor(NamedTuple):
    """The position of a broadcast, and how many recipients follow, up to a number."""

    state: BroadcastState
    no: int
    recipients: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How many recipients are in which state; their sum is `recipients`.

    `waiting` is what may still be sent. Rejected by the SMS centre is undelivered; never submitted
    is withheld, for whatever reason. The reasons are those of `RefusalReason`, and `opted_out`,
    `cancelled`, `paused`, `expired` and `erased`.
    """

    recipients: int
    waiting: int = 0
    sent: int = 0
    delivered: int = 0
    undelivered: int = 0
    unknown: int = 0
    withheld: int = 0
    refused: int = 0
    withheld_by_reason: Mapping[str, int] = field(default_factory=dict)
    refused_by_reason: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Counts:
    """The counts of a broadcast's orders by state; `open` ones are on their way."""

    by_state: Mapping[str, int] = field(default_factory=dict)
    rows: int = 0
    """Rows that were added up."""
    by_reason: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """Those of `by_state` that have a reason, by state and reason."""

    @property
    def open(self) -> int:
        """Orders on their way, or waiting for their time."""
        return self.by_state.get("open", 0)

    @property
    def held(self) -> int:
        """Orders that came back because the broadcast was paused."""
        return self.by_state.get("held", 0)

    @property
    def placed(self) -> int:
        """Recipients who don't wait for the pump."""
        return sum(self.by_state.values())

    def progress(self, broadcast: Broadcast) -> Progress:
        """Return what people read."""
        recipients = broadcast.lifecycle.recipients
        before_pump = max(recipients - self.placed, 0)
        is_cancelled = broadcast.state is BroadcastState.CANCELLED
        return Progress(
            recipients,
            waiting=self.open + self.held + (0 if is_cancelled else before_pump),
            sent=self._sum(RecipientState.SENT),
            delivered=self._sum(RecipientState.DELIVERED),
            undelivered=self._sum(RecipientState.UNDELIVERED),
            unknown=self._sum(RecipientState.UNKNOWN),
            withheld=self._sum(RecipientState.WITHHELD) + (before_pump if is_cancelled else 0),
            refused=self._sum(RecipientState.REFUSED),
            withheld_by_reason=self._withheld(before_pump if is_cancelled else 0),
            refused_by_reason=self._reasons(OrderState.REFUSED),
        )

    def _withheld(self, before_pump: int) -> dict[str, int]:
        reasons = Counter(self._reasons(OrderState.WITHHELD))
        reasons.update({state.value: self.by_state.get(state.value, 0) for state in _UNSENT})
        reasons[OrderState.CANCELLED.value] += before_pump
        return {reason: count for reason, count in sorted(reasons.items()) if count}

    def _reasons(self, state: OrderState) -> dict[str, int]:
        return {
            reason: count
            for (of, reason), count in sorted(self.by_reason.items())
            if of == state.value and count
        }

    def _sum(self, counted: RecipientState) -> int:
        return sum(self.by_state.get(state.value, 0) for state in ORDER_STATES[counted])
