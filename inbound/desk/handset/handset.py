"""Routes of the handset: simulated phones, and the path of the last text through the service."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from inbound.desk.access import Desk, DeskDep, see_other
from inbound.desk.handset.phones import Conversation, PhoneError, Phones
from inbound.desk.handset.stations import Leg, legs_of
from inbound.desk.navigation import MenuEntry
from inbound.desk.problems import not_found
from inbound.desk.roles import Right
from inbound.desk.visitors import Action, Does, Sees, Visitor
from inbound.timeline.input import TimelineOptions
from inbound.timeline.model import Timeline
from inbound.timeline.words import accepted_spellings

PATH: Final = "/handset"
PLACE: Final = MenuEntry(PATH, "Handset", "phone", Right.HANDSET)
LONGEST: Final = 459
# While a text is on its way its page polls often, later rarely.
_BUSY: Final = timedelta(seconds=45)
_OFTEN: Final = "700ms"
_SELDOM: Final = "3s"
# The gateway may have received a text a moment before the phone is told that it was accepted.
_BEFORE: Final = timedelta(seconds=1)

router = APIRouter()
MaySee = Annotated[Visitor, Depends(Sees(Right.HANDSET))]
MayText = Annotated[Action, Depends(Does(Right.HANDSET))]


def _phones(desk: DeskDep) -> Phones:
    if desk.phones is None:
        raise not_found()
    return desk.phones


PhonesDep = Annotated[Phones, Depends(_phones)]


@dataclass(frozen=True, slots=True)
class Screen:
    """One phone as the page shows it. `problem` and `typed`: of a text that was not sent."""

    index: int
    number: str
    conversation: Conversation
    problem: str = ""
    typed: str = ""

    def after_s(self, at: datetime) -> float | None:
        """Return the seconds from the text before a reply, None for a message without one."""
        sent = [one.at for one in self.conversation.messages if one.is_sent and one.at <= at]
        return (at - sent[-1]).total_seconds() if sent else None


@router.get(PATH)
async def handset(request: Request, desk: DeskDep, _: MaySee, phones: PhonesDep) -> Response:
    """Show the phones."""
    return await _answer(request, desk, await _screens(phones), "handset.html")


@router.get(f"{PATH}/live")
async def live(
    request: Request, desk: DeskDep, _: MaySee, phones: PhonesDep, seen: str = ""
) -> Response:
    """Answer with what has changed since a page was made; 204 when nothing has."""
    answer = await _answer(request, desk, await _screens(phones), "handset_live.html")
    if answer.headers["ETag"] != seen:
        return answer
    request.state.is_quiet = True  # a line for each poll would fill the log
    return Response(status_code=204)


@router.post(f"{PATH}/text")
async def text(request: Request, desk: DeskDep, action: MayText, phones: PhonesDep) -> Response:
    """Send a text from a phone."""
    number = action.form["phone"]
    if number not in phones.numbers:
        raise not_found()
    typed = action.form["text"]
    problem = _check(typed)
    if not problem:
        try:
            await phones.send(number, typed)
        except PhoneError:
            problem = "The text was not sent: the simulated SMS centre does not take it."
    is_part = "hx-request" in request.headers
    if not problem and not is_part:
        return see_other(PATH)
    screens = await _screens(phones, number, problem, typed if problem else "")
    template = "handset_sent.html" if is_part else "handset.html"
    status = 422 if problem and not is_part else 200
    return await _answer(request, desk, screens, template, status, number)


def _check(typed: str) -> str:
    """Return what is wrong with a text, "" if nothing is."""
    if not typed.strip():
        return "Type a text first."
    return "A text has at most 459 characters here." if len(typed) > LONGEST else ""


async def _screens(
    phones: Phones, number: str = "", problem: str = "", typed: str = ""
) -> list[Screen]:
    screens = []
    for index, one in enumerate(phones.numbers):
        own = (problem, typed) if one == number else ("", "")
        screens.append(Screen(index, one, await phones.look(one), *own))
    return screens


async def _answer(
    request: Request,
    desk: Desk,
    screens: Sequence[Screen],
    template: str,
    status: int = 200,
    sender: str = "",
) -> Response:
    texts = [(sent.at, screen) for screen in screens if (sent := screen.conversation.last_sent)]
    last_at, last = max(texts, key=lambda pair: pair[0], default=(None, None))
    timeline = None
    if last_at is not None and last is not None:
        timeline = await _timeline(request, desk, last.number, last_at)
    is_busy = last_at is not None and desk.clock() - last_at < _BUSY
    values: dict[str, Any] = {
        "screens": screens,
        "ideas": accepted_spellings(),
        "longest": LONGEST,
        "last": last,
        "sender": sender,
        "legs": _legs(timeline),
        "timeline": timeline,
        "every": _OFTEN if is_busy else _SELDOM,
    }
    shown = desk.pages.answer(request, "handset_parts.html", **values).body
    mark = hashlib.sha256(bytes(shown)).hexdigest()[:16]
    headers = {"ETag": mark}
    return desk.pages.answer(request, template, status, headers, seen=mark, **values)


async def _timeline(request: Request, desk: Desk, number: str, sent_at: datetime) -> Timeline:
    """Return what happened to the last text of a phone."""
    options = TimelineOptions(
        desk.clock(), desk.sources.zone, request.state.language, since=sent_at - _BEFORE, limit=1
    )
    return await desk.sources.pool.run(desk.sources.timelines.by_number, number, options, None)


def _legs(timeline: Timeline | None) -> list[Leg]:
    """Return the stations; none for a text that made no request."""
    if timeline is None or timeline.requests:
        return legs_of(timeline.requests[0] if timeline else None)
    return [] if timeline.misses or timeline.unfinished else legs_of(None)
