"""Problems of a draft or a table as pages show them: keys of the desk's words. Pure."""

from collections.abc import Mapping
from typing import Final

from inbound.broadcasts.content import DraftError, TextError, TextFault
from inbound.desk.words import Phrase
from inbound.errors import SetupError
from inbound.tables.faults import TableError, TableFault

_DRAFT_PROBLEMS: Final[Mapping[str, str]] = {
    "name": "Give it a name of up to 100 characters, without a phone number: it is kept for ever.",
    "spread": "Spreading needs sending hours: write them, or don't spread it.",
    "account": "This account may not send broadcasts now. Choose another one.",
    "sender": "This sender is not approved for the account. Choose another one, or have it "
    "approved.",
    "template": "There is no such template, or it was retired. Choose another one.",
    "language": "The template has no text in this language. Choose another one, or all languages.",
    "audience": "The text has fields, and clients of the directory have none. Take the fields out, "
    "or send it to the rows of a table.",
}
_TEXT_PROBLEMS: Final[Mapping[TextFault, str]] = {
    TextFault.CHOICE: "Write a text or choose a template, and not both.",
    TextFault.BLANK: "The text has no visible character. Write what to send.",
    TextFault.BRACE: "The braces of the text can't be read. A field is a name in braces, like "
    "{name}; a brace itself is written twice.",
    TextFault.PARTS: "The text needs {needed} SMS parts, and the account may send {most}. Shorten "
    "it.",
    TextFault.FAR_TOO_LONG: "The text is far too long for a message: at most {most} SMS parts are "
    "possible.",
    TextFault.SIGNS: "The text has an invisible control character. Type it again by hand.",
}
_NO_TABLE: Final[str] = "The table can't be read like this."
_TABLE_PROBLEMS: Final[Mapping[TableFault, str]] = {
    TableFault.OLD_WORKBOOK: "This is an old Excel workbook (.xls), or one with a password. Open "
    "it in a spreadsheet, save it as XLSX, and upload that.",
    TableFault.PDF: "This is a PDF document. Export the table itself, as XLSX or CSV.",
    TableFault.IMAGE: "This is a picture, not a table. Upload the table itself, as XLSX or CSV.",
    TableFault.COMPRESSED: "This file is compressed. Unpack it, and upload the table in it.",
    TableFault.MARKUP: "This is a web page, not a table. Open it in a spreadsheet, save it as "
    "XLSX, and upload that.",
    TableFault.DAMAGED: "This workbook is damaged, or is none. Open it in a spreadsheet, save it "
    "again as XLSX, and upload that.",
    TableFault.PASSWORD: "This workbook is protected by a password. Save it without one.",
    TableFault.TOO_LARGE: "The table is too large. Split it, or save it as CSV.",
    TableFault.TOO_MANY_ROWS: "A sheet of this workbook has more than a million rows, empty ones "
    "counted. Save the table alone as a new workbook, or as CSV.",
    TableFault.TOO_HEAVY: "Reading this workbook takes too much time or memory. Save the table "
    "alone as a new workbook, or as CSV.",
    TableFault.EMPTY: "The table is empty. It needs the names of its columns first.",
    TableFault.LONG_LINE: "Line {line} is longer than any row of a table. Is this a table?",
    TableFault.NO_COLUMN: "No column with phone numbers was found. Say below which one it is.",
    TableFault.COLUMN_UNCERTAIN: "Several columns may be meant. Say below which one has the phone "
    "numbers, by its letter.",
    TableFault.SEPARATOR_UNCERTAIN: "There are several possible separators. Choose one below.",
    TableFault.SHEET_UNCERTAIN: "Several sheets have such columns: {names}. Choose below which one "
    "is meant.",
    TableFault.NO_SHEET: "There is no such sheet. Those that it has: {names}.",
    TableFault.NO_ENCODING: "There is no such encoding. Choose another one below.",
    TableFault.UNDECODABLE: "Line {line} can't be read as {encoding}. Choose another encoding "
    "below, or save the file as “CSV UTF-8”.",
}


_SHOWN: Final = frozenset({"line", "names", "encoding", "needed", "most"})
"""The values that these texts have."""


def problem_of(error: DraftError) -> tuple[str, Phrase]:
    """Return the field of the form that a draft was refused for, and why."""
    if isinstance(error, TextError):
        return error.field, Phrase(_TEXT_PROBLEMS[error.fault], error.values)
    return error.field, Phrase(_DRAFT_PROBLEMS[error.field])


def table_problem(error: SetupError) -> Phrase:
    """Return why a table can't be read, and what to do."""
    if isinstance(error, TableError):
        return Phrase(_TABLE_PROBLEMS[error.fault], error.values)
    return Phrase(_NO_TABLE)


def plain_values(said: Phrase) -> dict[str, str]:
    """Return the values of a text as the row of a job keeps them."""
    return {name: str(value) for name, value in said.values.items() if name in _SHOWN}
