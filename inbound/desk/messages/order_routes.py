"""Routes of messages that were sent to one person: lists, one message, and cancelling."""

import hashlib
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Annotated, Final, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, Response

from inbound.desk.access import Desk, DeskDep, see_other
from inbound.desk.forms import local_path
from inbound.desk.messages.send_routes import PATH, SENT_PATH
from inbound.desk.messages.sending import SHOWN, facts_price
from inbound.desk.moments import addressed_moment
from inbound.desk.person.message_states import OF_ORDER
from inbound.desk.person.thread import thread_of
from inbound.desk.problems import ErrorPage, not_found
from inbound.desk.roles import Right
from inbound.desk.visitors import Action, Does, Sees, Visitor
from inbound.parsers.numbers import mask
from inbound.timeline.ids import as_uuid
from inbound.timeline.model import Timeline
from schemas.orders import OrderState

Id = TypeVar("Id", int, UUID)

ORDERS: Final = f"{PATH}/orders"
SCHEDULED: Final = f"{PATH}/scheduled"
_DONE: Final = {
    "sent": "The message is accepted. What becomes of it is below.",
    "cancelled": "The message was cancelled: it is not sent.",
    "late": "It was not cancelled: it is no longer waiting for its time.",
}
_LONGEST_ID: Final = 18
_OPEN: Final = frozenset({OrderState.SCHEDULED, OrderState.QUEUED, OrderState.SENT})

router = APIRouter()
MaySee = Annotated[Visitor, Depends(Sees(Right.PEOPLE))]
MayCancel = Annotated[Action, Depends(Does(Right.SEND))]


@router.get(SENT_PATH)
async def sent(request: Request, desk: DeskDep, _: MaySee, before: str = "") -> Response:
    """List what users sent, newest first."""
    found = await desk.sending.sent(_place(before, _entry_id))
    rows = found[:SHOWN]
    last = rows[-1] if len(found) > SHOWN else None
    return desk.pages.answer(
        request,
        "sent.html",
        rows=rows,
        numbers=await _numbers(desk, (row.subject_id for row in rows)),
        shown=OF_ORDER,
        states=OrderState,
        next=f"{last.at.isoformat()}_{last.entry_id}" if last else "",
        is_first=not before,
    )


@router.get(SCHEDULED)
async def scheduled(
    request: Request, desk: DeskDep, _: MaySee, after: str = "", done: str = ""
) -> Response:
    """List scheduled messages, soonest first."""
    found = await desk.sending.scheduled(_place(after, UUID))
    rows = found[:SHOWN]
    last = rows[-1] if len(found) > SHOWN else None
    return desk.pages.answer(
        request,
        "scheduled.html",
        rows=rows,
        numbers=await _numbers(desk, (row.subject_id for row in rows)),
        next=f"{last.due_at.isoformat()}_{last.order_id}" if last else "",
        done=_DONE.get(done, ""),
        is_late=done == "late",
        is_first=not after,
    )


@router.get(f"{ORDERS}/{{order_id}}")
async def order(
    request: Request, desk: DeskDep, _: MaySee, order_id: str, done: str = ""
) -> Response:
    """Show what happened to one message."""
    found = await _find(request, desk, order_id)
    return await _page(request, desk, found, "order.html", done)


@router.get(f"{ORDERS}/{{order_id}}/state")
async def state(
    request: Request, desk: DeskDep, _: MaySee, order_id: str, seen: str = ""
) -> Response:
    """Answer with what has changed since a page was made; 204 when nothing has."""
    found = await _find(request, desk, order_id)
    answer = await _page(request, desk, found, "order_state.html")
    if answer.headers["ETag"] != seen:
        return answer
    request.state.is_quiet = True  # a line for each poll would fill the log
    return Response(status_code=204)


@router.post(f"{ORDERS}/{{order_id}}/cancel")
async def cancel(request: Request, desk: DeskDep, action: MayCancel, order_id: str) -> Response:
    """Cancel a scheduled message, and redirect back."""
    found = await _find(request, desk, order_id)
    [one] = found.orders
    after = await desk.sending.cancel(action.visitor.session.actor, one.order_id)
    back = local_path(action.form["back"])
    if back == "/":
        back = f"{ORDERS}/{one.order_id}"
    return see_other(f"{back}?done={'cancelled' if after is OrderState.CANCELLED else 'late'}")


async def _find(request: Request, desk: Desk, text: str) -> Timeline:
    order_id = as_uuid(text)
    if order_id is None:
        raise not_found()
    found = await desk.sending.order(order_id, request.state.language)
    if found is None:
        raise ErrorPage(
            404,
            "No message has this id.",
            "It may be too old to be kept. Search for the person: the thread has what is known.",
        )
    return found


async def _numbers(desk: Desk, subject_ids: Iterable[UUID | None]) -> dict[UUID, str]:
    """Return the masked numbers of people."""
    found = await desk.sending.numbers({one for one in subject_ids if one is not None})
    return {subject_id: mask(number) for subject_id, number in found.items()}


async def _page(
    request: Request, desk: Desk, found: Timeline, template: str, done: str = ""
) -> HTMLResponse:
    [one] = found.orders
    facts = await desk.sending.facts(found)
    values = {
        "timeline": found,
        "order": one,
        "entry": next(entry for entry in thread_of(found) if entry.id == str(one.order_id)),
        "facts": facts,
        "price": facts_price(facts, request.state.language),
        "is_open": one.verdict in _OPEN,
        "may_cancel": one.verdict is OrderState.SCHEDULED,
    }
    said = repr((one, found.pending)).encode()
    mark = hashlib.sha256(said).hexdigest()[:16]
    return desk.pages.answer(
        request,
        template,
        200,
        {"ETag": mark},
        seen=mark,
        done=_DONE.get(done, ""),
        is_late=done == "late",
        **values,
    )


def _place(text: str, read: Callable[[str], Id]) -> tuple[datetime, Id] | None:
    """Return where a page begins; None for the first one, and for an invalid value."""
    at, _, last = text.partition("_")
    try:
        moment = addressed_moment(at)
        return None if moment is None else (moment, read(last))
    except ValueError:
        return None


def _entry_id(text: str) -> int:
    if len(text) > _LONGEST_ID:
        raise ValueError("no id of an entry")
    return int(text)
