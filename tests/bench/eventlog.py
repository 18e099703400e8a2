"""`python -m tests.bench.eventlog`: how fast a log is verified, exported and imported.

A generated log in a PostgreSQL with fsync; the commands run as operators run them, each in a
process of its own, on the same machine. `tenth` is the same log at a tenth of its size: what
a command needs in memory must not grow with it. Prints one JSON object.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg import sql

from inbound.local.servers.postgres import PostgresServer
from inbound.store.migrations.runner import migrate
from tests.bench import history
from tests.bench.__main__ import say
from tests.bench.processes import ProcessUsages

EVENTS_PER_REQUEST = 5.3
LOOK_EVERY_S = 0.02


def main() -> None:
    """Run the benchmark and print the figures."""
    parser = argparse.ArgumentParser(prog="tests.bench.eventlog", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="scserv-eventlog-") as folder:
        print(json.dumps(bench(Path(folder), int(options.events / EVENTS_PER_REQUEST))))


def bench(folder: Path, requests: int) -> dict[str, Any]:
    """Fill two logs, carry them, and return the figures. Blocks for minutes."""
    with PostgresServer(folder / "postgres") as server:
        return {
            name: _measure_log(server, folder, name, count)
            for name, count in (("whole", requests), ("tenth", requests // 10))
        }


def _measure_log(server: PostgresServer, folder: Path, name: str, requests: int) -> dict[str, Any]:
    url, copy = (_database(server, each) for each in (name, f"{name}_copy"))
    say(f"{name} log: {requests} requests")
    events = history.fill(url, requests=requests).events
    file = folder / f"{name}.zst"
    figures: dict[str, Any] = {"events": events}
    figures["verify"] = _measure(url, events, "verify")
    figures["export"] = _measure(url, events, "export", str(file))
    figures["import"] = _measure(copy, events, "import", str(file))
    figures["verify_copy"] = _measure(copy, events, "verify")
    figures["file_mb"] = round(file.stat().st_size / 1e6, 1)
    figures["octets_per_event"] = round(file.stat().st_size / events)
    return figures


def _database(server: PostgresServer, name: str) -> str:
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    migrate(server.url(name))
    return server.url(name)


def _measure(url: str, events: int, *arguments: str) -> Mapping[str, float]:
    say(f"scserv log {' '.join(arguments)}")
    begin = time.monotonic()
    cpu_s = peak_mb = 0.0
    with subprocess.Popen(
        [sys.executable, "-m", "inbound.cli", "log", *arguments],
        env={**os.environ, "SCSERV_DATABASE_URL": url},
        stdout=subprocess.DEVNULL,
    ) as process:
        measured = ProcessUsages({"command": process.pid})
        # The usage of a process can be read only while it exists.
        while process.poll() is None:
            with suppress(psutil.NoSuchProcess, subprocess.TimeoutExpired):
                usage = measured.usage()["command"]
                cpu_s, peak_mb = max(cpu_s, usage.cpu_s), max(peak_mb, usage.peak_rss_mb)
                process.wait(LOOK_EVERY_S)
    took_s = time.monotonic() - begin
    if process.returncode:
        raise RuntimeError(f"{arguments} ended with status {process.returncode}")
    return {
        "seconds": round(took_s, 1),
        "events_per_second": round(events / took_s),
        "events_per_cpu_second": round(events / cpu_s),
        "peak_mb": round(peak_mb),
    }


if __name__ == "__main__":
    main()
