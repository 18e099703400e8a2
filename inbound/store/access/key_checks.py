"""Compares the configured keys with those that a database was filled with."""

from collections.abc import Mapping
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


VAULT_KEY: Final = "SCSERV_VAULT_KEY"
"""The name of its setting."""

_NEXT: Final = f"{VAULT_KEY} (next)"


@raises_store_errors
def check_keys(
    conn: psycopg.Connection,
    fingerprints: Mapping[str, bytes],
    *,
    other_vault_key: bytes | None = None,
) -> None:
    """Compare setting name -> `inbound.keys.fingerprint`; the first use of a name stores it.

    While the vault key is rotated the stored key may be the other one; the key that seals is then
    stored as the next one, so that all processes seal with the same.

    Raises SetupError for a key other than the first one, so that a wrong key stops the start.
    """
    for name, given in fingerprints.items():
        stored = _remembered(conn, name, given)
        if stored == given:
            continue
        if name != VAULT_KEY or stored != other_vault_key:
            raise SetupError(
                f"{name} does not fit this database ({conn.info.dbname}): it was filled with "
                f"another key. Set {name} to the key of the first start; without that key what "
                "is sealed here can't be opened, and a new, empty database is the way out"
            )
        if _remembered(conn, _NEXT, given) != given:
            raise SetupError(
                f"{VAULT_KEY} is not the next key that other processes seal with already: set it "
                "to theirs"
            )


@raises_store_errors
def adopt_vault_key(conn: psycopg.Connection, fingerprint: bytes) -> None:
    """Store that everything is sealed with the next key; the one before is no longer needed."""
    with conn.transaction():
        conn.execute(_REPLACE_KEY, {"name": VAULT_KEY, "fingerprint": fingerprint})
        conn.execute(_FORGET_KEY, {"name": _NEXT})


def _remembered(conn: psycopg.Connection, name: str, given: bytes) -> bytes | None:
    conn.execute(_REMEMBER_KEY, {"name": name, "fingerprint": given})
    row = conn.execute(_FIND_KEY, {"name": name}).fetchone()
    return None if row is None else bytes(row[0])
