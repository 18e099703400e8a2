"""Asks the database which roles run now.

Relay and scheduler hold a lock for as long as they work; a process that is killed loses it with its
connection, at the latest when the server notices. Every process reports itself once a minute, and
takes its report away when it is stopped.
"""

from dataclasses import dataclass
from typing import Final

import psycopg

from inbound.store.access.process_keys import ALIVE, OVERDUE
from inbound.store.connections import raises_store_errors
from inbound.store.fetching import fetch_rows
from inbound.store.statements import statements

_SQL: Final = statements(__package__, "running_roles")
_RUNNING_ROLES: Final = _SQL["running_roles"]
_SEEN_ROLES: Final = _SQL["seen_roles"]
_SILENT_PROCESSES: Final = _SQL["silent_processes"]


@dataclass(frozen=True, slots=True)
class RunningRoles:
    """Whether a relay and a scheduler work at this moment."""

    relay: bool
    scheduler: bool


@dataclass(frozen=True, slots=True)
class SeenRole:
    """How many processes of a role report in time, and how many seconds ago one reported last."""

    role: str
    running: int
    age_s: float


@dataclass(frozen=True, slots=True)
class SilentProcess:
    """A process whose report is overdue: it last came `age_s` seconds ago, and was not withdrawn.

    It was killed, hangs, or does not reach the database.
    """

    process: str
    age_s: float


@raises_store_errors
def running_roles(conn: psycopg.Connection) -> RunningRoles:
    """Return which of these roles work now."""
    [found] = fetch_rows(conn, RunningRoles, _RUNNING_ROLES)
    return found


@raises_store_errors
def seen_roles(conn: psycopg.Connection) -> list[SeenRole]:
    """Return the roles of which a process has reported within the last hour."""
    return fetch_rows(conn, SeenRole, _SEEN_ROLES, {"overdue": OVERDUE})


@raises_store_errors
def silent_processes(conn: psycopg.Connection) -> list[SilentProcess]:
    """Return the processes whose report is overdue, for `process_keys.ALIVE` at most."""
    limits = {"overdue": OVERDUE, "alive": ALIVE}
    return fetch_rows(conn, SilentProcess, _SILENT_PROCESSES, limits)
