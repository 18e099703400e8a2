"""What Kafka remembers of the log: heads of its chains, and for a while the events themselves.

Whoever can write to the database can change an event and compute every digest after it anew.
The heads on their topic are out of that reach: a chain that does not lead to them any more
was rewritten, since the last head that still fits. The events of that stretch, as far as
`sms.events.v1` still has them, say which ones are not what was published.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final, NamedTuple

import psycopg
from pydantic import ValidationError

from inbound.eventlog.checking import Problem
from inbound.eventlog.published import Published, read_published
from inbound.eventlog.reading import read_chain
from inbound.kafka.topic_reader import TopicReader
from inbound.store.log.copy_format import StoredEvent
from inbound.store.statements import statements
from schemas.messages import LogHead
from schemas.topics import TopicNames

_SQL: Final = statements(__package__, "eventlog")
_RECORDED_AT: Final = _SQL["recorded_at"]
_AT_POSITIONS: Final = _SQL["at_positions"]
_BATCH: Final = 2_000
_LAST_RECORDS: Final = 20
# The time of a record is the relay's, the time of an event the database's.
_CLOCKS_APART: Final = timedelta(minutes=5)
_COMPARED: Final = 1_000
"""Problems of one chain, within what lies between two heads. Further ones tell nothing new."""

Tell = Callable[[int, int], None]
"""Takes how many heads were compared, and of how many."""


class _Place(NamedTuple):
    """A position up to which the log is as it was, and when that event was recorded."""

    position: int
    recorded_at: datetime | None


@dataclass(slots=True)
class _Chain:
    """Up to where the heads of one chain fit, and the first one that doesn't."""

    right: _Place
    wrong: LogHead | None = None

    def add(self, head: LogHead, *, fits: bool) -> None:
        if fits:
            before = self.wrong is None or head.position < self.wrong.position
            if before and head.position > self.right.position:
                self.right = _Place(head.position, head.recorded_at)
        elif self.wrong is None or head.position < self.wrong.position:
            self.wrong = head


@dataclass(slots=True)
class Witnesses:
    """Heads and events on the topics up to the moment at which this was made.

    Make it before the snapshot of the database: what was published by then is in there.
    """

    reader: TopicReader
    names: TopicNames
    _heads_end: dict[int, int] = field(init=False)
    _events_end: dict[int, int] = field(init=False)
    heads: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        """Note where the topics end. Raises SetupError when one is missing."""
        self._heads_end = dict(self.reader.ends(self.names.log_heads))
        self._events_end = dict(self.reader.ends(self.names.events))

    def problems(
        self, conn: psycopg.Connection, since: int, last: int, tell: Tell
    ) -> Iterator[Problem]:
        """Yield where the log between two positions is not what the topics say.

        `conn` is in the snapshot in which the log ends at `last`. Memory stays flat.
        """
        believed = _Place(since, _recorded_at(conn, since))
        chains: dict[int, _Chain] = {}
        for batch in _batches(self._heads(believed, tell)):
            if isinstance(batch, Problem):
                yield batch
                continue
            found = _stored(conn, [head.position for head in batch])
            for head in batch:
                fits = found.get(head.position) == (head.chain, head.digest)
                chains.setdefault(head.chain, _Chain(believed)).add(head, fits=fits)
        rewritten: list[Problem] = []
        for number, chain in sorted(chains.items()):
            if chain.wrong is not None:
                of_chain = self._rewritten(conn, number, chain.right, chain.wrong, last)
                rewritten += islice(of_chain, _COMPARED)
        # What was done first stands first: where one event went, all behind it may have moved.
        yield from sorted(rewritten, key=lambda problem: problem.position or 0)
        yield from self._beyond(last, {n for n, chain in chains.items() if chain.wrong})

    def _heads(self, believed: _Place, tell: Tell) -> Iterator[LogHead | Problem]:
        total = 0
        topic = self.names.log_heads
        for partition, end in self._heads_end.items():
            start = self._after(topic, partition, believed, end)
            for record in self.reader.read(topic, partition, start, end):
                total += 1
                if not total % _BATCH:
                    tell(record.offset, end)
                try:
                    head = LogHead.model_validate_json(record.value or b"")
                except ValidationError:
                    place = f"record {record.offset} of partition {partition} of {topic}"
                    yield Problem(f"{place} is no head of a chain: somebody else writes there")
                    continue
                if head.position > believed.position:
                    self.heads += 1
                    yield head

    def _rewritten(
        self,
        conn: psycopg.Connection,
        chain: int,
        right: _Place,
        wrong: LogHead,
        last: int,
    ) -> Iterator[Problem]:
        after = right.position
        said = f"chain {chain}: its head of {wrong.recorded_at:%Y-%m-%d %H:%M:%S} UTC, "
        said += f"event {wrong.position}, is on {self.names.log_heads}"
        if wrong.position > last:
            yield Problem(f"{said}; the log ends with event {last}: what followed is gone")
        else:
            yield Problem(f"{said} and does not fit: events {after + 1} to {wrong.position}")
        begin = self.reader.begin(self.names.events, chain)
        start = self._after(self.names.events, chain, right, self._events_end[chain])
        if start >= self._events_end[chain]:
            yield Problem(f"chain {chain}: {self.names.events} has none of these events any more")
            return
        yield from compare(
            read_chain(conn, chain, after, wrong.position),
            self._published(chain, start, after, wrong.position),
            complete=start > begin or begin == 0,
        )

    def _after(self, topic: str, partition: int, place: _Place, end: int) -> int:
        """Return an offset before all that was published after a place: that was later."""
        if place.recorded_at is None:
            return self.reader.begin(topic, partition)
        moment = place.recorded_at - _CLOCKS_APART
        offset = self.reader.offset_at(topic, partition, moment)
        return end if offset is None else offset

    def _published(self, chain: int, start: int, after: int, until: int) -> Iterator[Published]:
        """Yield what was published between two positions, once and in order."""
        seen = after
        for event in self._read(chain, start):
            if event.position > until:
                return
            if event.position > seen:
                seen = event.position
                yield event

    def _read(self, chain: int, start: int) -> Iterator[Published]:
        end = self._events_end[chain]
        for record in self.reader.read(self.names.events, chain, start, end):
            try:
                event = read_published(record)
            except ValueError:
                continue  # not the relay's; whatever it is, it proves nothing
            if event is not None:
                yield event

    def _beyond(self, last: int, told: set[int]) -> Iterator[Problem]:
        """Yield what was published and lies beyond the end of the log, heads or no heads."""
        for chain, end in self._events_end.items():
            if chain in told:
                continue
            begin = self.reader.begin(self.names.events, chain)
            for event in self._read(chain, max(begin, end - _LAST_RECORDS)):
                if event.position > last:
                    yield _gone(event)


def compare(
    stored: Iterable[StoredEvent], published: Iterable[Published], *, complete: bool
) -> Iterator[Problem]:
    """Yield how the two differ, both of one chain and in the order of their positions. Pure.

    Unless `complete`, the first ones stored may be too old to be still published.
    """
    ours = iter(stored)
    mine = next(ours, None)
    too_old: list[StoredEvent] = []  # the first and the last
    for theirs in published:
        while mine is not None and mine.position < theirs.position:
            if complete:
                yield _put_in(mine)
            else:
                too_old[1:] = [mine]
            mine = next(ours, None)
        complete = True
        if mine is None or mine.position > theirs.position:
            yield _gone(theirs)
            continue
        if differences := list(theirs.differences(mine)):
            what = f"{' and '.join(differences)} not as published"
            yield Problem(what, mine.position, mine.stream_id, mine.version)
        mine = next(ours, None)
    while mine is not None:
        yield _put_in(mine)
        mine = next(ours, None)
    if too_old:
        what = f"it and all of its chain up to {too_old[-1].position} are not on the topic any more"
        yield Problem(what, too_old[0].position)


def _put_in(event: StoredEvent) -> Problem:
    what = "it is not on the topic: put in later, or set aside by the relay"
    return Problem(what, event.position, event.stream_id, event.version)


def _gone(event: Published) -> Problem:
    what = f"it was published as {event.type} and is gone"
    return Problem(what, event.position, event.stream_id, event.version)


def _recorded_at(conn: psycopg.Connection, position: int) -> datetime | None:
    row = conn.execute(_RECORDED_AT, {"position": position}).fetchone()
    return None if row is None else row[0]


def _stored(conn: psycopg.Connection, positions: Sequence[int]) -> dict[int, tuple[int, str]]:
    rows: Any = conn.execute(_AT_POSITIONS, {"positions": list(positions)})
    return {
        position: (chain, digest.hex()) for position, chain, digest in rows if digest is not None
    }


def _batches(heads: Iterable[LogHead | Problem]) -> Iterator[list[LogHead] | Problem]:
    batch: list[LogHead] = []
    for head in heads:
        if isinstance(head, Problem):
            yield head
            continue
        batch.append(head)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
