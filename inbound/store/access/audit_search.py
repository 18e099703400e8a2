"""Searches the audit by actor, action and time. Every search reads an index, a page at a time."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

import psycopg

from inbound.store.access.audit import AuditEntry
from inbound.store.connections import raises_store_errors
from inbound.store.fetching import fetch_rows
from inbound.store.statements import statements

MOST_NAMES: Final = 300

_SQL: Final = statements(__package__, "audit")
_SEARCH: Final = _SQL["search_audit"]
_SEARCH_OF_ACTOR: Final = _SQL["search_audit_of_actor"]
_SEARCH_OF_ACTION: Final = _SQL["search_audit_of_action"]
_SEARCH_OF_BOTH: Final = _SQL["search_audit_of_both"]
_LIST_ACTORS: Final = _SQL["list_actors"]
_LIST_ACTIONS: Final = _SQL["list_actions"]
_EVER: Final = datetime(2000, 1, 1, tzinfo=UTC)
_NEVER: Final = datetime(9000, 1, 1, tzinfo=UTC)


class AuditPlace(NamedTuple):
    """Where a page ends: the entry's time and id."""

    at: datetime
    id: int


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries: `actor` and `action` "" for all, from `since` and before `until`."""

    actor: str = ""
    action: str = ""
    since: datetime | None = None
    until: datetime | None = None


@raises_store_errors
def search_entries(
    conn: psycopg.Connection, wanted: AuditFilter, *, limit: int, before: AuditPlace | None = None
) -> list[AuditEntry]:
    """Return up to `limit` entries, the newest first; `before` is where the last page ended."""
    end = AuditPlace(wanted.until or _NEVER, 0)
    place = min(end, before) if before else end
    parameters = {
        "actor": wanted.actor,
        "action": wanted.action or None,
        "since": wanted.since or _EVER,
        "before": place.at,
        "before_id": place.id,
        "limit": limit,
    }
    statement = _SEARCH
    if wanted.actor and wanted.action:
        statement = _SEARCH_OF_BOTH
    elif wanted.actor:
        statement = _SEARCH_OF_ACTOR
    elif wanted.action:
        statement = _SEARCH_OF_ACTION
    return fetch_rows(conn, AuditEntry, statement, parameters)


@raises_store_errors
def list_actors(conn: psycopg.Connection) -> list[str]:
    """Return who is named in the audit, up to `MOST_NAMES`."""
    return [name for (name,) in conn.execute(_LIST_ACTORS, {"limit": MOST_NAMES})]


@raises_store_errors
def list_actions(conn: psycopg.Connection) -> list[str]:
    """Return the actions that are in the audit, up to `MOST_NAMES`."""
    return [name for (name,) in conn.execute(_LIST_ACTIONS, {"limit": MOST_NAMES})]
