"""What a soak measures: memory, files, connections; sizes of tables and topics."""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, LiteralString

import psutil
import psycopg

from tests.chaos.deployment import OneMachine, process_tree

FILE: Final = "samples.ndjson"
POSTGRES: Final = "postgres"
KAFKA: Final = "kafka"
_MB: Final = 1024 * 1024
_BLOCK: Final = 512

_CONNECTIONS: LiteralString = (
    "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
)
_EVENTS: LiteralString = "SELECT coalesce(max(position), 0) FROM events"
# The partitions of a table come and go with the days: together they are one table.
_TABLES: LiteralString = """
    SELECT coalesce(parent.relname, part.relname), sum(pg_total_relation_size(part.oid))::bigint
    FROM pg_class part
    LEFT JOIN pg_inherits ON inhrelid = part.oid LEFT JOIN pg_class parent ON parent.oid = inhparent
    WHERE part.relkind = 'r' AND part.relnamespace::regnamespace::text IN ('public', 'projections')
    GROUP BY 1
"""


@dataclass(frozen=True, slots=True)
class ProcessSample:
    """One process: the memory that it shares with no other in MB, open files, connections.

    The sessions of PostgreSQL come and go; together with it they are one process.
    """

    name: str
    pid: int
    age_s: float
    memory_mb: float
    files: int
    connections: int


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at everything; `at_s` counts from the first one. Sizes in octets."""

    at_s: float
    events: int
    processes: list[ProcessSample]
    tables: dict[str, int]
    topics: dict[str, int]


class Sampler:
    """Looks again and again, and writes every sample to a file in the campaign's folder."""

    def __init__(self, deployment: OneMachine, every_s: float) -> None:
        self._deployment = deployment
        self._every_s = every_s
        self._began = time.monotonic()

    async def run(self) -> None:
        """Look until cancelled. While PostgreSQL is away there is no sample."""
        with (self._deployment.folder / FILE).open("w", encoding="utf-8") as file:
            while True:
                try:
                    sample = await asyncio.to_thread(self._look)
                except psycopg.Error:
                    await asyncio.sleep(1)
                    continue
                file.write(json.dumps(asdict(sample)) + "\n")
                file.flush()
                await asyncio.sleep(self._every_s)

    def _look(self) -> Sample:
        with psycopg.connect(self._deployment.database_url, connect_timeout=5) as conn:
            [(sessions,)] = conn.execute(_CONNECTIONS).fetchall()
            [(events,)] = conn.execute(_EVENTS).fetchall()
            tables: dict[str, int] = dict(conn.execute(_TABLES).fetchall())
        return Sample(
            at_s=round(time.monotonic() - self._began, 1),
            events=events,
            processes=list(self._processes(sessions)),
            tables=tables,
            topics=sizes_of_topics(self._deployment.kafka.data_dir / "data"),
        )

    def _processes(self, sessions: int) -> Iterator[ProcessSample]:
        for one in list(self._deployment.running):
            yield from _measure(one.role, one.process.pid)
        yield from _measure(KAFKA, self._deployment.kafka.pid)
        tree = process_tree(self._deployment.postgres.pid or 0)
        parts = [sample for one in tree for sample in _measure(POSTGRES, one.pid)]
        if parts:
            yield ProcessSample(
                POSTGRES,
                parts[0].pid,
                parts[0].age_s,
                round(sum(one.memory_mb for one in parts), 1),
                sum(one.files for one in parts),
                sessions,
            )


def _measure(name: str, pid: int | None) -> Iterator[ProcessSample]:
    """Yield the sample of a process, unless it has just ended."""
    try:
        process = psutil.Process(pid or 0)
        age_s = time.time() - process.create_time()
        memory_mb = process.memory_full_info().uss / _MB
        # A connection of Kafka or PostgreSQL is one of a role, too: none is counted twice here.
        connections = 0 if name == POSTGRES else len(process.net_connections("inet"))
        files = process.num_fds()
    except psutil.Error:
        return
    yield ProcessSample(name, process.pid, round(age_s, 1), round(memory_mb, 1), files, connections)


def sizes_of_topics(data: Path) -> dict[str, int]:
    """Return how much of the disk each topic takes, in octets."""
    found: defaultdict[str, int] = defaultdict(int)
    for path in data.glob("*-*/*"):
        try:
            found[path.parent.name.rpartition("-")[0]] += path.stat().st_blocks * _BLOCK
        except FileNotFoundError:  # a segment that was deleted
            continue
    return dict(found)


def read_samples(path: Path) -> list[Sample]:
    """Return the samples in a file. The soak may be running."""
    found = []
    for line in path.read_text("utf-8").splitlines():
        values = json.loads(line)
        values["processes"] = [ProcessSample(**one) for one in values["processes"]]
        found.append(Sample(**values))
    return found
