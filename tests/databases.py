"""Databases for tests, each for one test at a time; those with all tables are emptied and reused.

To copy and drop a database costs five times as much CPU as to empty it. A database is reused only
if nothing but its rows and sequences seems to differ from a new one, and nobody is connected to it.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, LiteralString

import psycopg
from psycopg import sql

# By file: page by page through the write-ahead log takes five times the CPU (0.4 s).
COPY_DATABASE: Final[LiteralString] = "CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy"
_DROP_DATABASE: Final[LiteralString] = "DROP DATABASE IF EXISTS {} WITH (force)"

# Sessions of the last test may still be ending; those of the one before it have ended.
_RESTING: Final = 2

_MAX_BYTES: Final = 4_000_000
"""Rows that were deleted stay in the files, and a test may count on small ones."""

_SIZE: Final = "pg_database_size(current_database())"

# A change of a definition writes a row of one of these, and so does ANALYZE where there are rows.
# Of the first ones, by this column, only what isn't built in is looked at: no test changes that.
_LONG_CATALOGS: Final[tuple[tuple[LiteralString, LiteralString], ...]] = (
    *(("pg_class", "oid"), ("pg_attribute", "attrelid"), ("pg_proc", "oid"), ("pg_type", "oid")),
    *(("pg_constraint", "oid"), ("pg_index", "indexrelid"), ("pg_rewrite", "oid")),
    *(("pg_description", "objoid"), ("pg_operator", "oid"), ("pg_cast", "oid")),
)
_CATALOGS: Final[tuple[LiteralString, ...]] = (
    *("pg_attrdef", "pg_inherits", "pg_trigger", "pg_extension", "pg_enum", "pg_sequence"),
    *("pg_publication", "pg_statistic", "pg_statistic_ext", "pg_policy", "pg_event_trigger"),
    *("pg_default_acl", "pg_largeobject_metadata"),
)
# Of a session's own schema of temporary tables nothing is left but its row.
_SCHEMAS: Final = "pg_namespace WHERE nspname !~ '^pg_(toast_)?temp_'"
_SETTINGS: Final = """
    pg_db_role_setting
    WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_FIRST_OWN_OID: Final = 16384

_CHANGED_IN_PLACE: Final = """
    (SELECT (sum(reltuples), sum(relpages))::text FROM pg_class WHERE oid >= {}),
    (SELECT (datconnlimit, datallowconn, datacl)::text
     FROM pg_database WHERE datname = current_database())
"""
_RELATIONS: Final = """
    SELECT n.nspname, c.relname, c.relkind = 'S'
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'S')
      AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
    ORDER BY n.nspname, c.relname
"""
_OTHER_SESSIONS: Final = """
    (SELECT count(*) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid())
    + (SELECT count(*) FROM pg_prepared_xacts WHERE database = current_database())
"""


@dataclass(frozen=True, slots=True)
class _Reusable:
    """A copy of the template, and the connection over which it is emptied."""

    name: str
    url: str
    connection: psycopg.Connection


class Databases:
    """The databases of this process on one server. Everything blocks."""

    def __init__(self, url_of: Callable[[str], str], migrated: str) -> None:
        """`url_of` returns the URL of a database by its name; copies of `migrated` are reused."""
        self._url_of = url_of
        self._migrated = migrated
        self._server = psycopg.connect(url_of("postgres"), autocommit=True)
        self._resting: deque[_Reusable] = deque()
        self._as_new: _AsNew | None = None

    @contextmanager
    def lend(self, template: str) -> Iterator[str]:
        """Provide the URL of a database that is like `template`, for one test alone."""
        if template != self._migrated:
            name = self._copy(template)
            try:
                yield self._url_of(name)
            finally:
                self._drop(name)
            return
        reusable = self._reusable()
        try:
            yield reusable.url
        finally:
            self._resting.append(reusable)

    def close(self) -> None:
        """Drop what is left and close the connections."""
        while self._resting:
            self._end(self._resting.pop())
        self._server.close()

    def _reusable(self) -> _Reusable:
        if self._as_new is not None and len(self._resting) >= _RESTING:
            reusable = self._resting.popleft()
            if self._as_new.restore(reusable.connection):
                return reusable
            self._end(reusable)
        name = self._copy(self._migrated)
        url = self._url_of(name)
        connection = psycopg.connect(url, autocommit=True, prepare_threshold=0)
        # No trigger fires in this session, those of foreign keys included.
        connection.execute("SET session_replication_role = replica")
        self._as_new = self._as_new or _AsNew(connection)
        return _Reusable(name, url, connection)

    def _end(self, reusable: _Reusable) -> None:
        reusable.connection.close()
        self._drop(reusable.name)

    def _copy(self, template: str) -> str:
        name = f"test_{secrets.token_hex(6)}"
        self._administer(COPY_DATABASE, name, template)
        return name

    def _drop(self, name: str) -> None:
        self._administer(_DROP_DATABASE, name)

    def _administer(self, statement: LiteralString, *names: str) -> None:
        self._server.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


class _AsNew:
    """What is in a new copy of the template."""

    def __init__(self, connection: psycopg.Connection) -> None:
        relations = connection.execute(_RELATIONS).fetchall()
        self._tables = [
            sql.Identifier(*name) for *name, is_sequence in relations if not is_sequence
        ]
        self._sequences = [sql.Identifier(*name) for *name, is_sequence in relations if is_sequence]
        self._rows = {
            table.as_string(): rows for table in self._tables if (rows := _read(connection, table))
        }
        self._query = self._compose()
        self._found = self._look(connection)

    def restore(self, connection: psycopg.Connection) -> bool:
        """Put rows and sequences back. False if more than that differs, or the session ended."""
        try:
            found = self._look(connection)
            if found.others or found.size > self._found.size + _MAX_BYTES:
                return False
            if found.definitions != self._found.definitions:
                return False
            self._put_back(connection, found)
        except psycopg.Error:
            return False
        return True

    def _put_back(self, connection: psycopg.Connection, found: _Found) -> None:
        changed = [
            table
            for table, now, new in zip(self._tables, found.tables, self._found.tables, strict=True)
            if now != new
        ]
        statements = [sql.SQL("DELETE FROM {}").format(table) for table in changed]
        statements += [
            sql.SQL("SELECT setval({}, {}, {})").format(name.as_string(), *new)
            for name, now, new in zip(
                self._sequences, found.sequences, self._found.sequences, strict=True
            )
            if now != new
        ]
        if statements:
            connection.execute(sql.SQL("; ").join(statements), prepare=False)
        for table in changed:
            if rows := self._rows.get(table.as_string()):
                _write(connection, table, rows)

    def _look(self, connection: psycopg.Connection) -> _Found:
        row: Any = connection.execute(self._query).fetchone()
        return _Found(*row)

    def _compose(self) -> sql.Composed:
        """Return one query, because planning many takes longer than all their answers."""
        others = sql.SQL(_OTHER_SESSIONS)
        catalogs = [sql.Composed([sql.Identifier(name)]) for name in _CATALOGS]
        catalogs += [sql.Composed([sql.SQL(rows)]) for rows in (_SCHEMAS, _SETTINGS)]
        catalogs += [
            sql.SQL("{} WHERE {} >= {}").format(*map(sql.Identifier, names), _FIRST_OWN_OID)
            for names in _LONG_CATALOGS
        ]
        definitions = sql.SQL(", ").join(
            sql.SQL("(SELECT (count(*), max(xmin::text::bigint))::text FROM {})").format(catalog)
            for catalog in catalogs
        )
        in_place = sql.SQL(_CHANGED_IN_PLACE).format(_FIRST_OWN_OID)
        tables = sql.SQL(", ").join(
            sql.SQL(
                "(SELECT md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM {} t)"
                if table.as_string() in self._rows
                else "(SELECT 'rows' WHERE EXISTS (SELECT FROM {}))"
            ).format(table)
            for table in self._tables
        )
        sequences = sql.SQL(", ").join(
            sql.SQL("(SELECT jsonb_build_array(last_value, is_called) FROM {})").format(name)
            for name in self._sequences
        )
        return sql.SQL("SELECT {}, {}, ARRAY[{}, {}], ARRAY[{}], ARRAY[{}]").format(
            others, sql.SQL(_SIZE), in_place, definitions, tables, sequences
        )


@dataclass(frozen=True, slots=True)
class _Found:
    """What is in a database: others' sessions, octets, and a mark of each part that may change."""

    others: int
    size: int
    definitions: list[str]
    tables: list[str | None]
    sequences: list[tuple[int, bool]]


def _read(connection: psycopg.Connection, table: sql.Identifier) -> bytes:
    with connection.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(table)) as rows:
        return b"".join(bytes(row) for row in rows)


def _write(connection: psycopg.Connection, table: sql.Identifier, rows: bytes) -> None:
    with connection.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(table)) as copy:
        copy.write(rows)
