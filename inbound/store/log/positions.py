"""Where the event log ends."""

from typing import Final

import psycopg

from inbound.store.connections import raises_store_errors
from inbound.store.statements import statements

_LAST_POSITION: Final = statements(__package__, "log")["last_position"]


@raises_store_errors
def last_position(conn: psycopg.Connection) -> int:
    """Return the position of the newest event, 0 for an empty log."""
    row = conn.execute(_LAST_POSITION).fetchone()
    return int(row[0]) if row else 0
