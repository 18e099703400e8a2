"""`python -m tests.bench.projections`: rebuilding, verifying and following a large log.

A log is generated, rebuilt into projections, verified, and followed by the live projector
from nothing. Prints one JSON object: events a second, CPU of this process and of PostgreSQL
for an event, peak memory of this process (the generator's too, unless --keep finds a log).
"""

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg

from inbound.local.servers.postgres import PostgresServer
from inbound.projections.catalogue import PROJECTIONS
from inbound.projections.projector import catch_up
from inbound.projections.rebuild import rebuild
from inbound.projections.verification import verify
from inbound.store.connections import connect
from inbound.store.log.positions import last_position
from inbound.store.migrations.runner import migrate
from tests.bench import history
from tests.bench.__main__ import say
from tests.bench.processes import ProcessUsages

ALL = tuple(PROJECTIONS.values())


def main() -> None:
    """Run and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=200_000, help="5.3 events each")
    parser.add_argument("--keep", type=Path, help="folder for the data; used again if it is there")
    options = parser.parse_args()
    if options.keep:
        print(json.dumps(bench(options.keep.resolve(), options.requests)))
        return
    with tempfile.TemporaryDirectory(prefix="scserv-projections-") as folder:
        print(json.dumps(bench(Path(folder), options.requests)))


def bench(folder: Path, requests: int) -> dict[str, Any]:
    """Start PostgreSQL, fill it if it is empty, and return the figures. Blocks for minutes."""
    with PostgresServer(folder / "postgres") as server:
        migrate(server.url())

        def opening() -> psycopg.Connection:
            return connect(server.url(), "scserv bench", long=True)

        with opening() as conn:
            if not (events := last_position(conn)):
                say(f"generating {requests} requests")
                events = history.fill(server.url(), requests=requests).events
            figures: dict[str, Any] = {"events": events}
            measured = ProcessUsages({"postgres": server.pid or 0})
            with step("rebuild", figures, measured):
                rebuild(opening, ALL, from_zero=True)
            with step("verify", figures, measured):
                found = list(verify(opening, ALL))
            figures["differences"] = sum(one.difference is not None for one in found)
            figures["rows"] = {one.name: one.rows for one in found}
            clear_projections(conn)
            with step("follow", figures, measured):
                catch_up(conn)
        return figures | {"load_average": psutil.getloadavg()[0]}


@contextmanager
def step(name: str, figures: dict[str, Any], measured: ProcessUsages) -> Iterator[None]:
    """Measure one step."""
    say(name)
    before, begin, own = measured.usage()["postgres"], time.monotonic(), time.process_time()
    yield
    took_s, own_s = time.monotonic() - begin, time.process_time() - own
    postgres_s = measured.usage()["postgres"].cpu_s - before.cpu_s
    events = figures["events"]
    figures[name] = {
        "events_per_second": round(events / took_s),
        "cpu_us_per_event": {
            "python": round(own_s / events * 1e6, 1),
            "postgres": round(postgres_s / events * 1e6, 1),
        },
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def clear_projections(conn: psycopg.Connection) -> None:
    """Empty the live tables."""
    conn.execute(
        "TRUNCATE projections.requests, projections.subscriptions, projections.daily_counts, "
        "projections.order_counts"
    )
    conn.execute("UPDATE projections.progress SET position = 0")


if __name__ == "__main__":
    main()
