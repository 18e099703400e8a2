"""Applies the numbered migrations in `versions/` with yoyo.

yoyo reads the files and records which were applied. Two things differ here: each migration and
its mark commit together, so a killed process leaves no unmarked migration; and processes wait
for each other by a session lock, which ends with the process, where yoyo leaves a row behind.

A fresh and an upgraded database are identical, because both ran the same files in order.
Released files are never changed. The tables of projections are the exception: they can be
rebuilt at any time, so 0006 creates them by the definitions of the current release.
"""

from importlib.resources import files
from typing import Final

import psycopg
from psycopg.conninfo import conninfo_to_dict
from tenacity import Retrying, retry_if_exception_type, wait_fixed
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.connections import DatabaseURI
from yoyo.migrations import Migration, MigrationList, default_migration_table, read_migrations

from inbound.errors import SetupError
from inbound.store.connections import connect, conninfo, describe_database
from inbound.store.errors import translate
from inbound.store.statements import statements

APPLICATION_NAME: Final = "scserv migrate"
MIGRATIONS: Final = files(__package__).joinpath("versions")

OLDEST: Final = 18
"""The major version of PostgreSQL that everything is tested with."""

_SQL: Final = statements(__package__, "runner")
_TRY_LOCK = _SQL["try_lock"]
_MIGRATIONS_TABLE = _SQL["migrations_table"]
_APPLIED_MIGRATIONS = _SQL["applied_migrations"]


class _LockedError(Exception):
    """Another process migrates."""


class _AtomicBackend(PostgresqlPsycopgBackend):  # type: ignore[misc]  # yoyo has no types
    """yoyo's backend for psycopg 3, with a migration and its mark in one transaction.

    It doesn't probe by causing errors, which would be ERRORs in the server's log at each run.
    """

    create_lock_table_sql = PostgresqlPsycopgBackend.create_lock_table_sql.replace(
        "CREATE TABLE ", "CREATE TABLE IF NOT EXISTS "
    )

    def _check_transactional_ddl(self) -> bool:
        """Skip yoyo's trial: PostgreSQL can roll back the creation of a table."""
        return True

    def apply_one(self, migration: Migration, *, force: bool = False, mark: bool = True) -> None:
        migration.load()
        if not migration.use_transactions:  # CREATE INDEX CONCURRENTLY and the like
            super().apply_one(migration, force, mark)
            return
        with self.transaction():
            migration.process_steps(self, "apply", force)
            if mark:
                self.mark_one(migration, log=False)


def migrate(url: str, *, upto: str | None = None) -> list[str]:
    """Bring the database to the newest version and return the ids of what was applied.

    Blocks while another process migrates, and then has nothing to do. Safe to repeat,
    also after a kill. `upto` stops after that id (for tests of upgrades). Raises SetupError if
    PostgreSQL is too old, StoreUnavailable, or StoreDefect for a migration that it refuses.
    """
    try:
        with connect(url, APPLICATION_NAME, long=True) as conn:
            _require_version(conn.info.server_version, url)
            _wait_for_others(conn)
            return _apply(url, upto)
    except psycopg.Error as error:
        failure = translate(error, describe_database(url))
    raise failure


def _require_version(found: int, url: str) -> None:
    """Raise SetupError for a server older than any that was tested. `found` is 180003 for 18.3."""
    major, minor = divmod(found, 10_000)
    if major < OLDEST:
        raise SetupError(
            f"PostgreSQL at {describe_database(url)} is {major}.{minor}, this version needs "
            f"{OLDEST} or newer"
        )


def _wait_for_others(conn: psycopg.Connection) -> None:
    """Take the session lock of migrations.

    It polls: a statement that waits for the lock holds a snapshot, and CREATE INDEX CONCURRENTLY in
    the process that has the lock would wait for that snapshot, for ever.
    """
    for attempt in Retrying(retry=retry_if_exception_type(_LockedError), wait=wait_fixed(0.2)):
        with attempt:
            if conn.execute(_TRY_LOCK).fetchone() != (True,):
                raise _LockedError


def pending(url: str) -> list[str]:
    """Return the ids that `migrate` would apply. Changes nothing."""
    return _compare(url)[1]


def require_current(url: str) -> None:
    """Raise SetupError if the database is older than this version of the program.

    A newer one is accepted: during an upgrade old processes continue for a while.
    """
    newest, missing = _compare(url)
    if missing:
        state = f"is at {_number(newest)}" if newest else "has no tables yet"
        raise SetupError(
            f"the database at {describe_database(url)} {state}, this version needs "
            f"{_number(missing[-1])}: run `scserv migrate`"
        )


def _apply(url: str, upto: str | None) -> list[str]:
    parameters = conninfo_to_dict(conninfo(url, APPLICATION_NAME, long=True))
    uri = DatabaseURI("postgresql+psycopg", None, None, None, None, None, parameters)
    with _AtomicBackend(uri, default_migration_table) as backend:
        backend.init_database()
        backend.break_lock()  # under our own lock, it can only be that of a dead process
        todo = [m for m in backend.to_apply(_all()) if upto is None or m.id <= upto]
        backend.apply_migrations(MigrationList(todo))
        return [migration.id for migration in todo]


def _compare(url: str) -> tuple[str | None, list[str]]:
    """Return the newest applied id, and the ids that are missing."""
    try:
        with connect(url, APPLICATION_NAME) as conn:
            exists = conn.execute(_MIGRATIONS_TABLE).fetchone() == (True,)
            rows = conn.execute(_APPLIED_MIGRATIONS).fetchall() if exists else []
    except psycopg.Error as error:
        failure = translate(error, describe_database(url))
    else:
        applied = {row[0] for row in rows}
        return max(applied, default=None), [m.id for m in _all() if m.id not in applied]
    raise failure


def _all() -> MigrationList:
    return read_migrations(str(MIGRATIONS))


def _number(migration_id: str) -> str:
    return migration_id.split(".", 1)[0]
