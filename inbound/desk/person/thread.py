"""A person's timeline as a thread: what they texted, what went to them, and notes. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from inbound.desk.person.message_states import OF_ORDER, OF_REPLY, StateBadge
from inbound.timeline.model import OrderTimeline, Step, Timeline
from inbound.timeline.words import spelling_of
from schemas.orders import OrderKind, OrderState

KINDS: Final = {
    OrderKind.NOTIFICATION: "Notification",
    OrderKind.BROADCAST: "Broadcast",
    OrderKind.SERVICE: "Service message",
}
"""What an order is, as keys of words."""


@dataclass(frozen=True, slots=True)
class ThreadEntry:
    """One entry. `title` is a key of the desk's words, and `about` makes it more precise.

    `side` is `in`, `out` or `note`; `id` is its anchor on the page, "" for none. `order` is that
    of a message which somebody ordered.
    """

    at: datetime
    side: str
    title: str
    about: str
    sentence: str
    shown: StateBadge | None = None
    advice: str = ""
    steps: Sequence[Step] = ()
    id: str = ""
    trace: str = ""
    account: str = ""
    order: OrderTimeline | None = None

    @property
    def is_scheduled(self) -> bool:
        """Whether it is a message that waits for its time."""
        return self.order is not None and self.order.verdict is OrderState.SCHEDULED


def thread_of(timeline: Timeline) -> list[ThreadEntry]:
    """Return everything that is known of a person, the newest first."""
    return sorted(_entries(timeline), key=lambda entry: entry.at, reverse=True)


def _entries(timeline: Timeline) -> Iterator[ThreadEntry]:
    for one in timeline.requests:
        yield ThreadEntry(
            one.arrived_at,
            "in",
            "Text",
            spelling_of(one.command),
            one.sentence,
            OF_REPLY[one.verdict],
            steps=one.steps,
            id=str(one.request_id),
            trace=one.trace_id or "",
        )
    for order in timeline.orders:
        yield ThreadEntry(
            order.ordered_at,
            "out",
            KINDS[order.kind],
            order.broadcast or order.template or "",
            order.sentence,
            OF_ORDER[order.verdict],
            advice=order.advice or "",
            steps=order.steps,
            id=str(order.order_id),
            trace=order.trace_id or "",
            account=order.account,
            order=order,
        )
    for miss in timeline.misses:
        count = f"×{miss.count}" if miss.count > 1 else ""
        yield ThreadEntry(miss.last_at, "note", "Text without a reply", count, miss.sentence)
    for part in timeline.unfinished:
        yield ThreadEntry(part.first_at, "note", "Incomplete text", "", part.sentence)
    for row in timeline.excluded:
        yield ThreadEntry(
            row.began_at, "note", "Left out of a broadcast", row.broadcast, row.sentence,
            account=row.account,
        )  # fmt: skip
    for switch in timeline.switches:
        about = f"{switch.by.removeprefix('user ')}: {switch.reason}"
        yield ThreadEntry(switch.at, "note", "Recorded by staff member", about, switch.sentence)
