"""How long a look-up by number takes with millions of events in the store.

    .venv/bin/python -m tests.bench.lookup --requests 1900000

It generates the log itself (`tests.bench.history`, about 5.3 events a request), and beside it
what a busy week leaves: records of rejected MOs, parts that wait for receipts, claims. Numbers are
looked up on one connection, as the HTTP API does: hash, subject, events, rejected MOs, claims,
timeline built. Each number once and in no order, so that no row is read twice; one of ten
never sent a command. Prints one JSON object, times in milliseconds.
"""

import argparse
import gc
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Final

import psycopg

from inbound.keys import SubjectHasher, VaultCipher
from inbound.local.servers.postgres import PostgresServer
from inbound.store.connections import connect
from inbound.store.migrations.runner import migrate
from inbound.store.sealing import Sealer
from inbound.timeline.ids import find_by_message
from inbound.timeline.input import TimelineOptions
from inbound.timeline.reader import TimelineReader
from tests.bench import history

REJECTED_MOS: Final = 1_000_000
BY_CENTRE_ID: Final = 5
_FIRST_STRANGER: Final = 9_000_000

_MAKE_REJECTED_MOS: Final = b"""
    INSERT INTO rejected_mos
    SELECT uuid_send(gen_random_uuid()), date_trunc('minute', at), 'unknown', at, at, 1
    FROM generate_series(1, %(rejected_mos)s) AS n,
         LATERAL (SELECT %(end)s::timestamptz - n * interval '0.6 s') AS time (at)
"""
_MAKE_CLAIMS: Final = b"""
    INSERT INTO mt_claims
    SELECT DISTINCT (data ->> 'message_id')::uuid, 1, 'gateway-1', recorded_at
    FROM events WHERE type = 'message.submitted' AND recorded_at > %(week)s
"""
_MAKE_PARTS: Final = b"""
    INSERT INTO smsc_messages
        (subject_id, message_id, part, parts, request_id, purpose, template, centre,
         smsc_message_id, submitted_at)
    SELECT stream_id, (data ->> 'message_id')::uuid, part, json_array_length(data -> 'parts'),
           (data ->> 'request_id')::uuid, data ->> 'purpose', data ->> 'template', 'main',
           sent ->> 'smsc_message_id', recorded_at
    FROM events, json_array_elements(data -> 'parts') WITH ORDINALITY AS parts (sent, part)
    WHERE type = 'message.submitted' AND recorded_at > %(week)s
"""


def main() -> None:
    """Run the benchmark and print the figures."""
    parser = argparse.ArgumentParser(prog="tests.bench.lookup", description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--lookups", type=int, default=2000)
    parser.add_argument("--keep", type=Path, help="folder for the database, used again next time")
    options = parser.parse_args()
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
        figures = bench(options.keep.resolve(), options.requests, options.lookups)
    else:
        with tempfile.TemporaryDirectory(prefix="scserv-lookup-") as folder:
            figures = bench(Path(folder), options.requests, options.lookups)
    print(json.dumps(figures))


def bench(folder: Path, requests: int, lookups: int) -> dict[str, object]:
    """Fill a database, unless the folder has one, and look numbers up. Blocks for minutes."""
    server = PostgresServer(folder / "postgres")
    server.start()
    try:
        url = server.url()
        migrate(url)
        with connect(url, "tests lookup", long=True) as conn:
            begin = time.monotonic()
            if not _count(conn, b"SELECT count(*) FROM subjects"):
                say(f"writing {requests} requests")
                history.fill(url, requests=requests)
                fill_beside(conn)
            filled_s = round(time.monotonic() - begin, 1)
            return _measure(conn, lookups) | {"filled_s": filled_s}
    finally:
        server.stop()


def fill_beside(conn: psycopg.Connection, rejected_mos: int = REJECTED_MOS) -> None:
    """Write what a busy week leaves beside the log: rejected MOs, claims, sent parts."""
    say("writing rejected MOs, claims and parts of the last week")
    end = history.END + timedelta(days=1)
    values = {"end": end, "week": end - timedelta(days=7), "rejected_mos": rejected_mos}
    for statement in (_MAKE_REJECTED_MOS, _MAKE_CLAIMS, _MAKE_PARTS):
        conn.execute(statement, values)
    conn.execute("VACUUM ANALYZE rejected_mos, mt_claims, smsc_messages")


def _measure(conn: psycopg.Connection, lookups: int) -> dict[str, object]:
    people = _count(conn, b"SELECT count(*) FROM subjects")
    hasher = SubjectHasher(history.KEY)
    desk = TimelineReader(hasher, Sealer(VaultCipher(history.KEY)), miss_days=7)
    asked = TimelineOptions(history.END + timedelta(days=1))
    numbers = _numbers(people, lookups)
    say(f"looking {len(numbers)} numbers up")
    shown = steps = 0

    def look_up(number: str) -> None:
        nonlocal shown, steps
        timeline = desk.by_number(conn, number, asked)
        shown += len(timeline.requests)
        steps += sum(len(request.steps) for request in timeline.requests)

    begin = time.process_time()
    times = _times(look_up, numbers)
    cpu_s = time.process_time() - begin
    ids = conn.execute(
        "SELECT smsc_message_id FROM smsc_messages ORDER BY random() LIMIT %s", [BY_CENTRE_ID]
    ).fetchall()
    by_centre_id = _times(lambda id_: find_by_message(conn, id_), [id_ for (id_,) in ids])
    return {
        "events": _count(conn, b"SELECT max(position) FROM events"),
        "subjects": people,
        "rejected_mos": _count(conn, b"SELECT count(*) FROM rejected_mos"),
        "lookups": len(numbers),
        "requests_shown": round(shown / len(numbers), 1),
        "steps_shown": round(steps / len(numbers), 1),
        "p50_ms": _quantile(times, 0.5),
        "p99_ms": _quantile(times, 0.99),
        "max_ms": _quantile(times, 1),
        "own_cpu_ms": round(cpu_s / len(numbers) * 1000, 2),
        "by_centre_id_p50_ms": _quantile(by_centre_id, 0.5),
    }


def _numbers(people: int, lookups: int) -> list[str]:
    """Return different numbers, mixed: nine of ten are of subjects."""
    random = Random("lookups")
    known = random.sample(range(people), min(people, lookups * 9 // 10))
    strangers = range(_FIRST_STRANGER, _FIRST_STRANGER + lookups // 10)
    numbers = [history.number_of(n) for n in (*known, *strangers)]
    random.shuffle(numbers)
    return numbers


def _times(call: Callable[[str], object], arguments: Sequence[str]) -> list[float]:
    """Return how many seconds each call took, sorted."""
    gc.collect()
    taken = []
    for argument in arguments:
        begin = time.perf_counter()
        call(argument)
        taken.append(time.perf_counter() - begin)
    return sorted(taken)


def _quantile(ordered: list[float], q: float) -> float:
    return round(ordered[min(len(ordered) - 1, int(q * len(ordered)))] * 1000, 2)


def _count(conn: psycopg.Connection, query: bytes) -> int:
    row = conn.execute(query).fetchone()
    return int(row[0] or 0) if row else 0


def say(text: str) -> None:
    """Print progress to standard error."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
