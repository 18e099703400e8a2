"""The API's operations on broadcasts, on a pooled connection."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

import psycopg

from inbound.api.audience_rows import (
    MOST_NAMED,
    checked_rows,
    other_names,
    require_names,
    require_recipients,
)
from inbound.api.broadcast_models import BroadcastToCreate, RecipientsQuery
from inbound.broadcasts.control import (
    StartInPastError,
    UnknownBroadcastError,
    create,
    delete,
    found,
    perform,
    progress_of,
)
from inbound.broadcasts.drafting import (
    BroadcastPlan,
    CheckedPlan,
    DraftRules,
    prepare,
    require_no_fields,
)
from inbound.broadcasts.loading import (
    Audience,
    AudienceKeys,
    ClientQuery,
    find_exclusion_page,
    load_clients,
    load_rows,
)
from inbound.broadcasts.outcomes import Page, find_outcomes
from inbound.broadcasts.review import Review, Reviewer
from inbound.handlers.broadcasts import BroadcastAction
from inbound.keys import OrderHasher
from inbound.store.broadcasts.broadcasts import list_broadcasts
from inbound.store.broadcasts.repeats import (
    Identity,
    is_action_repeated,
    is_repeated,
    remember_action,
)
from inbound.store.broadcasts.rows import Broadcast, Progress
from inbound.store.orders.rows import STRANGERS
from inbound.tables.model import TableShape
from schemas.sending_hours import SendingHours

Reviewed = tuple[Broadcast, Progress, Review]


@dataclass(frozen=True, slots=True)
class ActingToken:
    """The account that a token sends for, and the name of the token in the audit."""

    account: str
    actor: str


@dataclass(frozen=True, slots=True)
class Broadcasting:
    """Broadcasts of accounts; every function blocks on the connection that it gets."""

    rules: DraftRules
    keys: AudienceKeys
    order_hasher: OrderHasher

    def create(
        self,
        conn: psycopg.Connection,
        body: BroadcastToCreate,
        hours: SendingHours | None,
        caller: ActingToken,
        now: datetime,
        key: str | None = None,
    ) -> Reviewed:
        """Store a draft; for an idempotency key that was used, return its broadcast as it is now.

        Raises DraftError, UnusableRowsError and KeyReusedError.
        """
        with conn.transaction():
            identity = self._identity(body, caller, key)
            if identity and is_repeated(conn, identity):
                made = found(conn, identity.broadcast_id)
            else:
                made = self._create(conn, body, hours, caller, now, identity)
        return self._reviewed(conn, made, now)

    def _create(
        self,
        conn: psycopg.Connection,
        body: BroadcastToCreate,
        hours: SendingHours | None,
        caller: ActingToken,
        now: datetime,
        identity: Identity | None,
    ) -> Broadcast:
        plan = BroadcastPlan(
            name=body.name,
            created_by=caller.actor,
            account=caller.account,
            text=body.text,
            template=body.template,
            sender=body.sender,
            hours=hours,
            is_spread=body.spread,
            rate_per_s=body.rate,
        )
        prepared = prepare(conn, plan, self.rules)
        if body.audience == "all":
            require_no_fields(prepared.content)
        else:
            require_names(body.audience, prepared.content)
        load = partial(self._load, conn, body, prepared, now)
        return create(conn, prepared.plan, load, self.keys.sealer, now, identity)

    def _identity(
        self, body: BroadcastToCreate, caller: ActingToken, key: str | None
    ) -> Identity | None:
        if key is None:
            return None
        hasher, content = self.order_hasher, body.model_dump_json(exclude_defaults=True)
        return Identity(
            hasher.broadcast_id(caller.account, key), hasher.digest(b"broadcast", content.encode())
        )

    def show(
        self, conn: psycopg.Connection, broadcast_id: UUID, account: str, now: datetime
    ) -> Reviewed:
        """Return a broadcast of an account. Raises UnknownBroadcastError."""
        return self._reviewed(conn, self._own(conn, broadcast_id, account), now)

    def list_(
        self, conn: psycopg.Connection, account: str, limit: int
    ) -> list[tuple[Broadcast, Progress]]:
        """Return the newest broadcasts of an account."""
        listed = list_broadcasts(conn, limit=limit, account=account)
        progress = progress_of(conn, listed)
        return [(one, progress[one.broadcast_id]) for one in listed]

    def perform(
        self,
        conn: psycopg.Connection,
        broadcast_id: UUID,
        action: BroadcastAction,
        caller: ActingToken,
        now: datetime,
        starts_at: datetime | None = None,
        key: str | None = None,
    ) -> Reviewed:
        """Perform an action; for an idempotency key that was used, only return the broadcast.

        Raises UnknownBroadcastError, NotPossibleError, StartInPastError and KeyReusedError.
        """
        with conn.transaction():
            before = self._own(conn, broadcast_id, caller.account, lock=True)
            key_digest = self.order_hasher.digest(b"action key", key.encode()) if key else b""
            repeat = broadcast_id, key_digest, action.value, starts_at
            if key and is_action_repeated(conn, *repeat):
                return self._reviewed(conn, before, now)
            after = perform(
                conn, broadcast_id, action, by=caller.actor, now=now, starts_at=starts_at
            )
            if after != before and starts_at is not None and starts_at < now:
                raise StartInPastError
            if key:
                remember_action(conn, *repeat)
        return self._reviewed(conn, after, now)

    def delete(self, conn: psycopg.Connection, broadcast_id: UUID, caller: ActingToken) -> None:
        """Delete a draft. Raises UnknownBroadcastError and NotPossibleError."""
        with conn.transaction():
            self._own(conn, broadcast_id, caller.account, lock=True)
            delete(conn, broadcast_id, by=caller.actor)

    def require(self, conn: psycopg.Connection, broadcast_id: UUID, account: str) -> None:
        """Raise UnknownBroadcastError unless the account has this broadcast."""
        self._own(conn, broadcast_id, account)

    def outcomes(
        self, conn: psycopg.Connection, broadcast_id: UUID, account: str, query: RecipientsQuery
    ) -> Page:
        """Return a page of recipients. Raises UnknownBroadcastError."""
        one = self._own(conn, broadcast_id, account)
        return find_outcomes(conn, one, query.states, after=query.after, limit=query.limit)

    def _own(
        self, conn: psycopg.Connection, broadcast_id: UUID, account: str, *, lock: bool = False
    ) -> Broadcast:
        one = found(conn, broadcast_id, lock=lock)
        if one.account != account:
            raise UnknownBroadcastError(broadcast_id)
        return one

    def _reviewed(self, conn: psycopg.Connection, one: Broadcast, now: datetime) -> Reviewed:
        reviewer = Reviewer(self.keys.sealer, self.rules.sender)
        progress = progress_of(conn, [one])[one.broadcast_id]
        return one, progress, reviewer.review(conn, one, progress, now)

    def _load(
        self,
        conn: psycopg.Connection,
        body: BroadcastToCreate,
        prepared: CheckedPlan,
        now: datetime,
        broadcast_id: UUID,
    ) -> Audience:
        if body.audience == "all":
            parts = prepared.content.count_parts({})
            return load_clients(conn, broadcast_id, ClientQuery(), now, parts=parts)
        others = other_names(body.audience, prepared.content)
        rows = checked_rows(body.audience, prepared.content, others)
        strangers = STRANGERS in prepared.account.rights
        shape = TableShape(others)
        made = load_rows(conn, broadcast_id, rows, self.keys, strangers=strangers, shape=shape)
        first = [] if made.recipients else find_exclusion_page(conn, broadcast_id, 0, MOST_NAMED)
        require_recipients(made.excluded, made.recipients, first, prepared.content)
        return made
