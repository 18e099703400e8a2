"""Compares the log with its published heads, and with published events, on Kafka.

An attacker with write access to the database can change an event and recompute all later
digests, but can't change the heads on their topic: a chain that does not lead to a head was
rewritten after the last head that still matches. The events since then, as far as
`sms.events.v1` still has them, show which ones differ from what was published.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final, NamedTuple

import psycopg
from pydantic import ValidationError

from inbound.eventlog.checker import Problem
from inbound.eventlog.log_reader import read_chain
from inbound.eventlog.published_events import PublishedEvent, read_published
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
"""The most problems reported per chain."""

OnProgress = Callable[[int, int], None]
"""Receives how many heads were compared, and of how many."""


class _TrustedUpTo(NamedTuple):
    """A position up to which the log is unaltered, and the time of that event."""

    position: int
    recorded_at: datetime | None


@dataclass(slots=True)
class _Chain:
    """The last matching head of one chain, and the first one that does not match."""

    matching: _TrustedUpTo
    mismatch: LogHead | None = None

    def add(self, head: LogHead, *, matches: bool) -> None:
        if matches:
            before = self.mismatch is None or head.position < self.mismatch.position
            if before and head.position > self.matching.position:
                self.matching = _TrustedUpTo(head.position, head.recorded_at)
        elif self.mismatch is None or head.position < self.mismatch.position:
            self.mismatch = head


@dataclass(slots=True)
class PublishedHeads:
    """The heads and events on the topics up to the creation of this object.

    Create it before the snapshot of the database, which then has everything published.
    """

    reader: TopicReader
    names: TopicNames
    _heads_end: dict[int, int] = field(init=False)
    _events_end: dict[int, int] = field(init=False)
    heads: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        """Read the ends of the topics. Raises SetupError when one is missing."""
        self._heads_end = dict(self.reader.ends(self.names.log_heads))
        self._events_end = dict(self.reader.ends(self.names.events))

    def problems(
        self, conn: psycopg.Connection, since: int, last: int, on_progress: OnProgress
    ) -> Iterator[Problem]:
        """Yield where the log between two positions differs from the topics.

        `conn` is in the snapshot in which the log ends at `last`. Memory stays flat.
        """
        trusted = _TrustedUpTo(since, _recorded_at(conn, since))
        chains: dict[int, _Chain] = {}
        for batch in _batches(self._heads(trusted, on_progress)):
            if isinstance(batch, Problem):
                yield batch
                continue
            found = _stored(conn, [head.position for head in batch])
            for head in batch:
                matches = found.get(head.position) == (head.chain, head.digest)
                chains.setdefault(head.chain, _Chain(trusted)).add(head, matches=matches)
        rewritten: list[Problem] = []
        for number, chain in sorted(chains.items()):
            if chain.mismatch is not None:
                of_chain = self._rewritten(conn, number, chain.matching, chain.mismatch, last)
                rewritten += islice(of_chain, _COMPARED)
        # In order of position: after one deleted event, all later ones may have moved.
        yield from sorted(rewritten, key=lambda problem: problem.position or 0)
        yield from self._beyond(last, {n for n, chain in chains.items() if chain.mismatch})

    def _heads(self, trusted: _TrustedUpTo, on_progress: OnProgress) -> Iterator[LogHead | Problem]:
        total = 0
        topic = self.names.log_heads
        for partition, end in self._heads_end.items():
            start = self._after(topic, partition, trusted, end)
            for record in self.reader.read(topic, partition, start, end):
                total += 1
                if not total % _BATCH:
                    on_progress(record.offset, end)
                try:
                    head = LogHead.model_validate_json(record.value or b"")
                except ValidationError:
                    record_name = f"record {record.offset} of partition {partition} of {topic}"
                    yield Problem(f"{record_name} is not a head: another program writes there")
                    continue
                if head.position > trusted.position:
                    self.heads += 1
                    yield head

    def _rewritten(
        self,
        conn: psycopg.Connection,
        chain: int,
        matching: _TrustedUpTo,
        mismatch: LogHead,
        last: int,
    ) -> Iterator[Problem]:
        after = matching.position
        summary = f"chain {chain}: its head of {mismatch.recorded_at:%Y-%m-%d %H:%M:%S} UTC, "
        summary += f"event {mismatch.position}, is on {self.names.log_heads}"
        if mismatch.position > last:
            yield Problem(f"{summary}; the log ends with event {last}: later events are gone")
        else:
            yield Problem(
                f"{summary} and does not match: events {after + 1} to {mismatch.position}"
            )
        begin = self.reader.begin(self.names.events, chain)
        start = self._after(self.names.events, chain, matching, self._events_end[chain])
        if start >= self._events_end[chain]:
            yield Problem(f"chain {chain}: {self.names.events} no longer has any of these events")
            return
        yield from compare(
            read_chain(conn, chain, after, mismatch.position),
            self._published(chain, start, after, mismatch.position),
            complete=start > begin or begin == 0,
        )

    def _after(self, topic: str, partition: int, trusted: _TrustedUpTo, end: int) -> int:
        """Return an offset before all events published after a position."""
        if trusted.recorded_at is None:
            return self.reader.begin(topic, partition)
        moment = trusted.recorded_at - _CLOCKS_APART
        offset = self.reader.offset_at(topic, partition, moment)
        return end if offset is None else offset

    def _published(
        self, chain: int, start: int, after: int, until: int
    ) -> Iterator[PublishedEvent]:
        """Yield the events published between two positions, once and in order."""
        seen = after
        for event in self._read(chain, start):
            if event.position > until:
                return
            if event.position > seen:
                seen = event.position
                yield event

    def _read(self, chain: int, start: int) -> Iterator[PublishedEvent]:
        end = self._events_end[chain]
        for record in self.reader.read(self.names.events, chain, start, end):
            try:
                event = read_published(record)
            except ValueError:
                continue  # not written by the relay: proves nothing
            if event is not None:
                yield event

    def _beyond(self, last: int, reported: set[int]) -> Iterator[Problem]:
        """Yield published events beyond the end of the log, whether or not heads match."""
        for chain, end in self._events_end.items():
            if chain in reported:
                continue
            begin = self.reader.begin(self.names.events, chain)
            for event in self._read(chain, max(begin, end - _LAST_RECORDS)):
                if event.position > last:
                    yield _gone(event)


def compare(
    stored: Iterable[StoredEvent], published: Iterable[PublishedEvent], *, complete: bool
) -> Iterator[Problem]:
    """Yield the differences between both, of one chain and in order of position.

    Pure. Unless `complete`, the first stored events may be too old to be still on the topic.
    """
    ours = iter(stored)
    mine = next(ours, None)
    too_old: list[StoredEvent] = []  # the first and the last
    for theirs in published:
        while mine is not None and mine.position < theirs.position:
            if complete:
                yield _inserted(mine)
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
        yield _inserted(mine)
        mine = next(ours, None)
    if too_old:
        what = f"it and all of its chain up to {too_old[-1].position} are no longer on the topic"
        yield Problem(what, too_old[0].position)


def _inserted(event: StoredEvent) -> Problem:
    what = "it is not on the topic: inserted later, or a dead letter of the relay"
    return Problem(what, event.position, event.stream_id, event.version)


def _gone(event: PublishedEvent) -> Problem:
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
