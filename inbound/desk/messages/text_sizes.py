"""The size of a text, for its writer: its parts, and what makes it longer. Pure."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from inbound.smpp.segmentation import UnsendableTextError, measure, outside_default, pieces_of

FOREIGN: Final = "foreign"
BEGINS: Final = "begins"
_INSTEAD: Final[Mapping[str, str]] = {
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
    **dict.fromkeys("\u00ab\u00bb\u201c\u201d\u201e", '"'),
    **dict.fromkeys("\u2018\u2019\u201a\u02bc\u0060\u00b4", "'"),
    **dict.fromkeys("\u00a0\u2002\u2003\u2009\u202f\t", " "),
    "\u2026": "...",
    "\u2116": "No",
    "\u2022": "-",
    "\u00d7": "x",
}
"""Characters of GSM 03.38 that can replace one that is not in it."""

# Where more is outside GSM 03.38, the text is in another script: no single character is to blame.
_MOSTLY: Final = 4


@dataclass(frozen=True, slots=True)
class Stretch:
    """Characters that are shown alike; `mark` says what is special about them, "" for nothing."""

    text: str
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Blame:
    """The first of `count` characters because of which a text needs more parts.

    Without them it would need `parts_without`. `instead` is what could stand there, if anything.
    """

    shown: str
    place: int
    count: int
    parts_without: int
    instead: str


@dataclass(frozen=True, slots=True)
class Beginning:
    """The character with which a part begins. Parts and places count from 1."""

    part: int
    shown: str
    place: int


@dataclass(frozen=True, slots=True)
class TextSize:
    """The size of a text, and its parts as stretches. `left`: what still fits in the last part."""

    encoding: str
    units: int
    room: int
    parts: int
    pieces: tuple[tuple[Stretch, ...], ...]
    blame: Blame | None = None
    beginnings: tuple[Beginning, ...] = ()

    @property
    def left(self) -> int:
        """How many more characters fit before another part begins."""
        return self.room - self.units


def size_of(text: str, alphabet: str) -> TextSize | None:
    """Return the size of a text; None if it needs more parts than a message can have."""
    try:
        size = measure(text, alphabet)
    except UnsendableTextError:
        return None
    pieces, _ = pieces_of(text, alphabet)
    starts = [0, *accumulate(map(len, pieces))][:-1]
    blame = _blame(text, alphabet, size.parts)
    blamed = blame.place - 1 if blame else None
    return TextSize(
        size.encoding,
        size.units,
        size.room,
        size.parts,
        tuple(
            _stretches(piece, start, blamed, is_first=number == 0)
            for number, (piece, start) in enumerate(zip(pieces, starts, strict=True))
        ),
        blame,
        tuple(
            Beginning(number, shown(text[start]), start + 1)
            for number, start in enumerate(starts, 1)
            if number > 1
        ),
    )


def shown(character: str) -> str:
    """Return a character so that it can be seen: a sign for a blank, a number for a hidden one."""
    match character:
        case "\n":
            return "↵"
        case " ":
            return "␣"
    category = unicodedata.category(character)
    return f"U+{ord(character):04X}" if category[0] in "CZ" or category == "Mn" else character


def _blame(text: str, alphabet: str, parts: int) -> Blame | None:
    """Return what makes a text longer than necessary, if a few characters do."""
    places = outside_default(text, alphabet)
    if not places or len(places) * _MOSTLY > len(text):
        return None
    outside = set(places)
    plain = "".join(
        _INSTEAD.get(one, "?") if place in outside else one for place, one in enumerate(text)
    )
    parts_without = measure(plain, alphabet).parts
    if parts_without >= parts:
        return None
    first = text[places[0]]
    return Blame(shown(first), places[0] + 1, len(places), parts_without, _INSTEAD.get(first, ""))


def _stretches(
    piece: str, start: int, blamed: int | None, *, is_first: bool
) -> tuple[Stretch, ...]:
    """Cut a part where a character is marked: the one that is to blame, and the first one."""
    marks = {} if is_first else {0: BEGINS}
    if blamed is not None and 0 <= blamed - start < len(piece):
        marks[blamed - start] = FOREIGN
    found, at = [], 0
    for place, mark in sorted(marks.items()):
        found += [Stretch(piece[at:place]), Stretch(piece[place : place + 1], mark)]
        at = place + 1
    return tuple(one for one in (*found, Stretch(piece[at:])) if one.text)
