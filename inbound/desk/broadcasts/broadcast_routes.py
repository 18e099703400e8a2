"""Routes that show broadcasts: the list, and one broadcast with its live progress."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from inbound.desk.access import DeskDep
from inbound.desk.broadcasts.broadcast_pages import (
    ONE,
    PATH,
    BroadcastNotice,
    known,
    live_values,
    page,
    start_bounds,
    words_of,
)
from inbound.desk.navigation import MenuEntry
from inbound.desk.roles import Right
from inbound.desk.visitors import Sees, Visitor

PLACE: Final = MenuEntry(PATH, "Broadcasts", "broadcast", Right.BROADCASTS)
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

router = APIRouter()
MaySee = Annotated[Visitor, Depends(Sees(Right.BROADCASTS))]


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


@router.get(ONE)
async def broadcast(
    request: Request, desk: DeskDep, _: MaySee, broadcast_id: UUID, done: str = ""
) -> Response:
    """Show a broadcast."""
    return await page(request, desk, broadcast_id, BroadcastNotice(done=_DONE.get(done, "")))


@router.get(f"{ONE}/live")
async def live_part(
    request: Request, desk: DeskDep, _: MaySee, broadcast_id: UUID, seen: str = ""
) -> Response:
    """Answer with the live part of the page, at most a second old.

    If actions depend on what has changed, they and the history come with it, as they are now.
    """
    now = await known(desk, broadcast_id, desk.broadcasts.watch(broadcast_id))
    if now.version == seen:
        return desk.pages.answer(
            request, "broadcast_live.html", 200, None, **live_values(request, now)
        )
    looked = await known(desk, broadcast_id, desk.broadcasts.look(broadcast_id))
    values = live_values(request, looked.live)
    return desk.pages.answer(
        request,
        "broadcast_changed.html",
        200,
        None,
        looked=looked,
        review=looked.review,
        notice=BroadcastNotice(),
        bounds=start_bounds(desk),
        **values,
    )


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
