"""The state of a bind, as its client sees it."""

from dataclasses import dataclass
from enum import Enum


class EsmeState(Enum):
    """State of a bind."""

    DOWN = "down"
    CONNECTING = "connecting"
    BOUND = "bound"
    UNBINDING = "unbinding"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class BindHealth:
    """State of a bind and why, as a sentence.

    `since` is when it was bound, or since when it is not bound, whatever it has tried since
    (seconds since 1970).
    """

    state: EsmeState
    since: float
    reason: str
