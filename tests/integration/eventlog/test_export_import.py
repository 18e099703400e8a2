"""A log that is carried to an empty database is the same log there, or nothing is."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
import zstandard

from inbound.errors import SetupError
from inbound.eventlog.archive import ArchiveError
from inbound.eventlog.exporter import export_log
from inbound.eventlog.importer import import_log
from inbound.keys import SubjectHasher, VaultCipher
from inbound.store.connections import connect
from inbound.store.outbox import feeds
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.postgres import PostgresStore
from inbound.subjects import StateCache, Subjects
from tests import forks
from tests.bench import history
from tests.fix_store import event
from tests.integration.eventlog.tampering import events, find, rewrite_digests, tamper
from tests.integration.projections.lines import catch_up, dumps
from tests.service.waiting import eventually_blocking

NOON = datetime(2024, 5, 17, 12, tzinfo=UTC)
COPY = """
    COPY (SELECT * FROM events ORDER BY position) TO STDOUT (FORMAT binary)
"""


@pytest.fixture
def empty(
    new_database: Callable[[str], str], migrated_template: str
) -> Iterator[psycopg.Connection]:
    """A migrated database without events."""
    with connect(new_database(migrated_template), "tests", long=True) as conn:
        yield conn


def exported(conn: psycopg.Connection) -> bytes:
    file = BytesIO()
    export_log(conn, file, NOON, lambda *_: None)
    return file.getvalue()


def imported(conn: psycopg.Connection, content: bytes) -> int:
    return import_log(conn, BytesIO(content), "FILE", lambda *_: None).events


def rows(conn: psycopg.Connection) -> bytes:
    with conn.cursor().copy(COPY) as copy:
        return b"".join(bytes(block) for block in copy)


def heads(conn: psycopg.Connection) -> object:
    return conn.execute("SELECT * FROM log_heads").fetchall()


def test_log_arrives_to_the_byte(conn: psycopg.Connection, empty: psycopg.Connection) -> None:
    content = exported(conn)
    assert imported(empty, content) == len(events(conn))
    assert rows(empty) == rows(conn)
    assert heads(empty) == heads(conn)
    assert find(empty) == []
    again = exported(empty)
    assert again == content


def test_projections_of_both_are_the_same_to_the_byte(
    conn: psycopg.Connection, empty: psycopg.Connection
) -> None:
    imported(empty, exported(conn))
    catch_up(conn)
    catch_up(empty)
    shown = dumps(empty)
    assert shown == dumps(conn)
    # This log has no orders; those are in test_orders.
    assert {name for name, rows in shown.items() if not rows} == {"order_counts"}


def test_nothing_is_published_again(conn: psycopg.Connection, empty: psycopg.Connection) -> None:
    imported(empty, exported(conn))
    assert feeds.count_waiting(empty, feeds.EVENTS) == 0
    assert feeds.read_events(empty, 10) == []


async def test_log_goes_on_where_it_ended(
    conn: psycopg.Connection, empty: psycopg.Connection
) -> None:
    imported(empty, exported(conn))
    last = events(empty)[-1]
    subject = last.stream_id
    store = PostgresStore(url_of(empty), VaultCipher(history.KEY))
    async with store.transaction() as tx:
        subjects = Subjects(tx, StateCache())
        await subjects.load([subject])
        # Folded anew from the events: there was no state to load.
        assert subjects[subject].notifications_on is not None
        await tx.write(Changes(events=[event(subject, last.version + 1), event(uuid4())]))
    await store.close()
    assert [p for p in find(empty) if "no event type 'test.happened'" not in p] == []


def url_of(conn: psycopg.Connection) -> str:
    info = conn.info
    return f"postgresql://{info.user}:{info.password}@{info.host}:{info.port}/{info.dbname}"


def test_empty_log_can_be_carried(empty: psycopg.Connection) -> None:
    content = exported(empty)
    assert imported(empty, content) == 0
    assert imported(empty, content) == 0


def test_log_with_events_from_before_the_chains_can_be_carried(
    conn: psycopg.Connection, empty: psycopg.Connection
) -> None:
    tamper(conn, "UPDATE events SET chain = NULL, digest = NULL WHERE position <= 100")
    rewrite_digests(conn, after=100)
    imported(empty, exported(conn))
    assert rows(empty) == rows(conn)
    assert find(empty) == []


def test_database_with_events_takes_no_log(conn: psycopg.Connection, url: str) -> None:
    content, before = exported(conn), rows(conn)
    with (
        connect(url, "tests", long=True) as other,
        pytest.raises(SetupError, match=r"has events already: import into a database fresh"),
    ):
        imported(other, content)
    assert rows(conn) == before


def test_bad_file_leaves_the_database_empty(
    conn: psycopg.Connection, empty: psycopg.Connection
) -> None:
    content = exported(conn)
    for bad in (content[:-1], content[: len(content) // 2], flipped(content), b""):
        with pytest.raises(ArchiveError):
            imported(empty, bad)
        assert events(empty) == []
    assert imported(empty, content)


def flipped(content: bytes) -> bytes:
    damaged = bytearray(content)
    damaged[len(damaged) // 2] ^= 1
    return bytes(damaged)


def test_log_that_is_not_whole_is_not_exported(conn: psycopg.Connection) -> None:
    tamper(conn, "DELETE FROM events WHERE position = 7")
    with pytest.raises(SetupError, match="is damaged: event 7: it is missing; see `scserv log ver"):
        exported(conn)


def test_nobody_appends_meanwhile(conn: psycopg.Connection, empty: psycopg.Connection) -> None:
    content = exported(conn)
    with connect(url_of(empty), "another") as other:
        tried = []

        def try_lock(*_: int) -> None:
            query = "SELECT pg_try_advisory_xact_lock(hashtextextended('scserv log', 0))"
            tried.append(other.execute(query).fetchone())

        import_log(empty, Telling(content, try_lock), "FILE", lambda *_: None)
    assert tried
    assert set(tried) == {(False,)}


class Telling(BytesIO):
    """A file that calls somebody whenever it is read."""

    def __init__(self, content: bytes, call: Callable[[], None]) -> None:
        super().__init__(content)
        self._call = call

    def read(self, size: int | None = -1) -> bytes:
        self._call()
        return super().read(size)


def test_killed_import_leaves_the_database_empty(
    conn: psycopg.Connection, empty: psycopg.Connection
) -> None:
    content = exported(conn)
    command = [sys.executable, "-m", "inbound.cli", "log", "import", "-"]
    environment = {**os.environ, "SCSERV_DATABASE_URL": url_of(empty)}
    process = subprocess.Popen(command, stdin=subprocess.PIPE, env=environment)
    assert process.stdin is not None
    process.stdin.write(content[:-100])
    process.stdin.flush()
    copying = (
        "SELECT count(*) > 0 FROM pg_stat_progress_copy WHERE relid = 'events'::regclass"
        " AND bytes_processed > 0"
    )

    def is_copying() -> bool:
        return empty.execute(copying).fetchone() == (True,)

    eventually_blocking(lambda: process.poll() is not None or is_copying(), "it copies")
    assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdin.close()
    eventually_blocking(lambda: not is_copying(), "the server has noticed")
    assert events(empty) == []
    assert imported(empty, content)
    assert find(empty) == []


def test_file_holds_nothing_of_a_person(conn: psycopg.Connection) -> None:
    reader = zstandard.ZstdDecompressor().stream_reader(exported(conn), read_across_frames=True)
    text = reader.read()
    hasher = SubjectHasher(history.KEY)
    for subject in range(history.subject_count(200)):
        number = history.number_of(subject)
        assert number[1:].encode() not in text
        assert hasher.hash(number).hex().encode() not in text


# -- the commands ----------------------------------------------------------------------------


def scserv(url: str, *arguments: str, folder: Path) -> forks.Ran:
    environment = {**os.environ, "SCSERV_DATABASE_URL": url}
    return forks.run_blocking(("log", *arguments), environment, folder)


def test_commands_say_what_they_did(
    conn: psycopg.Connection, url: str, empty: psycopg.Connection, tmp_path: Path
) -> None:
    count = len(events(conn))
    done = scserv(url, "export", "log.zst", folder=tmp_path)
    assert (done.status, done.out) == (0, "")
    assert done.err == f"exported {count} events, last position {count}\n"
    assert [path.name for path in tmp_path.iterdir()] == ["log.zst"]
    again = scserv(url, "export", "log.zst", folder=tmp_path)
    assert (again.status, again.err) == (
        2,
        "scserv: log.zst exists: choose another name\n",
    )
    loaded = scserv(url_of(empty), "import", "log.zst", folder=tmp_path)
    assert loaded.out == f"imported {count} events, last position {count}\n"
    verified = scserv(url_of(empty), "verify", folder=tmp_path)
    assert verified.status == 0
    assert verified.out == (
        f"the log is intact: {count} events, last position {count}; not compared with Kafka\n"
    )
    beyond = scserv(url, "verify", "--since-position", "999999", folder=tmp_path)
    assert beyond.err == f"scserv: --since-position 999999: the log ends at {count}\n"
    missing = scserv(url, "import", "nothing.zst", folder=tmp_path)
    assert (missing.status, missing.err) == (
        2,
        "scserv: nothing.zst: No such file or directory\n",
    )


def test_verify_names_some_problems_and_counts_the_others(
    conn: psycopg.Connection, url: str, tmp_path: Path
) -> None:
    tamper(conn, "UPDATE events SET metadata = '{}' WHERE position <= 30")
    done = scserv(url, "verify", "--show", "3", folder=tmp_path)
    assert done.status == 1
    lines = done.out.splitlines()
    assert [line.split()[1] for line in lines[:3]] == ["1", "2", "3"]
    assert lines[3:] == ["and 27 more"]
    count = len(events(conn))
    assert done.err == f"the log was altered: 30 problems in {count} events\n"


def test_export_that_fails_leaves_no_file(
    conn: psycopg.Connection, url: str, tmp_path: Path
) -> None:
    tamper(conn, "DELETE FROM events WHERE position = 7")
    assert scserv(url, "export", "log.zst", folder=tmp_path).status == 2
    assert list(tmp_path.iterdir()) == []
