"""`python -m tests.bench.capacity`: what one installation takes; the table in docs/OPERATORS.md.

Starts every role, loads them with `--requests` texts, and prints one JSON object: memory of each
process, disk for 1,000 requests by how long it is kept, connections to PostgreSQL, partitions.
"""

import argparse
import asyncio
import json
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import psutil
import psycopg

from inbound.kafka import admin
from inbound.kafka.connection import KafkaConnection
from inbound.local.servers.kafka import KafkaServer
from inbound.local.servers.postgres import PostgresServer
from inbound.store.migrations.runner import migrate
from schemas.topics import TOPICS
from tests.bench.__main__ import free_port, load_directory, numbers, say
from tests.bench.load import LoadSmsc
from tests.bench.processes import ProcessUsages, environment, roles, servers

ROLES: Final = (
    *("gateway", "worker", "relay", "scheduler", "projector", "api", "desk"),
    "ingress",
)
WINDOW: Final = 500

KEPT_FOR_EVER: Final = frozenset(
    {"events", "streams", "subjects", "projections", "audit", "log_heads"}
)
"""Tables, and the schema, of which nothing is deleted. The directory of clients is not counted."""

_TABLES: Final = """
SELECT CASE WHEN schemaname = 'projections' THEN schemaname ELSE relname END,
       sum(pg_total_relation_size(relid))::bigint
FROM pg_stat_user_tables GROUP BY 1
"""
_CONNECTIONS: Final = """
SELECT application_name, count(*) FROM pg_stat_activity
WHERE application_name LIKE 'scserv%' GROUP BY 1 ORDER BY 1
"""


def main() -> None:
    """Measure and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.capacity", description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="scserv-capacity-") as folder:
        print(json.dumps(measure(Path(folder), options.requests)))


def measure(folder: Path, requests: int) -> dict[str, Any]:
    """Start everything, load it, and return the figures. Blocks for some minutes."""
    say("starting PostgreSQL and Kafka")
    with servers(folder) as (postgres, kafka):
        admin.apply(KafkaConnection(kafka.bootstrap), TOPICS, 1)
        migrate(postgres.url())
        phones = numbers(requests)
        load_directory(folder, phones, postgres.url())
        return asyncio.run(_load(folder, postgres, kafka, phones))


async def _load(
    folder: Path, postgres: PostgresServer, kafka: KafkaServer, phones: list[str]
) -> dict[str, Any]:
    centre, port = LoadSmsc(WINDOW), free_port()
    await centre.start(port)
    ports = {role: free_port() for role in ROLES}
    settings = environment(postgres, kafka, port, WINDOW) | {
        f"SCSERV_{group}__PORT": "0" for group in ("API", "DESK", "INGRESS")
    }
    say(f"starting {', '.join(ROLES)}")
    context = roles(folder, settings, ports)
    pids = await asyncio.to_thread(context.__enter__)
    try:
        await centre.bound()
        idle = {role: _resident_mb(pid) for role, pid in pids.items()}
        tables, topics = _tables(postgres.url()), _topics(kafka)
        say(f"{len(phones)} requests")
        await centre.text(phones, b"CLIENT info")
        await asyncio.to_thread(_until_projected, postgres.url())
        peak = ProcessUsages(
            {**pids, "kafka": kafka.pid or 0, "postgres": postgres.pid or 0}
        ).usage()
        return {
            "requests": len(phones),
            "memory_mb": {
                name: {"idle": idle.get(name), "peak": round(usage.peak_rss_mb)}
                for name, usage in peak.items()
            },
            "kb_per_1000_requests": _disk(
                _grown(tables, _tables(postgres.url())),
                _grown(topics, _topics(kafka)),
                len(phones),
            ),
            "connections": _connections(postgres.url()),
            "partitions": {
                "topics": len(TOPICS),
                "partitions": sum(topic.partitions for topic in TOPICS),
            },
        }
    finally:
        await asyncio.to_thread(context.__exit__, None, None, None)
        await centre.stop()


def _resident_mb(pid: int) -> int:
    return round(psutil.Process(pid).memory_info().rss / 1024**2)


def _tables(url: str) -> Counter[str]:
    """Return the size of each table with its indexes; those of a day are one table."""
    with psycopg.connect(url, autocommit=True) as conn:
        sizes: Counter[str] = Counter()
        for name, size in conn.execute(_TABLES):
            sizes["outbox" if name.startswith("outbox_") else name] += size
        return sizes


def _topics(kafka: KafkaServer) -> Counter[str]:
    """Return the size of each topic with all its partitions and their indexes as they are used."""
    sizes: Counter[str] = Counter()
    for broker in admin.describe_disks(
        KafkaConnection(kafka.bootstrap), [one.name for one in TOPICS]
    ):
        for place in broker["log_dirs"]:
            for topic in place["topics"]:
                sizes[topic["name"]] += sum(part["partition_size"] for part in topic["partitions"])
    return sizes


def _grown(before: Counter[str], after: Counter[str]) -> dict[str, int]:
    return {name: after[name] - before[name] for name in after if after[name] > before[name]}


def _disk(
    tables: Mapping[str, int], topics: Mapping[str, int], requests: int
) -> dict[str, dict[str, int]]:
    def for_a_thousand(sizes: Mapping[str, int]) -> dict[str, int]:
        return {name: round(size / requests * 1000 / 1024) for name, size in sizes.items()}

    ever = {name: size for name, size in tables.items() if name in KEPT_FOR_EVER}
    a_while = {name: size for name, size in tables.items() if name not in KEPT_FOR_EVER}
    return {
        "tables kept for ever": for_a_thousand(ever),
        "tables kept for days": for_a_thousand(a_while),
        "topics": for_a_thousand(topics),
    }


def _connections(url: str) -> dict[str, int]:
    with psycopg.connect(url) as conn:
        return dict(conn.execute(_CONNECTIONS).fetchall())


def _until_projected(url: str) -> None:
    from inbound.projections.projector import catch_up

    with psycopg.connect(url, autocommit=True) as conn:
        catch_up(conn)


if __name__ == "__main__":
    main()
