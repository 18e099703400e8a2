"""Routes of new broadcasts: whom it is for, what was understood of a table, and what is sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Annotated, Final
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Request
from pydantic import ValidationError
from starlette.responses import HTMLResponse, Response

from inbound.broadcasts.content import DraftError
from inbound.broadcasts.drafting import LONGEST_NAME, Plan
from inbound.desk.access import Desk, DeskDep, see_other
from inbound.desk.audience_tables import READING, SEPARATORS
from inbound.desk.broadcast_drafts import ChosenClients, ColumnsMissingError, Wanted
from inbound.desk.broadcast_routes import PATH, words_of
from inbound.desk.draft_problems import problem_of, table_problem
from inbound.desk.file_forms import FileAction, Uploading
from inbound.desk.problems import SentForm, Trouble
from inbound.desk.roles import Right
from inbound.desk.uploads import Upload
from inbound.desk.visitors import Action, Does, Sees, Visitor
from inbound.errors import SetupError
from inbound.tables.encodings import CODE_PAGES
from inbound.timeline.model import Language
from schemas.orders import LONGEST_TEXT
from schemas.sending_hours import SendingHours

PURPOSE: Final = "broadcasts"
_NEW: Final = f"{PATH}/new"
_FIELD: Final = "field "
"""What the name of a form's field begins with that places a field of the text."""
_ENCODINGS: Final = ("utf-8", *CODE_PAGES, "utf-16")
_MOST_PER_S: Final = 100_000
_PROBLEMS: Final[Mapping[str, str]] = {
    "file": "Choose a file with a table first.",
    "hours": "Write both the first and the last minute of the sending hours, and let them differ.",
    "rate": "Write how many messages a second as a number from 1 to {most}.",
    "since": "This is not a day. Write it like 2026-05-17.",
    "columns": "The text has fields for which the table has no column of the same name. Choose "
    "the column of each field.",
}


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a form was refused: a problem for each field, with its values."""

    problems: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, object] = field(default_factory=dict)
    typed: Mapping[str, str] = field(default_factory=dict)
    fields: tuple[str, ...] = ()
    """Of the text: the table doesn't have a column for each."""


class _FormError(Exception):
    """A field of the form is wrong."""

    def __init__(self, name: str, **values: object) -> None:
        super().__init__(name)
        self.name = name
        self.values = values


router = APIRouter()
MaySee = Annotated[Visitor, Depends(Sees(Right.PREPARE_BROADCASTS))]
MayMake = Annotated[Action, Depends(Does(Right.PREPARE_BROADCASTS))]
MayUpload = Annotated[FileAction, Depends(Uploading(Right.PREPARE_BROADCASTS, PURPOSE))]


@router.get(_NEW)
async def new_broadcast(request: Request, desk: DeskDep, _: MaySee) -> Response:
    """Ask whom the broadcast is for."""
    return desk.pages.answer(request, "broadcast_new.html", problem="")


@router.post(f"{_NEW}/table")
async def upload_table(request: Request, desk: DeskDep, action: MayUpload) -> Response:
    """Keep an uploaded table, and lead to what was understood of it."""
    if action.upload is None:
        problem = _PROBLEMS["file"]
        return desk.pages.answer(request, "broadcast_new.html", 422, problem=problem)
    return see_other(f"{_NEW}/table/{action.upload.upload_id}")


@router.get(f"{_NEW}/table/{{upload_id}}")
async def table(request: Request, desk: DeskDep, visitor: MaySee, upload_id: UUID) -> Response:
    """Show what was understood of a table, and the form of the draft."""
    return await _table_page(request, desk, _upload(desk, visitor, upload_id), Refused())


@router.post(f"{_NEW}/table/{{upload_id}}/reading")
async def read_again(desk: DeskDep, action: MayMake, upload_id: UUID) -> Response:
    """Read a table as its user says."""
    upload = _upload(desk, action.visitor, upload_id)
    told = {name: action.form[name].strip() for name in READING if action.form[name].strip()}
    desk.uploads.choose(upload, told)
    return see_other(f"{_NEW}/table/{upload_id}")


@router.post(f"{_NEW}/table/{{upload_id}}")
async def make_for_table(
    request: Request, desk: DeskDep, action: MayMake, upload_id: UUID
) -> Response:
    """Make a draft for the rows of a table."""
    upload = _upload(desk, action.visitor, upload_id)
    try:
        made = await desk.broadcast_drafts.create_from_table(upload, _wanted(desk, action))
    except ColumnsMissingError as error:
        refused = Refused(
            {"columns": _PROBLEMS["columns"]}, {}, action.form.fields, tuple(error.fields)
        )
    except (DraftError, _FormError, SetupError) as error:
        refused = _refused(error, action.form)
    else:
        return see_other(f"{PATH}/{made}?done=create")
    return await _table_page(request, desk, upload, refused, 422)


@router.get(f"{_NEW}/clients")
async def clients(request: Request, desk: DeskDep, _: MaySee) -> Response:
    """Show the form of a draft for clients of the directory."""
    return await _clients_page(request, desk, Refused())


@router.post(f"{_NEW}/clients")
async def make_for_clients(request: Request, desk: DeskDep, action: MayMake) -> Response:
    """Make a draft for clients of the directory."""
    try:
        chosen, wanted = _chosen(desk, action.form), _wanted(desk, action)
        made = await desk.broadcast_drafts.create_for_clients(chosen, wanted)
    except (DraftError, _FormError, SetupError) as error:
        return await _clients_page(request, desk, _refused(error, action.form), 422)
    return see_other(f"{PATH}/{made}?done=create")


def _upload(desk: Desk, visitor: Visitor, upload_id: UUID) -> Upload:
    found = desk.uploads.find(upload_id, visitor.session.user_id, PURPOSE)
    if found is None:
        raise Trouble(
            404,
            "This table is not there any more.",
            "Tables are deleted after a day. Upload it again.",
        )
    return found


def _refused(error: DraftError | _FormError | SetupError, form: SentForm) -> Refused:
    match error:
        case _FormError():
            problem = _PROBLEMS[error.name]
            return Refused({error.name: problem}, error.values, form.fields)
        case DraftError():
            name, problem = problem_of(error)
            return Refused({name: problem}, {}, form.fields)
        case _:
            said = table_problem(error)
            return Refused({"table": said.words}, said.values, form.fields)


def _wanted(desk: Desk, action: Action) -> Wanted:
    """Return the draft that was typed. Raises _FormError."""
    form = action.form
    plan = Plan(
        name=form["name"],
        created_by=action.visitor.session.actor,
        account=form["account"],
        text=form["text"].replace("\r\n", "\n") or None,
        template=form["template"] or None,
        sender=form["sender"].strip() or None,
        hours=_hours(form, desk.sources.zone),
        is_spread=bool(form["spread"]),
        rate_per_s=_rate(form["rate"].strip()),
    )
    mapping = {
        name.removeprefix(_FIELD): value.strip()
        for name, value in form.fields.items()
        if name.startswith(_FIELD) and value.strip()
    }
    return Wanted(plan, _once(form["once"]), mapping)


def _once(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return uuid4()


def _hours(form: SentForm, zone: str) -> SendingHours | None:
    if not form["from"] and not form["to"]:
        return None
    try:
        start, end = time.fromisoformat(form["from"]), time.fromisoformat(form["to"])
        return SendingHours(start=start, end=end, zone=zone)
    except (ValueError, ValidationError):
        raise _FormError("hours") from None


def _rate(text: str) -> int | None:
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= _MOST_PER_S:
        raise _FormError("rate", most=_MOST_PER_S)
    return int(text)


def _chosen(desk: Desk, form: SentForm) -> ChosenClients:
    since = None
    if form["since"]:
        try:
            day = datetime.fromisoformat(form["since"])
        except ValueError:
            raise _FormError("since") from None
        since = day.replace(tzinfo=day.tzinfo or ZoneInfo(desk.sources.zone))
    return ChosenClients(
        bool(form["open_case"]),
        form["client_id"].strip() or None,
        since,
        form["language"] if form["language"] in set(Language) else None,
    )


async def _table_page(
    request: Request, desk: Desk, upload: Upload, refused: Refused, status: int = 200
) -> HTMLResponse:
    reading = await desk.broadcast_drafts.read(upload)
    problem = table_problem(reading.error) if reading.error else None
    return desk.pages.answer(
        request,
        "broadcast_table.html",
        status,
        None,
        upload=upload,
        reading=reading,
        table_problem=problem,
        encodings=_ENCODINGS,
        separators=SEPARATORS,
        field_prefix=_FIELD,
        **await _form_values(request, desk, refused),
    )


async def _clients_page(
    request: Request, desk: Desk, refused: Refused, status: int = 200
) -> HTMLResponse:
    values = await _form_values(request, desk, refused)
    return desk.pages.answer(request, "broadcast_clients.html", status, None, **values)


async def _form_values(request: Request, desk: Desk, refused: Refused) -> dict[str, object]:
    drafts = desk.broadcast_drafts
    accounts = await drafts.accounts()
    senders = {sender.sender for one in accounts for sender in one.senders if sender.approved_at}
    return {
        "refused": refused,
        "typed": refused.typed,
        "once": refused.typed.get("once") or uuid4(),
        "accounts": accounts,
        "templates": await drafts.templates(),
        "senders": sorted(senders),
        "own_sender": drafts.own_sender,
        "longest_name": LONGEST_NAME,
        "longest_text": LONGEST_TEXT,
        "most_per_s": _MOST_PER_S,
        **words_of(request),
    }
