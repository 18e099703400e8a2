"""The two queues of the sender.

`UnclaimedMessages` holds what was fetched, first in, first out. `ReadyQueue` holds what was claimed
and waits for a bind: the most urgent lane first, and within a lane one message at a time for each
key. Both keep the centres apart, so that one which hangs holds up no other.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from schemas.lanes import Lane
from streams.outbox.ledger import Entry
from streams.outbox.phases import Done

_LANES: Final = tuple(Lane)


class UnclaimedMessages:
    """Fetched messages that are not claimed yet, for each lane and centre by itself."""

    def __init__(self) -> None:
        self._lanes = [_by_centre() for _ in Lane]

    def add(self, entry: Entry) -> None:
        """Put a message behind the others of its lane and centre."""
        self._lanes[entry.fetched.lane][entry.fetched.centre].append(entry)

    def size(self, lane: Lane) -> int:
        """Return how many messages of a lane wait, for all centres."""
        return sum(len(entries) for entries in self._lanes[lane].values())

    def first(self, lane: Lane, centre: str) -> Entry | None:
        """Return the message that has waited longest, and leave it there."""
        return _first(self._lanes[lane][centre])

    def take(self, lane: Lane, centre: str, most: int) -> Iterator[Entry]:
        """Yield and take out up to `most` messages in their order."""
        entries = self._lanes[lane][centre]
        for _ in range(min(most, len(entries))):
            yield entries.popleft()

    def drop_done(self) -> None:
        """Take out the messages whose phase is Done."""
        for lane in self._lanes:
            for centre, entries in lane.items():
                lane[centre] = deque(entry for entry in entries if not _is_done(entry))


@dataclass(slots=True)
class _KeyLine:
    """The messages of one key in one lane: `out` was handed out, the others are behind."""

    out: Entry | None = None
    behind: deque[Entry] = field(default_factory=deque)


class ReadyQueue:
    """Claimed messages. A person's messages within a lane leave in order.

    The next message of a key is handed out after `release` of the one before. Lanes never wait
    for each other; nor do centres, except for one and the same person.
    """

    def __init__(self) -> None:
        self._ready = [_by_centre() for _ in Lane]
        self._lines: list[dict[str, _KeyLine]] = [{} for _ in Lane]
        self._sizes: list[defaultdict[str, int]] = [defaultdict(int) for _ in Lane]
        self._total = 0

    def __len__(self) -> int:
        """How many messages wait, those behind another one of their key too."""
        return self._total

    def size(self, lane: Lane, centre: str) -> int:
        """Return how many messages of a lane wait for a centre."""
        return self._sizes[lane][centre]

    def first(self, lane: Lane, centre: str) -> Entry | None:
        """Return the message of a lane that goes next to a centre, and leave it there."""
        return _first(self._ready[lane][centre])

    def push(self, entry: Entry) -> None:
        """Queue a message behind the others of its lane and key."""
        fetched = entry.fetched
        self._sizes[fetched.lane][fetched.centre] += 1
        self._total += 1
        lines = self._lines[fetched.lane]
        line = lines.get(fetched.key)
        if line is None:
            lines[fetched.key] = _KeyLine()
            self._ready[fetched.lane][fetched.centre].append(entry)
        else:
            line.behind.append(entry)

    def push_front(self, entry: Entry) -> None:
        """Put a message that was handed out, and not released, back at the front."""
        fetched = entry.fetched
        self._sizes[fetched.lane][fetched.centre] += 1
        self._total += 1
        self._ready[fetched.lane][fetched.centre].appendleft(entry)

    def pop(self, centres: Iterable[str], *, bulk: bool = True) -> Entry | None:
        """Hand out the most urgent message for these centres, or None when none is ready.

        Without `bulk` that lane and those after it are passed over.
        """
        for lane in _LANES if bulk else _LANES[: Lane.BULK]:
            for centre in centres:
                if ready := self._ready[lane][centre]:
                    entry = ready.popleft()
                    self._sizes[lane][centre] -= 1
                    self._total -= 1
                    self._lines[lane][entry.fetched.key].out = entry
                    return entry
        return None

    def release(self, entry: Entry) -> None:
        """Let the next message of this one's lane and key go.

        Does nothing for a message that was not handed out; safe to repeat.
        """
        fetched = entry.fetched
        line = self._lines[fetched.lane].get(fetched.key)
        if line is not None and line.out is entry:
            self._advance(fetched.lane, fetched.key, line)

    def drop_done(self) -> None:
        """Take out the messages whose phase is Done.

        A message that was handed out keeps its key until it is released.
        """
        for lane in Lane:
            lines = self._lines[lane]
            for line in lines.values():
                line.behind = self._without_done(lane, line.behind)
            ready = self._ready[lane]
            for centre in list(ready):
                dropped = [entry for entry in ready[centre] if _is_done(entry)]
                ready[centre] = self._without_done(lane, ready[centre])
                for entry in dropped:
                    self._advance(lane, entry.fetched.key, lines[entry.fetched.key])

    def _without_done(self, lane: Lane, entries: deque[Entry]) -> deque[Entry]:
        kept = deque(entry for entry in entries if not _is_done(entry))
        for entry in entries:
            self._sizes[lane][entry.fetched.centre] -= _is_done(entry)
        self._total -= len(entries) - len(kept)
        return kept

    def _advance(self, lane: Lane, key: str, line: _KeyLine) -> None:
        line.out = None
        if line.behind:
            following = line.behind.popleft()
            self._ready[lane][following.fetched.centre].append(following)
        else:
            del self._lines[lane][key]


class Queues:
    """Both queues, and how long the first message of each lane has been waiting."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.backlog = UnclaimedMessages()
        self.ready = ReadyQueue()
        self._clock = clock

    def oldest_waiting_s(self, centre: str) -> dict[str, float]:
        """Return for each lane how long the first message for a centre has been waiting.

        In seconds since the MO that it answers arrived, or since it came into its lane;
        lanes without one are left out.
        """
        now = self._clock()
        ages = {}
        for lane in Lane:
            first = self.ready.first(lane, centre) or self.backlog.first(lane, centre)
            if first is not None and first.fetched.waits_since is not None:
                ages[lane.label] = max(0.0, (now - first.fetched.waits_since).total_seconds())
        return ages


def _by_centre() -> defaultdict[str, deque[Entry]]:
    return defaultdict(deque)


def _first(entries: deque[Entry]) -> Entry | None:
    return entries[0] if entries else None


def _is_done(entry: Entry) -> bool:
    return isinstance(entry.phase, Done)
