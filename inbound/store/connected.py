"""Which other processes of the service are connected to the database at this moment."""

from typing import Final

import psycopg

from inbound.store.connections import raises_store_errors
from inbound.store.statements import statements

_LIST: Final = statements(__package__, "connected")["list_connected"]


@raises_store_errors
def list_connected(conn: psycopg.Connection) -> list[str]:
    """Return the names of the other connections of the service, with their addresses.

    Other programs' connections, such as a dump, are left out. Blocks on the database.
    """
    return [
        f"{name}{f' from {address}' if address else ''}{f' ({many})' if many > 1 else ''}"
        for name, address, many in conn.execute(_LIST)
    ]
