"""Migrations: once each, by one process at a time, and the same result on every way."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from inbound.errors import SetupError
from inbound.local.servers.postgres import PostgresServer
from inbound.store.connections import connect
from inbound.store.migrations import runner

NAMES = [migration.id for migration in runner._all()]

SHAPE = """
    SELECT 'column', table_schema || '.' || table_name, column_name, data_type, column_default,
           is_nullable
    FROM information_schema.columns
    WHERE table_schema IN ('public', 'projections', 'projections_shadow')
    UNION ALL
    SELECT 'index', tablename, indexname, indexdef, '', ''
    FROM pg_indexes WHERE schemaname IN ('public', 'projections', 'projections_shadow')
    UNION ALL
    SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', ''
    FROM pg_constraint
    WHERE connamespace::regnamespace::text IN ('public', 'projections', 'projections_shadow')
    UNION ALL
    SELECT 'table', relname, relkind::text, array_to_string(reloptions, ','), '', ''
    FROM pg_class
    WHERE relnamespace::regnamespace::text IN ('public', 'projections', 'projections_shadow')
    UNION ALL
    SELECT 'trigger', tgrelid::regclass::text, tgname, pg_get_triggerdef(oid), '', ''
    FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL
    SELECT 'function', proname, '', prosrc, '', ''
    FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    ORDER BY 1, 2, 3, 4
"""

MIGRATE = """
import sys
from inbound.store.migrations.runner import migrate
sys.stdin.readline()
print(migrate(sys.argv[1]))
"""


def shape(url: str) -> list[tuple[object, ...]]:
    with connect(url, "tests") as conn:
        return conn.execute(SHAPE).fetchall()


def test_no_two_migrations_have_the_same_number() -> None:
    numbers = [name.split(".")[0] for name in NAMES]
    assert all(len(number) == 4 and number.isdigit() for number in numbers)
    assert numbers == sorted(set(numbers))


def test_upgraded_database_is_the_same_as_a_fresh_one(new_database: Callable[[str], str]) -> None:
    """Upgraded release by release: each migration runs in a session of its own."""
    fresh, upgraded = new_database("template1"), new_database("template1")
    assert runner.migrate(fresh) == NAMES
    for name in NAMES:
        assert runner.migrate(upgraded, upto=name) == [name]
    assert runner.pending(upgraded) == []
    assert shape(upgraded) == shape(fresh)


def test_waiting_parts_move_from_their_bind_to_its_centre(empty_database_url: str) -> None:
    runner.migrate(empty_database_url, upto="0014.recorded-results")
    with connect(empty_database_url, "tests") as conn:
        conn.execute("""
            INSERT INTO bind_presence
            VALUES ('north/scserv', 'north-1', 'gateway', true, '{"centre": "north"}', now())
        """)
        conn.execute("""
            INSERT INTO mo_parts
                (bind, number_hash, destination, reference, total, sequence, sealed, data,
                 received_at)
            VALUES ('north-1', 'a', '+79086228779', 7, 2, 1, 'x', '{}', now()),
                   ('main-1', 'b', '79086228779', 7, 2, 1, 'older', '{}', now() - interval '1 s'),
                   ('main-2', 'b', '89086228779', 7, 2, 1, 'newer', '{}', now()),
                   ('main-1', 'c', '8779', 7, 2, 1, 'x', '{}', now()),
                   ('main-1', 'd', 'SCSERV', 7, 2, 1, 'x', '{}', now())
        """)
    runner.migrate(empty_database_url)
    with connect(empty_database_url, "tests") as conn:
        rows = conn.execute("""
            SELECT centre, convert_from(number_hash, 'utf8'), destination,
                   convert_from(sealed, 'utf8')
            FROM mo_parts ORDER BY number_hash
        """).fetchall()
    assert rows == [
        ("north", "a", "9086228779", "x"),
        ("main", "b", "9086228779", "newer"),
        ("main", "c", "8779", "x"),
        ("main", "d", "SCSERV", "x"),
    ]


def test_migrating_leaves_no_error_in_the_log_of_the_server(tmp_path: Path) -> None:
    """On a server of its own, or the errors of other tests would be in that log."""
    with PostgresServer(tmp_path / "postgres", settings={"fsync": "off"}) as server:
        runner.migrate(server.url(), upto="0003.bind-presence")
        runner.migrate(server.url(), upto="0004.queried-messages")
        assert "ERROR" not in server.log.read_text()


def test_second_run_has_nothing_to_do(empty_database_url: str) -> None:
    assert runner.pending(empty_database_url) == NAMES
    assert runner.migrate(empty_database_url) == NAMES
    assert runner.pending(empty_database_url) == []
    assert runner.migrate(empty_database_url) == []


def test_looking_changes_nothing(empty_database_url: str) -> None:
    before = shape(empty_database_url)
    runner.pending(empty_database_url)
    with pytest.raises(SetupError):
        runner.require_current(empty_database_url)
    assert shape(empty_database_url) == before


def test_an_old_server_is_refused_before_anything_is_written(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = shape(empty_database_url)
    monkeypatch.setattr(runner, "OLDEST", 99)
    with pytest.raises(SetupError, match=r"is 18\.\d+, this version needs 99 or newer"):
        runner.migrate(empty_database_url)
    assert shape(empty_database_url) == before


def test_processes_that_start_at_once_migrate_once(empty_database_url: str) -> None:
    command = [sys.executable, "-W", "error", "-c", MIGRATE, empty_database_url]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = sorted(process.communicate()[0].strip() for process in processes)
    assert [process.returncode for process in processes] == [0] * 4
    assert answers == [str(NAMES), "[]", "[]", "[]"]


def test_killed_process_leaves_no_lock_behind(empty_database_url: str) -> None:
    """The lock that yoyo brings is a row, which outlives its process."""
    with connect(empty_database_url, "tests") as conn:
        conn.execute("CREATE TABLE yoyo_lock (locked int PRIMARY KEY, ctime timestamp, pid int)")
        conn.execute("INSERT INTO yoyo_lock VALUES (1, now(), 1)")
    assert runner.migrate(empty_database_url) == NAMES


def test_migration_and_its_mark_are_one(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object, **__: object) -> None:
        raise ConnectionAbortedError

    with monkeypatch.context() as patch:
        patch.setattr(runner._AtomicBackend, "mark_one", die)
        with pytest.raises(ConnectionAbortedError):
            runner.migrate(empty_database_url)
    assert runner.pending(empty_database_url) == NAMES
    assert runner.migrate(empty_database_url) == NAMES


def test_start_on_an_empty_database_names_the_way_out(empty_database_url: str) -> None:
    with pytest.raises(SetupError, match=r"has no tables yet.*run `scserv migrate`"):
        runner.require_current(empty_database_url)
    runner.migrate(empty_database_url)
    runner.require_current(empty_database_url)


def test_start_on_an_older_database_names_both_versions(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner.migrate(empty_database_url)
    known = runner._all()
    newer = type(known[0])("9999.next", "9999.next.sql", "")
    monkeypatch.setattr(runner, "_all", lambda: [*known, newer])
    last = NAMES[-1].split(".")[0]
    with pytest.raises(SetupError, match=rf"is at {last}, this version needs 9999: run"):
        runner.require_current(empty_database_url)


def test_newer_database_lets_the_old_version_go_on(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner.migrate(empty_database_url)
    monkeypatch.setattr(runner, "_all", list)
    runner.require_current(empty_database_url)


def test_missing_table_says_to_migrate(empty_database_url: str) -> None:
    from inbound.store.outbox.feeds import read_events

    with (
        connect(empty_database_url, "tests") as conn,
        pytest.raises(SetupError, match="run `scserv migrate`"),
    ):
        read_events(conn, 1, after=0)


def test_refused_migration_raises_no_psycopg_error(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise psycopg.errors.DivisionByZero("CANARY")

    monkeypatch.setattr(runner._AtomicBackend, "mark_one", refuse)
    with pytest.raises(Exception, match="22012") as caught:
        runner.migrate(empty_database_url)
    assert "CANARY" not in str(caught.value)
