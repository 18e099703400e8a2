"""The report of one day: what was asked, done, delivered and late, and orders by account. Pure.

The counts are those of `/v1/daily-counts`: of events, on the day in UTC when they were recorded.
A request that was accepted before midnight and completed after it counts on both days.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from inbound.projections.order_counts import ACCEPTED
from inbound.projections.queries import DailyCount, DailyOrders
from schemas.events import AcknowledgementLate, RequestAccepted, RequestCompleted
from schemas.message_events import (
    MessageDelivered,
    MessageExpired,
    MessageRejected,
    MessageSubmitted,
    MessageUndeliverable,
    MessageUndetermined,
    MessageUnknown,
    MessageWithheld,
)
from schemas.messages import Purpose

ZONE: Final = "UTC"
FORMULA_SIGNS: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Messages:
    """Messages of one purpose: accepted by the SMS centre, and what receipts and refusals say."""

    purpose: Purpose
    submitted: int
    delivered: int
    failed: int
    unsure: int
    withheld: int


@dataclass(frozen=True, slots=True)
class AccountOrders:
    """Orders of one account: accepted with their SMS parts, and refused by reason."""

    account: str
    kind: str
    accepted: int
    parts: int
    refused: Sequence[tuple[str, int]]

    @property
    def refusals(self) -> int:
        """All refused orders."""
        return sum(count for _, count in self.refused)


@dataclass(frozen=True, slots=True)
class DailyReport:
    """The report. `is_final`: the day has ended, and all its events are counted."""

    day: date
    is_final: bool
    accepted: int
    commands: Sequence[tuple[str, int]]
    completed: Sequence[tuple[str, int]]
    late: int
    messages: Sequence[Messages]
    accounts: Sequence[AccountOrders]

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all happened."""
        return not (self.accepted or self.completed or self.messages or self.accounts)

    @property
    def submitted(self) -> int:
        """All messages that the SMS centre accepted."""
        return sum(one.submitted for one in self.messages)

    @property
    def delivered(self) -> int:
        """All messages that were delivered on the day, whenever they were sent."""
        return sum(one.delivered for one in self.messages)

    @property
    def completions(self) -> int:
        """All requests that were completed on the day, whenever they were accepted."""
        return sum(count for _, count in self.completed)


def report_of(
    day: date, events: Iterable[DailyCount], orders: Iterable[DailyOrders], *, is_final: bool
) -> DailyReport:
    """Return the report of the counts of one day."""
    counts: Counter[str] = Counter()
    commands: Counter[str] = Counter()
    completed: Counter[str] = Counter()
    by_purpose: Counter[tuple[str, str]] = Counter()
    for one in events:
        counts[one.type] += one.count
        by_purpose[one.type, one.purpose] += one.count
        if one.type == RequestAccepted.TYPE:
            commands[one.command] += one.count
        if one.type == RequestCompleted.TYPE:
            completed[one.outcome] += one.count
    return DailyReport(
        day,
        is_final,
        counts[RequestAccepted.TYPE],
        sorted(commands.items()),
        sorted(completed.items()),
        counts[AcknowledgementLate.TYPE],
        [one for one in (_messages(purpose, by_purpose) for purpose in Purpose) if one],
        _accounts(orders),
    )


def _messages(purpose: Purpose, counts: Counter[tuple[str, str]]) -> Messages | None:
    def total(*types: str) -> int:
        return sum(counts[type_, purpose.value] for type_ in types)

    found = Messages(
        purpose,
        total(MessageSubmitted.TYPE),
        total(MessageDelivered.TYPE),
        total(MessageUndeliverable.TYPE, MessageRejected.TYPE, MessageExpired.TYPE),
        total(MessageUndetermined.TYPE, MessageUnknown.TYPE),
        total(MessageWithheld.TYPE),
    )
    figures = (found.submitted, found.delivered, found.failed, found.unsure, found.withheld)
    return found if any(figures) else None


def _accounts(orders: Iterable[DailyOrders]) -> list[AccountOrders]:
    accepted: dict[tuple[str, str], tuple[int, int]] = {}
    refused: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for one in orders:
        key = one.account, one.kind
        refused.setdefault(key, [])
        accepted.setdefault(key, (0, 0))
        if one.outcome == ACCEPTED:
            accepted[key] = one.count, one.parts
        else:
            refused[key].append((one.outcome, one.count))
    return [
        AccountOrders(account, kind, *accepted[account, kind], refused[account, kind])
        for account, kind in sorted(accepted)
    ]


def rows_of(report: DailyReport) -> list[tuple[str, str, str, str, int]]:
    """Return the report as rows of a file: day, zone, what, kind, count."""
    day = report.day.isoformat()
    found: list[tuple[str, str, int]] = [("requests accepted", "", report.accepted)]
    found += [("requests accepted", command, count) for command, count in report.commands]
    found += [("requests completed", outcome, count) for outcome, count in report.completed]
    found.append(("acknowledgements later than 120 s", "", report.late))
    for one in report.messages:
        found += [
            ("messages accepted by the SMS centre", one.purpose.value, one.submitted),
            ("messages delivered", one.purpose.value, one.delivered),
            ("messages not delivered", one.purpose.value, one.failed),
            ("messages with uncertain delivery", one.purpose.value, one.unsure),
            ("messages withheld", one.purpose.value, one.withheld),
        ]
    for orders in report.accounts:
        name = f"{orders.account} {orders.kind}"
        found.append(("orders accepted", name, orders.accepted))
        found.append(("parts of accepted orders", name, orders.parts))
        found += [("orders refused", f"{name} {why}", count) for why, count in orders.refused]
    return [(day, ZONE, harmless(what), harmless(about), count) for what, about, count in found]


def harmless(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula (CWE-1236)."""
    return f"'{cell}" if cell.startswith(FORMULA_SIGNS) else cell
