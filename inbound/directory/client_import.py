"""Imports rows of a table into the table `clients`, in one transaction.

The rows stream through COPY into a temporary table and are merged in the same transaction, so
a crash changes nothing. Memory does not grow with the file. Clients that the file does not
name stay. If rows give one number different data, none of them is imported, because which one
is right would be a guess; rows that are the same count once. A rejected row counts too: it claims
every number that it may be meant for.

A client may have several numbers, and a number has one client. A row that gives a known number to
another client, or a known client one more number, is rejected unless the caller allows moves.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import psycopg

from inbound.directory.client_rows import (
    CLIENT_ID,
    MSISDN,
    ClientRow,
    FieldFault,
    RejectedRow,
    refused_row,
)
from inbound.directory.sealing import ClientSealer
from inbound.keys import SubjectHasher
from inbound.store.connections import raises_store_errors
from inbound.store.statements import statements

_SQL: Final = statements(__package__, "client_import")
_CREATE_INCOMING = _SQL["create_incoming_clients"]
_COPY_INCOMING = _SQL["copy_incoming_clients"]
_ANALYZE_INCOMING = _SQL["analyze_incoming_clients"]
_FIND_CONFLICTING = _SQL["find_conflicting_clients"]
_DELETE_CONFLICTING = _SQL["delete_conflicting_clients"]
_DELETE_CLAIMS = _SQL["delete_claims"]
_DELETE_REPEATED = _SQL["delete_repeated_clients"]
_LOCK_CLIENTS = _SQL["lock_clients"]
_CREATE_MOVES = _SQL["create_moves"]
_FIND_MOVES = _SQL["find_moves"]
_DELETE_MOVES = _SQL["delete_moves"]
_UPDATE_CLIENTS = _SQL["update_clients"]
_ADD_CLIENTS = _SQL["add_clients"]

OF_ANOTHER: Final = "the number belongs to another client_id"
ONE_MORE: Final = "the client_id already has another number"

_TYPES: Final = ("int8", "bytea", "text", "bytea", "bytea", "bytea")
_ROW_BYTES: Final = 8
_CONFLICTING_AT_A_TIME: Final = 1000


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of the rows of one table by result."""

    added: int
    updated: int
    unchanged: int
    repeated: int
    rejected: int
    of_another: int
    """Rows that would move a number to another client, or did so."""
    one_more: int
    """Rows that would give a known client one more number, or did so."""

    @property
    def loaded(self) -> int:
        """Clients that are now in the database as the table has them."""
        return self.added + self.updated + self.unchanged


@dataclass(frozen=True, slots=True)
class ImportKeys:
    """The hasher and the sealer that the import uses."""

    hasher: SubjectHasher
    sealer: ClientSealer


@raises_store_errors
def import_clients(
    conn: psycopg.Connection,
    rows: Iterable[ClientRow | RejectedRow],
    keys: ImportKeys,
    *,
    unit: str = "row",
    reject: Callable[[RejectedRow], None] = lambda _: None,
    allow_move: Callable[[RejectedRow], None] | None = None,
    before_commit: Callable[[], object] = lambda: None,
    check_only: bool = False,
) -> Summary:
    """Load rows in one transaction on `conn` and return the counts.

    `reject` gets each rejected row. Rows that change the owner of a number are rejected, unless
    `allow_move` is there to get them. `before_commit` is called when there are no more rows; what
    they raise undoes the import. `unit` is what row numbers count, for reasons. With `check_only`
    everything is undone at the end. Blocks until the commit. Safe to repeat: the second time
    everything is unchanged. Raises what `rows` raises, and errors of the store; then nothing was
    loaded.
    """
    rejected = 0

    def count_and_reject(row: RejectedRow) -> None:
        nonlocal rejected
        rejected += 1
        reject(row)

    with conn.transaction(force_rollback=check_only), conn.cursor() as cursor:
        cursor.execute(_CREATE_INCOMING)
        taken = 0
        with cursor.copy(_COPY_INCOMING) as copy:
            copy.set_types(_TYPES)
            for row in rows:
                if isinstance(row, ClientRow):
                    copy.write_row(_sealed(row, keys))
                    taken += 1
                else:
                    count_and_reject(row)
                    for claim in _claims(row, keys.hasher):
                        copy.write_row(claim)
        cursor.execute(_ANALYZE_INCOMING)
        for row in _conflicting(conn, keys.sealer, unit):
            count_and_reject(row)
            taken -= 1
        cursor.execute(_DELETE_CONFLICTING)
        cursor.execute(_DELETE_CLAIMS)
        repeated = cursor.execute(_DELETE_REPEATED).rowcount
        cursor.execute(_LOCK_CLIENTS)
        cursor.execute(_CREATE_MOVES)
        moves: Counter[str] = Counter()
        for row in _moves(conn, keys.sealer):
            moves[row.faults[0].reason] += 1
            (allow_move or count_and_reject)(row)
        if allow_move is None:
            taken -= cursor.execute(_DELETE_MOVES).rowcount
        updated = cursor.execute(_UPDATE_CLIENTS).rowcount
        added = cursor.execute(_ADD_CLIENTS).rowcount
        before_commit()
    unchanged = taken - repeated - updated - added
    return Summary(
        added, updated, unchanged, repeated, rejected, moves[OF_ANOTHER], moves[ONE_MORE]
    )


def _sealed(row: ClientRow, keys: ImportKeys) -> tuple[object, ...]:
    number_hash = keys.hasher.hash(row.number)
    return (
        row.row,
        number_hash,
        row.registration.client_id,
        keys.sealer.seal_number(row.number, number_hash),
        keys.sealer.seal_registration(row.registration, number_hash),
        keys.sealer.digest(row.registration, number_hash),
    )


def _claims(row: RejectedRow, hasher: SubjectHasher) -> Iterator[tuple[object, ...]]:
    digest = row.row.to_bytes(_ROW_BYTES, "big")  # shorter than any real one, so no row is a copy
    for number in row.claims:
        yield row.row, hasher.hash(number), None, None, None, digest


def _conflicting(
    conn: psycopg.Connection, sealer: ClientSealer, unit: str
) -> Iterator[RejectedRow]:
    # A server-side cursor: all rows of a table may conflict.
    with conn.cursor("conflicting_clients") as cursor:
        cursor.itersize = _CONFLICTING_AT_A_TIME
        for found in cursor.execute(_FIND_CONFLICTING):
            row, other, is_claim, number_hash, number, registration = found
            how = "too, and rejected there" if is_claim else "with other data"
            yield refused_row(
                row,
                sealer.open_number(number, number_hash),
                sealer.open_registration(registration, number_hash),
                FieldFault(MSISDN, f"is in {unit} {other} {how}"),
            )


def _moves(conn: psycopg.Connection, sealer: ClientSealer) -> Iterator[RejectedRow]:
    with conn.cursor("client_moves") as cursor:
        cursor.itersize = _CONFLICTING_AT_A_TIME
        for row, is_of_another, number_hash, number, registration in cursor.execute(_FIND_MOVES):
            yield refused_row(
                row,
                sealer.open_number(number, number_hash),
                sealer.open_registration(registration, number_hash),
                FieldFault(CLIENT_ID, OF_ANOTHER if is_of_another else ONE_MORE),
            )
