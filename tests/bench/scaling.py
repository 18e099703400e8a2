"""`python -m tests.bench.scaling`: what more workers and partitions bring here.

Workers that are ready are given commands, and decide them while nothing else runs; then a relay
publishes what they wrote. Prints a JSON object for each run and the medians of all: per second,
CPU seconds per 1,000 commands, and for which share of the time a transaction held the log. The
runs alternate, because machines change from minute to minute. The figures of docs/SCALING.md come
from here.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import psycopg

from inbound.kafka import admin
from inbound.kafka.connection import KafkaConnection
from inbound.keys import SubjectHasher
from inbound.store.migrations.runner import migrate
from schemas.topics import TOPICS, partitioned
from tests.bench.__main__ import free_port, load_directory, numbers, say
from tests.bench.backlog import fill_texts
from tests.bench.processes import ProcessUsages, environment, index_key, roles, servers

FROM, UNTIL = 0.1, 0.9
"""The part of the work that is measured: the beginning and the end have idle processes."""

_LOOK_EVERY_S: Final = 0.01
_LOOKS: Final = 5
"""At the log for each time that it is counted how much is done."""

_GIVE_UP_S: Final = 1800.0
_DECIDED: Final = "SELECT count(*) FROM inbox"
_LOG_IS_LOCKED: Final = """
SELECT EXISTS (
    SELECT FROM pg_locks, hashtextextended('scserv log', 0) AS key
    WHERE locktype = 'advisory' AND granted
        AND classid::bigint = (key >> 32) & 4294967295 AND objid::bigint = key & 4294967295
)
"""
_PUBLISHED: Final = "SELECT coalesce(sum(position), 0) FROM outbox_cursors WHERE feed = 'events'"


class Variant(NamedTuple):
    """One way to run it."""

    partitions: int
    processes: int

    def __str__(self) -> str:
        return f"{self.partitions} partitions, {self.processes} workers"


def main() -> None:
    """Run the variants in turns and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.scaling", description=__doc__)
    parser.add_argument("--commands", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    variants = [Variant(8, 1), Variant(8, 2), Variant(32, 1), Variant(32, 2)]
    found: defaultdict[Variant, list[dict[str, float]]] = defaultdict(list)
    for number in range(options.rounds):
        for variant in variants if number % 2 == 0 else reversed(variants):
            say(str(variant))
            with tempfile.TemporaryDirectory(prefix="scserv-bench-") as folder:
                figures = _run(Path(folder), variant, options.commands)
            found[variant].append(figures)
            print(json.dumps({"variant": str(variant), **figures}), flush=True)
    medians = {
        str(variant): {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        for variant, runs in found.items()
    }
    print(json.dumps({"medians": medians}))


def _run(folder: Path, variant: Variant, commands: int) -> dict[str, float]:
    with servers(folder) as (postgres, kafka):
        admin.apply(KafkaConnection(kafka.bootstrap), partitioned(TOPICS, variant.partitions), 1)
        migrate(postgres.url())
        people = numbers(commands)
        load_directory(folder, people, postgres.url())
        settings = environment(postgres, kafka, free_port(), 500)
        settings["SCSERV_KAFKA_PARTITIONS"] = str(variant.partitions)
        pids = {"postgres": postgres.pid or 0, "kafka": kafka.pid or 0}
        with _processes(folder, settings, "worker", variant.processes) as workers:
            hasher = SubjectHasher(index_key(postgres.url()))
            asyncio.run(fill_texts(kafka.bootstrap, hasher, people, commands))
            decided = _measure(settings, workers, pids, _DECIDED, commands)
        with psycopg.connect(postgres.url()) as connection:
            row = connection.execute("SELECT max(position) FROM events").fetchone()
        events = row[0] if row else 0
        with _processes(folder, settings, "relay", 1) as relays:
            published = _measure(settings, relays, pids, _PUBLISHED, events)
    scaled = published["per_s"] * commands / events
    return {
        "commands_per_s": round(decided["per_s"]),
        "worker_cpu_s_per_1000": round(decided["cpu_s"] * 1000 / commands, 3),
        "worker_postgres_cpu_s_per_1000": round(decided["postgres_cpu_s"] * 1000 / commands, 3),
        "log_locked_share": round(decided["log_locked"], 2),
        "relayed_commands_per_s": round(scaled),
        "relay_cpu_s_per_1000": round(published["cpu_s"] * 1000 / commands, 3),
    }


def _measure(
    settings: Mapping[str, str],
    pids: Mapping[str, int],
    servers_pids: Mapping[str, int],
    query: str,
    total: int,
) -> dict[str, float]:
    """Wait until the processes have made `query` count to `total`."""
    usages = ProcessUsages({**servers_pids, **pids})
    looks: list[bool] = []
    with psycopg.connect(settings["SCSERV_DATABASE_URL"], autocommit=True) as connection:

        def one(asked: str) -> int:
            row = connection.execute(asked.encode()).fetchone()
            return int(row[0]) if row else 0

        def count() -> int:
            for _ in range(_LOOKS):
                looks.append(bool(one(_LOG_IS_LOCKED)))
                time.sleep(_LOOK_EVERY_S)
            return one(query)

        begun, before = _reached(count, total * FROM), usages.usage()
        looks.clear()
        ended, after = _reached(count, total * UNTIL), usages.usage()
    used = {name: after[name].cpu_s - before[name].cpu_s for name in after}
    share = (ended.done - begun.done) / total
    return {
        "per_s": (ended.done - begun.done) / (ended.at - begun.at),
        "cpu_s": sum(used[name] for name in pids) / share,
        "postgres_cpu_s": used["postgres"] / share,
        "log_locked": sum(looks) / max(1, len(looks)),
    }


class _Reached(NamedTuple):
    at: float
    done: int


def _reached(count: Callable[[], int], wanted: float) -> _Reached:
    until = time.monotonic() + _GIVE_UP_S
    while time.monotonic() < until:
        if (found := count()) >= wanted:
            return _Reached(time.monotonic(), found)
    raise TimeoutError(f"{count()} of {wanted:g} after {_GIVE_UP_S:g} s")


@contextmanager
def _processes(
    folder: Path, settings: Mapping[str, str], role: str, how_many: int
) -> Iterator[dict[str, int]]:
    with ExitStack() as stack:
        started: dict[str, int] = {}
        for number in range(how_many):
            own = folder / f"{role}-{number}"
            own.mkdir()
            pids = stack.enter_context(roles(own, settings, {role: free_port()}))
            started[f"{role}-{number}"] = pids[role]
        yield started


if __name__ == "__main__":
    main()
