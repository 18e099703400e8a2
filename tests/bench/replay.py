"""`python -m tests.bench.replay`: the speed of `scserv replay diff` and `replay publish`.

A generated log in a PostgreSQL with fsync; the commands run as operators run them, each in a
process of its own, on the same machine. `tenth` is the same log at a tenth of its size: what
a diff needs in memory must not grow with it. `differing` changes a text, so that nearly every
request has a line in the file: the most that a diff can have to tell.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg import sql

from inbound.local.servers.postgres import PostgresServer
from inbound.store.migrations.runner import migrate
from tests.bench.history import fill
from tests.bench.processes import ProcessUsages, servers

ROOT = Path(__file__).parents[2]
TEXTS = ROOT / "inbound/templates/default.toml"
EVENTS_PER_REQUEST = 5.3
SINCE = ("--since", "2024-01-01")
LOOK_EVERY_S = 0.05


def main() -> None:
    """Run the benchmark and print the figures."""
    parser = argparse.ArgumentParser(prog="tests.bench.replay", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="scserv-bench-") as folder:
        print(json.dumps(bench(Path(folder), int(options.events / EVENTS_PER_REQUEST))))


def bench(folder: Path, requests: int) -> dict[str, Any]:
    """Fill two logs, replay them in every way, and return the figures. Blocks for minutes."""
    say("starting PostgreSQL and Kafka")
    with servers(folder) as (postgres, kafka):
        whole, tenth = _log(postgres, "whole", requests), _log(postgres, "tenth", requests // 10)
        texts = folder / "texts.toml"
        texts.write_text(TEXTS.read_text("utf-8").replace("Ваша заявка", "Заявка"), "utf-8")
        diff = ("replay", "diff", *SINCE, "--json")
        differing = (*diff, "--templates", str(texts), "--out", str(folder / "all.ndjson"))
        publish = ("replay", "publish", *SINCE, "--to-topic", "history", "--create")
        figures = {
            "diff": _measure(whole, *diff),
            "tenth": _measure(tenth, *diff),
            "other_release": _measure(whole, *diff, "--code", str(ROOT)),
            "differing": _measure(whole, *differing),
        }
        kafka_url = {"SCSERV_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap}
        figures["publish"] = _measure(whole, *publish, "--types", "request.accepted", **kafka_url)
    return figures


def _log(postgres: PostgresServer, name: str, requests: int) -> str:
    say(f"{name} log: {requests} requests")
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    url = postgres.url(name)
    migrate(url)
    made = fill(url, requests=requests)
    say(f"{made.events} events in {made.seconds} s")
    return url


def _measure(url: str, *arguments: str, **environment: str) -> dict[str, Any]:
    """Run a command; return its rate, and CPU and largest memory of it and its children."""
    say(f"scserv {' '.join(arguments[:2])} {' '.join(arguments[4:])}")
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    begin = time.monotonic()
    command = [sys.executable, "-m", "inbound.cli", *arguments]
    environment = kept | {"SCSERV_DATABASE_URL": url} | environment
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE) as process:
        measured = ProcessUsages({"all": process.pid})
        cpu_s = peak_rss_mb = 0.0
        # The usage of a process can be read only while it exists.
        while process.poll() is None:
            with suppress(psutil.NoSuchProcess, subprocess.TimeoutExpired):
                usage = measured.usage()["all"]
                cpu_s, peak_rss_mb = max(cpu_s, usage.cpu_s), max(peak_rss_mb, usage.peak_rss_mb)
                process.wait(LOOK_EVERY_S)
        out = process.stdout.read() if process.stdout else b""
    took_s = time.monotonic() - begin
    if process.returncode not in {0, 1}:
        raise RuntimeError(f"{arguments} ended with status {process.returncode}")
    counts = _parse_output(out)
    return {
        **counts,
        "seconds": round(took_s, 1),
        "events_per_second": round(counts["events"] / took_s),
        "events_per_cpu_second": round(counts["events"] / cpu_s),
        "cpu_s": round(cpu_s, 1),
        "peak_rss_mb": round(peak_rss_mb),
    }


def _parse_output(out: bytes) -> dict[str, Any]:
    """Return how many events a command dealt with, and how many decisions differ."""
    if out.startswith(b"{"):
        found = json.loads(out)
        return {name: found[name] for name in ("events", "commands", "results", "differing")}
    published = out.decode().split("published ")[1].split()[0]
    return {"events": int(published)}


def say(text: str) -> None:
    """Print progress to standard error."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
