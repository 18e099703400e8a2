"""Changes one client of the directory, by the rules of an import of one row.

A field that is left empty stays as it is, so that secrets need not be shown to be kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import psycopg

from inbound.directory.client_import import ImportKeys, import_clients
from inbound.directory.client_languages import ClientLanguage, set_languages
from inbound.directory.client_rows import TEXT_FIELDS, FieldFault, RejectedRow, check_row
from inbound.store.access.audit import record
from inbound.store.connections import raises_store_errors
from inbound.store.fetching import fetch_row
from inbound.store.people.subjects import subjects_of
from inbound.store.statements import statements
from inbound.tables.model import Cell, CellKind, Row

_SQL: Final = statements(__package__, "client_changes")
_FIND_CLIENT: Final = _SQL["find_client"]
_HAS_CLIENTS: Final = _SQL["has_clients"]
# The same lock as an import's, taken first, so that both wait for each other and neither fails.
_WAIT_FOR_IMPORTS: Final = statements(__package__, "client_import")["lock_clients"]
_FIND_REGISTRATION: Final = _SQL["find_registration"]


@dataclass(frozen=True, slots=True)
class KnownClient:
    """A number's client, without secrets. `case_open_until`: of their open case, None without."""

    client_id: str
    language: str | None
    updated_at: datetime
    case_open_until: datetime | None


@dataclass(frozen=True, slots=True)
class ClientChange:
    """The change that a person wants: texts by field, "" for a field that stays.

    `allow_move`: the number may become that of another client, and a client may get one more.
    """

    number: str
    texts: Mapping[str, str]
    language: str | None
    actor: str
    reason: str
    allow_move: bool = False


class ClientRefusedError(ValueError):
    """The client can't be stored like this; `faults` are safe to show."""

    def __init__(self, faults: tuple[FieldFault, ...]) -> None:
        super().__init__("; ".join(map(str, faults)))
        self.faults = faults


class ClientMovesError(ValueError):
    """The number would change its client, or the client get one more number."""


@raises_store_errors
def find_client(conn: psycopg.Connection, number_hash: bytes) -> KnownClient | None:
    """Return the client of a number, None if it has none."""
    return fetch_row(conn, KnownClient, _FIND_CLIENT, {"number_hash": number_hash})


@raises_store_errors
def has_clients(conn: psycopg.Connection) -> bool:
    """Whether the directory has a client."""
    return conn.execute(_HAS_CLIENTS).fetchone() == (True,)


@raises_store_errors
def change_client(conn: psycopg.Connection, change: ClientChange, keys: ImportKeys) -> bool:
    """Add or change a client; False if it is so already. Waits for a running import.

    One transaction, with its audit entry. Raises ClientRefusedError and ClientMovesError.
    """
    number_hash = keys.hasher.hash(change.number)
    with conn.transaction():
        conn.execute(_WAIT_FOR_IMPORTS)
        before = _texts(conn, number_hash, keys)
        texts = [change.texts.get(name) or before.get(name, "") for name in TEXT_FIELDS]
        cells = [Cell(CellKind.TEXT, text) if text else Cell(CellKind.EMPTY) for text in texts]
        row = check_row(Row(1, (Cell(CellKind.TEXT, change.number), *cells)))
        if isinstance(row, RejectedRow):
            raise ClientRefusedError(row.faults)
        summary = import_clients(
            conn, [row], keys, allow_move=(lambda _: None) if change.allow_move else None
        )
        if summary.rejected:
            raise ClientMovesError(change.number[-2:])
        known = find_client(conn, number_hash)
        is_changed = bool(summary.added or summary.updated)
        if known is not None and known.language != change.language:
            set_languages(conn, [ClientLanguage(known.client_id, change.language)])
            is_changed = True
        if is_changed:
            subject_id = subjects_of(conn, [number_hash]).get(number_hash)
            record(
                conn,
                actor=change.actor,
                action="clients.change",
                reason=change.reason,
                subject_id=subject_id,
            )
    return is_changed


def _texts(conn: psycopg.Connection, number_hash: bytes, keys: ImportKeys) -> Mapping[str, str]:
    row = conn.execute(_FIND_REGISTRATION, {"number_hash": number_hash}).fetchone()
    if row is None:
        return {}
    found = keys.sealer.open_registration(row[0], number_hash)
    return {name: getattr(found, name) for name in TEXT_FIELDS}
