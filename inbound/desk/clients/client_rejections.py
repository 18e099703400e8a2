"""The rejected rows of an import: the first ones for a page, and all of them in a file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from inbound.desk.clients.client_fields import FIELD_TITLES
from inbound.desk.fault_words import why_rejected
from inbound.desk.job_words import writing_file
from inbound.desk.words import Words
from inbound.directory.client_rows import CLIENT_COLUMNS, RejectedRow
from inbound.directory.rejection_words import ENGLISH, RejectionWords
from inbound.tables.rejected import REJECTED_FILE, REJECTED_FILE_RU, RejectedFile
from inbound.timeline.model import Language

SHOWN: Final = 20


@dataclass(slots=True)
class Rejections:
    """The first rejected rows, safe to show, and the file of all, if there is one."""

    file: RejectedFile | None = None
    words: RejectionWords = ENGLISH
    first: list[Mapping[str, object]] = field(default_factory=list)

    @classmethod
    def with_file(cls, source: Path, folder: Path, words: Words) -> "Rejections":
        """Return what writes the rows into a workbook, which is created with the first one.

        It has the language of `words`, under names of columns that an import knows.
        """
        is_english = words.language is Language.EN
        names = [column.name for column in CLIENT_COLUMNS]
        file = RejectedFile(
            source,
            folder / "rejected.xlsx",
            names if is_english else [words(FIELD_TITLES[name]) for name in names],
            None,
            REJECTED_FILE if is_english else REJECTED_FILE_RU,
        )
        return cls(file, ENGLISH if is_english else _translated(words))

    def add(self, row: RejectedRow) -> None:
        """Keep a row. Raises JobRefusedError if the file can't be written."""
        if self.file is not None:
            with writing_file():
                said = (row.fields(self.words), row.full_reason(self.words))
                self.file.add((str(row.row), *said), row.values)
        if len(self.first) < SHOWN:
            faults = [{"field": fault.field, "reason": fault.reason} for fault in row.faults]
            self.first.append({"row": row.row, "masked": row.masked, "faults": faults})


def _translated(words: Words) -> RejectionWords:
    return RejectionWords(
        lambda name: words(FIELD_TITLES[name]),
        lambda reason: why_rejected(reason, words),
        words("{name} was {text}"),
        words("it was: {text}"),
        words("; before: "),
    )
