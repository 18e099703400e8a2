"""The rows of an audience that a program sends: as rows of a table, and what is wrong with them.

A draft without recipients is useless to a program, so if its rows are at fault it gets an error
instead. Rows that are excluded because of their people (opted out, not in the directory) are not
the program's fault, and only count in the draft.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Final, NamedTuple

from inbound.broadcasts.audience import (
    EXPLANATIONS,
    Content,
    ExcludedRow,
    Exclusion,
    IncludedRow,
    check_row,
)
from inbound.broadcasts.content import DraftError
from inbound.printing import printable
from inbound.similar_names import most_similar
from inbound.tables.columns import plain_name
from inbound.tables.model import EMPTY, Cell, CellKind, Row
from schemas.orders import MOST_FIELDS

NUMBER: Final = "msisdn"
AUDIENCE: Final = "audience"
MOST_NAMED: Final = 5
"""The most rows whose faults are listed."""

_NAMES_READ: Final = MOST_FIELDS + 1
"""The names of a row; rows with different names may have hundreds of thousands together."""
_NAMES_SHOWN: Final = 12
_NAME_CHARS_SHOWN: Final = 30
_LIKE_A_NUMBER: Final = 7
_MISSING_COMPARED: Final = 3
_OF_PEOPLE: Final = frozenset({Exclusion.NOT_A_CLIENT, Exclusion.OPTED_OUT})

GivenRow = Mapping[str, str]


class MissingNamesError(DraftError):
    """No row has some of the fields that the broadcast needs."""

    def __init__(self, missing: Sequence[str], names: Sequence[str]) -> None:
        told = ("that field" if _may_be_number(name) else _shown(name) for name in missing)
        super().__init__(AUDIENCE, f"no row has {' or '.join(told)}; {_names(names)}")
        self._missing = missing
        self._names = names

    def advice(self) -> str:
        """Return which field may have been meant, to follow the problem.

        Only a few names are compared, at a bounded cost; better not within a transaction.
        """
        return _advice(self._missing, self._names)


class RowFault(NamedTuple):
    """What is wrong with a row: its place and field, joined by a point, and the rule."""

    where: str
    problem: str


class UnusableRowsError(DraftError):
    """No row has a number and all fields; `faults` are those of the first ones."""

    def __init__(self, problem: str, faults: Sequence[RowFault]) -> None:
        super().__init__(AUDIENCE, problem)
        self.faults = faults


def other_names(given: Sequence[GivenRow], content: Content) -> tuple[str, ...]:
    """Return the fields that the text doesn't use, in the order in which they appear."""
    used = {NUMBER, *content.fields}
    names = dict.fromkeys(name for row in given for name in row if name not in used)
    return tuple(islice(names, MOST_FIELDS))


def checked_rows(
    given: Sequence[GivenRow], content: Content, others: Sequence[str]
) -> Iterator[IncludedRow | ExcludedRow]:
    """Yield what each row is: a recipient or an exclusion."""
    names = (NUMBER, *content.fields)
    for number, row in enumerate(given, start=1):
        cells, kept = (
            tuple(Cell(CellKind.TEXT, row[name]) if row.get(name) else EMPTY for name in of)
            for of in (names, others)
        )
        yield check_row(Row(number, cells, others=kept), content, others)


def require_names(given: Sequence[GivenRow], content: Content) -> None:
    """Raise MissingNamesError if a field that the broadcast needs is in no row: it is mistyped."""
    names = dict.fromkeys(name for row in given for name in row)
    missing = [name for name in (NUMBER, *content.fields) if name not in names]
    if missing:
        raise MissingNamesError(missing, tuple(names))


def require_recipients(
    excluded: Mapping[str, int], recipients: int, first: Sequence[ExcludedRow], content: Content
) -> None:
    """Raise UnusableRowsError if no row has a recipient because of faults; `first` are excluded."""
    reasons = {Exclusion(reason): count for reason, count in excluded.items()}
    if recipients or _OF_PEOPLE.intersection(reasons):
        return
    counts = ", ".join(f"{count}: {EXPLANATIONS[one]}" for one, count in sorted(reasons.items()))
    faults = [_fault(one, content) for one in first]
    raise UnusableRowsError(f"no row can be used ({counts})", faults)


def _fault(row: ExcludedRow, content: Content) -> RowFault:
    """Return the fault of a row; the stored detail begins with the field, if one is at fault."""
    place = str(row.row_no - 1)
    for name in (NUMBER, *content.fields):
        if match := re.match(rf"{re.escape(name)}:? ", row.detail):
            return RowFault(f"{place}.{name}", row.detail[match.end() :])
    return RowFault(place, row.detail)


def _names(names: Sequence[str]) -> str:
    """Return which fields the rows have. A name that may hold a number is left out."""
    told = [_shown(name) for name in names[:_NAMES_READ] if not _may_be_number(name)]
    if not told:
        return "the rows have no fields that can be named here"
    more = len(names) - len(told[:_NAMES_SHOWN])
    return f"the rows have {', '.join(told[:_NAMES_SHOWN])}" + (f" and {more} more" if more else "")


def _advice(missing: Sequence[str], names: Sequence[str]) -> str:
    """Return which field may have been meant, if one has nearly the name of a missing one.

    Rows that have more names than one row may have are not mistyped, and nothing is compared.
    """
    if len(names) > _NAMES_READ:
        return ""
    plain = {plain_name(name): name for name in names if not _may_be_number(name)}
    for wanted in missing[:_MISSING_COMPARED]:
        if near := most_similar(plain_name(wanted), plain):
            if wanted == NUMBER:
                return f"; is {_shown(plain[near])} meant as `{NUMBER}`?"
            return f"; the text has {{{wanted}}}: is {_shown(plain[near])} meant?"
    return ""


def _may_be_number(name: str) -> bool:
    return sum(char.isdigit() for char in name) >= _LIKE_A_NUMBER


def _shown(name: str) -> str:
    return f"`{printable(name, _NAME_CHARS_SHOWN)}`"
