"""Routes of files about broadcasts: excluded rows, and recipients whom it has not reached.

They hold whole numbers, so each needs a reason and is recorded before it is written. Cells that a
spreadsheet would take for formulas are made harmless. A file that takes long has a page with its
progress.
"""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Final
from uuid import UUID, uuid4

import psycopg
from fastapi import APIRouter, Depends, Request
from starlette.responses import FileResponse, Response
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from inbound.broadcasts.files import FileOrder, Written, write_exclusions, write_recipients
from inbound.broadcasts.outcomes import NOT_REACHED
from inbound.desk.access import Desk, DeskDep, see_other
from inbound.desk.broadcasts.broadcast_files import TYPES, BroadcastFiles, FileWish, Write
from inbound.desk.broadcasts.broadcast_pages import PATH, BroadcastNotice, page, unknown_broadcast
from inbound.desk.job_words import BROKEN_OFF, problem_of
from inbound.desk.long_work import Job, JobOrder
from inbound.desk.problems import ErrorPage
from inbound.desk.roles import Right
from inbound.desk.uploads import Upload
from inbound.desk.visitors import Action, Does, Sees, Visitor
from inbound.store.access.audit import ReasonError, check_reason
from inbound.store.access.desk_jobs import JobState
from inbound.store.broadcasts.rows import RecipientState
from inbound.timeline.model import Language

_ONE: Final = PATH + "/{broadcast_id}"
_KIND: Final = "broadcast file"
_REFUSALS: Final[Mapping[str, str]] = {
    "reason": "Say what you need the file for in up to 300 characters, without a phone number: it "
    "is kept for ever.",
    "empty": "There is no such row now, so there is no file.",
    "deleted": "The rows of this broadcast are no longer kept.",
    "gone": "The file is not there any more: it was downloaded, or an hour has passed. Make it "
    "again.",
}

router = APIRouter()
MaySee = Annotated[Visitor, Depends(Sees(Right.BROADCAST_ROWS))]
MayDownload = Annotated[Action, Depends(Does(Right.BROADCAST_ROWS))]


@router.post(f"{_ONE}/excluded")
async def excluded(
    request: Request, desk: DeskDep, action: MayDownload, broadcast_id: UUID
) -> Response:
    """Answer with a file of the excluded rows."""
    return await _file(request, desk, action, _wish(request, action, broadcast_id, "excluded"),
                       write_exclusions)  # fmt: skip


@router.post(f"{_ONE}/recipients")
async def recipients(
    request: Request, desk: DeskDep, action: MayDownload, broadcast_id: UUID
) -> Response:
    """Answer with a file of the recipients not reached, or of those in one state."""
    chosen = action.form.choice("state", ("", *RecipientState))
    states = (RecipientState(chosen),) if chosen else NOT_REACHED

    def write(conn: psycopg.Connection, broadcast_id: UUID, order: FileOrder) -> Written:
        return write_recipients(conn, broadcast_id, states, order)

    return await _file(
        request, desk, action, _wish(request, action, broadcast_id, "recipients"), write
    )


@router.get(f"{_ONE}/files/{{job_id}}")
async def file_page(
    request: Request, desk: DeskDep, visitor: MaySee, broadcast_id: UUID, job_id: UUID
) -> Response:
    """Show the progress of a file; offer it once it is written, or say why there is none."""
    job = await desk.long_work.find(job_id, visitor.session.user_id, _KIND)
    if job is None:
        raise _no_file()
    is_ready = job.state is JobState.DONE
    if not job.goes_on and not is_ready:
        return await _refuse(request, desk, broadcast_id, problem_of(job))
    if is_ready and await asyncio.to_thread(_written, desk, job, visitor) is None:
        return await _refuse(request, desk, broadcast_id, "gone")
    return desk.pages.answer(
        request,
        "broadcast_file.html",
        job=job,
        is_ready=is_ready,
        broadcast=f"{PATH}/{broadcast_id}",
    )


@router.get(f"{_ONE}/files/{{job_id}}/content")
async def file_content(
    request: Request, desk: DeskDep, visitor: MaySee, broadcast_id: UUID, job_id: UUID
) -> Response:
    """Answer with a file that was written."""
    job = await desk.long_work.find(job_id, visitor.session.user_id, _KIND)
    if job is None or job.state is not JobState.DONE:
        raise _no_file()
    found = await asyncio.to_thread(_written, desk, job, visitor)
    if found is None:
        return await _refuse(request, desk, broadcast_id, "gone")
    request.state.time_limit.allow_pieces()
    return FileResponse(found.path, media_type=_type(found), filename=found.name)


def _wish(request: Request, action: Action, broadcast_id: UUID, what: str) -> FileWish:
    kind = action.form.choice("format", TYPES)
    in_russian = request.state.language is Language.RU
    by, why = action.visitor.session.actor, action.form["reason"]
    return FileWish(broadcast_id, what, kind, by, why, in_russian)


async def _file(
    request: Request, desk: Desk, action: Action, wish: FileWish, write: Write
) -> Response:
    """Begin to write a file, and answer with it if that takes a moment."""
    broadcast_id, reason = wish.broadcast_id, action.form["reason"]
    try:
        check_reason(reason)
    except ReasonError:
        return await _refuse(request, desk, broadcast_id, "reason", reason)
    order = JobOrder(uuid4(), _KIND, action.visitor.session.user_id)
    await desk.long_work.begin(order, desk.broadcast_files.write, wish, write)
    within_s = desk.broadcast_drafts.answer_within_s
    job = await desk.long_work.wait(order.job_id, order.owner, _KIND, within_s)
    if job is None or job.goes_on:
        return see_other(f"{PATH}/{broadcast_id}/files/{order.job_id}")
    found = await asyncio.to_thread(_written, desk, job, action.visitor)
    if found is None:
        return await _refuse(request, desk, broadcast_id, problem_of(job) or "gone", reason)
    request.state.time_limit.allow_pieces()
    return _OneTimeFile(desk.broadcast_files, found)


def _written(desk: Desk, job: Job, visitor: Visitor) -> Upload | None:
    if job.state is not JobState.DONE:
        return None
    return desk.broadcast_files.find(job.result["upload"], visitor.session.user_id)


def _type(file: Upload) -> str:
    return TYPES[file.name.rpartition(".")[2]]


class _OneTimeFile(FileResponse):
    """A file that is deleted once it was sent, or once the browser is gone."""

    def __init__(self, files: BroadcastFiles, file: Upload) -> None:
        super().__init__(file.path, media_type=_type(file), filename=file.name)
        self._files = files
        self._file = file

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._files.delete(self._file)


async def _refuse(
    request: Request, desk: Desk, broadcast_id: UUID, problem: str, reason: str = ""
) -> Response:
    if problem == "unknown":
        raise await unknown_broadcast(desk, broadcast_id)
    words = _REFUSALS.get(problem) or BROKEN_OFF[problem]
    notice = BroadcastNotice(problem=words, typed_reason=reason)
    return await page(request, desk, broadcast_id, notice, 422)


def _no_file() -> ErrorPage:
    return ErrorPage(
        404,
        "There is no such file.",
        "Files are deleted after an hour. Make it again on the page of the broadcast.",
    )
