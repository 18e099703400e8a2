"""Routes for importing clients from a table: upload, preview, check, import."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final
from urllib.parse import quote, urlencode
from uuid import UUID, uuid5

import psycopg
from fastapi import APIRouter, Depends, Request
from starlette.responses import FileResponse, Response

from inbound.desk.access import Desk, DeskDep, see_other
from inbound.desk.broadcasts.audience_tables import ENCODINGS, SEPARATORS, read_choices
from inbound.desk.clients.client_fields import FIELD_TITLES
from inbound.desk.clients.client_imports import PURPOSE, REJECTED, table_problem_of
from inbound.desk.clients.client_routes import PATH, refuse_table
from inbound.desk.fault_words import why_rejected
from inbound.desk.file_forms import FileAction, Uploading
from inbound.desk.job_words import BROKEN_OFF, problem_of
from inbound.desk.long_work import Job, JobOrder
from inbound.desk.problems import ErrorPage
from inbound.desk.roles import Right
from inbound.desk.uploads import Upload
from inbound.desk.visitors import Action, Does, Sees, Visitor
from inbound.desk.words import Phrase
from inbound.directory.client_rows import CLIENT_COLUMNS
from inbound.directory.rejection_words import WHOLE_ROW
from inbound.errors import SetupError
from inbound.plurals import counted
from inbound.store.access.audit import record
from inbound.store.access.desk_jobs import JobState
from inbound.store.connections import raises_store_errors

IMPORT: Final = f"{PATH}/import"
REJECTED_PATH: Final = f"{PATH}/rejected"
_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_CHOICES: Final = ("encoding", "separator", "sheet")
_LONGEST: Final = 100
_KIND: Final = "clients"

router = APIRouter()
MaySee = Annotated[Visitor, Depends(Sees(Right.CLIENTS_CHANGE))]
MayChange = Annotated[Action, Depends(Does(Right.CLIENTS_CHANGE))]
MayUpload = Annotated[FileAction, Depends(Uploading(Right.CLIENTS_CHANGE, PURPOSE))]


@router.post(IMPORT)
async def upload_table(request: Request, desk: DeskDep, action: MayUpload) -> Response:
    """Store an uploaded table; nothing is imported yet."""
    if action.is_empty:
        return await refuse_table(request, desk)
    if action.upload is None:
        return see_other(PATH)
    return see_other(f"{IMPORT}/{action.upload.upload_id}")


@router.get(f"{IMPORT}/{{name}}")
async def preview(request: Request, desk: DeskDep, visitor: MaySee, name: str) -> Response:
    """Show how a table is read."""
    upload = await _found(desk, visitor, name, PURPOSE)
    return await _page(request, desk, upload)


@router.post(f"{IMPORT}/{{name}}/read")
async def read_again(desk: DeskDep, action: MayChange, name: str) -> Response:
    """Read a table as its user says: columns, encoding, separator, sheet."""
    upload = await _found(desk, action.visitor, name, PURPOSE)
    names = [*_CHOICES, *(f"column-{column.name}" for column in CLIENT_COLUMNS)]
    given = read_choices(action.form, names)
    chosen = {one: value[:_LONGEST] for one, value in given.items()}
    await asyncio.to_thread(desk.uploads.choose, upload, chosen)
    return see_other(f"{IMPORT}/{name}")


@router.post(f"{IMPORT}/{{name}}/check")
async def check(request: Request, desk: DeskDep, action: MayChange, name: str) -> Response:
    """Check every row and change nothing."""
    upload = await _found(desk, action.visitor, name, PURPOSE)
    asked = Asked(upload.upload_id, "check", moves=bool(action.form["moves"]))
    order = JobOrder(asked.job_id(upload), _KIND, upload.owner)
    await desk.long_work.begin(order, desk.imports.check, upload, allow_moves=asked.moves)
    job = await desk.long_work.wait(
        order.job_id, upload.owner, _KIND, desk.broadcast_drafts.answer_within_s
    )
    return await _checked(request, desk, upload, asked, job)


@router.get(f"{IMPORT}/{{name}}/check")
async def checked(
    request: Request, desk: DeskDep, visitor: MaySee, name: str, moves: str = ""
) -> Response:
    """Show the progress of a check, or what it found."""
    upload = await _found(desk, visitor, name, PURPOSE)
    asked = Asked(upload.upload_id, "check", moves=bool(moves))
    job = await desk.long_work.find(asked.job_id(upload), upload.owner, _KIND)
    return await _checked(request, desk, upload, asked, job)


@router.post(f"{IMPORT}/{{name}}")
async def load(request: Request, desk: DeskDep, action: MayChange, name: str) -> Response:
    """Import the good rows; redirect to the rejected ones, if there are any."""
    asked = Asked(_id(name), "import", moves=bool(action.form["moves"]))
    owner, job_id = action.visitor.session.user_id, asked.job_id()
    known = await desk.long_work.find(job_id, owner, _KIND)
    if known is None or known.state is not JobState.DONE:  # else the table was deleted
        upload = await _found(desk, action.visitor, name, PURPOSE)
        order = JobOrder(job_id, _KIND, owner)
        actor = action.visitor.session.actor
        words = desk.pages.words(request)
        await desk.long_work.begin(
            order, desk.imports.load, upload, actor, words, allow_moves=asked.moves
        )
        known = await desk.long_work.wait(
            job_id, owner, _KIND, desk.broadcast_drafts.answer_within_s
        )
    return await _loaded(request, desk, action.visitor, asked, known)


@router.get(f"{IMPORT}/{{name}}/import")
async def loaded(
    request: Request, desk: DeskDep, visitor: MaySee, name: str, moves: str = ""
) -> Response:
    """Show the progress of an import, or redirect to its result."""
    asked = Asked(_id(name), "import", moves=bool(moves))
    job = await desk.long_work.find(asked.job_id(), visitor.session.user_id, _KIND)
    return await _loaded(request, desk, visitor, asked, job)


@router.post(f"{IMPORT}/{{name}}/discard")
async def discard(desk: DeskDep, action: MayChange, name: str) -> Response:
    """Delete an uploaded table, which has secrets."""
    upload = await _found(desk, action.visitor, name, PURPOSE)
    await asyncio.to_thread(desk.uploads.delete, upload)
    return see_other(PATH)


@router.get(f"{REJECTED_PATH}/{{name}}")
async def rejected(request: Request, desk: DeskDep, visitor: MaySee, name: str) -> Response:
    """Show what an import has done, and offer its rejected rows."""
    upload = await _found(desk, visitor, name, REJECTED)
    return desk.pages.answer(request, "client_rejected.html", upload=upload)


@router.post(f"{REJECTED_PATH}/{{name}}")
async def download_rejected(
    request: Request, desk: DeskDep, action: MayChange, name: str
) -> Response:
    """Give the rejected rows as a workbook with text cells; recorded first, as it has numbers."""
    request.state.time_limit.allow_pieces()
    upload = await _found(desk, action.visitor, name, REJECTED)
    await desk.sources.pool.run(_record_download, action.visitor.session.actor, upload)
    name_ = quote(upload.name, safe="")
    headers = {
        "Content-Disposition": f"attachment; filename=\"rejected.xlsx\"; filename*=UTF-8''{name_}"
    }
    return FileResponse(upload.path, headers=headers, media_type=_XLSX)


@raises_store_errors
def _record_download(conn: psycopg.Connection, actor: str, upload: Upload) -> None:
    rejected = upload.choices.get("rejected")
    reason = counted(int(rejected), "row") if rejected else "some rows"
    record(conn, actor=actor, action="clients.rejected", reason=reason)


@dataclass(frozen=True, slots=True)
class Asked:
    """A job about a table: "check" or "import". `moves`: rows may change who a number is of."""

    upload_id: UUID
    what: str
    moves: bool

    def job_id(self, upload: Upload | None = None) -> UUID:
        """Return the id of the job. That of a check is for the table as it is read."""
        choices = sorted(upload.choices.items()) if upload else ()
        return uuid5(self.upload_id, repr((self.what, self.moves, choices)))

    @property
    def path(self) -> str:
        """The path of its page."""
        moves = "?moves=1" if self.moves else ""
        return f"{IMPORT}/{self.upload_id}/{self.what}{moves}"


async def _checked(
    request: Request, desk: Desk, upload: Upload, asked: Asked, job: Job | None
) -> Response:
    if job is not None and job.goes_on:
        return _progress(request, desk, upload.name, asked, job)
    if job is None:
        return see_other(f"{IMPORT}/{upload.upload_id}")
    problem = _problem(job)
    shown = None if problem else job.result
    return await _page(request, desk, upload, checked=shown, moves=asked.moves, problem=problem)


async def _loaded(
    request: Request, desk: Desk, visitor: Visitor, asked: Asked, job: Job | None
) -> Response:
    if job is not None and job.state is JobState.DONE:
        summary = job.result["summary"]
        if job.result["rejected"]:
            return see_other(f"{REJECTED_PATH}/{job.result['rejected']}")
        counts = {name: summary[name] for name in ("added", "updated", "unchanged")}
        return see_other(f"{PATH}?{urlencode({'done': 'imported', **counts})}")
    upload = await _found(desk, visitor, str(asked.upload_id), PURPOSE)
    if job is None:
        return see_other(f"{IMPORT}/{upload.upload_id}")
    if job.goes_on:
        return _progress(request, desk, upload.name, asked, job)
    known = await _last_check(desk, upload)
    return await _page(
        request, desk, upload, checked=known, moves=asked.moves, problem=_problem(job)
    )


async def _last_check(desk: Desk, upload: Upload) -> Mapping[str, Any] | None:
    """Return what a check of the table as it is read has found, so that nobody repeats it."""
    for moves in (False, True):
        asked = Asked(upload.upload_id, "check", moves=moves)
        job = await desk.long_work.find(asked.job_id(upload), upload.owner, _KIND)
        if job is not None and job.state is JobState.DONE:
            return job.result
    return None


def _progress(request: Request, desk: Desk, name: str, asked: Asked, job: Job) -> Response:
    """Show the progress of a job, at its own address."""
    if request.method != "GET":
        return see_other(asked.path)
    is_check = asked.what == "check"
    return desk.pages.answer(request, "client_job.html", job=job, name=name, is_check=is_check)


def _problem(job: Job) -> Phrase | None:
    problem = problem_of(job)
    if problem in BROKEN_OFF:
        return Phrase(BROKEN_OFF[problem])
    return Phrase(job.result["words"], job.result["values"]) if problem else None


def _id(name: str) -> UUID:
    try:
        return UUID(name)
    except ValueError:
        raise _no_table() from None


def _no_table() -> ErrorPage:
    return ErrorPage(
        404,
        "The uploaded table is not there any more.",
        "A table is deleted after a day, and once it was imported. Upload it again.",
    )


async def _found(desk: Desk, visitor: Visitor, name: str, purpose: str) -> Upload:
    owner = visitor.session.user_id
    found = await asyncio.to_thread(desk.uploads.find, _id(name), owner, purpose)
    if found is None:
        raise _no_table()
    return found


async def _page(
    request: Request,
    desk: Desk,
    upload: Upload,
    *,
    checked: Mapping[str, Any] | None = None,
    moves: bool = False,
    problem: Phrase | None = None,
) -> Response:
    about = None
    try:
        about = await asyncio.to_thread(desk.imports.understand, upload)
    except SetupError as error:
        problem = table_problem_of(error)
    summary = checked["summary"] if checked else None
    return desk.pages.answer(
        request,
        "client_import.html",
        422 if problem else 200,
        upload=upload,
        about=about,
        checked=checked,
        summary=summary,
        moving=bool(summary and (summary["of_another"] or summary["one_more"])),
        separators=SEPARATORS,
        encodings=ENCODINGS,
        why=why_rejected,
        whole_row=WHOLE_ROW,
        moves=moves,
        titles=FIELD_TITLES,
        reader_says=problem,
    )
