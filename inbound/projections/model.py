"""What a projection is, apart from IO: events in, rows out.

A fold takes the events of one stretch of the log in order and returns what they make of
rows, not the rows themselves: a request may begin in one stretch and end in the next. So
what is returned is merged into what is stored, and the merge must be such that one long
stretch gives the same rows as many short ones.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

Row = tuple[str | int | bool | None, ...]
"""One row as COPY's text format takes it. Times stay the text that the event has."""


class Event(NamedTuple):
    """One event as folds see it. `data` is the JSON object of today's version of its type.

    Ids and times are text, because they only pass through: `recorded_at` is ISO 8601 in UTC,
    `metadata` is JSON.
    """

    position: int
    stream_id: str
    version: int
    type: str
    data: Mapping[str, Any]
    metadata: str
    recorded_at: str


@dataclass(slots=True)
class Rows:
    """What a stretch of the log makes of one projection.

    `new` are whole rows that no earlier stretch can have, `changed` are merged into what is
    stored; their columns are those of the projection's `copy` and `copy_incoming` statements.
    """

    new: Sequence[Row] = field(default_factory=list)
    changed: Sequence[Row] = field(default_factory=list)


class Folding(Protocol):
    """One stretch of the log being folded. Pure: the same events give the same rows."""

    def add(self, event: Event) -> None:
        """Take the next event."""
        ...

    def rows(self) -> Rows:
        """Return what the events so far make of rows."""
        ...


@dataclass(frozen=True, slots=True)
class Projection:
    """One projection. The table has its name; `NAME.sql` has its statements.

    `version` is raised whenever the rows would come out differently, or the table changes;
    a table of another version is built anew. `key` are the columns that identify a row.
    `reads` are the types of event whose data it looks at; it is shown no others.
    """

    name: str
    version: int
    columns: tuple[str, ...]
    key: tuple[str, ...]
    indexes: tuple[str, ...]
    reads: frozenset[str]
    begin: Callable[[], Folding]

    def fold(self, events: Iterable[Event]) -> Rows:
        """Fold a whole stretch at once."""
        folding = self.begin()
        for event in events:
            folding.add(event)
        return folding.rows()
