"""Which roles run now, asked of the database: each holds a lock for as long as it works.

A process that is killed loses its locks with its connection, at the latest when the server notices.
"""

from dataclasses import dataclass
from typing import Final

import psycopg

from inbound.store.connections import raises_store_errors
from inbound.store.fetching import fetch_rows
from inbound.store.statements import statements

_RUNNING_ROLES: Final = statements(__package__, "running_roles")["running_roles"]


@dataclass(frozen=True, slots=True)
class RunningRoles:
    """Whether a relay and a scheduler work at this moment."""

    relay: bool
    scheduler: bool


@raises_store_errors
def running_roles(conn: psycopg.Connection) -> RunningRoles:
    """Return which of these roles work now."""
    [found] = fetch_rows(conn, RunningRoles, _RUNNING_ROLES)
    return found
