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
_REMEMBER_NEXT = _SQL["remember_next"]
_FIND_NEXT = _SQL["find_next"]
_FORGET_KEY = _SQL["forget_key"]
_RETIRE_KEY = _SQL["retire_key"]
_REVIVE_KEY = _SQL["revive_key"]
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

    Raises SetupError for a key other than the first one, so that a wrong key stops the start, and
    for a key that was retired, even if the other one fits: it would seal again.
    """
    stored = remember_key(conn, VAULT_KEY, fingerprint)
    if stored == fingerprint:
        return
    if stored != other or is_retired(conn, fingerprint):
        raise _misfit(conn, fingerprint, stored)
    conn.execute(_REMEMBER_NEXT, {"name": _NEXT, "fingerprint": fingerprint})
    following = next_fingerprint(conn) or fingerprint
    if following != fingerprint:
        raise SetupError(
            f"{VAULT_KEY} is not the next key of the rotation that was begun, which has "
            f"fingerprint {following.hex()}, and this one has {fingerprint.hex()}.\n"
            f"Set {VAULT_KEY} to that key. To rotate to another one, give that rotation up first: "
            "scserv keys give-up"
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
def refuse_retired(conn: psycopg.Connection, fingerprint: bytes) -> None:
    """Raise SetupError if this vault key was retired. Blocks on the database."""
    stored = stored_fingerprint(conn, VAULT_KEY)
    if stored not in {None, fingerprint} and is_retired(conn, fingerprint):
        raise _misfit(conn, fingerprint, stored or b"")


@raises_store_errors
def adopt_vault_key(conn: psycopg.Connection, fingerprint: bytes) -> None:
    """Store that everything is sealed with the next key, and retire the one before.

    Repeating it changes nothing.
    """
    key = {"name": VAULT_KEY, "fingerprint": fingerprint}
    with conn.transaction():
        conn.execute(_RETIRE_KEY, key)
        conn.execute(_REVIVE_KEY, key)
        conn.execute(_REPLACE_KEY, key)
        if next_fingerprint(conn) in {None, fingerprint}:
            conn.execute(_FORGET_KEY, {"name": _NEXT})


@raises_store_errors
def give_up_next_key(conn: psycopg.Connection, fingerprint: bytes) -> bytes | None:
    """Retire the next key, and return its fingerprint; None if no rotation was begun.

    The fingerprint given is that of the key of the database, with which everything is sealed.
    """
    with conn.transaction():
        following = next_fingerprint(conn)
        conn.execute(_RETIRE_KEY, {"name": _NEXT, "fingerprint": fingerprint})
        conn.execute(_FORGET_KEY, {"name": _NEXT})
    return following


@raises_store_errors
def vault_fingerprint(conn: psycopg.Connection) -> bytes | None:
    """Return the fingerprint of the vault key of this database; None before its first use."""
    return stored_fingerprint(conn, VAULT_KEY)


@raises_store_errors
def next_fingerprint(conn: psycopg.Connection) -> bytes | None:
    """Return the fingerprint of the key that takes over; None while no rotation is under way."""
    return _fetch(conn, _FIND_NEXT, _NEXT)


@raises_store_errors
def is_retired(conn: psycopg.Connection, fingerprint: bytes) -> bool:
    """Whether this vault key was rotated away, or given up before a rotation ended. Blocks."""
    return _retired_at(conn, fingerprint) is not None


def remember_key(conn: psycopg.Connection, name: str, given: bytes) -> bytes:
    """Return the fingerprint that is stored under this name: the given one, if there was none."""
    conn.execute(_REMEMBER_KEY, {"name": name, "fingerprint": given})
    return stored_fingerprint(conn, name) or given


def stored_fingerprint(conn: psycopg.Connection, name: str) -> bytes | None:
    """Return the fingerprint that is stored under this name; None before its first use."""
    return _fetch(conn, _FIND_KEY, name)


def _fetch(conn: psycopg.Connection, statement: bytes, name: str) -> bytes | None:
    row = conn.execute(statement, {"name": name}).fetchone()
    return None if row is None else bytes(row[0])


def _misfit(conn: psycopg.Connection, given: bytes, stored: bytes) -> SetupError:
    """Say what to do about a key that the database wasn't filled with, or not any more."""
    misfit = f"{VAULT_KEY} does not fit this database ({conn.info.dbname})"
    fits = f"the key with fingerprint {stored.hex()}"
    if (retired_at := _retired_at(conn, given)) is not None:
        return SetupError(
            f"{misfit}: the key with fingerprint {given.hex()} was retired at "
            f"{retired_at:%Y-%m-%d %H:%M} UTC, and everything is sealed with {fits} since.\n"
            f"Set {VAULT_KEY} to that key, which the other processes have. The data is intact."
        )
    return SetupError(
        f"{misfit}: what is sealed here needs {fits}, and this one has {given.hex()}.\n"
        f"Set {VAULT_KEY} to the key that the other processes or the last start had; keep the "
        "database. If it was restored from a backup of before a rotation, set "
        "SCSERV_OTHER_VAULT_KEY to the key of then instead.\n"
        "Only if that key is lost for good, a new, empty database is the way out."
    )


def _retired_at(conn: psycopg.Connection, fingerprint: bytes) -> datetime | None:
    row = conn.execute(_FIND_RETIRED, {"fingerprint": fingerprint}).fetchone()
    return None if row is None else row[0]
