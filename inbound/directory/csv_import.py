"""Imports a CSV file into the table `clients`, in one transaction.

The lines stream through COPY into a temporary table and are merged in the same transaction, so
a crash changes nothing. Memory does not grow with the file. Clients that the file does not
name stay.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import psycopg

from inbound.directory.csv_lines import BadLine, ClientFile, GoodLine
from inbound.directory.sealing import ClientSealer
from inbound.errors import SetupError
from inbound.keys import SubjectHasher
from inbound.parsers.numbers import mask
from inbound.store.connections import raises_store_errors
from inbound.store.statements import statements

_SQL: Final = statements(__package__, "csv_import")
_CREATE_INCOMING = _SQL["create_incoming_clients"]
_COPY_INCOMING = _SQL["copy_incoming_clients"]
_ANALYZE_INCOMING = _SQL["analyze_incoming_clients"]
_FIND_REPEATED = _SQL["find_repeated_clients"]
_DELETE_REPEATED = _SQL["delete_repeated_clients"]
_LOCK_CLIENTS = _SQL["lock_clients"]
_UPDATE_CLIENTS = _SQL["update_clients"]
_ADD_CLIENTS = _SQL["add_clients"]

_TYPES: Final = ("int8", "bytea", "text", "bytea", "bytea", "bytea")
_REPEATED_AT_A_TIME: Final = 1000


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of the lines of one file by result."""

    added: int
    updated: int
    unchanged: int
    refused: int

    @property
    def loaded(self) -> int:
        """Lines that are now in the table."""
        return self.added + self.updated + self.unchanged


@dataclass(frozen=True, slots=True)
class ImportKeys:
    """The hasher and the sealer that the import uses."""

    hasher: SubjectHasher
    sealer: ClientSealer


@raises_store_errors
def import_clients(
    conn: psycopg.Connection,
    path: Path,
    keys: ImportKeys,
    *,
    refuse: Callable[[BadLine], None] = lambda _: None,
    progress: Callable[[int], None] = lambda _: None,
) -> Summary:
    """Load one file in one transaction on `conn` and return the counts.

    `refuse` gets each bad line, `progress` the bytes read so far. Blocks until the commit.
    Safe to repeat: the second time everything is unchanged. Raises SetupError for an invalid
    file, and errors of the store; then nothing was loaded.
    """
    refused = 0

    def count_and_refuse(bad: BadLine) -> None:
        nonlocal refused
        refused += 1
        refuse(bad)

    with _opened(path) as file, conn.transaction(), conn.cursor() as cursor:
        cursor.execute(_CREATE_INCOMING)
        lines = ClientFile(file, path.name)
        taken = 0
        with cursor.copy(_COPY_INCOMING) as copy:
            copy.set_types(_TYPES)
            for line in lines:
                if isinstance(line, GoodLine):
                    copy.write_row(_row(line, keys))
                    taken += 1
                else:
                    count_and_refuse(line)
                progress(lines.bytes_read)
        cursor.execute(_ANALYZE_INCOMING)
        for bad in _repeated(conn, keys.sealer):
            count_and_refuse(bad)
        taken -= cursor.execute(_DELETE_REPEATED).rowcount
        cursor.execute(_LOCK_CLIENTS)
        updated = cursor.execute(_UPDATE_CLIENTS).rowcount
        added = cursor.execute(_ADD_CLIENTS).rowcount
    return Summary(added, updated, taken - updated - added, refused)


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        reason = error.strerror
    raise SetupError(f"can't read {path}: {reason}")


def _row(line: GoodLine, keys: ImportKeys) -> tuple[object, ...]:
    number_hash = keys.hasher.hash(line.number)
    return (
        line.line,
        number_hash,
        line.registration.client_id,
        keys.sealer.seal_number(line.number, number_hash),
        keys.sealer.seal_registration(line.registration, number_hash),
        keys.sealer.digest(line.registration, number_hash),
    )


def _repeated(conn: psycopg.Connection, sealer: ClientSealer) -> Iterator[BadLine]:
    # A server-side cursor: all lines of a file may be repetitions.
    with conn.cursor("repeated_clients") as cursor:
        cursor.itersize = _REPEATED_AT_A_TIME
        for line, first, number_hash, sealed in cursor.execute(_FIND_REPEATED):
            number = mask(sealer.open_number(sealed, number_hash))
            yield BadLine(line, number, "msisdn", f"the same number is on line {first}")
