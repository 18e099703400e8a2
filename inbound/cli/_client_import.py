"""Imports a file of clients and reports on a terminal how it was read."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import psycopg

from inbound.cli._import_report import ImportReport
from inbound.cli._progress import progress_bar
from inbound.cli._table_view import print_understood
from inbound.directory.client_import import ImportKeys, Summary, import_clients
from inbound.directory.client_rows import CLIENT_COLUMNS, MSISDN, ClientRow, RejectedRow, check_row
from inbound.directory.sealing import ClientSealer
from inbound.keys import SubjectHasher, VaultKey, VaultKeys, fingerprint
from inbound.store.access.index_keys import load_index_key
from inbound.store.access.key_checks import check_vault_key
from inbound.store.connections import connect
from inbound.store.migrations.runner import require_current
from inbound.tables.model import Choices, Table
from inbound.tables.reader import open_table
from inbound.tables.rejected import RejectedFile
from inbound.terminal import Terminal

APPLICATION_NAME: Final = "scserv clients import"

_PROGRESS_EVERY: Final = 500


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What a person decides about one import."""

    choices: Choices = field(default_factory=Choices)
    whole_numbers: tuple[str, ...] = ()
    rejected: Path | None = None
    check_only: bool = False
    allow_moves: bool = False
    confirm: Callable[[], bool] | None = None
    """Asked after every row was checked and the command has shown what it would do."""

    def rejected_file(self, path: Path, table: Table) -> RejectedFile:
        """Return the file for rejected rows of `path`; nothing is created yet."""
        names = [column.name for column in CLIENT_COLUMNS]
        return RejectedFile(path, self.rejected, names, table.separator)


def run_import(
    path: Path,
    database_url: str,
    subject_key: bytes,
    vault_key: VaultKey,
    console: Terminal,
    options: ImportOptions | None = None,
) -> int:
    """Import one file, report on `console`, and return the exit status.

    Blocks until the commit. Raises SetupError or RetryableError; then nothing was changed.
    """
    options = options or ImportOptions()
    with _connected(database_url, subject_key, vault_key):
        pass  # before the file is read: with wrong keys nothing of it can be imported
    with open_table(path, CLIENT_COLUMNS, options.choices) as table:
        print_understood(console, path.name, table.understood, {MSISDN})
        _warn_of_readers(path, console)
        rejected = None if options.check_only else options.rejected_file(path, table)
        if options.confirm is not None and not options.check_only:
            # A transaction of its own, so that no lock waits for the answer.
            report = ImportReport(console, table, None)
            check = replace(options, check_only=True)
            report.finish(
                path.name, _load(table, database_url, subject_key, vault_key, report, check)
            )
            if not options.confirm():
                console.print("Nothing was imported.")
                return 1
        report = ImportReport(console, table, rejected, shows_rows=options.confirm is None)
        try:
            summary = _load(table, database_url, subject_key, vault_key, report, options)
        except BaseException:
            report.discard()
            raise
    report.finish(path.name, summary)
    return 1 if summary.rejected and not summary.loaded else 0


def _warn_of_readers(path: Path, console: Terminal) -> None:
    if path.stat().st_mode & 0o077:
        line = f"Other users of this machine may read {path.name}, which has secrets: chmod 600"
        console.print(line, soft_wrap=True)
        console.print()


def _load(
    table: Table,
    database_url: str,
    subject_key: bytes,
    vault_key: VaultKey,
    report: ImportReport,
    options: ImportOptions,
) -> Summary:
    with (
        _connected(database_url, subject_key, vault_key) as (conn, hasher),
        progress_bar("reading", console=report.console) as advance,
    ):
        return import_clients(
            conn,
            _checked(table, options.whole_numbers, advance),
            ImportKeys(hasher, ClientSealer(vault_key)),
            unit=report.unit,
            reject=report.reject,
            allow_move=report.move if options.allow_moves else None,
            before_commit=report.close_file,
            check_only=options.check_only,
        )


@contextmanager
def _connected(
    database_url: str, subject_key: bytes, vault_key: VaultKey
) -> Iterator[tuple[psycopg.Connection, SubjectHasher]]:
    """Connect to the database. Raises SetupError if the keys don't fit it."""
    require_current(database_url)
    vault = vault_key if isinstance(vault_key, VaultKeys) else VaultKeys(vault_key)
    other = None if vault.other is None else fingerprint(vault.other)
    with connect(database_url, APPLICATION_NAME, long=True) as conn:
        check_vault_key(conn, fingerprint(vault.sealing), other=other)
        yield conn, SubjectHasher(load_index_key(conn, subject_key))


def _checked(
    table: Table, whole_numbers: tuple[str, ...], advance: Callable[[int, int], None]
) -> Iterator[ClientRow | RejectedRow]:
    for count, row in enumerate(table.rows()):
        if count % _PROGRESS_EVERY == 0:
            advance(*table.progress())
        yield check_row(row, whole_numbers)
