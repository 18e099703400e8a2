"""The pure part of a projection: events in, row changes out.

A fold takes the events of one batch in order and returns row changes rather than rows, because
a request may begin in one batch and end in the next. The changes are merged into the stored
rows; the merge must give the same rows for one long batch as for many short ones.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

Row = tuple[str | int | bool | None, ...]
"""One row as COPY's text format takes it. Times remain the text in the event."""


class Event(NamedTuple):
    """One event for a fold. `data` is the JSON object in the current version of its type.

    Ids and times are text because they only pass through: `recorded_at` is ISO 8601 in UTC,
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
    """The row changes of one projection from one batch.

    `new` are whole rows that no earlier batch can have; `changed` are merged into stored rows.
    Their columns are those of the `copy` and `copy_incoming` statements.
    """

    new: Sequence[Row] = field(default_factory=list)
    changed: Sequence[Row] = field(default_factory=list)


class Fold(Protocol):
    """Folds one batch of events. Pure: the same events give the same rows."""

    def add(self, event: Event) -> None:
        """Take the next event."""
        ...

    def rows(self) -> Rows:
        """Return the row changes of the events so far."""
        ...


@dataclass(frozen=True, slots=True)
class Projection:
    """One projection. The table has its name; `NAME.sql` has its statements.

    Raise `version` when the same events give other rows, or the table changes; a table of
    another version is rebuilt. `key` are the columns that identify a row. `reads` are the event
    types that the fold takes; it gets no others.
    """

    name: str
    version: int
    columns: tuple[str, ...]
    key: tuple[str, ...]
    indexes: tuple[str, ...]
    reads: frozenset[str]
    begin: Callable[[], Fold]

    def fold(self, events: Iterable[Event]) -> Rows:
        """Fold a whole batch."""
        fold = self.begin()
        for event in events:
            fold.add(event)
        return fold.rows()
