"""Looking for canaries in files, in the records of topics and in the rows of tables.

What is compressed hides what it holds from a search of octets, so nothing may be: records are
read through a client, which unpacks them, rows through the database, and `store_plainly` keeps
PostgreSQL from packing what is deleted later and then stands in its files alone.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql

from tests.canaries import Canaries

POSTGRES_SETTINGS: Final = {"wal_compression": "off"}
"""Of a PostgreSQL whose files are searched: pictures of pages in the log are not packed."""

CHUNK: Final = 16 * 1024 * 1024
OVERLAP: Final = 256
"""Longer than any form of a canary."""

_PAGE: Final = 8192
_ROWS_AT_A_TIME: Final = 2_000
_QUIET_POLLS: Final = 60


# -- files --------------------------------------------------------------------------------


def files_in(folder: Path) -> Iterator[Path]:
    """Yield every file below a folder; one that goes meanwhile is passed over."""
    for parent, _, names in os.walk(folder):  # passes over a folder that goes, unlike `rglob`
        for name in names:
            path = Path(parent, name)
            if path.is_file() and not path.is_symlink():
                yield path


def in_file(path: Path, canaries: Canaries) -> bool:
    """Whether a canary stands in a file, wherever its pieces meet. Holes are skipped."""
    before, end = b"", -1
    for begin, octets in _pieces(path):
        before = before if begin == end else b""
        if canaries.sing_in(before + _without_zeros(octets)):
            return True
        before, end = (before + octets)[-OVERLAP:], begin + len(octets)
    return False


def _without_zeros(octets: bytes) -> bytes:
    """Leave out pages of zeros: databases write many ahead, and no canary is as long as one."""
    pages = (octets[at : at + _PAGE] for at in range(0, len(octets), _PAGE))
    return b"".join(page for page in pages if page.count(0) < len(page))


def _pieces(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield what is written in a file and where; Kafka's indexes are holes of ten megabytes."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        size, at = os.fstat(file.fileno()).st_size, 0
        while at < size:
            try:
                at = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError:  # ENXIO: nothing but a hole from here on
                return
            until = os.lseek(file.fileno(), at, os.SEEK_HOLE)
            while at < until and (octets := os.pread(file.fileno(), min(CHUNK, until - at), at)):
                yield at, octets
                at += len(octets)
            if at < until:  # it became shorter
                return


# -- records ------------------------------------------------------------------------------


def octets_of_record(record: Any) -> bytes:
    """Return key, value and headers of a record of kafka-python."""
    return b"\n".join([record.value or b"", octets_of_labels(record)])


def octets_of_labels(record: Any) -> bytes:
    """Return what stands beside the value of a record: key and headers."""
    headers = (part for name, value in record.headers for part in (name.encode(), value or b""))
    return b"\n".join([record.key or b"", *headers])


def records(bootstrap: str, *names: str) -> Iterator[Any]:
    """Yield every record that stands in some topics now. Blocks; needs no group."""
    from kafka import KafkaConsumer, TopicPartition

    consumer = KafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    try:
        partitions = [
            TopicPartition(name, n)
            for name in names
            for n in sorted(consumer.partitions_for_topic(name) or ())
        ]
        consumer.assign(partitions)
        ends = consumer.end_offsets(partitions)
        quiet = 0
        while any(consumer.position(each) < ends[each] for each in partitions):
            batches = consumer.poll(timeout_ms=500).values()
            for batch in batches:
                yield from batch
            quiet = 0 if batches else quiet + 1
            assert quiet < _QUIET_POLLS, f"{names} can't be read to their end"
    finally:
        consumer.close()


def all_topics(bootstrap: str) -> set[str]:
    """Return the name of every topic there is, Kafka's own included."""
    from kafka import KafkaAdminClient

    client = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        return set(client.list_topics())
    finally:
        client.close()


def topics_with(
    bootstrap: str, names: Iterable[str], forbidden: Callable[[str], Canaries]
) -> Iterator[str]:
    """Yield the topics in which a canary stands that is forbidden there. Blocks."""
    for name in sorted(names):
        if any(forbidden(name).sing_in(octets_of_record(one)) for one in records(bootstrap, name)):
            yield name


# -- rows ---------------------------------------------------------------------------------


def store_plainly(url: str) -> None:
    """Keep PostgreSQL from packing long values, in all columns there are. Blocks."""
    # One lock at a time: a service that runs locks the same tables in an order of its own.
    with psycopg.connect(url, autocommit=True) as connection:
        columns = connection.execute(
            "SELECT n.nspname, c.relname, a.attname FROM pg_attribute a"
            " JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped"
            " AND a.attstorage IN ('m', 'x') AND n.nspname NOT IN ('pg_catalog', 'pg_toast',"
            " 'information_schema')"
        ).fetchall()
        for schema, table, column in columns:
            connection.execute(
                sql.SQL("ALTER TABLE {} ALTER COLUMN {} SET STORAGE EXTERNAL").format(
                    sql.Identifier(schema, table), sql.Identifier(column)
                )
            )


def tables_with(url: str, canaries: Canaries) -> Iterator[str]:
    """Yield each table with a canary in a row, PostgreSQL's own and its statistics included."""
    with psycopg.connect(url) as connection:
        for schema, table in _tables(connection):
            with connection.cursor(name="search") as cursor:
                cursor.itersize = _ROWS_AT_A_TIME
                cursor.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(schema, table)))
                if any(canaries.sing_in(octets_of_row(row)) for row in cursor):
                    yield f"{schema}.{table}"


def tables(url: str) -> list[str]:
    """Return the tables that `tables_with` searches."""
    with psycopg.connect(url) as connection:
        return [f"{schema}.{table}" for schema, table in _tables(connection)]


def _tables(connection: psycopg.Connection) -> list[tuple[str, str]]:
    return connection.execute(
        "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('r', 'm', 'p', 't') AND c.relpersistence <> 't'"
        " ORDER BY n.nspname, c.relname"
    ).fetchall()


def octets_of_row(row: Iterable[Any]) -> bytes:
    """Return every value of a row, those inside of JSON and arrays, too."""
    return b"\n".join(_octets(row))


def _octets(value: Any) -> Iterator[bytes]:
    match value:
        case bytes() | bytearray() | memoryview():
            yield bytes(value)
        case Mapping():
            for name, inner in value.items():
                yield from _octets(name)
                yield from _octets(inner)
        case list() | tuple():
            for inner in value:
                yield from _octets(inner)
        case _:
            yield str(value).encode("utf-8", "surrogatepass")
