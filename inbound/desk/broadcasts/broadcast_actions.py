"""Routes of the actions on a broadcast."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from inbound.broadcasts.control import NotPossibleError, StartInPastError
from inbound.desk.access import Desk, DeskDep, see_other
from inbound.desk.broadcasts.broadcast_pages import ONE, PATH, BroadcastNotice, known, page
from inbound.desk.broadcasts.broadcasts import Live, StaleActionError
from inbound.desk.messages.send_forms import TOO_FAR
from inbound.desk.moments import latest_time
from inbound.desk.problems import SentForm
from inbound.desk.roles import Right
from inbound.desk.visitors import Action, Does
from inbound.handlers import broadcasts as states
from inbound.handlers.broadcasts import BroadcastState

_REFUSALS: Final[Mapping[str, str]] = {
    "stale": "This broadcast has changed since you opened the page. Nothing was done: look at it "
    "as it is now, and decide again.",
    "approved": "{by} has approved it already: nothing is left to be done.",
    "past": "This time has passed. Leave it empty to start at once.",
    "no time": "This is not a time. Write it like 2026-05-17T10:00.",
    "too far": TOO_FAR,
    "own": "You have created or started it: somebody else has to approve it.",
    "not now": "This is not possible in its present state. Nothing was done.",
    "nobody": "It has no recipients, so it can't be started.",
}

router = APIRouter()
MayPrepare = Annotated[Action, Depends(Does(Right.PREPARE_BROADCASTS))]
MayApprove = Annotated[Action, Depends(Does(Right.APPROVE_BROADCASTS))]
MayControl = Annotated[Action, Depends(Does(Right.CONTROL_BROADCASTS))]


@router.post(f"{ONE}/start")
async def start(
    request: Request, desk: DeskDep, action: MayPrepare, broadcast_id: UUID
) -> Response:
    """Start a draft, now or later, or ask for its approval; or move a future start."""
    typed = action.form["at"].strip()
    try:
        starts_at = _local_moment(typed, desk.sources.zone) if typed else None
    except ValueError:
        notice = BroadcastNotice(problem=_REFUSALS["no time"], typed_at=typed)
        return await page(request, desk, broadcast_id, notice, 422)
    days = desk.broadcast_drafts.ahead_days
    if starts_at is not None and starts_at > desk.clock() + timedelta(days=days):
        latest = {"latest": latest_time(desk.clock(), days, desk.sources.zone)}
        notice = BroadcastNotice(problem=_REFUSALS["too far"], values=latest, typed_at=typed)
        return await page(request, desk, broadcast_id, notice, 422)
    return await _act(request, desk, action, broadcast_id, states.BroadcastAction.START, starts_at)


@router.post(f"{ONE}/approve")
async def approve(
    request: Request, desk: DeskDep, action: MayApprove, broadcast_id: UUID
) -> Response:
    """Approve what somebody else has prepared."""
    return await _act(request, desk, action, broadcast_id, states.BroadcastAction.APPROVE)


@router.post(f"{ONE}/confirm")
async def confirm(
    request: Request, desk: DeskDep, action: MayControl, broadcast_id: UUID
) -> Response:
    """Start a broadcast that has missed its start."""
    return await _act(request, desk, action, broadcast_id, states.BroadcastAction.CONFIRM)


@router.post(f"{ONE}/pause")
async def pause(
    request: Request, desk: DeskDep, action: MayControl, broadcast_id: UUID
) -> Response:
    """Pause a broadcast."""
    return await _act(request, desk, action, broadcast_id, states.BroadcastAction.PAUSE)


@router.post(f"{ONE}/resume")
async def resume(
    request: Request, desk: DeskDep, action: MayControl, broadcast_id: UUID
) -> Response:
    """Resume a paused broadcast."""
    return await _act(request, desk, action, broadcast_id, states.BroadcastAction.RESUME)


@router.post(f"{ONE}/cancel")
async def cancel(
    request: Request, desk: DeskDep, action: MayControl, broadcast_id: UUID
) -> Response:
    """Cancel a broadcast for good."""
    return await _act(request, desk, action, broadcast_id, states.BroadcastAction.CANCEL)


@router.post(f"{ONE}/delete")
async def delete_draft(
    request: Request, desk: DeskDep, action: MayPrepare, broadcast_id: UUID
) -> Response:
    """Delete a draft that was never started."""
    by, seen = action.visitor.session.actor, action.form["seen"]
    try:
        await known(desk, broadcast_id, desk.broadcasts.delete(broadcast_id, seen=seen, by=by))
    except (StaleActionError, NotPossibleError):
        notice = BroadcastNotice(problem=_REFUSALS["stale"])
        return await page(request, desk, broadcast_id, notice, 409)
    return see_other(f"{PATH}?done=delete")


async def _act(
    request: Request,
    desk: Desk,
    action: Action,
    broadcast_id: UUID,
    wanted: states.BroadcastAction,
    starts_at: datetime | None = None,
) -> Response:
    by, seen = action.visitor.session.actor, action.form["seen"]
    values: Mapping[str, object] = {}
    try:
        after = await known(
            desk,
            broadcast_id,
            desk.broadcasts.perform(broadcast_id, wanted, seen=seen, by=by, starts_at=starts_at),
        )
    except StartInPastError:
        why, status = "past", 422
    except StaleActionError:
        now = await known(desk, broadcast_id, desk.broadcasts.live(broadcast_id))
        approver = now.one.lifecycle.approved_by
        why, status = "stale", 409
        if wanted is states.BroadcastAction.APPROVE and approver is not None:
            why, values = "approved", {"by": approver}
    except NotPossibleError:
        now = await known(desk, broadcast_id, desk.broadcasts.live(broadcast_id))
        why, status = _impossible(wanted, now), 409
    else:
        return see_other(f"{PATH}/{broadcast_id}?done={_done(wanted, after.state, action.form)}")
    refusal = BroadcastNotice(problem=_REFUSALS[why], values=values, typed_at=action.form["at"])
    return await page(request, desk, broadcast_id, refusal, status)


def _impossible(wanted: states.BroadcastAction, now: Live) -> str:
    if (
        wanted is states.BroadcastAction.APPROVE
        and now.one.state is BroadcastState.AWAITING_APPROVAL
    ):
        return "own"
    return "not now" if now.one.lifecycle.recipients else "nobody"


def _done(wanted: states.BroadcastAction, after: BroadcastState, form: SentForm) -> str:
    if wanted is not states.BroadcastAction.START:
        return wanted.value
    if form["moves"]:
        return "move"
    return "request" if after is BroadcastState.AWAITING_APPROVAL else "start"


def _local_moment(text: str, zone: str) -> datetime:
    """Return a time as a form has it. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))
