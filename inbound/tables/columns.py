"""Finds the wanted columns in a file, by name or by position.

Names are compared without case, punctuation and the difference of ё and е. A name that two
columns of the file have is never resolved by order; a person has to choose.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from inbound.errors import SetupError
from inbound.tables.faults import TableError, TableFault

_NOT_WORDS: Final = re.compile(r"[\W_]+")
_PLACE: Final = re.compile(r"#(?:(\d{1,5})|([A-Za-z]{1,3}))")
_LETTERS: Final = 26
_PLACES_SHOWN: Final = 5
REJECTED_COLUMNS: Final = ("row", "field", "reason")
REJECTED_COLUMNS_RU: Final = ("строка", "поле", "причина")
OUTCOME_COLUMNS: Final = ("row", "state", "reason", "time")
"""The columns before the others in files of rejected rows or of recipients."""
OUTCOME_COLUMNS_RU: Final = ("строка", "состояние", "причина", "время")
_NOTES: Final = frozenset({"reason", "причина"})


@dataclass(frozen=True, slots=True)
class Column:
    """A wanted column: its name in the service, and its names in tables."""

    name: str
    aliases: tuple[str, ...]
    is_secret: bool = False

    @property
    def plain_names(self) -> frozenset[str]:
        """Its names, as `plain_name` returns those of a header."""
        return frozenset(plain_name(name) for name in (self.name, *self.aliases))


@dataclass(frozen=True, slots=True)
class LocatedColumn:
    """A wanted column and where it is in the file; `index` counts from 0."""

    column: Column
    index: int
    header: str


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the wanted columns are."""

    header_row: int | None
    placed: tuple[LocatedColumn, ...]
    unread: tuple[tuple[int, str], ...]
    """Index and name of the other columns."""
    width_min: int
    """Up to the last column that has a name."""
    width_max: int
    known: frozenset[int]
    """The columns that have a name or are wanted. Content elsewhere belongs to no column."""
    own: tuple[str, ...] = ()
    """The first columns, if this is a file that the service has written."""

    @property
    def note(self) -> int | None:
        """Index of the reasons in a file of the service."""
        return next((i for i, name in enumerate(self.own) if name in _NOTES), None)

    @property
    def others(self) -> tuple[tuple[int, str], ...]:
        """The unread columns, without those that a file of rejected rows has of its own.

        Columns of a table without a header are named by their letters.
        """
        if self.header_row is None:
            used = {placed.index for placed in self.placed}
            return tuple((i, f"column {letter(i)}") for i in sorted(self.known - used))
        return tuple(one for one in self.unread if one[0] >= len(self.own))


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Why a row is not the header of a table with the wanted columns."""

    found: int
    """The columns that the row names, without those that `--map` places by letter or number."""
    missing: tuple[str, ...]
    uncertain: tuple[str, ...]
    """Sentences about columns whose place is not certain."""
    names: tuple[str, ...]
    row: int = 0
    is_header: bool = False
    """Whether it certainly is a header, so that its names may be shown: they are not data."""

    @property
    def nearness(self) -> int:
        """How many of the wanted columns it has, certain or not; the nearest miss is explained."""
        return self.found + len(self.uncertain)


def plain_name(name: str) -> str:
    """Return a name without case, punctuation and invisible characters."""
    text = unicodedata.normalize("NFKC", name).casefold().replace("ё", "е")
    return _NOT_WORDS.sub(" ", text).strip()


def parse_mapping(pairs: Sequence[str], columns: Sequence[Column]) -> tuple[tuple[str, str], ...]:
    """Parse `--map COLUMN=NAME` options. Raises SetupError."""
    known = [column.name for column in columns]
    mapping: dict[str, str] = {}
    for pair in pairs:
        name, equals, target = (part.strip() for part in pair.partition("="))
        if not equals or not target or name not in known:
            raise SetupError(
                f"--map {pair}: write COLUMN=NAME, where COLUMN is one of {', '.join(known)} and "
                "NAME is what the file calls it, or #B for its second column"
            )
        if name in mapping:
            raise SetupError(f"--map names {name} twice")
        mapping[name] = target
    return tuple(mapping.items())


def letter(index: int) -> str:
    """Return the letters that spreadsheets give a column: 0 is A, 26 is AA."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, _LETTERS)
        letters = chr(ord("A") + rest) + letters
    return letters


def place(target: str) -> int | None:
    """Return the index that `#2` or `#B` names, or None when it is a name."""
    match = _PLACE.fullmatch(target)
    if match is None:
        return None
    digits, letters = match.groups()
    if digits:
        return int(digits) - 1 if int(digits) else None
    index = 0
    for char in letters.upper():
        index = index * _LETTERS + ord(char) - ord("A") + 1
    return index - 1


def match_header(
    names: Sequence[str], columns: Sequence[Column], mapping: Mapping[str, str], row: int
) -> Layout | Mismatch:
    """Find the columns in one row of names."""
    taken: dict[str, int] = {}
    missing: list[str] = []
    repeated: list[str] = []
    places = _places(names)
    claimed = {column.name: _mapped(places, len(names), mapping, column) for column in columns}
    mapped = {index for indices in claimed.values() if indices for index in indices}
    first = len(_own(names))
    for column in columns:
        indices = claimed[column.name]
        if indices is None:
            called = sorted(i for name in column.plain_names for i in places.get(name, ()))
            indices = [i for i in called if i not in mapped]
            # The table may have had a column with the name of one that we put before it.
            indices = [i for i in indices if i >= first] or indices
        if len(indices) == 1 and indices[0] not in taken.values():
            taken[column.name] = indices[0]
        elif indices:
            repeated.append(_repetition(column.name, names, indices, mapping.get(column.name)))
        else:
            missing.append(column.name)
    if missing or repeated:
        found = sum(place(mapping.get(name, "")) is None for name in taken)
        return Mismatch(found, tuple(missing), tuple(repeated), tuple(names), row)
    return _layout(names, columns, taken, row)


def place_columns(
    cells: Sequence[str], columns: Sequence[Column], mapping: Mapping[str, str], row: int
) -> Layout | Mismatch:
    """Place all columns of a file without names, whose first row is `row` with `cells`.

    A column that is empty in the first row counts as one without a name.
    """
    width = len(cells)
    taken: dict[str, int] = {}
    for column in columns:
        target = mapping[column.name]
        index = place(target)
        if index is None or index >= width:
            reason = f"--map {column.name}={target}, but the row has {width} columns"
            return Mismatch(len(taken), (), (reason,), (), row)
        if index in taken.values():
            raise TableError(
                TableFault.COLUMN_UNCERTAIN, f"--map uses column {letter(index)} twice"
            )
        taken[column.name] = index
    layout = _layout([""] * width, columns, taken, None)
    filled = {index for index, cell in enumerate(cells) if cell.strip()}
    return replace(layout, known=layout.known | filled)


def _places(names: Sequence[str]) -> Mapping[str, Sequence[int]]:
    """Return where each plain name is; a table may have thousands of names, each is read once."""
    found: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        found.setdefault(plain_name(name), []).append(index)
    return found


def _mapped(
    places: Mapping[str, Sequence[int]], width: int, mapping: Mapping[str, str], column: Column
) -> Sequence[int] | None:
    target = mapping.get(column.name)
    if target is None:
        return None
    index = place(target)
    if index is not None:
        return [index] if index < width else []
    return places.get(plain_name(target), ())


def _layout(
    names: Sequence[str], columns: Sequence[Column], taken: Mapping[str, int], row: int | None
) -> Layout:
    used = frozenset(taken.values())
    named = [i for i, name in enumerate(names) if name.strip()]
    return Layout(
        row,
        tuple(LocatedColumn(c, taken[c.name], names[taken[c.name]].strip()) for c in columns),
        tuple((i, names[i].strip()) for i in named if i not in used),
        max([*named, *used], default=-1) + 1,
        len(names),
        used.union(named),
        _own(names),
    )


def _own(names: Sequence[str]) -> tuple[str, ...]:
    for own in (
        *(REJECTED_COLUMNS, REJECTED_COLUMNS_RU),
        *(OUTCOME_COLUMNS, OUTCOME_COLUMNS_RU),
    ):
        if tuple(names[: len(own)]) == own:
            return own
    return ()


def _repetition(name: str, names: Sequence[str], indices: Sequence[int], target: str | None) -> str:
    if target is not None and place(target) is not None:
        # The row may not be a header, and then this cell may be a secret.
        return f"{name} is {letter(indices[0])}, which is another column already"
    places = " and ".join(f"{letter(i)} “{names[i].strip()}”" for i in indices[:_PLACES_SHOWN])
    if len(indices) == 1:
        return f"{name} is {places}, which is another column already"
    return f"{name} may be {places}: choose with --map {name}=#{letter(indices[0])}"
