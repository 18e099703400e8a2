"""Routes of the search, and of one person. A number is in no address, title or log line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Request
from pydantic import ValidationError
from starlette.responses import HTMLResponse, Response

from inbound.desk.access import Desk, DeskDep, see_other
from inbound.desk.messages.send_forms import wrong, wrong_text
from inbound.desk.moments import addressed_moment
from inbound.desk.navigation import MenuEntry
from inbound.desk.person.people import FoundPeople, Who
from inbound.desk.person.search import SearchResult, search_places
from inbound.desk.person.thread import thread_of
from inbound.desk.person.typed_numbers import why_no_number
from inbound.desk.problems import ErrorPage
from inbound.desk.roles import Right
from inbound.desk.visitors import Action, Does, Sees, Visitor
from inbound.desk.words import Sayable
from inbound.handlers.registrations import Operator
from inbound.store.access.audit import ReasonError, check_reason
from inbound.timeline.model import ClientQuestion
from inbound.timeline.reader import Reveal
from schemas.orders import LONGEST_TEXT, Order, OrderState
from schemas.texts import is_blank

PATH: Final = "/people"
PLACE: Final = MenuEntry(PATH, "People", "search", Right.PEOPLE)
_DONE: Final = {
    "on": "Notifications were switched on.",
    "off": "Notifications were switched off.",
    "same": "Nothing was changed: it was like that already.",
    "sent": "The notification was placed. Its state is below.",
    "cancelled": "The message was cancelled: it is not sent.",
    "late": "It was not cancelled: it is no longer waiting for its time.",
}
QUESTIONS: Final[Mapping[ClientQuestion, str]] = {
    ClientQuestion.GOT_IT_TWICE: "“I got it twice”",
    ClientQuestion.STILL_GETS_MESSAGES: "“I switched it off and still get messages”",
}
"""What clients ask, as keys of words."""

_BAD_REASON: Final = (
    "Give a reason in up to 300 characters, without a phone number: it is kept for ever."
)


@dataclass(frozen=True, slots=True)
class PersonNotice:
    """The result of an action: what was done, or what is wrong, by form, and what was typed."""

    done: str = ""
    is_late: bool = False
    problems: Mapping[str, Sayable] = field(default_factory=dict)
    typed: Mapping[str, str] = field(default_factory=dict)


router = APIRouter()
MaySee = Annotated[Visitor, Depends(Sees(Right.PEOPLE))]
MaySearch = Annotated[Action, Depends(Does(Right.PEOPLE))]
MayReveal = Annotated[Action, Depends(Does(Right.REVEAL))]
MaySwitch = Annotated[Action, Depends(Does(Right.SWITCH))]
MaySend = Annotated[Action, Depends(Does(Right.SEND))]


async def _who(desk: DeskDep, name: str) -> Who:
    who = await desk.people.find(name)
    if who is None:
        raise ErrorPage(
            404,
            "Nobody is known by this address.",
            "The person may have been erased. Search for them again.",
        )
    return who


@router.get(PATH)
async def search_page(request: Request, desk: DeskDep, _: MaySee) -> Response:
    """Show the search."""
    return _results(request, desk, None, "")


@router.post(f"{PATH}/search")
async def search(request: Request, desk: DeskDep, action: MaySearch) -> Response:
    """Redirect to the person that was searched for, or list several."""
    typed = action.form["q"]
    if not typed.strip():
        return see_other(PATH)
    found = await desk.people.search(typed)
    places = [
        place
        for place in await search_places(desk.sources.pool, typed)
        if place.right in action.visitor.rights
    ]
    paths = [f"{PATH}/{who.name}{f'#e{who.entry}' if who.entry else ''}" for who in found.people]
    paths += [place.path for place in places]
    if len(paths) == 1:
        return see_other(paths[0])
    return _results(request, desk, found, typed, places, why_no_number(typed))


# Each guard comes before the person is looked up: who may not see them learns nothing.
@router.get(f"{PATH}/{{name}}")
async def person(
    request: Request, desk: DeskDep, _: MaySee, name: str, until: str = "", done: str = ""
) -> Response:
    """Show a person, with the number masked."""
    who, notice = await _who(desk, name), PersonNotice(_DONE.get(done, ""), done == "late")
    return await _page(request, desk, who, notice, until=addressed_moment(until))


@router.post(f"{PATH}/{{name}}/reveal")
async def reveal(request: Request, desk: DeskDep, action: MayReveal, name: str) -> Response:
    """Show a person with the whole number; recorded before."""
    who = await _who(desk, name)
    try:
        reason = check_reason(action.form["reason"])
    except ReasonError:
        return await _refuse(request, desk, who, {"reveal": _BAD_REASON}, action)
    actor = action.visitor.session.actor
    return await _page(request, desk, who, PersonNotice(), revealing=Reveal(actor, reason))


@router.post(f"{PATH}/{{name}}/switch")
async def switch(request: Request, desk: DeskDep, action: MaySwitch, name: str) -> Response:
    """Switch notifications on or off, as the person has asked."""
    who = await _who(desk, name)
    to = action.form.choice("to", ("on", "off"))
    try:
        reason = check_reason(action.form["reason"])
    except ReasonError:
        return await _refuse(request, desk, who, {"switch": _BAD_REASON}, action)
    operator = Operator(action.visitor.session.actor, reason)
    is_changed = await desk.people.switch(who, operator, on=to == "on")
    # A person who had no subject has one now.
    now = await desk.people.search(who.number)
    return see_other(f"{PATH}/{now.people[0].name}?done={to if is_changed else 'same'}")


@router.post(f"{PATH}/{{name}}/send")
async def send(request: Request, desk: DeskDep, action: MaySend, name: str) -> Response:
    """Send a notification."""
    who = await _who(desk, name)
    text = action.form["text"].replace("\r\n", "\n")
    blank = wrong("send", "Type a text first.")
    problems = blank if is_blank(text) else wrong_text("send", text)
    if problems:
        return await _refuse(request, desk, who, problems, action)
    try:
        order_id = UUID(action.form["once"])
        order = Order(phone=who.number, text=text, idempotency_key=str(order_id), order_id=order_id)
        placed = await desk.sending.place(action.visitor.session.actor, order)
    except (ValidationError, ValueError):
        problem = "Nothing was sent: the form has something that can't be sent."
        return await _refuse(request, desk, who, {"send": problem}, action)
    if placed.reason is not None:
        problem = "It was refused. The newest entry of the thread says why, and what to do."
        return await _refuse(request, desk, who, {"send": problem}, action)
    now = await desk.people.search(who.number)
    return see_other(f"{PATH}/{now.people[0].name}?done=sent#e{placed.order_id}")


def _results(
    request: Request,
    desk: Desk,
    found: FoundPeople | None,
    searched: str,
    places: Sequence[SearchResult] = (),
    why: str = "",
) -> HTMLResponse:
    masked = desk.people.masked
    return desk.pages.answer(
        request,
        "people.html",
        found=found,
        searched=searched,
        places=places,
        why=why,
        masked=masked,
    )


async def _refuse(
    request: Request, desk: Desk, who: Who, problems: Mapping[str, Sayable], action: Action
) -> HTMLResponse:
    typed = {name: action.form[name] for name in ("reason", "text")}
    return await _page(request, desk, who, PersonNotice(problems=problems, typed=typed), 422)


async def _page(
    request: Request,
    desk: Desk,
    who: Who,
    notice: PersonNotice,
    status: int = 200,
    *,
    until: datetime | None = None,
    revealing: Reveal | None = None,
) -> HTMLResponse:
    found = await desk.people.read(who, request.state.language, until, revealing)
    subscription = found.state.subscription if found.state else None
    may_send = request.state.visitor.may(Right.SEND)
    return desk.pages.answer(
        request,
        "person.html",
        status,
        person=found,
        subscription=subscription,
        is_on=subscription is None or subscription.may_be_texted,
        switch=found.switch,
        entries=thread_of(found.timeline),
        revealed=revealing is not None,
        notice=notice,
        once=uuid4(),
        longest=LONGEST_TEXT,
        templates=await desk.templates.names() if may_send else [],
        questions=QUESTIONS,
        scheduled=[
            order for order in found.timeline.orders if order.verdict is OrderState.SCHEDULED
        ],
        older=found.timeline.next_until,
    )
