"""Compares the configured vault key with the one that a database was filled with."""

from datetime import datetime
from typing import Final

import psycopg

from inbound.errors import SetupError
from inbound.store.connections import raises_store_errors
from inbound.store.statements import statements

_SQL: Final = statements(__package__, "key_checks")
_REMEMBER_KEY = _SQL["remember_key"]
_FIND_KEY = _SQL["find_key"]
_REPLACE_KEY = _SQL["replace_key"]
_FORGET_KEY = _SQL["forget_key"]
_RETIRE_KEY = _SQL["retire_key"]
_FIND_RETIRED = _SQL["find_retired"]


VAULT_KEY: Final = "SCSERV_VAULT_KEY"
"""The name of its setting."""

_NEXT: Final = f"{VAULT_KEY} (next)"


@raises_store_errors
def check_vault_key(
    conn: psycopg.Connection, fingerprint: bytes, *, other: bytes | None = None
) -> None:
    """Compare the `inbound.keys.fingerprint` of the key that seals; the first use stores it.

    While the vault key is rotated the stored key may be the `other` one; the key that seals is then
    stored as the next one, so that all processes seal with the same.

    Raises SetupError for a key other than the first one, so that a wrong key stops the start.
    """
    stored = remember_key(conn, VAULT_KEY, fingerprint)
    if stored == fingerprint:
        return
    if stored != other:
        raise _misfit(conn, fingerprint, stored)
    if remember_key(conn, _NEXT, fingerprint) != fingerprint:
        raise SetupError(
            f"{VAULT_KEY} is not the next key that other processes seal with already: set it "
            "to theirs"
        )


@raises_store_errors
def require_vault_key(
    conn: psycopg.Connection, fingerprint: bytes, *, other: bytes | None = None
) -> None:
    """Raise SetupError if neither key is that of the database. Stores nothing."""
    stored = stored_fingerprint(conn, VAULT_KEY)
    if stored not in {None, fingerprint, other}:
        raise _misfit(conn, fingerprint, stored or b"")


@raises_store_errors
def adopt_vault_key(conn: psycopg.Connection, fingerprint: bytes) -> None:
    """Store that everything is sealed with the next key; the one before is no longer needed."""
    named = {"name": VAULT_KEY, "fingerprint": fingerprint}
    with conn.transaction():
        conn.execute(_RETIRE_KEY, named)
        conn.execute(_REPLACE_KEY, named)
        conn.execute(_FORGET_KEY, {"name": _NEXT})


@raises_store_errors
def vault_fingerprint(conn: psycopg.Connection) -> bytes | None:
    """Return the fingerprint of the vault key of this database; None before its first use."""
    return stored_fingerprint(conn, VAULT_KEY)


@raises_store_errors
def was_rotated_away(conn: psycopg.Connection, fingerprint: bytes) -> bool:
    """Whether this was the vault key of the database before a rotation. Blocks on it."""
    return _retired_at(conn, fingerprint) is not None


def remember_key(conn: psycopg.Connection, name: str, given: bytes) -> bytes:
    """Return the fingerprint that is stored under this name: the given one, if there was none."""
    conn.execute(_REMEMBER_KEY, {"name": name, "fingerprint": given})
    return stored_fingerprint(conn, name) or given


def stored_fingerprint(conn: psycopg.Connection, name: str) -> bytes | None:
    """Return the fingerprint that is stored under this name; None before its first use."""
    row = conn.execute(_FIND_KEY, {"name": name}).fetchone()
    return None if row is None else bytes(row[0])


def _misfit(conn: psycopg.Connection, given: bytes, stored: bytes) -> SetupError:
    """Say what to do about a key that the database wasn't filled with, or not any more."""
    misfit = f"{VAULT_KEY} does not fit this database ({conn.info.dbname})"
    fits = f"the key with fingerprint {stored.hex()}"
    if (retired_at := _retired_at(conn, given)) is not None:
        return SetupError(
            f"{misfit}: the key with fingerprint {given.hex()} was rotated away at "
            f"{retired_at:%Y-%m-%d %H:%M} UTC, and everything is sealed with {fits} since.\n"
            f"Set {VAULT_KEY} to that key, which the other processes have. The data is intact."
        )
    return SetupError(
        f"{misfit}: what is sealed here needs {fits}, and this one has {given.hex()}.\n"
        f"Set {VAULT_KEY} to the key that the other processes or the last start had; keep the "
        "database.\n"
        "Only if that key is lost for good, a new, empty database is the way out."
    )


def _retired_at(conn: psycopg.Connection, fingerprint: bytes) -> datetime | None:
    row = conn.execute(_FIND_RETIRED, {"fingerprint": fingerprint}).fetchone()
    return None if row is None else row[0]
