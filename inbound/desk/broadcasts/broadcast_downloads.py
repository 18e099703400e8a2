"""Routes of files about broadcasts: excluded rows, and recipients whom it has not reached.

They hold whole numbers, so each needs a reason and is recorded before it is written. Cells that a
spreadsheet would take for formulas are made harmless.
"""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

import psycopg
from fastapi import APIRouter, Depends, Request
from starlette.responses import FileResponse, Response
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from inbound.broadcasts.control import UnknownBroadcastError
from inbound.broadcasts.files import (
    AudienceDeletedError,
    FileOrder,
    Written,
    write_exclusions,
    write_recipients,
)
from inbound.broadcasts.outcomes import NOT_REACHED
from inbound.desk.access import Desk, DeskDep
from inbound.desk.broadcasts.broadcast_routes import PATH, Notice, page, unknown_broadcast
from inbound.desk.roles import Right
from inbound.desk.visitors import Action, Does
from inbound.store.access.audit import ReasonError, check_reason
from inbound.store.broadcasts.rows import RecipientState
from inbound.temporary_folder import TemporaryFolder
from inbound.timeline.model import Language

_ONE: Final = PATH + "/{broadcast_id}"
_TYPES: Final[Mapping[str, str]] = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
}
_REFUSALS: Final[Mapping[str, str]] = {
    "reason": "Say what you need the file for in up to 300 characters, without a phone number: it "
    "is kept for ever.",
    "empty": "There is no such row now, so there is no file.",
    "deleted": "The rows of this broadcast are no longer kept.",
}

router = APIRouter()
MayDownload = Annotated[Action, Depends(Does(Right.BROADCAST_ROWS))]


@router.post(f"{_ONE}/excluded")
async def excluded(
    request: Request, desk: DeskDep, action: MayDownload, broadcast_id: UUID
) -> Response:
    """Answer with a file of the excluded rows."""
    return await _file(request, desk, action, broadcast_id, "excluded", write_exclusions)


@router.post(f"{_ONE}/recipients")
async def recipients(
    request: Request, desk: DeskDep, action: MayDownload, broadcast_id: UUID
) -> Response:
    """Answer with a file of the recipients whom it has not reached, or of those in one state."""
    chosen = action.form["state"]
    states = (RecipientState(chosen),) if chosen in set(RecipientState) else NOT_REACHED

    def write(conn: psycopg.Connection, broadcast_id: UUID, order: FileOrder) -> Written:
        return write_recipients(conn, broadcast_id, states, order)

    return await _file(request, desk, action, broadcast_id, "recipients", write)


async def _file(
    request: Request,
    desk: Desk,
    action: Action,
    broadcast_id: UUID,
    what: str,
    write: Callable[[psycopg.Connection, UUID, FileOrder], Written],
) -> Response:
    refuse = partial(_refuse, request, desk, broadcast_id, action)
    try:
        why = check_reason(action.form["reason"])
    except ReasonError:
        return await refuse("reason")
    kind = action.form["format"] if action.form["format"] in _TYPES else "xlsx"
    folder = await asyncio.to_thread(TemporaryFolder, "desk")
    name = f"broadcast-{broadcast_id}.{what}.{kind}"
    try:
        by, path = action.visitor.session.actor, folder.path / name
        in_russian = request.state.language is Language.RU
        order = FileOrder(
            desk.broadcasts.sealer, path, desk.sources.zone, by, why, in_russian=in_russian
        )
        written = await desk.long_work.run(write, broadcast_id, order)
    except UnknownBroadcastError:
        folder.close()
        raise await unknown_broadcast(desk, broadcast_id) from None
    except AudienceDeletedError:
        folder.close()
        return await refuse("deleted")
    except BaseException:
        folder.close()
        raise
    if written.path is None:
        folder.close()
        return await refuse("empty")
    return _OneTimeFile(folder, path, _TYPES[kind])


class _OneTimeFile(FileResponse):
    """A file that is deleted once it was sent, or its browser is gone."""

    def __init__(self, folder: TemporaryFolder, path: Path, media_type: str) -> None:
        super().__init__(path, media_type=media_type, filename=path.name)
        self._folder = folder

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._folder.close()


async def _refuse(
    request: Request, desk: Desk, broadcast_id: UUID, action: Action, problem: str
) -> Response:
    notice = Notice(problem=_REFUSALS[problem], typed_reason=action.form["reason"])
    return await page(request, desk, broadcast_id, notice, 422)
