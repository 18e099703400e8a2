"""Routes of broadcasts: create a draft, start it, and follow its progress.

An account sees its own broadcasts only; another one's is not found. The second person who approves
a large broadcast is another token here.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query

from inbound.api.access import BackendDep, MaySend
from inbound.api.admission import BROADCASTS_PATH, Principal
from inbound.api.backend import Backend
from inbound.api.broadcast_details import BroadcastDetails
from inbound.api.broadcast_models import (
    BroadcastQuery,
    BroadcastToCreate,
    ExcludedQuery,
    RecipientsQuery,
    StartQuery,
)
from inbound.api.broadcast_problems import invalid_draft, run_or_refuse
from inbound.api.broadcast_reports import (
    BroadcastList,
    BroadcastReport,
    ExcludedRowReport,
    ExcludedRows,
    RecipientReport,
    Recipients,
)
from inbound.api.broadcasting import ActingToken
from inbound.api.idempotency import ActionKey, BroadcastKey
from inbound.api.json_bodies import JsonRoute
from inbound.api.list_freshness import result_freshness
from inbound.api.models import CurrentAnswer
from inbound.api.problems import ProblemKind, Refusal, invalid
from inbound.broadcasts.content import DraftError
from inbound.broadcasts.loading import find_exclusion_page
from inbound.handlers.broadcasts import BroadcastAction
from inbound.orders.horizon import too_far

router = APIRouter(tags=["broadcasts"], route_class=JsonRoute)

BroadcastId = Annotated[UUID, Path(description="the id in the answer to `POST /v1/broadcasts`")]

_ONE: Final = BROADCASTS_PATH + "/{broadcast_id}"


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request about one broadcast: which one, and who asks."""

    broadcast_id: UUID
    backend: Backend
    who: Principal


async def _asked(broadcast_id: BroadcastId, backend: BackendDep, who: MaySend) -> _Asked:
    return _Asked(broadcast_id, backend, who)


Asked = Annotated[_Asked, Depends(_asked)]


@router.post(
    BROADCASTS_PATH,
    operation_id="createBroadcast",
    status_code=201,
    summary="Create a broadcast",
    description="A draft with its audience: nothing is sent before `start`. Rows without a mobile "
    "number or a field, repeated numbers, people outside the directory (unless the account has the "
    "right `strangers`) and people who have switched notifications off are excluded and counted by "
    "reason. If the rows themselves are why nobody is left, no draft is made: the answer is the "
    "problem `invalid`, which names the field that no row has, or the faults of the first rows. "
    "A draft without recipients can't be started.",
    response_description="The draft.",
    response_model_exclude_none=True,
)
async def create_broadcast(
    body: BroadcastToCreate,
    backend: BackendDep,
    who: MaySend,
    idempotency_key: BroadcastKey = None,
) -> BroadcastDetails:
    """Store a draft."""
    hours = body.sending_hours(backend.sending.zone)
    create = backend.broadcasting.create
    try:
        made = await run_or_refuse(
            backend, create, body, hours, _caller(who), backend.clock(), idempotency_key
        )
    except DraftError as error:
        if error.field == "account":  # it is the token's, not the body's
            raise Refusal(ProblemKind.FORBIDDEN, str(error)) from None
        raise await asyncio.to_thread(invalid_draft, error) from None
    return BroadcastDetails.reviewed(*made)


@router.get(
    BROADCASTS_PATH,
    operation_id="listBroadcasts",
    summary="List broadcasts",
    description="Those of the token's account, newest first.",
    response_description="The broadcasts.",
    response_model_exclude_none=True,
)
async def list_broadcasts(
    query: Annotated[BroadcastQuery, Query()], backend: BackendDep, who: MaySend
) -> BroadcastList:
    """Answer with the newest broadcasts of the account."""
    freshness = await result_freshness(backend, None)
    found = await backend.run(backend.broadcasting.list_, who.account, query.limit)
    return BroadcastList(
        broadcasts=[BroadcastReport.of(*one) for one in found], **BroadcastList.current(freshness)
    )


@router.get(
    _ONE,
    operation_id="broadcast",
    summary="How far is this broadcast?",
    description="Its state, what it sends, and how many recipients have got it. Before it begins, "
    "`warnings` say which limits of the account its audience exceeds.",
    response_description="The broadcast.",
    response_model_exclude_none=True,
)
async def broadcast(asked: Asked) -> BroadcastDetails:
    """Answer with a broadcast of the account."""
    backend = asked.backend
    freshness = await result_freshness(backend, None)
    show = backend.broadcasting.show
    shown = await run_or_refuse(
        backend, show, asked.broadcast_id, asked.who.account, backend.clock()
    )
    return BroadcastDetails.reviewed(*shown).model_copy(update=CurrentAnswer.current(freshness))


@router.delete(
    _ONE,
    operation_id="deleteBroadcast",
    status_code=204,
    summary="Delete a draft",
    description="With its audience, if it was never started; `cancel` ends any other broadcast. If "
    "it is no such draft, the answer is the problem `not-possible`; once deleted it is not found.",
    response_description="The draft is deleted.",
)
async def delete_broadcast(asked: Asked) -> None:
    """Delete a draft of the account."""
    backend = asked.backend
    await run_or_refuse(
        backend, backend.broadcasting.delete, asked.broadcast_id, _caller(asked.who)
    )


@router.get(
    _ONE + "/excluded",
    operation_id="excludedRows",
    summary="Which rows of the audience get no message?",
    description="In the order of the audience, in pages; without numbers. They are kept as long as "
    "the audience.",
    response_description="A page of excluded rows.",
    response_model_exclude_none=True,
)
async def excluded_rows(asked: Asked, query: Annotated[ExcludedQuery, Query()]) -> ExcludedRows:
    """Answer with a page of excluded rows."""
    backend, broadcast_id = asked.backend, asked.broadcast_id
    await run_or_refuse(backend, backend.broadcasting.require, broadcast_id, asked.who.account)
    # One more shows whether there is a next page.
    found = await backend.run(find_exclusion_page, broadcast_id, query.after, query.limit + 1)
    page = found[: query.limit]
    return ExcludedRows(
        rows=[ExcludedRowReport.of(row) for row in page],
        next_after=page[-1].row_no if len(found) > len(page) else None,
    )


@router.get(
    _ONE + "/recipients",
    operation_id="recipients",
    summary="Whom has this broadcast not reached?",
    description="Recipients in the order of the audience, in pages, without numbers: those in one "
    "`state`, or all whom it has not reached. They are kept as long as the audience.",
    response_description="A page of recipients.",
    response_model_exclude_none=True,
)
async def recipients(asked: Asked, query: Annotated[RecipientsQuery, Query()]) -> Recipients:
    """Answer with a page of recipients."""
    backend = asked.backend
    freshness = await result_freshness(backend, None)
    outcomes = backend.broadcasting.outcomes
    page = await run_or_refuse(backend, outcomes, asked.broadcast_id, asked.who.account, query)
    return Recipients(
        recipients=[RecipientReport.of(one) for one in page.outcomes],
        next_after=page.next_after,
        **Recipients.current(freshness),
    )


@router.post(
    _ONE + "/start",
    operation_id="startBroadcast",
    summary="Start a broadcast",
    description="Now, or later with `at`, which also moves a scheduled one. A large one then waits "
    "for the approval of another token or person. Safe to repeat. If it isn't possible any more, "
    "or without `at` for one that is scheduled for later, the answer is the problem "
    "`not-possible`.",
    response_description="The broadcast as it is now.",
    response_model_exclude_none=True,
)
async def start_broadcast(
    asked: Asked, query: Annotated[StartQuery, Query()], idempotency_key: ActionKey = None
) -> BroadcastDetails:
    """Start a broadcast of the account."""
    now, days = asked.backend.clock(), asked.backend.sending.ahead_days
    if query.at is not None and query.at > now + timedelta(days=days):
        raise invalid("query.at", too_far(days))
    return await _perform(asked, BroadcastAction.START, idempotency_key, query.at)


def _add_action(action: BroadcastAction, summary: str, description: str) -> None:
    @router.post(
        f"{_ONE}/{action.value}",
        operation_id=f"{action.value}Broadcast",
        summary=summary,
        description=f"{description} Safe to repeat. If it isn't possible in the state of the "
        "broadcast, the answer is the problem `not-possible`.",
        response_description="The broadcast as it is now.",
        response_model_exclude_none=True,
    )
    async def change(asked: Asked, idempotency_key: ActionKey = None) -> BroadcastDetails:
        return await _perform(asked, action, idempotency_key)


_add_action(
    BroadcastAction.APPROVE,
    "Approve a broadcast",
    "One that another token or person has created and started.",
)
_add_action(
    BroadcastAction.CONFIRM,
    "Confirm a broadcast",
    "One that has missed its start: it starts at once.",
)
_add_action(
    BroadcastAction.PAUSE, "Pause a broadcast", "Within seconds nothing more of it is sent."
)
_add_action(
    BroadcastAction.RESUME,
    "Resume a broadcast",
    "A paused one goes on where it was. One that is scheduled for later is not paused.",
)
_add_action(
    BroadcastAction.CANCEL, "Cancel a broadcast", "For good: what was not sent is withheld."
)


async def _perform(
    asked: _Asked, action: BroadcastAction, key: str | None, starts_at: datetime | None = None
) -> BroadcastDetails:
    backend, caller = asked.backend, _caller(asked.who)
    perform = backend.broadcasting.perform
    after = await run_or_refuse(
        backend, perform, asked.broadcast_id, action, caller, backend.clock(), starts_at, key
    )
    return BroadcastDetails.reviewed(*after)


def _caller(who: Principal) -> ActingToken:
    return ActingToken(who.account, who.actor)
