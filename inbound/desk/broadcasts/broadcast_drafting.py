"""Routes of new broadcasts: whom they are for, how a table was read, and what is sent."""

import contextlib
from typing import Annotated, Final
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, Response

from inbound.broadcasts.control import UnknownBroadcastError
from inbound.broadcasts.drafting import LONGEST_NAME
from inbound.desk.access import Desk, DeskDep, see_other
from inbound.desk.broadcasts.audience_tables import (
    ENCODINGS,
    READING,
    SEPARATORS,
    read_choices,
)
from inbound.desk.broadcasts.broadcast_drafts import Loading, TypedDraft
from inbound.desk.broadcasts.broadcast_pages import PATH, words_of
from inbound.desk.broadcasts.draft_forms import (
    FIELD,
    MOST_PER_S,
    FormProblemError,
    chosen_clients,
    like_query,
    typed_of,
    wanted_draft,
)
from inbound.desk.broadcasts.draft_problems import table_problem
from inbound.desk.broadcasts.draft_refusals import PROBLEMS, RefusedForm, refused_form, refused_job
from inbound.desk.file_forms import FileAction, Uploading
from inbound.desk.job_words import BROKEN_OFF, problem_of
from inbound.desk.problems import ErrorPage
from inbound.desk.roles import Right
from inbound.desk.uploads import Upload
from inbound.desk.visitors import Action, Does, Sees, Visitor
from inbound.errors import SetupError
from inbound.store.access.desk_jobs import JobState
from schemas.orders import LONGEST_TEXT

PURPOSE: Final = "broadcasts"
_NEW: Final = f"{PATH}/new"
router = APIRouter()
MaySee = Annotated[Visitor, Depends(Sees(Right.PREPARE_BROADCASTS))]
MayMake = Annotated[Action, Depends(Does(Right.PREPARE_BROADCASTS))]
MayUpload = Annotated[FileAction, Depends(Uploading(Right.PREPARE_BROADCASTS, PURPOSE))]


@router.get(_NEW)
async def new_broadcast(request: Request, desk: DeskDep, _: MaySee, like: str = "") -> Response:
    """Ask whom the broadcast is for; `like` is the id of one whose form it begins with."""
    return desk.pages.answer(request, "broadcast_new.html", problem="", like=like_query(like))


@router.post(f"{_NEW}/table")
async def upload_table(
    request: Request, desk: DeskDep, action: MayUpload, like: str = ""
) -> Response:
    """Store an uploaded table, and redirect to how it was read."""
    if action.upload is None:
        problem = PROBLEMS["empty" if action.is_empty else "file"]
        values = {"problem": problem, "like": like_query(like)}
        return desk.pages.answer(request, "broadcast_new.html", 422, None, **values)
    return see_other(f"{_NEW}/table/{action.upload.upload_id}{like_query(like)}")


@router.get(f"{_NEW}/table/{{upload_id}}")
async def table(
    request: Request, desk: DeskDep, visitor: MaySee, upload_id: UUID, like: str = ""
) -> Response:
    """Show how a table was read, and the form of the draft.

    A table that was used and is gone redirects to its draft.
    """
    owner = visitor.session.user_id
    made = desk.uploads.find_use(upload_id, owner, PURPOSE)
    if made is not None and desk.uploads.find(upload_id, owner, PURPOSE) is None:
        return see_other(f"{PATH}/{made}?done=used")
    begun = await _begun(desk, like)
    return await _table_page(request, desk, _upload(desk, visitor, upload_id), begun, like=like)


@router.post(f"{_NEW}/table/{{upload_id}}/reading")
async def read_again(desk: DeskDep, action: MayMake, upload_id: UUID, like: str = "") -> Response:
    """Read a table as its user says."""
    upload = _upload(desk, action.visitor, upload_id)
    desk.uploads.choose(upload, read_choices(action.form, READING))
    return see_other(f"{_NEW}/table/{upload_id}{like_query(like)}")


@router.post(f"{_NEW}/table/{{upload_id}}")
async def make_for_table(
    request: Request, desk: DeskDep, action: MayMake, upload_id: UUID
) -> Response:
    """Make a draft for the rows of a table."""
    upload = _upload(desk, action.visitor, upload_id)
    try:
        wanted = _wanted(desk, action)
    except FormProblemError as error:
        refused = refused_form(error, action.form.fields)
        return await _table_page(request, desk, upload, refused, 422)
    begun = await desk.broadcast_drafts.load_table(upload, wanted, action.form.fields)
    return await _made(request, desk, begun)


@router.get(f"{_NEW}/clients")
async def clients(request: Request, desk: DeskDep, _: MaySee, like: str = "") -> Response:
    """Show the form of a draft for clients of the directory."""
    return await _clients_page(request, desk, await _begun(desk, like))


@router.post(f"{_NEW}/clients")
async def make_for_clients(request: Request, desk: DeskDep, action: MayMake) -> Response:
    """Make a draft for clients of the directory."""
    try:
        chosen = chosen_clients(action.form, desk.sources.zone)
        wanted = _wanted(desk, action)
    except FormProblemError as error:
        return await _clients_page(request, desk, refused_form(error, action.form.fields), 422)
    owner = action.visitor.session.user_id
    begun = await desk.broadcast_drafts.load_clients(chosen, wanted, owner, action.form.fields)
    return await _made(request, desk, begun)


@router.get(f"{_NEW}/loading/{{draft_id}}")
async def loading(
    request: Request, desk: DeskDep, visitor: MaySee, draft_id: UUID, table: str = ""
) -> Response:
    """Show the progress of a draft; redirect to it once it is made, or say why it was not."""
    drafts = desk.broadcast_drafts
    found = await drafts.find_loading(draft_id, visitor.session.user_id)
    if found is not None and not found.job.goes_on:
        return await _made(request, desk, found)
    if found is None and await drafts.is_made(draft_id):
        return see_other(f"{PATH}/{draft_id}?done=create")
    again = f"{_NEW}/table/{UUID(table)}" if _is_id(table) else f"{_NEW}/clients"
    status = 200 if found else 404
    return desk.pages.answer(
        request, "broadcast_loading.html", status, None, loading=found, again=again
    )


async def _made(request: Request, desk: Desk, loading: Loading) -> Response:
    """Redirect to a draft, or to the page with its progress; or refuse it in its form."""
    drafts, draft_id, job = desk.broadcast_drafts, loading.draft_id, loading.job
    if job.goes_on:
        table = f"?table={loading.upload_id}" if loading.upload_id else ""
        return see_other(f"{_NEW}/loading/{draft_id}{table}")
    # A commit may have been the last thing that worked.
    if job.state is JobState.DONE or (
        problem_of(job) in BROKEN_OFF and await drafts.is_made(draft_id)
    ):
        _note_use(desk, loading)
        return see_other(f"{PATH}/{draft_id}?done=create")
    refused = refused_job(loading)
    if loading.upload_id is None:
        return await _clients_page(request, desk, refused, 422)
    upload = _upload_of(desk, loading.owner, loading.upload_id)
    return await _table_page(request, desk, upload, refused, 422)


def _note_use(desk: Desk, loading: Loading) -> None:
    if loading.upload_id is not None:
        with contextlib.suppress(OSError, SetupError):
            upload = desk.uploads.find(loading.upload_id, loading.owner, PURPOSE)
            if upload is not None:
                desk.uploads.note_use(upload, loading.draft_id)


async def _begun(desk: Desk, like: str) -> RefusedForm:
    """Return the form that a broadcast was made with; an empty one for an unknown broadcast."""
    try:
        looked = await desk.broadcasts.look(UUID(like))
    except (ValueError, UnknownBroadcastError):
        return RefusedForm()
    return RefusedForm(typed=typed_of(looked.live.one, looked.review.text))


def _wanted(desk: Desk, action: Action) -> TypedDraft:
    return wanted_draft(action.form, action.visitor.session.actor, desk.sources.zone)


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _upload(desk: Desk, visitor: Visitor, upload_id: UUID) -> Upload:
    return _upload_of(desk, visitor.session.user_id, upload_id)


def _upload_of(desk: Desk, owner: UUID, upload_id: UUID) -> Upload:
    found = desk.uploads.find(upload_id, owner, PURPOSE)
    if found is None:
        raise ErrorPage(
            404,
            "This table is not there any more.",
            "Tables are deleted after a day. Upload it again.",
        )
    return found


async def _table_page(
    request: Request,
    desk: Desk,
    upload: Upload,
    refused: RefusedForm,
    status: int = 200,
    *,
    like: str = "",
) -> HTMLResponse:
    reading = await desk.broadcast_drafts.read(upload)
    problem = table_problem(reading.error) if reading.error else None
    return desk.pages.answer(
        request,
        "broadcast_table.html",
        status,
        None,
        upload=upload,
        used_for=desk.uploads.find_use(upload.upload_id, upload.owner, PURPOSE),
        reading=reading,
        table_problem=problem,
        encodings=ENCODINGS,
        separators=SEPARATORS,
        field_prefix=FIELD,
        like=like_query(like),
        **await _form_values(request, desk, refused),
    )


async def _clients_page(
    request: Request, desk: Desk, refused: RefusedForm, status: int = 200
) -> HTMLResponse:
    values = await _form_values(request, desk, refused)
    return desk.pages.answer(request, "broadcast_clients.html", status, None, **values)


async def _form_values(request: Request, desk: Desk, refused: RefusedForm) -> dict[str, object]:
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
        "most_per_s": MOST_PER_S,
        **words_of(request),
    }
