"""The keys of tests.

The databases of fixtures are as an older release would have left them: their subject key is also
their index key. So a test knows the hashes without asking a database. A `Service` begins a new one.
"""

from typing import Final

import psycopg

from inbound.keys import IndexKey, fingerprint
from inbound.store.access.index_keys import SUBJECT_KEY as NAME
from inbound.store.access.key_checks import remember_key
from inbound.store.connections import connect

SUBJECT_KEY: Final = IndexKey(bytes(range(32)))
VAULT_KEY: Final = bytes(range(32, 64))


def begin_as_older_release(conn: psycopg.Connection, subject_key: IndexKey = SUBJECT_KEY) -> None:
    """Make this the subject key and the index key of a database that has none yet."""
    remember_key(conn, NAME, fingerprint(subject_key))


def begin_anew(url: str) -> None:
    """Make a copy of the template a new database, which has no keys."""
    with connect(url, "tests") as conn:
        conn.execute("DELETE FROM key_checks")
