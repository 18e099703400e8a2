"""Reasons for which rows of clients are rejected, which have a translation. Pure.

The import has more, with values in them; these are shown in English.
"""

from typing import Final

REASONS: Final = (
    "is empty",
    "all fields are empty",
    "starts or ends with a blank",
    "contains a character that can't be printed",
    "is a number and not text, so zeros at its start may be missing",
    "is a date or time and not text",
    "is in scientific notation, so digits are missing",
    "is an error of the spreadsheet, not a value",
    "the number belongs to another client_id",
    "the client_id already has another number",
)
