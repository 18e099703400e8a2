"""Routes of the clients of the directory. No secret is ever shown, and numbers are masked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from inbound.api.backend import retry_once
from inbound.desk.access import Desk, DeskDep, see_other
from inbound.desk.clients.client_fields import FIELD_TITLES
from inbound.desk.navigation import MenuEntry
from inbound.desk.person.people import Who
from inbound.desk.person.typed_numbers import why_no_number
from inbound.desk.problems import ErrorPage
from inbound.desk.roles import Right
from inbound.desk.visitors import Action, Does, Sees, Visitor
from inbound.desk.words import Phrase, Sayable
from inbound.directory.client_changes import (
    ClientChange,
    ClientMovesError,
    ClientRefusedError,
    KnownClient,
    change_client,
    find_client,
    has_clients,
)
from inbound.directory.client_rows import TEXT_FIELDS
from inbound.directory.port import FIELD_LIMITS
from inbound.parsers.numbers import NumberError, parse_msisdn
from inbound.store.access.audit import ReasonError, check_reason

PATH: Final = "/clients"
PLACE: Final = MenuEntry(PATH, "Clients", "book", Right.CLIENTS)
_DONE: Final = {
    "changed": "The client was saved. It counts from the next text on.",
    "same": "Nothing was changed: it was like that already.",
    "imported": "The table was imported.",
}
_BAD_REASON: Final = (
    "Give a reason in up to 300 characters, without a phone number: it is kept for ever."
)
_MOVES: Final = (
    "This would give a known number to another client, or a known client one more number. If that "
    "is meant, tick the box below and save again."
)
_FIELD_WORDS: Final = {name: FIELD_TITLES[name] for name in TEXT_FIELDS}
_RULES: Final = {
    "is empty": "This field is needed.",
    "starts or ends with a blank": "There must be no blank at the start or end.",
    "contains a character that can't be printed": "A character in it can't be printed.",
}
_NO_TABLE: Final = (
    "This file is empty: there is not one character in it. Choose the file with the table."
)
_COUNTS: Final = ("added", "updated", "unchanged", "rejected")

router = APIRouter()
MaySee = Annotated[Visitor, Depends(Sees(Right.CLIENTS))]
MaySearch = Annotated[Action, Depends(Does(Right.CLIENTS))]
MayChange = Annotated[Action, Depends(Does(Right.CLIENTS_CHANGE))]


@dataclass(frozen=True, slots=True)
class ClientNotice:
    """The result of an action: what is wrong, by field or form, and what was typed."""

    done: str = ""
    problems: Mapping[str, Sayable] = field(default_factory=dict)
    typed: Mapping[str, str] = field(default_factory=dict, repr=False)
    asks_to_move: bool = False


@router.get(PATH)
async def client_list(request: Request, desk: DeskDep, _: MaySee, done: str = "") -> Response:
    """Show the search, and the form of a new client."""
    counts = {name: request.query_params.get(name, "") for name in _COUNTS}
    shown = {name: count for name, count in counts.items() if count.isdecimal()}
    return await _list(request, desk, ClientNotice(done=_DONE.get(done, "")), counts=shown)


async def refuse_table(request: Request, desk: Desk) -> Response:
    """Show the page once more for an upload that has nothing in it."""
    return await _list(request, desk, ClientNotice(problems={"table": _NO_TABLE}), 422)


@router.post(f"{PATH}/search")
async def search(request: Request, desk: DeskDep, action: MaySearch) -> Response:
    """Redirect to a client by a number or a client id."""
    typed = action.form["client"].strip()
    found = await _find(desk, typed) if typed else []
    if len(found) == 1:
        return see_other(f"{PATH}/{found[0].name}")
    notice = ClientNotice(typed={"client": typed})
    return await _list(request, desk, notice, found=found if typed else None)


@router.post(PATH)
async def add(request: Request, desk: DeskDep, action: MayChange) -> Response:
    """Add a client."""
    form = action.form
    try:
        number = parse_msisdn(form["number"])
    except NumberError:
        problem = "Type the number with its country code, such as +7 916 123-45-67."
        why = why_no_number(form["number"]) or problem
        notice = ClientNotice(problems={"number": why}, typed=form.fields)
        return await _list(request, desk, notice, 422)
    [who] = (await desk.people.search(number)).people
    if await desk.sources.pool.run(find_client, desk.sources.hasher.hash(number)):
        problem = "This number has a client already. Search for the number to change it."
        notice = ClientNotice(problems={"number": problem}, typed=form.fields)
        return await _list(request, desk, notice, 422)
    notice = await _save(desk, action, who)
    if notice.problems:
        return await _list(request, desk, notice, 422)
    return see_other(f"{PATH}/{who.name}?done=changed")


# Each guard comes before the client is looked up: who may not see them learns nothing.
@router.get(f"{PATH}/{{name}}")
async def client(request: Request, desk: DeskDep, _: MaySee, name: str, done: str = "") -> Response:
    """Show the client of a number."""
    return await _one(request, desk, await _who(desk, name), ClientNotice(done=_DONE.get(done, "")))


@router.post(f"{PATH}/{{name}}")
async def change(request: Request, desk: DeskDep, action: MayChange, name: str) -> Response:
    """Change the client of a number; an empty field stays as it is."""
    who = await _who(desk, name)
    notice = await _save(desk, action, who)
    if notice.problems:
        return await _one(request, desk, who, notice, 422)
    return see_other(f"{PATH}/{who.name}?done={notice.done}")


async def _find(desk: Desk, typed: str) -> list[Who]:
    """Return the number that was typed, or the numbers of the client."""
    try:
        numbers = [parse_msisdn(typed)]
    except NumberError:
        found = await retry_once(desk.sources.directory.numbers_of, [typed[:64]])
        numbers = found.get(typed[:64], [])
    return [(await desk.people.search(number)).people[0] for number in numbers]


async def _save(desk: Desk, action: Action, who: Who) -> ClientNotice:
    form = action.form
    try:
        reason = check_reason(form["reason"])
    except ReasonError:
        return ClientNotice(problems={"reason": _BAD_REASON}, typed=form.fields)
    language = form.choice("language", ("", "ru", "en")) or None
    wanted = ClientChange(
        who.number,
        {name: form[name] for name in TEXT_FIELDS},
        language,
        action.visitor.session.actor,
        reason,
        allow_move=bool(form["moves"]),
    )
    try:
        is_changed = await desk.sources.pool.run(change_client, wanted, desk.imports.keys)
    except ClientRefusedError as error:
        found = {fault.field: _word(fault.field, fault.reason) for fault in error.faults}
        return ClientNotice(problems=found, typed=form.fields)
    except ClientMovesError:
        return ClientNotice(problems={"moves": _MOVES}, typed=form.fields, asks_to_move=True)
    return ClientNotice(done="changed" if is_changed else "same")


def _word(name: str, reason: str) -> Sayable:
    problem = Phrase("It is too long: at most {most} characters.", {"most": FIELD_LIMITS[name]})
    return _RULES.get(reason, problem)


async def _who(desk: Desk, name: str) -> Who:
    who = await desk.people.find(name)
    if who is None:
        raise ErrorPage(
            404,
            "There is no such client.",
            "Search for the number or the client id again.",
        )
    return who


async def _list(
    request: Request,
    desk: Desk,
    notice: ClientNotice,
    status: int = 200,
    *,
    found: list[Who] | None = None,
    counts: Mapping[str, str] | None = None,
) -> Response:
    return desk.pages.answer(
        request,
        "clients.html",
        status,
        found=found,
        masked=desk.people.masked,
        counts=counts or {},
        is_empty=not await desk.sources.pool.run(has_clients),
        fields=_FIELD_WORDS,
        notice=notice,
    )


async def _one(
    request: Request, desk: Desk, who: Who, notice: ClientNotice, status: int = 200
) -> Response:
    number_hash = desk.sources.hasher.hash(who.number)
    known: KnownClient | None = await desk.sources.pool.run(find_client, number_hash)
    others: list[Who] = []
    if known is not None:
        found = await retry_once(desk.sources.directory.numbers_of, [known.client_id])
        numbers = [one for one in found.get(known.client_id, []) if one != who.number]
        others = [(await desk.people.search(number)).people[0] for number in numbers]
    return desk.pages.answer(
        request,
        "client.html",
        status,
        who=who,
        number=desk.people.masked(who),
        known=known,
        others=others,
        masked=desk.people.masked,
        fields=_FIELD_WORDS,
        notice=notice,
    )
