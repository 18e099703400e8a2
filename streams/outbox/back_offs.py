"""Messages that wait after a temporary refusal, and when the SMS centre itself is in trouble."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Final

from streams.outbox.ledger import Entry
from streams.outbox.ports import BindPort, WholeMessageBind

BACK_OFF_S = 2.0
_MOST_DOUBLINGS: Final = 4
"""Limits the back-off for a phone whose queue stays full to 32 s."""


class BackOffs:
    """The back-offs of one gateway. `on_over` is called at the end of each, on the event loop."""

    def __init__(self, on_over: Callable[[Entry], None]) -> None:
        self._on_over = on_over
        self._timers: dict[Entry, asyncio.TimerHandle] = {}
        self._by_centre: Counter[str] = Counter()
        self._full: set[Entry] = set()

    def __contains__(self, entry: Entry) -> bool:
        """Whether a message is backing off."""
        return entry in self._timers

    def begin(self, entry: Entry, bind: BindPort, full_queues: int) -> None:
        """Let other messages go while one number is in trouble; if many are, pause the bind.

        A phone whose queue stays full is retried ever more rarely, and doesn't count as trouble.
        """
        pause_s, most = BACK_OFF_S, bind.window
        if isinstance(bind, WholeMessageBind):
            pause_s, most = bind.back_off_s, bind.most_backing_off
        elif full_queues > 1:
            self._full.add(entry)
            pause_s *= 2 ** min(full_queues - 1, _MOST_DOUBLINGS)
        self._timers[entry] = asyncio.get_running_loop().call_later(pause_s, self.end, entry)
        if entry in self._full:
            return
        self._by_centre[entry.fetched.centre] += 1
        if self._by_centre[entry.fetched.centre] >= most:
            bind.hold(pause_s)

    def end(self, entry: Entry) -> None:
        """End a back-off now."""
        self._timers.pop(entry).cancel()
        if entry in self._full:
            self._full.discard(entry)
        else:
            self._by_centre[entry.fetched.centre] -= 1
        self._on_over(entry)

    def end_all(self) -> None:
        """End all back-offs now."""
        for entry in list(self._timers):
            self.end(entry)
