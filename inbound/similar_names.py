"""Suggests which given name was meant by a name of ours, at a bounded cost.

Names that we choose ourselves, such as settings, need no bound.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice
from typing import Final

MOST_COMPARED: Final = 50
"""The most names that are compared."""
CHARS_COMPARED: Final = 32
"""Of each name, the characters that are compared: difflib takes the cube of them at worst."""
_SIMILAR: Final = 0.6


def most_similar(wanted: str, names: Iterable[str]) -> str | None:
    """Return the name most similar to `wanted`, None if none is similar.

    Only the first 50 names and their first 32 characters are compared. The names may come from
    outside, and this bounds the work to a few milliseconds.
    """
    cut = {name[:CHARS_COMPARED]: name for name in islice(names, MOST_COMPARED)}
    near = get_close_matches(wanted[:CHARS_COMPARED], cut, n=1, cutoff=_SIMILAR)
    return cut[near[0]] if near else None
