"""The file of rejected rows, or of recipients, to be corrected and loaded again.

It has the wanted columns, under names that the reader knows, so it needs no `--map`. Before them
are the row of the loaded table, the fields at fault or the state, and the reasons. Callers leave a
field empty if its text is not certain, and put the text into the reason: otherwise it would pass
the next load.

The file may have secrets, so only its owner can read it. It is created with the first row and
never replaces another file.
"""

import contextlib
import csv
import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from typing_extensions import override

from inbound.errors import SetupError
from inbound.tables.columns import (
    OUTCOME_COLUMNS,
    OUTCOME_COLUMNS_RU,
    REJECTED_COLUMNS,
    REJECTED_COLUMNS_RU,
)
from inbound.tables.formulas import marked
from inbound.temporary_folder import TemporaryFolder

_MODE: Final = 0o600
_WIDTH: Final = 18
_REASON_WIDTH: Final = 60
_MARK: Final = ".rejected"
XLSX: Final = ".xlsx"
_CSV: Final = ".csv"


@dataclass(frozen=True, slots=True)
class RejectedFileLabels:
    """The names of a file of rejected rows in errors and in its sheet."""

    option: str
    """The option that names another file."""
    rows: str
    """What the rows are, as in `rejected rows`."""
    own: Sequence[str]
    """The columns before those of the table."""
    reason: int = 2
    """The index of the reason in them."""


REJECTED_FILE: Final = RejectedFileLabels("--rejected", "rejected", REJECTED_COLUMNS)
REJECTED_FILE_RU: Final = RejectedFileLabels("--rejected", "отклонённые", REJECTED_COLUMNS_RU)
EXCLUDED_FILE: Final = RejectedFileLabels("--file", "excluded", OUTCOME_COLUMNS)
RECIPIENTS_FILE: Final = RejectedFileLabels("--file", "recipient", OUTCOME_COLUMNS)
EXCLUDED_FILE_RU: Final = RejectedFileLabels("--file", "исключённые", OUTCOME_COLUMNS_RU)
RECIPIENTS_FILE_RU: Final = RejectedFileLabels("--file", "получатели", OUTCOME_COLUMNS_RU)


class RejectedFile:
    """Writes rejected rows. Use `close` to keep the file, or `discard`."""

    def __init__(
        self,
        source: Path,
        path: Path | None,
        columns: Sequence[str],
        separator: str | None,
        purpose: RejectedFileLabels = REJECTED_FILE,
    ) -> None:
        """Creates nothing yet. `path` is where a person wants the file, else beside `source`.

        The name decides the format: XLSX with text cells, which a spreadsheet leaves as they
        are, or CSV with `separator`, which is None if `source` is a workbook.
        """
        if path is not None and path.suffix.lower() not in {XLSX, _CSV}:
            raise SetupError(f"{purpose.option} {path}: the name has to end with {XLSX} or {_CSV}")
        self._source = source
        self._wanted = path
        self._columns = columns
        self._sink: _Sink | None = None
        self._separator = separator
        self._purpose = purpose
        self.path: Path | None = None

    def add(self, own: Sequence[str], values: Sequence[str]) -> None:
        """Write one row: the file's own columns, and those of the table.

        Raises SetupError if the file can't be created or written.
        """
        if self._sink is None:
            self._sink = self._create()
            with self._writing():
                self._sink.write((*self._purpose.own, *self._columns))
        with self._writing():
            self._sink.write((*own, *values))

    def close(self) -> Path | None:
        """Finish the file and return its path, if there was a row. Safe to repeat.

        Raises SetupError if the file can't be written. Much of it is written only now.
        """
        sink, self._sink = self._sink, None
        if sink is not None:
            with self._writing():
                sink.close()
        return self.path

    def discard(self) -> None:
        """Delete the file."""
        with contextlib.suppress(SetupError):
            self.close()
        if self.path is not None:
            self.path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        from xlsxwriter.exceptions import XlsxWriterException  # here: most processes write none

        try:
            yield
        except (OSError, XlsxWriterException) as error:
            reason = error.strerror if isinstance(error, OSError) else type(error).__name__
        else:
            return
        raise SetupError(
            f"can't write {self.path} for {self._purpose.rows} rows ({reason}): name another file "
            f"with {self._purpose.option}"
        )

    def _create(self) -> "_Sink":
        for path in self._paths():
            try:
                fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
            except FileExistsError:
                continue
            except OSError as error:
                reason = error.strerror
                break
            self.path = path
            if path.suffix.lower() == XLSX:
                width = len(self._purpose.own) + len(self._columns)
                return _XlsxSink(fd, path.parent, width, self._purpose)
            return _CsvSink(fd, self._separator or ",")
        else:
            path, reason = self._paths()[0], "it exists"
        raise SetupError(
            f"can't create {path} for {self._purpose.rows} rows ({reason}): name another file with "
            f"{self._purpose.option}"
        )

    def _paths(self) -> list[Path]:
        """Return the possible paths; a person's choice is the only one."""
        if self._wanted is not None:
            return [self._wanted]
        # Always a workbook: its text cells can hold every value, and a spreadsheet leaves them.
        stem = self._source.stem.split(_MARK, 1)[0]
        names = itertools.chain([""], (f"-{n}" for n in range(2, 1000)))
        return [self._source.with_name(f"{stem}{_MARK}{n}{XLSX}") for n in names]


class _Sink(Protocol):
    def write(self, values: Sequence[str]) -> None: ...
    def close(self) -> None: ...


class _CsvSink(_Sink):
    """UTF-8 with a byte order mark, because Excel needs it."""

    def __init__(self, fd: int, separator: str) -> None:
        self._file = os.fdopen(fd, "w", encoding="utf-8-sig", newline="", errors="replace")
        self._writer = csv.writer(self._file, delimiter=separator)

    @override
    def write(self, values: Sequence[str]) -> None:
        self._writer.writerow([marked(value) for value in values])

    @override
    def close(self) -> None:
        self._file.close()


class _XlsxSink(_Sink):
    """All cells and columns are text, so that a correction keeps its zeros too."""

    def __init__(self, fd: int, folder: Path, width: int, purpose: RejectedFileLabels) -> None:
        self._file = os.fdopen(fd, "wb")
        import xlsxwriter  # here, because it takes a tenth of the start of each process

        # Rows go to a temporary file, not to memory; only its owner can read it.
        self._temporary = TemporaryFolder("rows", folder)
        options = {"constant_memory": True, "tmpdir": str(self._temporary.path)}
        self._book: Any = xlsxwriter.Workbook(self._file, options)
        self._text = self._book.add_format({"num_format": "@"})
        self._sheet = self._book.add_worksheet(purpose.rows)
        self._sheet.set_column(0, width - 1, _WIDTH, self._text)
        reason = purpose.reason
        self._sheet.set_column(reason, reason, _REASON_WIDTH, self._text)
        self._sheet.freeze_panes(1, 0)
        self._row = 0

    @override
    def write(self, values: Sequence[str]) -> None:
        for column, value in enumerate(values):
            self._sheet.write_string(self._row, column, value, self._text)
        self._row += 1

    @override
    def close(self) -> None:
        try:
            self._book.close()
            self._file.close()
        finally:
            # After an error xlsxwriter leaves its temporary file open, which has secrets.
            for file in (self._sheet.row_data_fh, self._file):
                with contextlib.suppress(OSError):
                    file.close()
            self._temporary.close()
