"""Imports of clients from uploaded tables: shown as they are read, checked, then loaded.

Every method blocks, for minutes with a large table. One import runs at a time.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psycopg

from inbound.desk.broadcasts.audience_tables import SEPARATORS
from inbound.desk.problems import Trouble
from inbound.desk.uploads import Upload, Uploads
from inbound.directory.client_import import ImportKeys, Summary, import_clients
from inbound.directory.client_rows import CLIENT_COLUMNS, MSISDN, RejectedRow, check_row
from inbound.directory.sealing import ClientSealer
from inbound.keys import SubjectHasher
from inbound.store.access.audit import record
from inbound.store.connections import connect, raises_store_errors
from inbound.tables.columns import letter
from inbound.tables.masking import masked_cell
from inbound.tables.model import Choices, Table
from inbound.tables.reader import open_table
from inbound.tables.rejected import RejectedFile
from inbound.temporary_folder import TemporaryFolder

PURPOSE: Final = "clients"
REJECTED: Final = "rejected clients"
SHOWN: Final = 20
_PIECE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Understood:
    """How a table is read, with every cell masked."""

    format: str
    facts: tuple[tuple[str, str], ...]
    unit: str
    columns: list[tuple[str, str, str]]
    """Ours, the letter of the file's, and its name there."""
    unread: list[str]
    rows: list[tuple[int, list[str]]]


@dataclass(frozen=True, slots=True)
class Checked:
    """What an import does, or would do. `rows` are the first rejected ones; safe to show."""

    summary: Summary
    rows: list[RejectedRow]
    rejected: Upload | None = None


@dataclass(slots=True)
class _Rejections:
    file: RejectedFile | None
    first: list[RejectedRow] = field(default_factory=list)

    def add(self, row: RejectedRow) -> None:
        if self.file is not None:
            self.file.add((str(row.row), row.fields, row.full_reason), row.values)
        if len(self.first) < SHOWN:
            self.first.append(row)


class ClientImports:
    """The imports of one desk."""

    def __init__(self, url: str, subject_key: bytes, vault_key: bytes, uploads: Uploads) -> None:
        self._url = url
        self.keys = ImportKeys(SubjectHasher(subject_key), ClientSealer(vault_key))
        self._uploads = uploads
        self._turn = threading.Lock()

    def understand(self, upload: Upload) -> Understood:
        """Return how a table is read. Raises SetupError for one that is not understood."""
        with _opened(upload) as table:
            about = table.understood
            placed = about.layout.placed
            rows = [
                (
                    row.number,
                    [
                        masked_cell(cell, one.column, {MSISDN})
                        for one, cell in zip(placed, row.cells, strict=True)
                    ],
                )
                for row in about.first_rows
            ]
            return Understood(
                about.format,
                about.facts,
                about.unit,
                [(one.column.name, letter(one.index), one.header) for one in placed],
                [f"{letter(index)} {name}".strip() for index, name in about.layout.unread],
                rows,
            )

    def check(self, upload: Upload, *, allow_moves: bool) -> Checked:
        """Check every row and change nothing. Raises SetupError, Trouble, errors of the store."""
        rejections = _Rejections(None)
        with self._one_at_a_time(), _opened(upload) as table:
            summary = self._load(table, _How(rejections.add, allow_moves))
        return Checked(summary, rejections.first)

    def load(self, upload: Upload, actor: str, *, allow_moves: bool) -> Checked:
        """Import the rows that are good; keep the others as an upload. Recorded.

        Raises as `check`; then nothing was imported.
        """
        kept: list[Upload] = []
        with self._one_at_a_time(), _opened(upload) as table:
            folder = TemporaryFolder("rejected", upload.path.parent)
            try:
                file = _file(upload, table, folder.path)
                rejections = _Rejections(file)

                def keep() -> None:
                    path = file.close()
                    if path is not None:
                        kept.append(self._keep(path, upload))

                how = _How(rejections.add, allow_moves, keep, actor)
                summary = self._load(table, how)
            except BaseException:
                for one in kept:
                    self._uploads.delete(one)
                raise
            finally:
                folder.close()
        self._uploads.delete(upload)
        rejected = self._uploads.choose(kept[0], _counts(summary)) if kept else None
        return Checked(summary, rejections.first, rejected)

    def _keep(self, path: Path, upload: Upload) -> Upload:
        draft = self._uploads.begin()
        try:
            with path.open("rb") as file:
                while piece := file.read(_PIECE):
                    draft.write(piece)
            name = f"{Path(upload.name).stem}.rejected.xlsx"
            return self._uploads.keep(draft, upload.owner, REJECTED, name)
        finally:
            draft.discard()

    @contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        if not self._turn.acquire(blocking=False):
            raise Trouble(
                503,
                "Another import is running.",
                "Wait until it has ended, and try again.",
            )
        try:
            yield
        finally:
            self._turn.release()

    def _load(self, table: Table, how: "_How") -> Summary:
        with connect(self._url, "scserv desk import", long=True) as conn:
            return _import(conn, table, self.keys, how)


@dataclass(frozen=True, slots=True)
class _How:
    """How rows are loaded; without an `actor` they are only checked."""

    reject: Callable[[RejectedRow], None]
    allow_moves: bool
    before_commit: Callable[[], object] = lambda: None
    actor: str = ""


@raises_store_errors
def _import(conn: psycopg.Connection, table: Table, keys: ImportKeys, how: _How) -> Summary:
    with conn.transaction():
        summary = import_clients(
            conn,
            map(check_row, table.rows()),
            keys,
            unit=table.understood.unit,
            reject=how.reject,
            allow_move=(lambda _: None) if how.allow_moves else None,
            before_commit=how.before_commit,
            check_only=not how.actor,
        )
        if how.actor:
            reason = ", ".join(f"{count} {name}" for name, count in _counts(summary).items())
            record(conn, actor=how.actor, action="clients.import", reason=reason)
    return summary


def _counts(summary: Summary) -> Mapping[str, str]:
    names = ("added", "updated", "unchanged", "rejected")
    return {name: str(getattr(summary, name)) for name in names}


def _file(upload: Upload, table: Table, folder: Path) -> RejectedFile:
    names = [column.name for column in CLIENT_COLUMNS]
    return RejectedFile(upload.path, folder / "rejected.xlsx", names, table.separator)


@contextmanager
def _opened(upload: Upload) -> Iterator[Table]:
    given = upload.choices
    pairs = {column.name: given.get(f"column-{column.name}", "") for column in CLIENT_COLUMNS}
    choices = Choices(
        tuple((name, target) for name, target in pairs.items() if target),
        given.get("encoding") or None,
        SEPARATORS.get(given.get("separator", "")),
        given.get("sheet") or None,
    )
    with open_table(upload.path, CLIENT_COLUMNS, choices, upload.name) as table:
        yield table
