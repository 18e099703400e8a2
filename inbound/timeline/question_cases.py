"""The facts for the answers to other questions of clients. Plain data."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from inbound.freshness.model import Pending
from inbound.timeline.incidents import Switch
from schemas.messages import Purpose
from schemas.orders import OrderKind

MOST_NAMED = 3
"""The maximum number of messages that one answer names."""


@dataclass(frozen=True, slots=True)
class Copies:
    """A message that may have been sent `count` times; `at` is when it was asked for.

    A message of an order has the order's `kind`, a reply has none.
    """

    at: datetime
    count: int
    purpose: Purpose
    kind: OrderKind | None = None


@dataclass(frozen=True, slots=True)
class SameText:
    """Two or more orders of one text whose messages may have been sent; `at` are their times."""

    at: Sequence[datetime]
    kinds: Sequence[OrderKind]


class WhySent(Enum):
    """Why a message reached a person who had switched notifications off."""

    SERVICE = auto()
    BEING_SENT = auto()
    SENT_BEFORE = auto()


@dataclass(frozen=True, slots=True)
class SentAfterStop:
    """A message of an order that was sent after a stop, or delivered after it."""

    ordered_at: datetime
    kind: OrderKind
    why: WhySent


@dataclass(frozen=True, slots=True)
class TwiceCase:
    """Facts for the answer to "I got it twice". `unread` are reports that are not processed.

    `same_texts` are messages of their own, as far as the orders are kept.
    """

    copies: Sequence[Copies]
    has_two_replies: bool
    unread: Pending | None
    same_texts: Sequence[SameText] = ()


@dataclass(frozen=True, slots=True)
class SwitchedOffCase:
    """Facts for the answer to "I switched it off and still get messages".

    `switch` is the last one, None if there never was one. `is_whole` is false if messages after it
    may be missing here. `pending` may change the answer; `missed` says why the newest text since
    then was no command.
    """

    switch: Switch | None
    sent: Sequence[SentAfterStop]
    is_whole: bool
    pending: Sequence[Pending]
    missed: str | None

    @property
    def is_off(self) -> bool:
        """Whether notifications are off now."""
        return self.switch is not None and not self.switch.notifications_on
