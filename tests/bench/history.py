"""A log of millions of events as the service would have written it, in minutes.

`fill` writes N requests of the past days into a migrated database: real events by the real
decisions (`tests.bench.stories`), in the order of their time, with contiguous versions for
each subject and the digests of the log; and the subjects with their hashed and sealed numbers.
Same arguments, same bytes. What is short-lived in the store (inbox, outbox, claims, states) is
not written; a state that is missing is folded from the events.

    .venv/bin/python -m tests.bench.history URL --requests 2000000
"""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import Final, NamedTuple
from uuid import UUID

import psycopg

from inbound.handlers.decision import message_id
from inbound.keys import IndexKey, SubjectHasher, VaultCipher
from inbound.store.connections import connect
from inbound.store.sealing import Sealer
from schemas.chain import Chains, body, chain_of
from schemas.events import Command
from schemas.messages import Purpose
from tests.bench.stories import Story, StoryEvent, Way, stories, weighted_ways
from tests.keys import begin_as_older_release

KEY: Final = IndexKey(bytes(32))
END: Final = datetime(2024, 6, 1, tzinfo=UTC)
DAYS: Final = 30
PER_SUBJECT: Final = 4
_MICROSECOND: Final = timedelta(microseconds=1)
_COMMANDS: Final = (*[Command.CLIENT_INFO] * 5, *[Command.SMS_STOP] * 3, *[Command.SMS_START] * 2)
# One subject of so many is a stranger, whose commands are refused.
_STRANGERS: Final = 25
# Regular clients write in each lap, the others in one of so many.
_LAPS: Final = 3
_CHUNK: Final = 1 << 18
_MOVE_HEADS: Final = "UPDATE log_heads SET positions = %s::bigint[], digests = %s"


class Row(NamedTuple):
    """A row of `events`, every column as the text that COPY takes."""

    position: bytes
    stream_id: bytes
    version: bytes
    type: bytes
    schema_version: bytes
    data: bytes
    metadata: bytes
    recorded_at: bytes
    chain: bytes
    digest: bytes


@dataclass(frozen=True, slots=True)
class History:
    """What was written."""

    requests: int
    events: int
    subjects: int
    seconds: float


def number_of(subject: int) -> str:
    """Return the number of a subject, counted from 0."""
    return f"+7916{subject:07d}"


def subject_count(requests: int) -> int:
    """Return how many subjects so many requests have."""
    return max(1, requests // PER_SUBJECT)


def subject_ids(requests: int, seed: int = 1) -> list[UUID]:
    """Return the ids of all subjects, in their order."""
    random = Random(f"subjects {seed}")
    return [_uuid(random) for _ in range(subject_count(requests))]


def fill(
    url: str,
    *,
    requests: int,
    seed: int = 1,
    subject_key: IndexKey = KEY,
    vault_key: bytes = KEY,
) -> History:
    """Write the events and subjects of so many requests. Blocks; the tables must be empty."""
    begin = time.monotonic()
    with connect(url, "tests history", long=True) as conn:
        begin_as_older_release(conn, subject_key)
        ids = subject_ids(requests, seed)
        _copy_subjects(conn, ids, SubjectHasher(subject_key), Sealer(VaultCipher(vault_key)))
        chains = Chains()
        with conn.transaction():
            events = copy_events(conn, rows(requests=requests, seed=seed, chains=chains))
            conn.execute(_MOVE_HEADS, (chains.positions, chains.digests))
        conn.execute("VACUUM ANALYZE events, subjects")
    return History(requests, events, len(ids), round(time.monotonic() - begin, 1))


def copy_events(conn: psycopg.Connection, rows_: Iterator[Row]) -> int:
    """Write rows into `events` and return how many."""
    columns = psycopg.sql.SQL(", ").join(map(psycopg.sql.Identifier, Row._fields))
    statement = psycopg.sql.SQL("COPY events ({}) FROM STDIN").format(columns)
    copied = size = 0
    lines: list[bytes] = []
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows_:
            lines.append(b"\t".join(row))
            copied += 1
            size += len(row.data)
            if size > _CHUNK:
                copy.write(b"\n".join(lines) + b"\n")
                lines.clear()
                size = 0
        if lines:
            copy.write(b"\n".join(lines) + b"\n")
    return copied


def rows(*, requests: int, seed: int = 1, chains: Chains | None = None) -> Iterator[Row]:
    """Yield the whole log in the order of its positions, without any database.

    `chains` are moved on to where the log ends.
    """
    ids = subject_ids(requests, seed)
    versions = [0] * len(ids)
    waiting: list[tuple[int, int, int, StoryEvent, bytes, bytes]] = []
    order, positions, made = count(), count(1), chains or Chains()

    def write(until_us: int | None) -> Iterator[Row]:
        while waiting and (until_us is None or waiting[0][0] <= until_us):
            at_us, _, subject, event, data, metadata = heappop(waiting)
            versions[subject] += 1
            id_, version, position = ids[subject], versions[subject], next(positions)
            covered = body(id_, version, event.type.decode(), int(event.version), data, metadata)
            digest = made.append(chain_of(id_), position, at_us, covered)
            yield Row(
                b"%d" % position,
                str(id_).encode(),
                b"%d" % version,
                event.type,
                event.version,
                data,
                metadata,
                _time(at_us) + b"Z",
                b"%d" % chain_of(id_),
                b"\\\\x" + digest.hex().encode(),
            )

    for request in _requests(requests, seed, len(ids)):
        yield from write(request.arrived_us)
        metadata = b'{"traceparent":"00-%b-%b-00"}' % (
            request.id.hex.encode(),
            request.id.hex[:16].encode(),
        )
        values = _Values(request)
        for event in request.story.events:
            at_us = request.arrived_us + event.after_us
            data = event.format % values.of(event)
            heappush(waiting, (at_us, next(order), request.subject, event, data, metadata))
    yield from write(None)


@dataclass(frozen=True, slots=True)
class _Request:
    id: UUID
    subject: int
    arrived_us: int
    story: Story
    number: int


class _Values:
    """What goes into the holes of one request's events."""

    def __init__(self, request: _Request) -> None:
        acknowledgement = message_id(request.id, Purpose.ACKNOWLEDGEMENT)
        fulfilment = message_id(request.id, Purpose.FULFILMENT)
        self._ids = [str(id_).encode() for id_ in (request.id, acknowledgement, fulfilment)]
        self._request = request

    def of(self, event: StoryEvent) -> tuple[bytes, ...]:
        """Return the values of one event."""
        arrived, number = self._request.arrived_us, self._request.number
        return tuple(
            self._ids[value]
            if kind == "id"
            else _time(arrived + value)
            if kind == "time"
            else b"%x" % (number * 8 + value)
            for kind, value in event.holes
        )


def _requests(requests: int, seed: int, subjects: int) -> Iterator[_Request]:
    """Yield the requests in the order of their arrival.

    Every lap goes over the subjects in the same mixed order, so that the commands of one
    are days apart: neither a repetition nor too many within an hour.
    """
    random = Random(f"requests {seed}")
    cache = _StoryCache()
    ways = weighted_ways()
    order = list(range(subjects))
    random.shuffle(order)
    on = bytearray(b"\x01" * subjects)
    begin_us = (END - timedelta(days=DAYS) - _EPOCH) // _MICROSECOND
    step_us = DAYS * 86_400_000_000 // requests
    for n, subject in zip(range(requests), _laps(order), strict=False):
        command = random.choice(_COMMANDS)
        way = random.choice(ways)
        known = subject % _STRANGERS > 0
        story = random.choice(cache.find(way, command, known=known, on=bool(on[subject])))
        on[subject] = story.turns_on
        arrived_us = begin_us + n * step_us + random.randrange(max(1, step_us))
        yield _Request(_uuid(random), subject, arrived_us, story, n)


def _laps(order: list[int]) -> Iterator[int]:
    for lap in count():
        yield from (s for s in order if s % 2 == 0 or lap % _LAPS == 0)


class _StoryCache:
    """Stories that have been played once."""

    def __init__(self) -> None:
        self._played: dict[tuple[str, Command, bool, bool], list[Story]] = {}

    def find(self, way: Way, command: Command, *, known: bool, on: bool) -> list[Story]:
        """Return the variants of a way."""
        key = way.name, command, known, on
        if key not in self._played:
            self._played[key] = stories(way, command, known=known, on=on)
        return self._played[key]


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _time(us: int) -> bytes:
    """Return microseconds of the epoch as pydantic writes a time, without its zone."""
    return (_EPOCH + us * _MICROSECOND).replace(tzinfo=None).isoformat().encode()


def _uuid(random: Random) -> UUID:
    return UUID(int=random.getrandbits(128), version=4)


def _copy_subjects(
    conn: psycopg.Connection, ids: list[UUID], hasher: SubjectHasher, sealer: Sealer
) -> None:
    statement = "COPY subjects (subject_id, number_hash, number_sealed) FROM STDIN (FORMAT binary)"
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(("uuid", "bytea", "bytea"))
        for subject, id_ in enumerate(ids):
            number = number_of(subject)
            copy.write_row((id_, hasher.hash(number), sealer.number(number, id_)))


def main() -> None:
    """Fill a database and print what was written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--requests", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    made = fill(options.url, requests=options.requests, seed=options.seed)
    print(json.dumps({name: getattr(made, name) for name in History.__slots__}))


if __name__ == "__main__":
    main()
