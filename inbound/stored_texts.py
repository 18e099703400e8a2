"""Texts as the database stores and compares them. Pure."""

import string
from typing import Final

_SMALL: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def is_storable(text: str) -> bool:
    """Whether PostgreSQL can store a text: it has no NUL and no half of a surrogate pair."""
    return "\0" not in text and not any("\ud800" <= one <= "\udfff" for one in text)


def lower_ascii(text: str) -> str:
    """Return a name with A to Z as small letters, and everything else as it is.

    `str.lower` makes Latin letters of other characters, too: "k" of the Kelvin sign (U+212A). Two
    people would be one.
    """
    return text.translate(_SMALL)
