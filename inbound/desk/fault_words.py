"""Reasons for which rows of clients are rejected, as keys of words. Pure.

Those of cells and numbers are in `inbound.tables.reasons`. What is stored of a rejected row is
English with its values filled in, so the words are found by it.
"""

import re
from collections.abc import Mapping
from typing import Final

from inbound.desk.words import Words

REASONS: Final = (
    "all fields are empty",
    "starts or ends with a blank",
    "contains a character that can't be printed",
    "the number belongs to another client_id",
    "the client_id already has another number",
    "the quotes don't match",
)
WITH_VALUES: Final = (
    "is longer than {limit} characters",
    "{fields} fields, but the header has {header}",
    "is in line {other} with other data",
    "is in row {other} with other data",
    "is in line {other} too, and rejected there",
    "is in row {other} too, and rejected there",
    "has content in column {letters} without a name, so a value may be cut in two",
    "has content in columns {letters} without a name, so a value may be cut in two",
    "the quotes don't match, so that it takes the lines up to {line}",
)
_VALUE: Final = re.compile(r"\\{(\w+)\\}")
_PATTERNS: Final[Mapping[str, re.Pattern[str]]] = {
    words: re.compile(_VALUE.sub(r"(?P<\1>[\\w, ]+)", re.escape(words))) for words in WITH_VALUES
}


def why_rejected(reason: str, words: Words) -> str:
    """Return a reason in the language of the page; as it is if it has no words."""
    for key, pattern in _PATTERNS.items():
        if found := pattern.fullmatch(reason):
            return words(key, **found.groupdict())
    return words(reason)
