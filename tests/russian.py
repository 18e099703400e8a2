"""Finds English in what a command says in Russian."""

import re
from collections.abc import Collection

_NOT_PROSE = re.compile(r"`[^`]*`|[0-9a-f-]{36}|/\S+|--\S+|SCSERV\w*|Europe/\w+|[A-Z]{3,}")
_WORD = re.compile(r"[A-Za-z]{4,}")


def english_words(said: str, names: Collection[str]) -> set[str]:
    """Return the English words that are left beside commands, options and `names`."""
    return set(_WORD.findall(_NOT_PROSE.sub("", said))) - set(names)
