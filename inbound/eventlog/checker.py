"""Checks the invariants of a log, event by event. Pure: the events may come from anywhere.

Positions have no gap, digests continue their chains, and every event can be read. Each problem
is reported once: after an event with a wrong digest, the chain continues from the stored one.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from uuid import UUID

from inbound.store.log.copy_format import StoredEvent
from schemas.chain import CHAINS, Chains, chain_of, digest, stored_body
from schemas.upcasters import UnknownEventError, read_event

_LONGEST: Final = 300
_FROM_BEFORE: Final = "only events before the first digest may lack one"


@dataclass(frozen=True, slots=True)
class Problem:
    """A difference from what was written, and its location as far as known."""

    what: str
    position: int | None = None
    stream_id: UUID | None = None
    version: int | None = None

    def __str__(self) -> str:
        """One line."""
        if self.position is None:
            return self.what
        named = "" if self.stream_id is None else f" ({self.stream_id}/{self.version})"
        return f"event {self.position}{named}: {self.what}"


class Checker:
    """Checks a log from one position on. `chains` end where the events checked so far end."""

    def __init__(
        self, chains: Chains, after: int = 0, *, chained: bool = False, schemas: bool = True
    ) -> None:
        """Begin after the position `after`, where `chains` end.

        `chained`: earlier events have digests. `schemas`: also decode each event.
        """
        self.chains = chains
        self.position = after
        self.events = 0
        self.undigested = 0
        self._chained = chained
        self._schemas = schemas
        self._interrupted: set[int] = set()

    def check(self, events: Iterable[StoredEvent]) -> Iterator[Problem]:
        """Yield the problems of the next events."""
        for event in events:
            position = event.position
            if position != self.position + 1:
                yield self._gap(position)
            self.position = position
            self.events += 1
            if event.digest is None or event.chain is None:
                self.undigested += 1
                if self._chained:
                    yield _problem(event, f"it has no digest; {_FROM_BEFORE}")
            else:
                self._chained = True
                problem = self._digest(event, event.chain, event.digest)
                if problem is not None:
                    yield problem
            if self._schemas:
                try:
                    read_event(event.type, event.schema_version, event.data)
                except UnknownEventError as error:
                    yield _problem(event, " ".join(str(error).split())[:_LONGEST])

    def _gap(self, position: int) -> Problem:
        first, last = self.position + 1, position - 1
        self._interrupted = set(range(CHAINS))
        if last < first:
            return Problem(f"it comes after position {self.position}", position)
        if first == last:
            return Problem("it is missing", first)
        return Problem(f"it and all up to {last} are missing", first)

    def _digest(self, event: StoredEvent, chain: int, stored: bytes) -> Problem | None:
        """Check the digest against event and chain; continue from the stored digest."""
        if chain != _chain_of(event.stream):
            return _problem(
                event, f"it is in chain {chain}, its stream belongs to {_chain_of(event.stream)}"
            )
        covered = stored_body(
            event.stream,
            event.version,
            event.type,
            event.schema_version,
            event.data,
            event.metadata,
        )
        chains = self.chains
        made = digest(chains.digests[chain], event.position, event.recorded_us, covered)
        before = chains.positions[chain]
        interrupted = chain in self._interrupted
        chains.digests[chain] = stored
        chains.positions[chain] = event.position
        self._interrupted.discard(chain)
        if made == stored:
            return None
        if interrupted:
            what = f"it does not follow event {before} in chain {chain}: one in between is gone"
        elif before:
            what = f"the digest does not fit: it, or event {before} before it in chain {chain}, "
            what += "is not what was written"
        else:
            what = (
                f"the digest does not fit: it is not what was written at the start of chain {chain}"
            )
        return _problem(event, what)


def _problem(event: StoredEvent, what: str) -> Problem:
    return Problem(what, event.position, event.stream_id, event.version)


# The events of a request are close together; a larger cache would not help.
@lru_cache(maxsize=8_192)
def _chain_of(stream: bytes) -> int:
    return chain_of(UUID(bytes=stream))
