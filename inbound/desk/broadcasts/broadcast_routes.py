"""Routes of broadcasts: the list, one broadcast with its live progress, and its actions."""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Final, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, Response

from inbound.broadcasts.control import NotPossibleError, UnknownBroadcastError
from inbound.desk.access import Desk, DeskDep, see_other
from inbound.desk.broadcasts import broadcast_words
from inbound.desk.broadcasts.broadcasts import Live, StaleActionError, StartInPastError, is_moving
from inbound.desk.navigation import Place
from inbound.desk.problems import SentForm, Trouble
from inbound.desk.roles import Right
from inbound.desk.visitors import Action, Does, Sees, Visitor
from inbound.handlers import broadcasts as states
from inbound.handlers.broadcasts import BroadcastState
from inbound.parsers.numbers import mask
from inbound.store.broadcasts.rows import Broadcast

PATH: Final = "/broadcasts"
PLACE: Final = Place(PATH, "Broadcasts", "broadcast", Right.BROADCASTS)
_ONE: Final = PATH + "/{broadcast_id}"
_DONE: Final = {
    "create": "The draft is made. Nothing is sent before it is started: look at it first.",
    "used": "Your table was used for this draft, and was deleted since.",
    "start": "The broadcast is started.",
    "request": "Approval is asked for. It starts when somebody else has approved it.",
    "move": "The start is moved.",
    "approve": "The broadcast is approved. It starts by itself: at its time, or at once if that "
    "has passed.",
    "confirm": "The broadcast is starting.",
    "pause": "The broadcast is paused: within seconds nothing more of it is sent.",
    "resume": "The broadcast goes on where it was.",
    "delete": "The draft is deleted.",
    "cancel": "The broadcast is cancelled: what was not sent is withheld.",
}
_REFUSALS: Final[Mapping[str, str]] = {
    "stale": "Somebody else has changed this broadcast since you opened the page. Nothing was "
    "done: look at it as it is now, and decide again.",
    "approved": "{by} has approved it already: nothing is left to be done.",
    "past": "This time has passed. Leave it empty to start at once.",
    "no time": "This is not a time. Write it like 2026-05-17T10:00.",
    "too far": "This is too far ahead: up to {days} days are possible.",
    "own": "You have created or started it: somebody else has to approve it.",
    "not now": "This is not possible in its present state. Nothing was done.",
    "nobody": "It has no recipients, so it can't be started.",
}
_MOVING_EVERY: Final = "2s"
_STILL_EVERY: Final = "10s"

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Notice:
    """What an action led to: what was done, or what is wrong and what was typed."""

    done: str = ""
    problem: str = ""
    values: Mapping[str, object] = field(default_factory=dict)
    typed_at: str = ""
    typed_reason: str = ""


router = APIRouter()
MaySee = Annotated[Visitor, Depends(Sees(Right.BROADCASTS))]
MayPrepare = Annotated[Action, Depends(Does(Right.PREPARE_BROADCASTS))]
MayApprove = Annotated[Action, Depends(Does(Right.APPROVE_BROADCASTS))]
MayControl = Annotated[Action, Depends(Does(Right.CONTROL_BROADCASTS))]


@router.get(PATH)
async def broadcasts(
    request: Request,
    desk: DeskDep,
    _: MaySee,
    account: str = "",
    behind: str = "",
    done: str = "",
) -> Response:
    """List broadcasts, the newest first."""
    listing = await desk.broadcasts.list_(account or None, _id(behind))
    return desk.pages.answer(
        request,
        "broadcasts.html",
        200,
        None,
        listing=listing,
        accounts=await desk.broadcast_drafts.accounts(),
        chosen_account=account,
        is_first=not behind,
        done=_DONE["delete"] if done == "delete" else "",
        **words_of(request),
    )


@router.get(_ONE)
async def broadcast(
    request: Request, desk: DeskDep, _: MaySee, broadcast_id: UUID, done: str = ""
) -> Response:
    """Show a broadcast."""
    return await page(request, desk, broadcast_id, Notice(done=_DONE.get(done, "")))


@router.get(f"{_ONE}/live")
async def live_part(
    request: Request, desk: DeskDep, _: MaySee, broadcast_id: UUID, seen: str = ""
) -> Response:
    """Answer with the part of the page that changes by itself, as it was within a second.

    If actions depend on what has changed, they and the history come with it, as they are now.
    """
    now = await _known(desk, broadcast_id, desk.broadcasts.watch(broadcast_id))
    if now.version == seen:
        return desk.pages.answer(
            request, "broadcast_live.html", 200, None, **_live_values(request, now)
        )
    looked = await _known(desk, broadcast_id, desk.broadcasts.look(broadcast_id))
    values = _live_values(request, looked.live)
    return desk.pages.answer(
        request,
        "broadcast_changed.html",
        200,
        None,
        looked=looked,
        review=looked.review,
        notice=Notice(),
        now_local="",
        **values,
    )


@router.post(f"{_ONE}/start")
async def start(
    request: Request, desk: DeskDep, action: MayPrepare, broadcast_id: UUID
) -> Response:
    """Start a draft, now or later, or ask for its approval; or move a start that is to come."""
    typed = action.form["at"].strip()
    try:
        starts_at = _local_moment(typed, desk.sources.zone) if typed else None
    except ValueError:
        notice = Notice(problem=_REFUSALS["no time"], typed_at=typed)
        return await page(request, desk, broadcast_id, notice, 422)
    days = desk.broadcast_drafts.ahead_days
    if starts_at is not None and starts_at > desk.clock() + timedelta(days=days):
        notice = Notice(problem=_REFUSALS["too far"], values={"days": days}, typed_at=typed)
        return await page(request, desk, broadcast_id, notice, 422)
    return await _act(request, desk, action, broadcast_id, states.Action.START, starts_at)


@router.post(f"{_ONE}/approve")
async def approve(
    request: Request, desk: DeskDep, action: MayApprove, broadcast_id: UUID
) -> Response:
    """Approve what somebody else has prepared."""
    return await _act(request, desk, action, broadcast_id, states.Action.APPROVE)


@router.post(f"{_ONE}/confirm")
async def confirm(
    request: Request, desk: DeskDep, action: MayControl, broadcast_id: UUID
) -> Response:
    """Start a broadcast that has missed its start."""
    return await _act(request, desk, action, broadcast_id, states.Action.CONFIRM)


@router.post(f"{_ONE}/pause")
async def pause(
    request: Request, desk: DeskDep, action: MayControl, broadcast_id: UUID
) -> Response:
    """Pause a broadcast."""
    return await _act(request, desk, action, broadcast_id, states.Action.PAUSE)


@router.post(f"{_ONE}/resume")
async def resume(
    request: Request, desk: DeskDep, action: MayControl, broadcast_id: UUID
) -> Response:
    """Resume a paused broadcast."""
    return await _act(request, desk, action, broadcast_id, states.Action.RESUME)


@router.post(f"{_ONE}/cancel")
async def cancel(
    request: Request, desk: DeskDep, action: MayControl, broadcast_id: UUID
) -> Response:
    """Cancel a broadcast for good."""
    return await _act(request, desk, action, broadcast_id, states.Action.CANCEL)


@router.post(f"{_ONE}/delete")
async def delete_draft(
    request: Request, desk: DeskDep, action: MayPrepare, broadcast_id: UUID
) -> Response:
    """Delete a draft that was never started."""
    by, seen = action.visitor.session.actor, action.form["seen"]
    try:
        await _known(desk, broadcast_id, desk.broadcasts.delete(broadcast_id, seen=seen, by=by))
    except (StaleActionError, NotPossibleError):
        notice = Notice(problem=_REFUSALS["stale"])
        return await page(request, desk, broadcast_id, notice, 409)
    return see_other(f"{PATH}?done=delete")


async def _act(
    request: Request,
    desk: Desk,
    action: Action,
    broadcast_id: UUID,
    wanted: states.Action,
    starts_at: datetime | None = None,
) -> Response:
    by, seen = action.visitor.session.actor, action.form["seen"]
    values: Mapping[str, object] = {}
    try:
        after = await _known(
            desk,
            broadcast_id,
            desk.broadcasts.perform(broadcast_id, wanted, seen=seen, by=by, starts_at=starts_at),
        )
    except StartInPastError:
        why, status = "past", 422
    except StaleActionError:
        now = await _known(desk, broadcast_id, desk.broadcasts.live(broadcast_id))
        approver = now.one.lifecycle.approved_by
        why, status = "stale", 409
        if wanted is states.Action.APPROVE and approver is not None:
            why, values = "approved", {"by": approver}
    except NotPossibleError:
        now = await _known(desk, broadcast_id, desk.broadcasts.live(broadcast_id))
        why, status = _impossible(wanted, now), 409
    else:
        return see_other(f"{PATH}/{broadcast_id}?done={_done(wanted, after.state, action.form)}")
    refusal = Notice(problem=_REFUSALS[why], values=values, typed_at=action.form["at"])
    return await page(request, desk, broadcast_id, refusal, status)


def _impossible(wanted: states.Action, now: Live) -> str:
    if wanted is states.Action.APPROVE and now.one.state is BroadcastState.AWAITING_APPROVAL:
        return "own"
    return "not now" if now.one.lifecycle.recipients else "nobody"


def _done(wanted: states.Action, after: BroadcastState, form: SentForm) -> str:
    if wanted is not states.Action.START:
        return wanted.value
    if form["moves"]:
        return "move"
    return "request" if after is BroadcastState.AWAITING_APPROVAL else "start"


async def page(
    request: Request, desk: Desk, broadcast_id: UUID, notice: Notice, status: int = 200
) -> HTMLResponse:
    """Return the page of a broadcast."""
    looked = await _known(desk, broadcast_id, desk.broadcasts.look(broadcast_id))
    soon = desk.clock().astimezone(ZoneInfo(desk.sources.zone))
    return desk.pages.answer(
        request,
        "broadcast.html",
        status,
        None,
        looked=looked,
        review=looked.review,
        notice=notice,
        now_local=f"{soon:%Y-%m-%dT%H:%M}",
        own_sender=desk.broadcast_drafts.own_sender,
        masked=mask,
        duration=_duration(looked.live.one),
        **_live_values(request, looked.live),
    )


def _duration(one: Broadcast) -> timedelta:
    """Return how long it sends at its rate; nothing if that can't be told."""
    return timedelta(seconds=one.lifecycle.recipients / one.rate if one.rate else 0)


def words_of(request: Request) -> dict[str, object]:
    """Return how templates write broadcasts."""
    return {"w": broadcast_words, "n": broadcast_words.Numbers(request.state.language)}


def _live_values(request: Request, live: Live) -> dict[str, object]:
    visitor: Visitor = request.state.visitor
    now = live.one.lifecycle
    return {
        "live": live,
        "one": live.one,
        "every": _MOVING_EVERY if is_moving(live.one) else _STILL_EVERY,
        "is_own": visitor.session.actor in {now.created_by, now.started_by},
        **words_of(request),
    }


async def _known(desk: Desk, broadcast_id: UUID, looking: Awaitable[Result]) -> Result:
    try:
        return await looking
    except UnknownBroadcastError:
        pass
    raise await unknown_broadcast(desk, broadcast_id)


async def unknown_broadcast(desk: Desk, broadcast_id: UUID) -> Trouble:
    """Say that there is no broadcast with this id, and who deleted it if somebody did."""
    deleted = await desk.broadcasts.deletion(broadcast_id)
    if deleted is None:
        return Trouble(
            404,
            "There is no such broadcast.",
            "Check the address, or choose a broadcast from the list.",
        )
    at = deleted.at.astimezone(ZoneInfo(desk.sources.zone))
    return Trouble(
        404,
        "{by} deleted this draft: {at}.",
        "Choose a broadcast from the list, or make the draft anew.",
        values={"by": deleted.actor, "at": f"{at:%d.%m.%Y %H:%M}"},
    )


def _local_moment(text: str, zone: str) -> datetime:
    """Return a time as a form has it. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
