"""Canaries planted on the real servers are found: in tables, in files, in topics, in exports."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, LiteralString
from uuid import uuid4

import psycopg
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.structs import OffsetAndMetadata
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from psycopg import sql
from psycopg.types.json import Jsonb

from schemas.topics import TopicNames
from tests.canaries import Canaries
from tests.e2e.collector import Recorder, open_recorder
from tests.fix_servers import SharedKafka, SharedPostgres
from tests.searching import all_topics, files_in, in_file, store_plainly, tables_with, topics_with

pytestmark = pytest.mark.drill

NEVER = Canaries("nowhere-canary")


# PostgreSQL's housekeeping visits a new database soon, where there are many.
PLANTED: LiteralString = """
    CREATE TABLE planted (c {})
    WITH (autovacuum_enabled = off, toast.autovacuum_enabled = off)
"""


def planted() -> tuple[str, Canaries]:
    """Return a canary that no other test has, and the search for it."""
    mark = f"canary-{uuid4().hex}"
    return mark, Canaries(mark)


# Long and alike, so that PostgreSQL packs it when it may.
def long(mark: str) -> str:
    return "abc " * 2_000 + mark + " xyz" * 2_000


COLUMNS: dict[str, tuple[LiteralString, Callable[[str], object]]] = {
    "a text": ("text", lambda mark: mark),
    "a packed text": ("text", long),
    "jsonb": ("jsonb", lambda mark: Jsonb({"a": [{"b": mark}]})),
    "a name in jsonb": ("jsonb", lambda mark: Jsonb({"a": {mark: 1}})),
    "packed jsonb": ("jsonb", lambda mark: Jsonb({"a": long(mark)})),
    "bytea": ("bytea", lambda mark: mark.encode("utf-16-be")),
    "packed bytea": ("bytea", lambda mark: long(mark).encode()),
    "an array": ("text[]", lambda mark: ["", mark]),
    "an array of bytea": ("bytea[]", lambda mark: [b"\0", mark.encode("utf-16-le")]),
}


def test_a_canary_in_a_column_is_found(empty_database_url: str) -> None:
    mark, canaries = planted()
    made = set()
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA aside")
        for schema in ("public", "aside"):
            for kind, (type_, make) in COLUMNS.items():
                table = sql.Identifier(schema, kind)
                connection.execute(sql.SQL("CREATE TABLE {} (c {})").format(table, sql.SQL(type_)))
                connection.execute(
                    sql.SQL("INSERT INTO {} VALUES (%s)").format(table), [make(mark)]
                )
                made.add(f"{schema}.{kind}")
    assert made <= set(tables_with(empty_database_url, canaries))
    assert list(tables_with(empty_database_url, NEVER)) == []


def test_a_canary_in_statistics_is_found(empty_database_url: str) -> None:
    mark, canaries = planted()
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE t (c text)")
        connection.execute("INSERT INTO t SELECT %s FROM generate_series(1, 50)", [mark])
        connection.execute("ANALYZE t")
        connection.execute("DELETE FROM t")
    assert list(tables_with(empty_database_url, canaries)) == ["pg_catalog.pg_statistic"]


@pytest.mark.parametrize("size", ["short", "long"])
@pytest.mark.parametrize("type_", ["text", "jsonb"])
def test_what_was_deleted_is_found_in_the_files(
    postgres_server: SharedPostgres, empty_database_url: str, type_: LiteralString, size: str
) -> None:
    """A short value is logged with its page, which is packed as a rule; a long one by itself."""
    mark, canaries = planted()
    value = mark if size == "short" else long(mark)
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(sql.SQL(PLANTED).format(sql.SQL(type_)))
        store_plainly(empty_database_url)
        # Checkpoints of tests that run at the same time would remove the log's older files.
        slot = f"planted_{uuid4().hex}"
        connection.execute("SELECT pg_create_physical_replication_slot(%s, true)", [slot])
        connection.execute("INSERT INTO planted SELECT '0' FROM generate_series(1, 50)")
        connection.execute("CHECKPOINT")
        insert = "INSERT INTO planted VALUES (%s)"
        connection.execute(insert, [Jsonb(value) if type_ == "jsonb" else value])
        connection.execute("DELETE FROM planted")
        connection.execute("CHECKPOINT")
        assert list(tables_with(empty_database_url, canaries)) == []
        data = postgres_server.data_dir / "data"
        [(oid,)] = connection.execute(
            "SELECT oid::text FROM pg_database WHERE datname = current_database()"
        )
        # The databases of all other tests, gigabytes of them, are not searched.
        found = {
            place
            for place, folder in (("base", data / "base" / oid), ("pg_wal", data / "pg_wal"))
            if any(in_file(path, canaries) for path in files_in(folder))
        }
        connection.execute("SELECT pg_drop_replication_slot(%s)", [slot])
    assert found == {"base", "pg_wal"}


PLACES: dict[str, Callable[[bytes], dict[str, Any]]] = {
    "key": lambda mark: {"key": mark},
    "value": lambda mark: {"value": mark},
    "header": lambda mark: {"value": b"", "headers": [("a", b""), ("b", mark)]},
    "header's name": lambda mark: {"value": b"", "headers": [(mark.decode(), b"")]},
}


@pytest.mark.parametrize("packed", [None, "gzip"])
def test_a_canary_in_a_record_is_found(
    kafka_bootstrap: str, topics: TopicNames, packed: str | None
) -> None:
    marks = {place: planted() for place in PLACES}
    producer = KafkaProducer(
        bootstrap_servers=kafka_bootstrap, compression_type=packed, linger_ms=50
    )
    for place, (mark, _) in marks.items():
        producer.send(topics.notify, b"filler " * 500)
        producer.send(topics.notify, **PLACES[place](mark.encode()))
    producer.close()
    names = {spec.name for spec in topics.specs()}
    assert names <= all_topics(kafka_bootstrap)
    for place, (_, canaries) in marks.items():
        found = list(
            topics_with(
                kafka_bootstrap, [topics.notify], dict.fromkeys(names, canaries).__getitem__
            )
        )
        assert found == [topics.notify], place
    assert list(topics_with(kafka_bootstrap, names, lambda _: NEVER)) == []


def test_a_canary_in_kafkas_own_topics_is_found(
    kafka_server: SharedKafka, topics: TopicNames
) -> None:
    mark, canaries = planted()
    consumer = KafkaConsumer(bootstrap_servers=kafka_server.bootstrap, group_id="planted")
    partition = TopicPartition(topics.mo, 0)
    consumer.assign([partition])
    consumer.commit({partition: OffsetAndMetadata(0, mark, -1)})
    consumer.close(autocommit=False)
    ours = {spec.name for spec in topics.specs()}
    names = {name for name in all_topics(kafka_server.bootstrap) if name[0] == "_"} | ours
    found = list(topics_with(kafka_server.bootstrap, names, lambda _: canaries))
    assert found == ["__consumer_offsets"]


@pytest.mark.asyncio
async def test_a_canary_in_an_export_is_found(tmp_path: Path) -> None:
    resource = Resource.create({"service.instance.id": "worker-host-1"})

    def export(recorder: Recorder, kind: str, mark: str) -> None:
        spans = TracerProvider(resource=resource)
        exporter = OTLPSpanExporter(f"{recorder.url}/v1/traces")
        spans.add_span_processor(SimpleSpanProcessor(exporter))
        reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"{recorder.url}/v1/metrics"))
        metrics = MeterProvider(resource=resource, metric_readers=[reader])
        if kind == "attribute of a span":
            spans.get_tracer("t").start_span("s", attributes={"to": mark}).end()
        elif kind == "name of a span":
            spans.get_tracer("t").start_span(mark).end()
        elif kind == "event of a span":
            with suppress(OSError), spans.get_tracer("t").start_as_current_span("s"):
                raise OSError(mark)
        elif kind == "label of a metric":
            metrics.get_meter("m").create_counter("c").add(1, {"to": mark})
        spans.shutdown()
        metrics.shutdown()

    for n, kind in enumerate(
        ("attribute of a span", "name of a span", "event of a span", "label of a metric")
    ):
        mark, canaries = planted()
        async with open_recorder(tmp_path / f"telemetry-{n}") as recorder:
            await asyncio.to_thread(export, recorder, kind, mark)
        assert in_file(recorder.path, canaries), kind
        assert {role for role, _ in recorder.exports} == {"worker"}
