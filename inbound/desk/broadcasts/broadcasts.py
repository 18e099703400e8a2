"""Broadcasts at the desk: look-ups for their pages, and actions.

An action applies to the broadcast as its page showed it: if that has changed since, the action is
refused, unless it would have no effect. A pause or a cancellation also applies to a broadcast that
has only begun since: somebody who stops it before its start wants it stopped.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

import psycopg

from inbound.broadcasts.control import (
    DELETED,
    StartInPastError,
    delete,
    found,
    perform,
    progress_of,
)
from inbound.broadcasts.drafting import DraftRules
from inbound.broadcasts.forecasting import Forecast, forecast
from inbound.broadcasts.loading import AudienceKeys
from inbound.broadcasts.previews import Previews, find_largest, find_previews
from inbound.broadcasts.review import Review, Reviewer, definition_of
from inbound.desk.shared_readings import SHARED_S, SharedReadings
from inbound.freshness.backlog import BacklogSource
from inbound.freshness.model import Backlog, Freshness, PendingWork
from inbound.freshness.people import freshness_of_people
from inbound.handlers.broadcasts import (
    ActionRefusedError,
    BroadcastAction,
    BroadcastState,
    Lifecycle,
    act,
)
from inbound.store.access.approval_rules import find_rules
from inbound.store.access.audit import AuditEntry, broadcast_entries
from inbound.store.broadcasts.broadcasts import list_broadcasts
from inbound.store.broadcasts.rows import Broadcast, Progress
from inbound.store.connection_pool import ConnectionPool

PAGE: Final = 30
_REMEMBERED: Final = 500
_STOPS: Final = frozenset({BroadcastAction.PAUSE, BroadcastAction.CANCEL})


class StaleActionError(Exception):
    """The broadcast has changed since its page was made."""


@dataclass(frozen=True, slots=True)
class ListedBroadcast:
    """A broadcast in the list."""

    one: Broadcast
    progress: Progress


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of the list. `older` is the id behind which the next page begins."""

    broadcasts: Sequence[ListedBroadcast]
    older: UUID | None
    freshness: Freshness


@dataclass(frozen=True, slots=True)
class Live:
    """The progress of a broadcast. `version` changes with everything that actions depend on."""

    one: Broadcast
    progress: Progress
    forecast: Forecast
    at: datetime
    freshness: Freshness

    @property
    def version(self) -> str:
        """The state that an action applies to."""
        return version_of(self.one)


@dataclass(frozen=True, slots=True)
class Looked:
    """A broadcast with everything that its page shows."""

    live: Live
    review: Review
    previews: Previews


def version_of(one: Broadcast) -> str:
    """Return a short text that changes with everything that actions depend on."""
    return _version_of(one.lifecycle)


def _version_of(now: Lifecycle) -> str:
    told = (now.state.value, now.starts_at, now.started_by, now.approved_by, now.needs_confirmation)
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


class Broadcasts:
    """Look-ups and actions. Every method may raise UnknownBroadcastError and RetryableError."""

    def __init__(
        self,
        pool: ConnectionPool,
        backlog: BacklogSource,
        keys: AudienceKeys,
        rules: DraftRules,
        clock: Callable[[], datetime],
        shared_s: float = SHARED_S,
    ) -> None:
        """`shared_s`: how old the result of `watch` may be."""
        self._pool = pool
        self._backlog = backlog
        self.sealer = keys.sealer
        self._rules = rules
        self._clock = clock
        # By broadcast: no personal data, and an audience doesn't change.
        self._largest: OrderedDict[UUID, list[int]] = OrderedDict()
        self._watched = SharedReadings[Live](shared_s)

    async def list_(self, account: str | None, behind: UUID | None) -> Listing:
        """Return a page of broadcasts, the newest first, of an account or of all."""
        return await self._pool.run(_list, account, behind, await self._backlog.ask())

    async def live(self, broadcast_id: UUID) -> Live:
        """Return the progress of a broadcast."""
        backlog = await self._backlog.ask()
        return await self._pool.run(_live, broadcast_id, self._clock(), backlog)

    async def watch(self, broadcast_id: UUID) -> Live:
        """Return how far a broadcast is, as all who watch it at this moment see it."""
        return await self._watched.get(broadcast_id, partial(self.live, broadcast_id))

    async def look(self, broadcast_id: UUID) -> Looked:
        """Return everything that the page of a broadcast shows."""
        backlog = await self._backlog.ask()
        return await self._pool.run(self._look, broadcast_id, self._clock(), backlog)

    async def perform(
        self,
        broadcast_id: UUID,
        action: BroadcastAction,
        *,
        seen: str,
        by: str,
        starts_at: datetime | None = None,
    ) -> Broadcast:
        """Perform an action on the broadcast as it was seen. Safe to repeat.

        Raises StaleActionError, NotPossibleError and StartInPastError.
        """
        now = self._clock()
        if starts_at is not None and starts_at < now:
            raise StartInPastError
        return await self._pool.run(_perform, broadcast_id, action, seen, by, now, starts_at)

    async def delete(self, broadcast_id: UUID, *, seen: str, by: str) -> None:
        """Delete a draft as it was seen. Raises StaleActionError and NotPossibleError."""
        await self._pool.run(_delete, broadcast_id, seen, by)

    async def deletion(self, broadcast_id: UUID) -> AuditEntry | None:
        """Return who deleted a broadcast that no longer exists, if anybody did."""
        return await self._pool.run(_deletion, broadcast_id)

    def _look(
        self, conn: psycopg.Connection, broadcast_id: UUID, now: datetime, backlog: Backlog
    ) -> Looked:
        live = _live(conn, broadcast_id, now, backlog)
        reviewer = Reviewer(self.sealer, self._rules.sender)
        review = reviewer.review(conn, live.one, live.progress, now)
        return Looked(live, review, self._previews(conn, live.one, review))

    def _previews(self, conn: psycopg.Connection, one: Broadcast, review: Review) -> Previews:
        content = review.text if review.text is not None else definition_of(conn, one)
        if content is None or one.audience_deleted_at is not None:
            return Previews()
        largest = self._largest.get(one.broadcast_id)
        if largest is None:
            largest = self._largest[one.broadcast_id] = find_largest(conn, one)
            while len(self._largest) > _REMEMBERED:
                self._largest.popitem(last=False)
        alphabet = self._rules.alphabet
        return find_previews(conn, one, content, largest, self.sealer, alphabet)


def _list(
    conn: psycopg.Connection, account: str | None, behind: UUID | None, backlog: Backlog
) -> Listing:
    freshness = freshness_of_people(conn, backlog, None, PendingWork.RESULTS)
    listed = list_broadcasts(conn, limit=PAGE + 1, account=account, behind=behind)
    shown = listed[:PAGE]
    progress = progress_of(conn, shown)
    return Listing(
        [ListedBroadcast(one, progress[one.broadcast_id]) for one in shown],
        shown[-1].broadcast_id if len(listed) > len(shown) else None,
        freshness,
    )


def _live(conn: psycopg.Connection, broadcast_id: UUID, now: datetime, backlog: Backlog) -> Live:
    freshness = freshness_of_people(conn, backlog, None, PendingWork.RESULTS)
    one = found(conn, broadcast_id)
    progress = progress_of(conn, [one])[broadcast_id]
    return Live(one, progress, forecast(conn, one, progress, now), now, freshness)


def _perform(
    conn: psycopg.Connection,
    broadcast_id: UUID,
    action: BroadcastAction,
    seen: str,
    by: str,
    now: datetime,
    starts_at: datetime | None,
) -> Broadcast:
    with conn.transaction():
        before = found(conn, broadcast_id, lock=True)
        if version_of(before) != seen and not (action in _STOPS and _has_only_begun(before, seen)):
            if _has_effect_already(conn, before, action, by, now, starts_at):
                return before
            raise StaleActionError
        return perform(conn, broadcast_id, action, by=by, now=now, starts_at=starts_at)


def _delete(conn: psycopg.Connection, broadcast_id: UUID, seen: str, by: str) -> None:
    with conn.transaction():
        if version_of(found(conn, broadcast_id, lock=True)) != seen:
            raise StaleActionError
        delete(conn, broadcast_id, by=by)


def _deletion(conn: psycopg.Connection, broadcast_id: UUID) -> AuditEntry | None:
    entries = broadcast_entries(conn, broadcast_id)
    return next((one for one in entries if one.action == f"broadcast.{DELETED}"), None)


def _has_only_begun(now: Broadcast, seen: str) -> bool:
    waiting = replace(now.lifecycle, state=BroadcastState.SCHEDULED)
    return now.state is BroadcastState.RUNNING and _version_of(waiting) == seen


def _has_effect_already(
    conn: psycopg.Connection,
    before: Broadcast,
    action: BroadcastAction,
    by: str,
    now: datetime,
    starts_at: datetime | None,
) -> bool:
    if action is BroadcastAction.APPROVE and before.lifecycle.approved_by != by:
        return False  # somebody else has approved it: only that person is told that they did
    above = find_rules(conn).broadcasts_above
    try:
        after = act(
            before.lifecycle, action, by=by, at=now, starts_at=starts_at, approval_above=above
        )
    except ActionRefusedError:
        return False
    return after == before.lifecycle
