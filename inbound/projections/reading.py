"""Stretches of the event log, as folds take them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import psycopg

from inbound.errors import ScservError
from inbound.projections.model import Event, Folding, Projection, Rows
from inbound.store.connections import raises_store_errors
from inbound.store.statements import statements
from schemas.upcasters import UnknownEventError, read_object

Stored = tuple[int, str, int, str, int, str, str, str]
"""A row of `read_events` in progress.sql."""

_SQL: Final = statements(__package__, "progress")
_READ_EVENTS: Final = _SQL["read_events"]


class FoldError(ScservError):
    """The event at `position` can't be taken: of a newer release, or a defect. No use repeating."""

    def __init__(self, position: int, problem: str) -> None:
        """`problem` quotes no values."""
        super().__init__(f"event {position}: {problem}")
        self.position = position


@raises_store_errors
def read(conn: psycopg.Connection, *, after: int, until: int, limit: int) -> list[Stored]:
    """Return the next events after one position and up to another, at most `limit`.

    Blocks for one statement; all of them are in memory, about 1 KB each.
    """
    parameters = {"after": after, "until": until, "limit": limit}
    rows: list[Any] = conn.execute(_READ_EVENTS, parameters).fetchall()
    return rows


def decode(stored: Iterable[Stored]) -> Iterator[Event]:
    """Yield events in today's version. Raises `FoldError` for one that nobody here knows."""
    for position, stream_id, version, type_, schema_version, data, metadata, recorded_at in stored:
        try:
            value = read_object(type_, schema_version, data)
        except UnknownEventError as error:
            raise FoldError(position, str(error)) from error
        yield Event(position, stream_id, version, type_, value, metadata, recorded_at)


def fold(stored: Sequence[Stored], projections: Sequence[Projection]) -> list[Rows]:
    """Return what one stretch makes of each projection. Each event is parsed once.

    Raises `FoldError` naming the event, and the projection if it is its own.
    """
    foldings = [one.begin() for one in projections]
    takers: dict[str, list[Folding]] = {}
    for projection, folding in zip(projections, foldings, strict=True):
        for type_ in projection.reads:
            takers.setdefault(type_, []).append(folding)
    for event in decode(stored):
        for folding in takers.get(event.type, ()):
            try:
                folding.add(event)
            except (LookupError, TypeError, ValueError) as error:
                name = projections[foldings.index(folding)].name
                raise FoldError(
                    event.position,
                    f"{name} can't take a {event.type} ({type(error).__name__}: {error})",
                ) from error
    return [folding.rows() for folding in foldings]
