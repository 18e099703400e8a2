"""Verifies the integrity of the whole log in PostgreSQL, in one snapshot."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

import psycopg

from inbound.eventlog.checker import Checker, Problem
from inbound.eventlog.log_reader import chains_at, read_log, stored_heads
from inbound.store.log.copy_format import StoredEvent
from inbound.store.log.positions import last_position
from inbound.store.statements import statements
from schemas.chain import Head

OnPosition = Callable[[int], None]
"""Receives the current position."""

_SQL: Final = statements(__package__, "eventlog")
_VERSIONS: Final = _SQL["versions"]
_PROTECTION: Final = _SQL["protection"]
_PROTECTED_BY: Final = {
    "events_are_append_only": "the trigger that refuses changes",
    "events_have_digests": "the constraint that refuses events without digests",
    "events_stream_id_version_key": "the constraint that a version is unique",
}
_STEP: Final = 5_000


class Verification:
    """Verifies the events after the position `since`, inside `log_reader.snapshot`.

    Events up to `since` are trusted. `last` is the end of the log; `checker` counts.
    """

    def __init__(self, conn: psycopg.Connection, since: int = 0) -> None:
        """Read the end of the log and the ends of its chains at `since`."""
        self._conn = conn
        self.since = since
        self.last = last_position(conn)
        chains = chains_at(conn, since)
        self.checker = Checker(chains, since, chained=any(chains.positions))

    def problems(self, on_position: OnPosition) -> Iterator[Problem]:
        """Yield all problems. Blocks while it reads; memory stays flat."""
        events = read_log(self._conn, self.since, self.last)
        yield from self.checker.check(_reporting(events, on_position))
        yield from self._heads()
        yield from self._versions()
        yield from self._protection()

    def _heads(self) -> Iterator[Problem]:
        stored = stored_heads(self._conn)
        if stored is None:
            yield Problem("the table log_heads has lost its row: appends fail")
            return
        for chain, (head, found) in enumerate(
            zip(stored, self.checker.chains.heads(), strict=True)
        ):
            if head.position > found.position:
                yield Problem(
                    f"chain {chain}: its head in log_heads is event {head.position}, and the "
                    f"last one in the log is {_named(found)}: later events are gone"
                )
            elif head != found:
                yield Problem(
                    f"chain {chain}: its head in log_heads is {_named(head)} with another "
                    f"digest or position than the last one in the log, {_named(found)}"
                )

    def _versions(self) -> Iterator[Problem]:
        with self._conn.cursor(name="versions") as cursor:
            for position, stream_id, version in cursor.execute(_VERSIONS, {"since": self.since}):
                what = f"no version {version - 1} of its stream comes before it"
                yield Problem(what, position, stream_id, version)

    def _protection(self) -> Iterator[Problem]:
        there = {name for (name,) in self._conn.execute(_PROTECTION)}
        for name, what in _PROTECTED_BY.items():
            if name not in there:
                yield Problem(f"the table events has lost {what} ({name})")


def _named(head: Head) -> str:
    return f"event {head.position}" if head.position else "none"


def _reporting(events: Iterable[StoredEvent], on_position: OnPosition) -> Iterator[StoredEvent]:
    for event in events:
        if not event.position % _STEP:
            on_position(event.position)
        yield event
