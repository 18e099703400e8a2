"""Reports the rows that an import rejects: the first ones on the console, all of them in a file."""

import re
from collections import Counter
from pathlib import Path
from typing import Final

from inbound.cli._format import counted
from inbound.directory.client_import import OF_ANOTHER, ONE_MORE, Summary
from inbound.directory.client_rows import RejectedRow
from inbound.tables.cells import NUMBER_CELL
from inbound.tables.model import Table
from inbound.tables.rejected import XLSX, RejectedFile
from inbound.terminal import Terminal

_REJECTED_SHOWN: Final = 20
_REASONS_KEPT: Final = 100
_REASONS_SHOWN: Final = 10
_NUMBER: Final = re.compile(r"\d+")


class ImportReport:
    """Takes rejected rows, and prints what was done. Prints no secret."""

    def __init__(
        self,
        console: Terminal,
        table: Table,
        rejected: RejectedFile | None,
        *,
        shows_rows: bool = True,
    ) -> None:
        """Without a file for rejected rows, the import only checks."""
        self._shows_rows = shows_rows
        self._moves = 0
        self.console = console
        self.unit = table.understood.unit
        self._table = table
        self._rejected = rejected
        self._count = 0
        self._reasons: Counter[str] = Counter()
        self._number_fields: Counter[str] = Counter()

    def reject(self, row: RejectedRow) -> None:
        """Report one row. Raises SetupError if the file can't be created or written."""
        if self._rejected is not None:
            self._rejected.add((str(row.row), row.fields(), row.full_reason()), row.values)
        self._count += 1
        if self._shows_rows and self._count <= _REJECTED_SHOWN:
            self._print(f"{self.unit} {row.row}, {row}")
        for fault in row.faults:
            if fault.reason == NUMBER_CELL:
                self._number_fields[fault.field] += 1
            reason = _NUMBER.sub("N", str(fault))
            if reason in self._reasons or len(self._reasons) < _REASONS_KEPT:
                self._reasons[reason] += 1

    def move(self, row: RejectedRow) -> None:
        """Report a row that is imported although it changes who a number belongs to."""
        self._moves += 1
        if self._shows_rows and self._moves <= _REJECTED_SHOWN:
            self._print(f"{self.unit} {row.row}, {row} (allowed)")

    def close_file(self) -> Path | None:
        """Finish the file of rejected rows and return its path, None if there is none.

        Raises SetupError if the file can't be written. Safe to repeat.
        """
        return self._rejected.close() if self._rejected is not None else None

    def discard(self) -> None:
        """Delete the file of rejected rows, because nothing was imported."""
        if self._rejected is not None:
            self._rejected.discard()

    def finish(self, name: str, summary: Summary) -> None:
        """Print counts and advice."""
        if self._shows_rows and self._count > _REJECTED_SHOWN:
            self._print(f"... and {self._count - _REJECTED_SHOWN} more rejected rows. In all:")
            for reason, count in self._reasons.most_common(_REASONS_SHOWN):
                self._print(f"{count:>9}  {reason}")
            if len(self._reasons) > _REASONS_SHOWN:
                self._print("           and other reasons, which are fewer rows each")
        self._print(f"{name}: {self._counts(summary)}")
        if self._number_fields:
            self._print(
                f"Number cells of {' and '.join(self._number_fields)} may have lost the zeros at "
                "their start. Format these columns as text and enter the values again from their "
                "source. If the spreadsheet shows zeros at the start, only a cell format adds "
                "them: the number behind it has none."
            )
        self._print_moves(summary)
        path = self.close_file()
        if path is not None:
            self._print(
                f"The rejected rows are in {path}, with their reasons. The file has secrets: "
                "correct the rows, import the file, and delete it."
            )
            if path.suffix.lower() != XLSX:
                self._print(
                    "A spreadsheet changes codes and passwords of a CSV file, and a value that "
                    "looks like a date can't be given in it at all: --rejected FILE.xlsx. Fields "
                    "are as they were, control characters too, so don't print it to a terminal."
                )

    def _print_moves(self, summary: Summary) -> None:
        if not summary.of_another and not summary.one_more:
            return
        self._print(
            f"Change of owner: {summary.of_another} × {OF_ANOTHER}; "
            f"{summary.one_more} × {ONE_MORE}."
        )
        if not self._moves:
            self._print(
                "These rows are rejected. If every one is meant, import them with --allow-moves."
            )

    def _counts(self, summary: Summary) -> str:
        would = "would be " if self._rejected is None else ""
        text = (
            f"{would}{summary.added} added, {summary.updated} updated, "
            f"{summary.unchanged} unchanged, {summary.rejected} rejected"
        )
        if summary.repeated:
            text += f", {counted(summary.repeated, 'exact copy', 'exact copies')}"
        if self._table.skipped:
            text += f", {self._table.skipped} skipped, because only other columns have content"
        return text

    def _print(self, line: str) -> None:
        self.console.print(line, soft_wrap=True)
