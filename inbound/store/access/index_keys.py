"""The index key of a database, with which all keyed hashes are made. It is stored sealed.

It stays the same for as long as the database lives. The subject key only opens it, so another
subject key takes over by a second row, and no hash changes.

A new database gets a random index key from the first process that starts. A database that an older
release began has hashes of the subject key itself, which therefore is its index key.
"""

import os
from collections.abc import Callable
from datetime import datetime
from typing import Final, NamedTuple

import psycopg

from inbound.errors import SetupError
from inbound.keys import (
    KEY_BYTES,
    IndexKey,
    UnsealError,
    fingerprint,
    open_index_key,
    seal_index_key,
)
from inbound.store.access.key_checks import remember_key, stored_fingerprint
from inbound.store.connections import raises_store_errors
from inbound.store.fetching import fetch_rows
from inbound.store.statements import statements

SUBJECT_KEY: Final = "SCSERV_SUBJECT_KEY"
"""The name of its setting. `key_checks` has the fingerprint of the index key under this name: an
older release compares it with that of its subject key, so it only works where both are the same."""

OTHER_SUBJECT_KEY: Final = "SCSERV_OTHER_SUBJECT_KEY"
"""The name of the setting for the key that is rotated away."""

_SQL: Final = statements(__package__, "index_keys")
_FIND_SEALED: Final = _SQL["find_sealed"]
_LOCK_KEYS: Final = _SQL["lock_keys"]
_LIST_KEYS: Final = _SQL["list_keys"]
_FIND_RETIRED: Final = _SQL["find_retired"]
_ADD_KEY: Final = _SQL["add_key"]
_HAS_PEOPLE: Final = _SQL["has_people"]
_RETIRE_OTHERS: Final = _SQL["retire_others"]
_LIMIT_WAIT: Final = _SQL["limit_wait"]
_LOCK_TABLE: Final = _SQL["lock_table"]
_READ_TABLE: Final = _SQL["read_table"]
_BEGIN_FILE: Final = _SQL["begin_file"]
_FILL_TABLE: Final = _SQL["fill_table"]


class OpeningKey(NamedTuple):
    """The fingerprint of a subject key that opens the index key, and since when it does."""

    fingerprint: bytes
    added_at: datetime


@raises_store_errors
def load_index_key(
    conn: psycopg.Connection, subject_key: bytes, *, random: Callable[[int], bytes] = os.urandom
) -> IndexKey:
    """Return the index key; the first use of a database makes it. Blocks on the database.

    Raises SetupError if the subject key does not open it.
    """
    found = _find(conn, subject_key)
    if found is None:
        with conn.transaction():
            conn.execute(_LOCK_KEYS)
            found = _find(conn, subject_key) or _begin(conn, subject_key, random)
    return found


@raises_store_errors
def add_subject_key(conn: psycopg.Connection, new: bytes, old: bytes) -> None:
    """Let the new subject key open the index key, too. Blocks on the database.

    Raises SetupError if the old one does not open it, or the new one was rotated away before.
    """
    with conn.transaction():
        conn.execute(_LOCK_KEYS)
        index_key = _find(conn, old) or _begin(conn, old, os.urandom, OTHER_SUBJECT_KEY)
        if (retired_at := _retired_at(conn, fingerprint(new))) is not None:
            raise SetupError(
                f"{SUBJECT_KEY} was rotated away before, at {retired_at:%Y-%m-%d %H:%M} UTC: make "
                "a new one with: openssl rand -base64 32"
            )
        if _find(conn, new) is None:  # the command may run twice
            _add(conn, new, index_key)


@raises_store_errors
def retire_other_keys(conn: psycopg.Connection, subject_key: bytes) -> list[bytes]:
    """Let this subject key alone open the index key; return the fingerprints of the others.

    Blocks on the database. Raises SetupError if this one does not open it.
    """
    given = fingerprint(subject_key)
    with conn.transaction():
        conn.execute(_LOCK_KEYS)
        if _find(conn, subject_key) is None:
            raise _misfit(conn, given, [one.fingerprint for one in opening_keys(conn)])
        return [bytes(row[0]) for row in conn.execute(_RETIRE_OTHERS, {"fingerprint": given})]


@raises_store_errors
def rewrite_table(conn: psycopg.Connection) -> None:
    """Let nothing of retired keys stay in the file of the table. Blocks for 5 s, or raises."""
    with conn.transaction(), conn.cursor() as cursor:
        cursor.execute(_LIMIT_WAIT)
        cursor.execute(_LOCK_TABLE)
        rows = cursor.execute(_READ_TABLE).fetchall()
        cursor.execute(_BEGIN_FILE)
        cursor.executemany(_FILL_TABLE, rows)


@raises_store_errors
def has_retired_index_key(conn: psycopg.Connection) -> bool:
    """Whether a retired subject key is the index key itself, as in databases of older releases."""
    named = stored_fingerprint(conn, SUBJECT_KEY)
    return named is not None and _retired_at(conn, named) is not None


@raises_store_errors
def opening_keys(conn: psycopg.Connection) -> list[OpeningKey]:
    """Return the subject keys that open the index key, oldest first. Blocks on the database."""
    return fetch_rows(conn, OpeningKey, _LIST_KEYS)


def _find(conn: psycopg.Connection, subject_key: bytes) -> IndexKey | None:
    """Return the index key if this subject key opens it."""
    row = conn.execute(_FIND_SEALED, {"fingerprint": fingerprint(subject_key)}).fetchone()
    if row is None:
        return None
    sealed, named = row
    try:
        index_key = open_index_key(sealed, subject_key)
    except UnsealError:
        raise SetupError(
            f"the index key of this database ({conn.info.dbname}) is damaged: restore the table "
            "index_keys from a backup"
        ) from None
    if named is None:  # the table was copied from another database
        named = remember_key(conn, SUBJECT_KEY, fingerprint(index_key))
    if named != fingerprint(index_key):
        raise SetupError(
            f"the table index_keys is that of another database than this one ({conn.info.dbname}), "
            "whose hashes were made with another index key: restore its own from a backup"
        )
    return index_key


def _begin(
    conn: psycopg.Connection,
    subject_key: bytes,
    random: Callable[[int], bytes],
    name: str = SUBJECT_KEY,
) -> IndexKey:
    """Return the index key of a database that has none yet. Needs the lock.

    Raises SetupError, with the `name` of the setting, if another subject key opens it.
    """
    given, named = fingerprint(subject_key), stored_fingerprint(conn, SUBJECT_KEY)
    if fitting := opening_keys(conn):
        raise _misfit(conn, given, [one.fingerprint for one in fitting], name)
    if named is None:
        _refuse_people(conn)
        index_key = IndexKey(random(KEY_BYTES))
        # A process of an older release may be first: then its subject key is the index key.
        named = remember_key(conn, SUBJECT_KEY, fingerprint(index_key))
        if named == fingerprint(index_key):
            _add(conn, subject_key, index_key)
            return index_key
    if named != given:
        raise _misfit(conn, given, [named], name)
    index_key = IndexKey(subject_key)
    _add(conn, subject_key, index_key)
    return index_key


def _add(conn: psycopg.Connection, subject_key: bytes, index_key: IndexKey) -> None:
    sealed = seal_index_key(index_key, subject_key)
    conn.execute(_ADD_KEY, {"fingerprint": fingerprint(subject_key), "sealed": sealed})


def _refuse_people(conn: psycopg.Connection) -> None:
    """Raise SetupError if people were copied here without the key that made their hashes."""
    if conn.execute(_HAS_PEOPLE).fetchone() == (True,):
        raise SetupError(
            f"this database ({conn.info.dbname}) has people or clients and no index key, so nobody "
            "would be found by number: copy the table index_keys as well, from the database that "
            "they came from"
        )


def _retired_at(conn: psycopg.Connection, subject_fingerprint: bytes) -> datetime | None:
    row = conn.execute(_FIND_RETIRED, {"fingerprint": subject_fingerprint}).fetchone()
    return None if row is None else row[0]


def _misfit(
    conn: psycopg.Connection, given: bytes, fitting: list[bytes], name: str = SUBJECT_KEY
) -> SetupError:
    misfit = f"{name} does not fit this database ({conn.info.dbname})"
    fits = f"the key with fingerprint {' or '.join(one.hex() for one in fitting)}"
    if (retired_at := _retired_at(conn, given)) is not None:
        return SetupError(
            f"{misfit}: the key with fingerprint {given.hex()} was rotated away at "
            f"{retired_at:%Y-%m-%d %H:%M} UTC, and the database has needed {fits} since.\n"
            f"Set {name} to that key, which the other processes have. The data is intact."
        )
    return SetupError(
        f"{misfit}: the hashes here need {fits}, and this one has {given.hex()}.\n"
        f"Set {name} to the key that the other processes or the last start had, or, in a restored "
        "database, to the one at the time of the backup; keep the database.\n"
        "Only if that key is lost for good, a new, empty database is the way out."
    )
