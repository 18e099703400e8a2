"""The states of the subjects in one batch, and the events that change them."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from uuid import UUID

from inbound.handlers.state import (
    STATE_VERSION,
    SubjectState,
    evolve,
    stored_state,
    write_state,
)
from inbound.store.log.metadata import trace_metadata
from inbound.store.log.rows import NewEvent, NewState, StoredState
from inbound.store.transactions.port import Transaction
from schemas.events import DomainEvent
from schemas.upcasters import read_event


class StateCache:
    """The latest states of subjects, so that a worker need not read its own JSON back.

    An entry counts only together with the version that the database holds, so a state that
    another worker moved on, or that was rolled back, is never used.
    """

    def __init__(self, limit: int = 5_000) -> None:
        self._limit = limit
        self._entries: OrderedDict[UUID, tuple[int, SubjectState]] = OrderedDict()

    def get(self, subject_id: UUID, version: int) -> SubjectState | None:
        """Return the state at exactly this version, or None."""
        entry = self._entries.get(subject_id)
        return entry[1] if entry is not None and entry[0] == version else None

    def put(self, subject_id: UUID, version: int, state: SubjectState) -> None:
        """Store a state, and drop the oldest one beyond the limit."""
        self._entries[subject_id] = version, state
        if len(self._entries) > self._limit:
            self._entries.popitem(last=False)


class Subjects:
    """Loads each subject once a batch and collects what is to be written of it."""

    def __init__(self, transaction: Transaction, cache: StateCache) -> None:
        self._transaction = transaction
        self._cache = cache
        self._states: dict[UUID, SubjectState] = {}
        self._stored: dict[UUID, int] = {}
        self._versions: dict[UUID, int] = {}
        self.events: list[NewEvent] = []

    async def load(
        self, subject_ids: Iterable[UUID], states: Mapping[UUID, StoredState] | None = None
    ) -> None:
        """Read the states of these subjects: one query, and one more for those without.

        `states` are the stored ones if this transaction has read them already.
        """
        wanted = list(dict.fromkeys(subject_ids))
        if states is None:
            states = await self._transaction.states(wanted)
        for subject_id, stored in states.items():
            state = self._cache.get(subject_id, stored.version) or stored_state(
                stored.state_version, stored.state
            )
            if state is not None:
                self._states[subject_id] = state
            self._stored[subject_id] = self._versions[subject_id] = stored.version
        if missing := [id_ for id_ in wanted if id_ not in self._states]:
            await self._fold(missing)

    def add_new(self, subject_ids: Iterable[UUID]) -> None:
        """Add subjects without events. Writing raises Conflict if one has events after all."""
        self._states |= dict.fromkeys(subject_ids, SubjectState())

    async def _fold(self, subject_ids: list[UUID]) -> None:
        streams = await self._transaction.load_streams(subject_ids)
        for subject_id in subject_ids:
            state = SubjectState()
            for event in streams.get(subject_id, ()):
                state = evolve(state, read_event(event.type, event.schema_version, event.data))
                self._versions[subject_id] = event.version
            self._states[subject_id] = state

    def __getitem__(self, subject_id: UUID) -> SubjectState:
        """Return the state as it is after all events appended so far."""
        return self._states[subject_id]

    def append(
        self, subject_id: UUID, events: Iterable[DomainEvent], traceparent: str | None
    ) -> None:
        """Move the state on and note the events to be written."""
        state = self._states[subject_id]
        version = self._versions.get(subject_id, 0)
        metadata = trace_metadata(traceparent)
        for event in events:
            version += 1
            state = evolve(state, event)
            self.events.append(
                NewEvent(
                    stream_id=subject_id,
                    version=version,
                    type=event.TYPE,
                    schema_version=event.VERSION,
                    data=event.to_json(),
                    metadata=metadata,
                )
            )
        self._states[subject_id] = state
        self._versions[subject_id] = version

    def remember(self) -> None:
        """Keep the states that were written, once the transaction is committed."""
        for subject_id in dict.fromkeys(event.stream_id for event in self.events):
            self._cache.put(subject_id, self._versions[subject_id], self._states[subject_id])

    def states(self) -> list[NewState]:
        """Return the rows of the subjects whose events were appended."""
        changed = dict.fromkeys(event.stream_id for event in self.events)
        return [
            NewState(
                stream_id=subject_id,
                expected_version=self._stored.get(subject_id, 0),
                version=self._versions[subject_id],
                state_version=STATE_VERSION,
                state=write_state(self._states[subject_id]),
            )
            for subject_id in changed
        ]
