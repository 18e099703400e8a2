"""Reads batches of the event log and folds them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import psycopg

from inbound.errors import ScservError
from inbound.projections.model import Event, Fold, Projection, Rows
from inbound.store.connections import raises_store_errors
from inbound.store.statements import statements
from schemas.upcasters import UnknownEventError, read_object

StoredRow = tuple[int, str, int, str, int, str, str, str]
"""A row of `read_events` in progress.sql."""

_SQL: Final = statements(__package__, "progress")
_READ_EVENTS: Final = _SQL["read_events"]


class FoldError(ScservError):
    """The event at `position` can't be folded: a newer release wrote it, or a defect. Permanent."""

    def __init__(self, position: int, problem: str) -> None:
        """`problem` quotes no values."""
        super().__init__(f"event {position}: {problem}")
        self.position = position


@raises_store_errors
def read_batch(conn: psycopg.Connection, *, after: int, until: int, limit: int) -> list[StoredRow]:
    """Return the next events after one position and up to another, at most `limit`.

    Blocks for one statement; all of them are in memory, about 1 KB each.
    """
    parameters = {"after": after, "until": until, "limit": limit}
    rows: list[Any] = conn.execute(_READ_EVENTS, parameters).fetchall()
    return rows


def decode(stored: Iterable[StoredRow]) -> Iterator[Event]:
    """Yield events in their current version. Raises `FoldError` for an unknown one."""
    for position, stream_id, version, type_, schema_version, data, metadata, recorded_at in stored:
        try:
            value = read_object(type_, schema_version, data)
        except UnknownEventError as error:
            raise FoldError(position, str(error)) from error
        yield Event(position, stream_id, version, type_, value, metadata, recorded_at)


def fold_batch(stored: Sequence[StoredRow], projections: Sequence[Projection]) -> list[Rows]:
    """Return the row changes of each projection from one batch. Parses each event once.

    Raises `FoldError` that names the event, and the projection if its fold failed.
    """
    folds = [one.begin() for one in projections]
    takers: dict[str, list[Fold]] = {}
    for projection, fold in zip(projections, folds, strict=True):
        for type_ in projection.reads:
            takers.setdefault(type_, []).append(fold)
    for event in decode(stored):
        for fold in takers.get(event.type, ()):
            try:
                fold.add(event)
            except (LookupError, TypeError, ValueError) as error:
                name = projections[folds.index(fold)].name
                raise FoldError(
                    event.position,
                    f"{name} can't fold a {event.type} ({type(error).__name__}: {error})",
                ) from error
    return [fold.rows() for fold in folds]
