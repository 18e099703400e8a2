"""How broadcasts are shown: their states, what happened to recipients, and why. Pure.

The texts are keys of the desk's words.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Final

from inbound.broadcasts.audience import Exclusion
from inbound.broadcasts.outcome_reasons import reason_in_words
from inbound.desk.audit.audit_words import ACTIONS
from inbound.desk.broadcasts.recipient_states import OF_RECIPIENT
from inbound.desk.person.message_states import StateBadge
from inbound.handlers.broadcasts import BroadcastState
from inbound.money import amount_text
from inbound.store.broadcasts.rows import Broadcast, Progress, RecipientState
from inbound.timeline.model import Language
from inbound.timeline.words import (
    english_duration,
    english_money,
    russian_duration,
    russian_money,
)
from inbound.wording import in_russian
from schemas.orders import OrderState, RefusalReason, WithheldReason

_NARROW_SPACE: Final = "\u202f"

_STATES: Final[Mapping[BroadcastState, StateBadge]] = {
    BroadcastState.DRAFT: StateBadge("Draft", "soft", "draft"),
    BroadcastState.AWAITING_APPROVAL: StateBadge("Awaiting approval", "unsure", "wait"),
    BroadcastState.SCHEDULED: StateBadge("Waits for its start", "open", "wait"),
    BroadcastState.RUNNING: StateBadge("Running", "open", "sent"),
    BroadcastState.PAUSED: StateBadge("Paused", "unsure", "pause"),
    BroadcastState.DONE: StateBadge("Done", "good", "ok"),
    BroadcastState.CANCELLED: StateBadge("Cancelled", "soft", "bad"),
}
_MISSED: Final[StateBadge] = StateBadge("Missed its start", "bad", "unsure")

_EXCLUSIONS: Final[Mapping[Exclusion, str]] = {
    Exclusion.ROW: "The row can't be read",
    Exclusion.NO_NUMBER: "No number",
    Exclusion.NUMBER: "Not a phone number, or not certainly one",
    Exclusion.NOT_MOBILE: "Not a mobile number",
    Exclusion.FIELDS: "A field of the text is missing or not certain",
    Exclusion.TOO_LONG: "The text would need too many SMS parts",
    Exclusion.REPEATED: "The number is in the audience already",
    Exclusion.NOT_A_CLIENT: "Not in the client directory",
    Exclusion.OPTED_OUT: "Has switched notifications off",
}
_WARNINGS: Final[Mapping[RefusalReason, str]] = {
    RefusalReason.ACCOUNT_UNKNOWN: "The account {account} no longer exists: every recipient would "
    "be refused.",
    RefusalReason.ACCOUNT_DISABLED: "The account {account} is disabled: every recipient would be "
    "refused. Have it enabled first.",
    RefusalReason.RIGHT_MISSING: "The account {account} has no right to broadcasts: every "
    "recipient would be refused. Have it granted first.",
    RefusalReason.SENDER_NOT_APPROVED: "The sender is no longer approved for the account "
    "{account}: every recipient would be refused.",
    RefusalReason.TEXT_NOT_ALLOWED: "The text matches none of the patterns of the account "
    "{account}, or begins with the name of a channel: recipients would be refused.",
    RefusalReason.DAILY_LIMIT: "It has more recipients than the account {account} may still send "
    "to that day: the rest would be refused.",
    RefusalReason.WEEKLY_LIMIT: "It has more recipients than the account {account} may still send "
    "to that week: the rest would be refused.",
    RefusalReason.MONTHLY_LIMIT: "It has more recipients than the account {account} may still send "
    "to that month: the rest would be refused.",
    RefusalReason.BALANCE: "It costs more than the balance of the account {account}: the rest "
    "would be refused. Have it topped up first.",
}


def state_of(one: Broadcast) -> StateBadge:
    """Return how the state of a broadcast is shown."""
    return _MISSED if one.lifecycle.needs_confirmation else _STATES[one.state]


def exclusion(reason: str) -> str:
    """Return why rows were excluded."""
    return _EXCLUSIONS[Exclusion(reason)]


def reason_of(state: OrderState, reason: str, language: Language) -> str:
    """Return why messages were refused or withheld."""
    if state is OrderState.REFUSED or reason in set(WithheldReason):
        told = reason_in_words(state, reason)
    else:
        told = reason_in_words(OrderState(reason), None)  # one that is counted as withheld
    return in_russian(told) if language is Language.RU else told


def warning_of(reason: RefusalReason) -> str:
    """Return why recipients would be refused, and what to do."""
    return _WARNINGS[reason]


def step_of(action: str) -> str:
    """Return what somebody did with a broadcast."""
    return ACTIONS.get(f"broadcast.{action}", action)


@dataclass(frozen=True, slots=True)
class BarSegment:
    """A part of a progress bar: `start` and `length` in thousandths."""

    state: RecipientState
    shown: StateBadge
    count: int
    start: int
    length: int


def segments(progress: Progress) -> list[BarSegment]:
    """Return the parts of a progress bar, delivered ones first; none is too thin to be seen."""
    order = (
        *(RecipientState.DELIVERED, RecipientState.SENT, RecipientState.UNKNOWN),
        *(RecipientState.UNDELIVERED, RecipientState.REFUSED, RecipientState.WITHHELD),
        RecipientState.WAITING,
    )
    counts = [(state, getattr(progress, state.value)) for state in order]
    total = sum(count for _, count in counts) or 1
    found, start = [], 0
    for state, count in counts:
        if count:
            length = min(max(round(count * 1000 / total), 6), 1000 - start)
            found.append(BarSegment(state, OF_RECIPIENT[state], count, start, length))
            start += length
    return found


def reached(progress: Progress) -> int:
    """Return how many recipients no longer wait."""
    return progress.recipients - progress.waiting


def sent(progress: Progress) -> int:
    """Return to how many recipients it was sent, whatever happened to the message then."""
    return progress.delivered + progress.sent + progress.unknown + progress.undelivered


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """Counts, money and durations as a language writes them."""

    language: Language

    def __call__(self, number: int) -> str:
        """Return a whole number."""
        space = "," if self.language is Language.EN else _NARROW_SPACE
        return f"{number:,}".replace(",", space)

    def percent(self, part: int, whole: int) -> str:
        """Return a share, rounded down: 100 % means all."""
        return f"{part * 100 // whole if whole else 0}\u00a0%"

    def rate(self, per_s: float) -> str:
        """Return messages a second."""
        text = f"{per_s:,.1f}".removesuffix(".0")
        if self.language is Language.EN:
            return text
        return text.replace(",", _NARROW_SPACE).replace(".", ",")

    def money(self, amount: Decimal, currency: str | None) -> str:
        """Return an amount."""
        write = english_money if self.language is Language.EN else russian_money
        return write(amount_text(amount), currency)

    def duration(self, span: timedelta) -> str:
        """Return a duration."""
        write = english_duration if self.language is Language.EN else russian_duration
        return write(span)
