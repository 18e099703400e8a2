"""The databases of tests: what one test leaves behind, no later one finds."""

from collections.abc import Iterator
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import sql

from tests.databases import Databases
from tests.fix_servers import MIGRATED, SharedPostgres

ROWS: LiteralString = """
    INSERT INTO audit (actor, action, reason) VALUES ('tests', 'test', 'rows and a sequence');
    UPDATE accounts SET enabled = NOT enabled;
    DELETE FROM log_heads
"""

MANY_ROWS: LiteralString = """
    INSERT INTO audit (actor, action, reason)
    SELECT 'tests', 'test', repeat('x', 100) FROM generate_series(1, 20000)
"""


@pytest.fixture
def databases(postgres_server: SharedPostgres) -> Iterator[Databases]:
    made = Databases(postgres_server.url, MIGRATED)
    yield made
    made.close()


@pytest.fixture
def new(new_copies: Databases) -> Iterator[str]:
    """A database that no test had."""
    with new_copies.lend(MIGRATED) as url:
        yield url


@pytest.fixture
def new_copies(postgres_server: SharedPostgres) -> Iterator[Databases]:
    made = Databases(postgres_server.url, "no template")
    yield made
    made.close()


def content(url: str) -> dict[str, Any]:
    """Return the rows of each table, and where each sequence is."""
    with psycopg.connect(url, autocommit=True) as conn:
        found = conn.execute(
            "SELECT c.oid::regclass::text, n.nspname, c.relname, c.relkind = 'S' FROM pg_class c"
            " JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind IN ('r', 'S')"
            " AND nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"
        ).fetchall()
        return {
            name: conn.execute(
                sql.SQL("SELECT {}::text FROM {} t ORDER BY 1").format(
                    sql.SQL("(last_value, is_called)" if counts else "t"), sql.Identifier(*place)
                )
            ).fetchall()
            for name, *place, counts in found
        }


def change(databases: Databases, *statements: LiteralString) -> str:
    """Have a test run statements in a database; return its URL."""
    with databases.lend(MIGRATED) as url, psycopg.connect(url, autocommit=True) as conn:
        for statement in statements:
            conn.execute(statement)
    return url


def next_but_one(databases: Databases) -> str:
    """Have two more tests; return the database of the second one, which may be the first's."""
    for _ in range(2):
        with databases.lend(MIGRATED) as url:
            pass
    return url


def test_rows_and_sequences_are_put_back(databases: Databases, new: str) -> None:
    changed = change(databases, ROWS)
    assert content(changed) != content(new)
    again = next_but_one(databases)
    assert again == changed
    assert content(again) == content(new)


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE audit ADD COLUMN more text",
        "CREATE INDEX ON audit (reason)",
        "DROP TRIGGER events_are_append_only ON events",
        "ALTER DATABASE {} SET statement_timeout = 1",
        "ANALYZE events",
        "CREATE SCHEMA elsewhere",
        "REVOKE USAGE ON SCHEMA public FROM public",
        "ALTER DATABASE {} CONNECTION LIMIT 7",
        "COMMENT ON TABLE events IS 'x'",
        "CREATE STATISTICS ON actor, action FROM audit",
        "ALTER SEQUENCE audit_id_seq INCREMENT 2",
        "SELECT lo_create(0)",
        MANY_ROWS,
    ],
)
def test_what_differs_in_more_is_dropped(
    databases: Databases, new: str, statement: LiteralString
) -> None:
    with databases.lend(MIGRATED) as url, psycopg.connect(url, autocommit=True) as conn:
        conn.execute(sql.SQL(statement).format(sql.Identifier(conn.info.dbname)))
    assert next_but_one(databases) != url
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)


def test_a_database_with_a_session_is_dropped(databases: Databases) -> None:
    with databases.lend(MIGRATED) as url:
        left = psycopg.connect(url)
    assert next_but_one(databases) != url
    with left, pytest.raises(psycopg.OperationalError):
        left.execute("SELECT 1")


def test_ended_sessions_are_no_obstacle(databases: Databases, new: str) -> None:
    changed = change(
        databases,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    again = next_but_one(databases)
    assert again != changed
    assert content(again) == content(new)
