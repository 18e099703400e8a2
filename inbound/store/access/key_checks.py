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


@raises_store_errors
def check_keys(conn: psycopg.Connection, fingerprints: Mapping[str, bytes]) -> None:
    """Compare setting name -> `inbound.keys.fingerprint`; the first use of a name stores it.

    Raises SetupError for a key other than the first one, so that a wrong key stops the start.
    """
    for name, given in fingerprints.items():
        conn.execute(_REMEMBER_KEY, {"name": name, "fingerprint": given})
        if conn.execute(_FIND_KEY, {"name": name}).fetchone() != (given,):
            raise SetupError(
                f"{name} does not fit this database ({conn.info.dbname}): it was filled with "
                f"another key. Set {name} to the key of the first start; without that key what "
                "is sealed here can't be opened, and a new, empty database is the way out"
            )
