"""Imports of clients from uploaded tables: shown as they are read, checked, then loaded.

Checking and loading are jobs (`long_work`), which block for minutes with a large table. An import,
its entry in the audit and the job's result are one transaction: a job that is done was imported,
and any other one changed nothing.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import psycopg

from inbound.broadcasts.table_loading import Advance
from inbound.desk.broadcasts.audience_tables import SEPARATORS, chosen_encoding
from inbound.desk.broadcasts.draft_problems import plain_values, table_problem
from inbound.desk.clients.client_rejections import Rejections
from inbound.desk.job_words import writing_file
from inbound.desk.long_work import JobRefusedError, Result, Work
from inbound.desk.uploads import Upload, Uploads
from inbound.desk.words import Phrase, Words
from inbound.directory.client_import import ImportKeys, Summary, import_clients
from inbound.directory.client_rows import CLIENT_COLUMNS, MSISDN, ClientRow, RejectedRow, check_row
from inbound.directory.sealing import ClientSealer
from inbound.errors import SetupError
from inbound.keys import IndexKey, SubjectHasher, VaultKey
from inbound.store.access.audit import record
from inbound.store.connections import raises_store_errors
from inbound.tables.columns import letter
from inbound.tables.faults import TableError, TableFault
from inbound.tables.masking import masked_cell
from inbound.tables.model import Choices, Table
from inbound.tables.reader import open_table
from inbound.temporary_folder import TemporaryFolder

PURPOSE: Final = "clients"
REJECTED: Final = "rejected clients"
_PROGRESS_EVERY: Final = 500
_COLUMN_FAULTS: Final = frozenset({TableFault.NO_COLUMN, TableFault.COLUMN_UNCERTAIN})
_BAD_COLUMNS: Final = (
    "A column is missing, or several may be meant. Write which ones they are beside, and read it "
    "again: phone number, client id, personal code, login and password are needed."
)


@dataclass(frozen=True, slots=True)
class ImportPreview:
    """How a table is read, with every cell masked."""

    format: str
    facts: tuple[tuple[str, str], ...]
    unit: str
    columns: list[tuple[str, str, str]]
    """Our name, the letter of the file's column, and its name there."""
    unread: list[str]
    rows: list[tuple[int, list[str]]]


class ClientImports:
    """The imports of one desk."""

    def __init__(self, index_key: IndexKey, vault_key: VaultKey, uploads: Uploads) -> None:
        self.keys = ImportKeys(SubjectHasher(index_key), ClientSealer(vault_key))
        self._uploads = uploads

    def understand(self, upload: Upload) -> ImportPreview:
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
            return ImportPreview(
                about.format,
                about.facts,
                about.unit,
                [(one.column.name, letter(one.index), one.header) for one in placed],
                [f"{letter(index)} {name}".strip() for index, name in about.layout.unread],
                rows,
            )

    def check(
        self, conn: psycopg.Connection, work: Work, upload: Upload, *, allow_moves: bool
    ) -> Result:
        """Check every row and change nothing. Raises JobRefusedError and errors of the store."""
        rejections = Rejections()
        with _refusing(), _opened(upload) as table:
            how = _How(rejections.add, work.advance, allow_moves)
            with conn.transaction():
                summary = _import(conn, table, self.keys, how)
        return {"summary": asdict(summary), "rows": rejections.first}

    def load(
        self,
        conn: psycopg.Connection,
        work: Work,
        upload: Upload,
        actor: str,
        words: Words,
        *,
        allow_moves: bool,
    ) -> Result:
        """Import the rows that are good; keep the others as an upload. Recorded.

        Their file has the language of `words`. Raises as `check`; then nothing was imported.
        """
        kept: list[Upload] = []
        try:
            with _refusing(), _opened(upload) as table, _folder(upload) as folder:
                loading = _Loading(upload, table, folder, kept, words)
                result = self._load(conn, work, loading, actor, allow_moves=allow_moves)
        except BaseException:
            for one in kept:
                self._uploads.delete(one)
            raise
        with contextlib.suppress(OSError):  # the sweep will delete it
            self._uploads.delete(upload)
        return result

    def _load(
        self,
        conn: psycopg.Connection,
        work: Work,
        loading: "_Loading",
        actor: str,
        *,
        allow_moves: bool,
    ) -> Result:
        upload = loading.upload
        rejections = Rejections.with_file(upload.path, loading.folder, loading.words)

        def keep() -> None:
            with writing_file():
                written = rejections.file.close() if rejections.file else None
                if written is not None:
                    name = f"{Path(upload.name).stem}.rejected.xlsx"
                    loading.kept.append(self._uploads.take(written, upload.owner, REJECTED, name))

        how = _How(rejections.add, work.advance, allow_moves, keep, is_check=False)
        with conn.transaction():
            summary = _import(conn, loading.table, self.keys, how)
            counts = _counts(summary)
            reason = ", ".join(f"{count} {name}" for name, count in counts.items())
            record(conn, actor=actor, action="clients.import", reason=reason)
            rejected = [self._uploads.choose(one, counts) for one in loading.kept]
            result: Result = {
                "summary": asdict(summary),
                "rejected": str(rejected[0].upload_id) if rejected else "",
            }
            work.record(conn, result)
        return result


@dataclass(frozen=True, slots=True)
class _Loading:
    """A table that is being loaded; `kept` gets the upload of its rejected rows."""

    upload: Upload
    table: Table
    folder: Path
    kept: list[Upload]
    words: Words


@dataclass(frozen=True, slots=True)
class _How:
    """How rows are loaded, or only checked."""

    reject: Callable[[RejectedRow], None]
    advance: Advance
    allow_moves: bool
    before_commit: Callable[[], object] = lambda: None
    is_check: bool = True


@raises_store_errors
def _import(conn: psycopg.Connection, table: Table, keys: ImportKeys, how: _How) -> Summary:
    return import_clients(
        conn,
        _checked(table, how.advance),
        keys,
        unit=table.understood.unit,
        reject=how.reject,
        allow_move=(lambda _: None) if how.allow_moves else None,
        before_commit=how.before_commit,
        check_only=how.is_check,
    )


def _checked(table: Table, advance: Advance) -> Iterator[ClientRow | RejectedRow]:
    for count, row in enumerate(table.rows()):
        if count % _PROGRESS_EVERY == 0:
            advance(*table.progress())
        yield check_row(row)
    advance(1, 1)


def table_problem_of(error: SetupError) -> Phrase:
    """Return why a table can't be read; clients need other columns than audiences."""
    if isinstance(error, TableError) and error.fault in _COLUMN_FAULTS:
        return Phrase(_BAD_COLUMNS)
    return table_problem(error)


@contextmanager
def _refusing() -> Iterator[None]:
    """Say in the desk's words why a table can't be read."""
    try:
        yield
    except SetupError as error:
        said = table_problem_of(error)
    else:
        return
    raise JobRefusedError({"problem": "table", "words": said.words, "values": plain_values(said)})


@contextmanager
def _folder(upload: Upload) -> Iterator[Path]:
    """Provide a folder beside the uploads that is deleted in the end, also by another process."""
    with writing_file():
        folder = TemporaryFolder("rejected", upload.path.parent)
    try:
        yield folder.path
    finally:
        folder.close()


def _counts(summary: Summary) -> Mapping[str, str]:
    names = ("added", "updated", "unchanged", "rejected")
    return {name: str(getattr(summary, name)) for name in names}


@contextmanager
def _opened(upload: Upload) -> Iterator[Table]:
    given = upload.choices
    pairs = {column.name: given.get(f"column-{column.name}", "") for column in CLIENT_COLUMNS}
    choices = Choices(
        tuple((name, target) for name, target in pairs.items() if target),
        chosen_encoding(given),
        SEPARATORS.get(given.get("separator", "")),
        given.get("sheet") or None,
    )
    with open_table(upload.path, CLIENT_COLUMNS, choices, upload.name) as table:
        yield table
