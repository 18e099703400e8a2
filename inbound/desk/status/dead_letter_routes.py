"""Routes of dead letters: a list, one of them, retrying and discarding."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from inbound.desk.access import Desk, DeskDep, see_other
from inbound.desk.problems import ErrorPage, SentForm
from inbound.desk.roles import Right
from inbound.desk.status.dead_letters import MOST_AT_ONCE, RetryRunningError
from inbound.desk.visitors import Action, Does, Sees, Visitor
from inbound.store.access.audit import ReasonError
from inbound.store.dead_letters.rows import Selection

PATH: Final = "/status/dead-letters"
_BAD_REASON: Final = "Give a reason in up to 250 characters, without a phone number: it is kept."
_DONE: Final = {
    "retried": "Published again: {count}. What fails once more comes back to this list.",
    "partly": "Published again: {count}. Kafka did not take {refused}; they are still here.",
    "discarded": "Discarded for good: {count}.",
}
_LONGEST: Final = 200
_HIGHEST_ID: Final = 2**62

router = APIRouter()
MaySee = Annotated[Visitor, Depends(Sees(Right.STATUS))]
MayChange = Annotated[Action, Depends(Does(Right.DEAD_LETTERS))]


@dataclass(frozen=True, slots=True)
class DeadLetterNotice:
    """The result of an action: what was done, or what is wrong and what was typed."""

    done: str = ""
    values: Mapping[str, object] = field(default_factory=dict)
    problem: str = ""
    typed: Mapping[str, str] = field(default_factory=dict)


@router.get(PATH)
async def dead_letters(
    request: Request,
    desk: DeskDep,
    _: MaySee,
    *,
    topic: str = "",
    like: str = "",
    after: int = 0,
    done: str = "",
    count: int = 0,
    refused: int = 0,
) -> Response:
    """List them, oldest first."""
    notice = DeadLetterNotice(_DONE.get(done, ""), {"count": count, "refused": refused})
    asked = {"topic": topic[:_LONGEST], "like": like[:_LONGEST]}
    return await _list_page(request, desk, asked, notice, after=min(after, _HIGHEST_ID))


# Before the route of one: these words are no ids.
@router.post(f"{PATH}/retry")
async def retry(request: Request, desk: DeskDep, action: MayChange) -> Response:
    """Publish those that the form selects again."""
    selection, upto = _selected(action.form)
    if not upto:
        return await _refuse(request, desk, action, "Confirm that all of them are meant.")
    try:
        retried = await desk.dead_letters.retry(selection, upto, action.visitor.session.actor)
    except RetryRunningError:
        problem = "Another retry is running. Try again when it has finished."
        return await _refuse(request, desk, action, problem)
    done = "partly" if retried.refused else "retried"
    counts = {"count": retried.published, "refused": retried.refused}
    return see_other(f"{PATH}?{urlencode({**_asked(action.form), 'done': done, **counts})}")


@router.post(f"{PATH}/discard")
async def discard(request: Request, desk: DeskDep, action: MayChange) -> Response:
    """Delete those that the form selects for good."""
    selection, upto = _selected(action.form)
    if not upto:
        return await _refuse(request, desk, action, "Confirm that all of them are meant.")
    actor = action.visitor.session.actor
    try:
        count = await desk.dead_letters.discard(selection, upto, actor, action.form["reason"])
    except ReasonError:
        return await _refuse(request, desk, action, _BAD_REASON)
    return see_other(
        f"{PATH}?{urlencode({**_asked(action.form), 'done': 'discarded', 'count': count})}"
    )


@router.get(f"{PATH}/{{letter}}")
async def dead_letter(request: Request, desk: DeskDep, _: MaySee, letter: str) -> Response:
    """Show one, masked."""
    return await _letter_page(request, desk, _id(letter), DeadLetterNotice())


@router.post(f"{PATH}/{{letter}}/reveal")
async def reveal(request: Request, desk: DeskDep, action: MayChange, letter: str) -> Response:
    """Show one with everything that it holds; recorded before."""
    try:
        return await _letter_page(request, desk, _id(letter), DeadLetterNotice(), revealing=action)
    except ReasonError:
        return await _refuse(request, desk, action, _BAD_REASON, letter=letter)


def _id(text: str) -> int:
    """Return the id in an address; 0, which no dead letter has, for anything else."""
    is_id = text.isascii() and text.isdigit() and len(text) < len(str(_HIGHEST_ID))
    return int(text) if is_id else 0


def _asked(form: SentForm) -> dict[str, str]:
    return {name: form[name] for name in ("topic", "like") if form[name]}


def _selected(form: SentForm) -> tuple[Selection, int]:
    """Return what a form selects, up to an id; 0: nothing. Several have to be confirmed."""
    one = _id(form["id"])
    if one:
        return Selection(ids=(one,)), one
    asked = _asked(form)
    selection = Selection(topic=asked.get("topic"), reason=asked.get("like"))
    return selection, _id(form["upto"]) if form["sure"] else 0


async def _refuse(
    request: Request, desk: Desk, action: Action, problem: str, *, letter: str = ""
) -> Response:
    """Show the page of the form again, with what was typed."""
    form = action.form
    notice = DeadLetterNotice(problem=problem, typed={"reason": form["reason"], "path": form.path})
    one = _id(letter or form["id"])
    if one:
        return await _letter_page(request, desk, one, notice, 422)
    asked = {"topic": form["topic"], "like": form["like"]}
    return await _list_page(request, desk, asked, notice, 422)


async def _list_page(
    request: Request,
    desk: Desk,
    asked: Mapping[str, str],
    notice: DeadLetterNotice,
    status: int = 200,
    *,
    after: int = 0,
) -> Response:
    selection = Selection(topic=asked["topic"] or None, reason=asked["like"] or None)
    listed = await desk.dead_letters.list(selection, after)
    more = listed.next_after
    return desk.pages.answer(
        request,
        "dead_letters.html",
        status,
        listed=listed,
        asked=asked,
        notice=notice,
        more=f"{PATH}?{urlencode({**asked, 'after': more})}" if more else "",
        most=MOST_AT_ONCE,
    )


async def _letter_page(
    request: Request,
    desk: Desk,
    id_: int,
    notice: DeadLetterNotice,
    status: int = 200,
    *,
    revealing: Action | None = None,
) -> Response:
    by = revealing.visitor.session.actor if revealing else ""
    reason = revealing.form["reason"] if revealing else ""
    found = await desk.dead_letters.show(id_, revealed_by=by, reason=reason)
    if found is None:
        raise ErrorPage(
            404,
            "There is no such dead letter.",
            "It was retried or discarded, or its person was erased. Look at the list.",
        )
    return desk.pages.answer(
        request, "dead_letter.html", status, found=found, notice=notice, revealed=bool(by)
    )
