"""How far bulk messages go ahead of the SMS centres, and how accounts and broadcasts share that.

Pure. Messages that are already queued can't be overtaken, so no more are queued than the SMS
centres take in a few seconds: a new sender waits that long, however many messages the others have
waiting.
"""

from collections.abc import Hashable, Mapping
from datetime import datetime
from typing import Final, Generic, TypeVar

SECONDS_AHEAD: Final = 4.0
"""Longer than a message takes from its order to its result; otherwise that would be the limit."""
LEAST_AHEAD: Final = 200

_SAMPLE_S: Final = 0.5
_SMOOTHING: Final = 0.3

Key = TypeVar("Key", bound=Hashable)


class Distance(Generic[Key]):
    """Measures how fast messages leave, and says how many may be on their way.

    The keys are the senders that have messages queued.
    """

    def __init__(self, least: int, most: int) -> None:
        """`least` and `most` hold at any speed; if they contradict each other, `most` does."""
        self._least = least
        self._most = most
        self._rate = 0.0
        self._open: dict[Key, int] = {}
        self._left = 0
        self._since: datetime | None = None

    @property
    def ahead(self) -> int:
        """How many messages of all senders together may be on their way."""
        return min(self._most, max(self._least, int(self._rate * SECONDS_AHEAD)))

    def measure(self, now: datetime, on_their_way: Mapping[Key, int]) -> None:
        """Note how many messages of each sender are on their way now; call `place` for new ones."""
        left = sum(max(0, before - on_their_way.get(key, 0)) for key, before in self._open.items())
        was_busy = any(self._open.values())
        self._open = dict(on_their_way)
        if self._since is None or not was_busy:
            # Without messages on their way nothing can be measured.
            self._since, self._left = now, 0
            return
        self._left += left
        elapsed = (now - self._since).total_seconds()
        if elapsed >= _SAMPLE_S:
            change = self._left / elapsed - self._rate
            # A short stop of the SMS centres or workers must not make the next seconds slow.
            self._rate += change if change > 0 else change * _SMOOTHING
            self._since, self._left = now, 0

    def place(self, key: Key, messages: int) -> None:
        """Note that this many more messages of a sender are on their way."""
        self._open[key] = self._open.get(key, 0) + messages


def shares(total: int, wanted: Mapping[Key, int]) -> dict[Key, int]:
    """Divide `total` evenly; a share that a sender doesn't need is divided among the others.

    Each gets at least 1, so that none waits for ever.
    """
    given: dict[Key, int] = {}
    left, waiting = total, len(wanted)
    for key, want in sorted(wanted.items(), key=lambda one: one[1]):
        given[key] = max(1, min(want, left // waiting))
        left, waiting = max(0, left - given[key]), waiting - 1
    return given
