"""The operations on broadcasts: create, show, delete, start, pause, cancel and so on.

An action locks the broadcast, so it waits for the batch that the pump is placing, and none is
placed after a pause or cancel has returned. Messages that are queued by then are withheld when they
are claimed. Each action is recorded in the audit with its transaction.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import psycopg

from inbound.broadcasts.audience import EXPLANATIONS, Exclusion
from inbound.broadcasts.drafting import BroadcastPlan
from inbound.broadcasts.loading import Audience
from inbound.broadcasts.sealing import AudienceSealer
from inbound.errors import SetupError
from inbound.handlers.broadcasts import (
    ActionRefusedError,
    BroadcastAction,
    BroadcastState,
    Lifecycle,
    NoRecipientsError,
    act,
    words,
)
from inbound.store.access.approval_rules import find_rules
from inbound.store.access.audit import record
from inbound.store.broadcasts.broadcasts import (
    NewBroadcast,
    change_broadcast,
    delete_draft,
    find_broadcast,
    find_counts,
    insert_broadcast,
)
from inbound.store.broadcasts.repeats import Identity
from inbound.store.broadcasts.rows import Broadcast, Progress
from inbound.wording import Bilingual, both, joined

MOVED: Final = "move"
"""The audit's name for a start that was given another time."""


REQUESTED: Final = "request"
"""The audit's name for a start that somebody else has to approve first."""
DELETED: Final = "delete"


class UnknownBroadcastError(SetupError):
    """There is no broadcast with this id."""

    def __init__(self, broadcast_id: object) -> None:
        super().__init__(
            both(
                "there is no broadcast {id}; `scserv broadcast list` shows all of them",
                "рассылки {id} нет; `scserv broadcast list` покажет все",
                id=broadcast_id,
            )
        )


class StartInPastError(Exception):
    """A broadcast can't be given a start that has passed."""


class NotPossibleError(SetupError):
    """An action isn't possible in the state of the broadcast."""


def create(
    conn: psycopg.Connection,
    plan: BroadcastPlan,
    load: Callable[[UUID], Audience],
    sealer: AudienceSealer,
    now: datetime,
    identity: Identity | None = None,
) -> Broadcast:
    """Store a draft with its audience, all or nothing; return it.

    `load` stores the audience under the id that it gets, in the transaction of `conn`. `identity`
    is that of a broadcast with an idempotency key. Blocks until the commit. Raises what `load`
    raises, and errors of the store.
    """
    broadcast_id = identity.broadcast_id if identity else uuid4()
    with conn.transaction():
        audience = load(broadcast_id)
        insert_broadcast(
            conn,
            NewBroadcast(
                broadcast_id=broadcast_id,
                created_at=now,
                name=plan.name,
                account=plan.account,
                created_by=plan.created_by,
                recipients=audience.recipients,
                excluded=audience.excluded,
                parts=audience.parts,
                most_parts=audience.most_parts,
                text_sealed=plan.sealed_text(sealer, broadcast_id),
                template=plan.template,
                template_version=plan.template_version,
                sender=plan.sender,
                hours=plan.hours,
                is_spread=plan.is_spread,
                rate_per_s=plan.rate_per_s,
                columns=(*plan.columns, *audience.shape.others),
                column_order=audience.shape.order,
                separator=audience.shape.separator,
                content_digest=identity.content_digest if identity else None,
            ),
        )
        _record(conn, plan.created_by, "create", plan.name, broadcast_id)
        return found(conn, broadcast_id)


def perform(
    conn: psycopg.Connection,
    broadcast_id: UUID,
    action: BroadcastAction,
    *,
    by: str,
    now: datetime,
    starts_at: datetime | None = None,
    zone: str = "UTC",
) -> Broadcast:
    """Perform an action; return the broadcast as it is now. Safe to repeat.

    Errors have times in `zone`. Raises UnknownBroadcastError, NotPossibleError, and errors of the
    store.
    """
    with conn.transaction():
        before = found(conn, broadcast_id, lock=True)
        try:
            lifecycle = act(
                before.lifecycle,
                action,
                by=by,
                at=now,
                starts_at=starts_at,
                approval_above=find_rules(conn).broadcasts_above,
            )
        except ActionRefusedError as error:
            why = str(error)
            if isinstance(error, NoRecipientsError):
                why = without_recipients(before) + both(
                    "; correct the audience and create it again",
                    "; исправьте таблицу и создайте рассылку снова",
                )
            refusal = both(
                "the broadcast {id} can't be changed: {why}",
                "рассылку {id} изменить нельзя: {why}",
                id=broadcast_id,
                why=why,
            )
            if error.starts_at is not None:
                begins = written_time(error.starts_at, zone)
                refusal += both(". It starts at {at}", ". Начало: {at}", at=begins)
        else:
            if lifecycle == before.lifecycle:
                return before
            after = replace(before.after(lifecycle), problem=None)
            change_broadcast(conn, after)
            _record(conn, by, *_entry(before, action, lifecycle), broadcast_id)
            return after
    raise NotPossibleError(refusal)


def delete(conn: psycopg.Connection, broadcast_id: UUID, *, by: str) -> Broadcast:
    """Delete a draft that was never started, with its audience; return what it was. Blocks.

    Raises UnknownBroadcastError, also when it is repeated, NotPossibleError, and errors of the
    store.
    """
    with conn.transaction():
        draft = found(conn, broadcast_id, lock=True)
        if delete_draft(conn, broadcast_id):
            _record(conn, by, DELETED, draft.name, broadcast_id)
            return draft
    raise NotPossibleError(
        both(
            "the broadcast {id} can't be deleted: it is {state}, and only a draft that was never "
            "started can; others stay as a record of what was sent",
            "рассылку {id} удалить нельзя: её состояние — «{state}», а удалить можно только "
            "черновик, который не запускали; остальные хранятся как сведения об отправленном",
            id=broadcast_id,
            state=words(draft.state),
        )
    )


def found(conn: psycopg.Connection, broadcast_id: UUID, *, lock: bool = False) -> Broadcast:
    """Return a broadcast. Raises UnknownBroadcastError."""
    broadcast = find_broadcast(conn, broadcast_id, lock=lock)
    if broadcast is None:
        raise UnknownBroadcastError(broadcast_id)
    return broadcast


def progress_of(
    conn: psycopg.Connection, broadcasts: Sequence[Broadcast]
) -> Mapping[UUID, Progress]:
    """Return the progress of each of these broadcasts."""
    counts = find_counts(conn, [one.broadcast_id for one in broadcasts])
    return {one.broadcast_id: counts[one.broadcast_id].progress(one) for one in broadcasts}


def without_recipients(one: Broadcast) -> Bilingual:
    """Return that a broadcast has no recipients, and why, for the beginning of a sentence."""
    why = joined(", ", (f"{count}: " + reason for count, reason in exclusions(one)))
    why = (
        both("excluded ", "исключены ") + why
        if why
        else both("the audience is empty", "таблица или справочник пусты")
    )
    return both("it has no recipients ({why})", "у неё нет получателей ({why})", why=why)


def exclusions(one: Broadcast) -> Iterator[tuple[int, Bilingual]]:
    """Yield how many rows of the audience each reason has excluded, and the reason in words."""
    for reason, count in sorted(one.excluded.items()):
        yield count, EXPLANATIONS[Exclusion(reason)]


def _entry(before: Broadcast, action: BroadcastAction, after: Lifecycle) -> tuple[str, str]:
    """Return action and reason for the audit. A start that is given another time is a move."""
    if action is not BroadcastAction.START or after.starts_at is None:
        return action.value, before.name
    starts = f"{before.name}, starts at {written_time(after.starts_at, 'UTC')}"
    moved_from = before.lifecycle.starts_at
    if moved_from is None or moved_from == after.starts_at or before.state is not after.state:
        asks = before.state is not after.state is BroadcastState.AWAITING_APPROVAL
        return REQUESTED if asks else action.value, starts
    return MOVED, f"{starts}, not at {written_time(moved_from, 'UTC')}"


def written_time(moment: datetime, zone: str) -> str:
    """Return a time as errors, the audit and files have it."""
    return f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S} {zone}"


def _record(
    conn: psycopg.Connection, actor: str, action: str, name: str, broadcast_id: UUID
) -> None:
    record(conn, actor=actor, action=f"broadcast.{action}", reason=name, request_id=broadcast_id)
