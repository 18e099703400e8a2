"""Routes of importing clients from a table: uploaded, shown as it is read, checked, imported."""

import asyncio
import contextlib
from typing import Annotated, Final
from urllib.parse import quote, urlencode
from uuid import UUID

import psycopg
from fastapi import APIRouter, Depends, Request
from starlette.responses import FileResponse, Response

from inbound.desk.access import Desk, DeskDep, see_other
from inbound.desk.broadcasts.audience_tables import SEPARATORS
from inbound.desk.broadcasts.draft_problems import Said, table_problem
from inbound.desk.clients.client_imports import PURPOSE, REJECTED, Checked
from inbound.desk.clients.client_routes import PATH
from inbound.desk.file_forms import FileAction, Uploading
from inbound.desk.problems import Trouble
from inbound.desk.roles import Right
from inbound.desk.uploads import Upload
from inbound.desk.visitors import Action, Does, Sees, Visitor
from inbound.directory.client_rows import CLIENT_COLUMNS
from inbound.errors import SetupError
from inbound.store.access.audit import record
from inbound.store.connections import raises_store_errors
from inbound.tables.faults import TableError, TableFault

IMPORT: Final = f"{PATH}/import"
REJECTED_PATH: Final = f"{PATH}/rejected"
_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_CHOICES: Final = ("encoding", "separator", "sheet")
_LONGEST: Final = 100
_COLUMN_FAULTS: Final = frozenset({TableFault.NO_COLUMN, TableFault.COLUMN_UNCERTAIN})
_BAD_COLUMNS: Final = (
    "A column is missing, or several may be meant. Write which ones they are beside, and read it "
    "again: msisdn, client_id, personal_code, login and password are needed."
)

router = APIRouter()
MaySee = Annotated[Visitor, Depends(Sees(Right.CLIENTS_CHANGE))]
MayChange = Annotated[Action, Depends(Does(Right.CLIENTS_CHANGE))]
MayUpload = Annotated[FileAction, Depends(Uploading(Right.CLIENTS_CHANGE, PURPOSE))]


@router.post(IMPORT)
async def upload_table(desk: DeskDep, action: MayUpload) -> Response:
    """Take a table; nothing of it is imported yet."""
    del desk
    if action.is_empty:
        raise Trouble(422, "This file is empty.", "Go back and choose the file with the table.")
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
    given = {one: action.form[one].strip()[:_LONGEST] for one in names}
    chosen = {one: value for one, value in given.items() if value}
    await asyncio.to_thread(desk.uploads.choose, upload, chosen)
    return see_other(f"{IMPORT}/{name}")


@router.post(f"{IMPORT}/{{name}}/check")
async def check(request: Request, desk: DeskDep, action: MayChange, name: str) -> Response:
    """Check every row and change nothing."""
    upload = await _found(desk, action.visitor, name, PURPOSE)
    moves = bool(action.form["moves"])
    try:
        checked = await asyncio.to_thread(desk.imports.check, upload, allow_moves=moves)
    except SetupError as error:
        return await _page(request, desk, upload, problem=_said(error))
    return await _page(request, desk, upload, checked=checked, moves=moves)


@router.post(f"{IMPORT}/{{name}}")
async def load(request: Request, desk: DeskDep, action: MayChange, name: str) -> Response:
    """Import the good rows; lead to the rejected ones, if there are any."""
    upload = await _found(desk, action.visitor, name, PURPOSE)
    moves, actor = bool(action.form["moves"]), action.visitor.session.actor
    try:
        done = await asyncio.to_thread(desk.imports.load, upload, actor, allow_moves=moves)
    except SetupError as error:
        return await _page(request, desk, upload, problem=_said(error))
    if done.rejected is not None:
        return see_other(f"{REJECTED_PATH}/{done.rejected.upload_id}")
    summary = done.summary
    counts = {"added": summary.added, "updated": summary.updated, "unchanged": summary.unchanged}
    return see_other(f"{PATH}?{urlencode({'done': 'imported', **counts})}")


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
async def download_rejected(desk: DeskDep, action: MayChange, name: str) -> Response:
    """Give the rejected rows as a workbook with text cells; recorded first, as it has numbers."""
    upload = await _found(desk, action.visitor, name, REJECTED)
    await desk.sources.pool.run(_record_download, action.visitor.session.actor, upload)
    name_ = quote(upload.name, safe="")
    headers = {
        "Content-Disposition": f"attachment; filename=\"rejected.xlsx\"; filename*=UTF-8''{name_}"
    }
    return FileResponse(upload.path, headers=headers, media_type=_XLSX)


@raises_store_errors
def _record_download(conn: psycopg.Connection, actor: str, upload: Upload) -> None:
    reason = f"{upload.choices.get('rejected', 'some')} rows"
    record(conn, actor=actor, action="clients.rejected", reason=reason)


def _said(error: SetupError) -> Said:
    """Return why a table can't be read; which columns clients need is not what audiences need."""
    if isinstance(error, TableError) and error.fault in _COLUMN_FAULTS:
        return Said(_BAD_COLUMNS)
    return table_problem(error)


async def _found(desk: Desk, visitor: Visitor, name: str, purpose: str) -> Upload:
    found: Upload | None = None
    with contextlib.suppress(ValueError):
        owner = visitor.session.user_id
        found = await asyncio.to_thread(desk.uploads.find, UUID(name), owner, purpose)
    if found is None:
        raise Trouble(
            404,
            "The uploaded table is not there any more.",
            "A table is deleted after a day, and once it was imported. Upload it again.",
        )
    return found


async def _page(
    request: Request,
    desk: Desk,
    upload: Upload,
    *,
    checked: Checked | None = None,
    moves: bool = False,
    problem: Said | None = None,
) -> Response:
    about = None
    try:
        about = await asyncio.to_thread(desk.imports.understand, upload)
    except SetupError as error:
        problem = _said(error)
    summary = checked.summary if checked else None
    return desk.pages.answer(
        request,
        "client_import.html",
        422 if problem else 200,
        upload=upload,
        about=about,
        checked=checked,
        summary=summary,
        moving=bool(summary and (summary.of_another or summary.one_more)),
        separators=SEPARATORS,
        moves=moves,
        columns=[column.name for column in CLIENT_COLUMNS],
        reader_says=problem,
    )
