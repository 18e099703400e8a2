"""What a message that is not being sent waits for. Plain data."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto


class WaitsFor(Enum):
    """What a queued message waits for."""

    RELAY = auto()
    """It is in the outbox, and no relay has published it."""
    CONNECTION = auto()
    """No bind that sends is bound."""
    TURN = auto()
    """It is published, and no gateway has claimed it: others are first, or gateways are slow."""


@dataclass(frozen=True, slots=True)
class MessageWait:
    """Since when a message waits; for a connection, since when there is none, if that is known."""

    waits_for: WaitsFor
    since: datetime | None
