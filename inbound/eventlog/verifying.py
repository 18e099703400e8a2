"""Whether the log in PostgreSQL is what was written: all of it, in one snapshot."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

import psycopg

from inbound.eventlog.checking import Checker, Problem
from inbound.eventlog.reading import chains_at, read_log, stored_heads
from inbound.store.log.copy_format import StoredEvent
from inbound.store.log.positions import last_position
from inbound.store.statements import statements
from schemas.chain import Head

Tell = Callable[[int], None]
"""Takes the position that the work has come to."""

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
    """One look at the log inside `reading.snapshot`: its events after the position `since`.

    What comes before `since` is believed. `last` is where the log ends; `checker` counts.
    """

    def __init__(self, conn: psycopg.Connection, since: int = 0) -> None:
        """Look where the log ends and where its chains stand at `since`."""
        self._conn = conn
        self.since = since
        self.last = last_position(conn)
        chains = chains_at(conn, since)
        self.checker = Checker(chains, since, chained=any(chains.positions))

    def problems(self, tell: Tell) -> Iterator[Problem]:
        """Yield everything that is wrong. Blocks as it reads; memory stays flat."""
        events = read_log(self._conn, self.since, self.last)
        yield from self.checker.check(_telling(events, tell))
        yield from self._heads()
        yield from self._versions()
        yield from self._protection()

    def _heads(self) -> Iterator[Problem]:
        stored = stored_heads(self._conn)
        if stored is None:
            yield Problem("the table log_heads has lost its row: nobody can append")
            return
        for chain, (told, found) in enumerate(
            zip(stored, self.checker.chains.heads(), strict=True)
        ):
            if told.position > found.position:
                yield Problem(
                    f"chain {chain}: its head in log_heads is event {told.position}, and the "
                    f"last one in the log is {_named(found)}: what followed is gone"
                )
            elif told != found:
                yield Problem(
                    f"chain {chain}: its head in log_heads is {_named(told)} with another "
                    f"digest or place than the last one in the log, {_named(found)}"
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


def _telling(events: Iterable[StoredEvent], tell: Tell) -> Iterator[StoredEvent]:
    for event in events:
        if not event.position % _STEP:
            tell(event.position)
        yield event
