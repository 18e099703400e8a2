"""Routes of the audit: who changed, viewed or revealed what, and why."""

import csv
import io
from collections.abc import AsyncIterator, Mapping
from datetime import date, datetime, time, timedelta
from typing import Annotated, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import psycopg
from fastapi import APIRouter, Depends, Request
from starlette.responses import Response, StreamingResponse

from inbound.desk.access import Desk, DeskDep
from inbound.desk.audit.audit_details import detail
from inbound.desk.audit.audit_words import ACTIONS
from inbound.desk.moments import addressed_moment
from inbound.desk.navigation import MenuEntry
from inbound.desk.roles import Right
from inbound.desk.visitors import Action, Does, Sees, Visitor
from inbound.store.access.audit import AuditEntry, ReasonError, record
from inbound.store.access.audit_search import (
    AuditFilter,
    AuditPlace,
    list_actions,
    list_actors,
    search_entries,
)
from inbound.store.connections import raises_store_errors
from inbound.tables.formulas import marked
from schemas.orders import utc

PATH: Final = "/audit"
PLACE: Final = MenuEntry(PATH, "Audit", "list", Right.AUDIT)
SHOWN: Final = 50
_AT_A_TIME: Final = 1000
_LONGEST: Final = 200
_FIELDS: Final = ("actor", "action", "since", "until")
_COLUMNS: Final = ("at", "actor", "action", "subject", "request", "broadcast", "reason")

router = APIRouter()
MaySee = Annotated[Visitor, Depends(Sees(Right.AUDIT))]
MayDownload = Annotated[Action, Depends(Does(Right.AUDIT))]


@router.get(PATH)
async def audit(
    request: Request,
    desk: DeskDep,
    _: MaySee,
    actor: str = "",
    action: str = "",
    since: str = "",
    until: str = "",
    before: str = "",
) -> Response:
    """Show a page of entries, the newest first."""
    typed = {"actor": actor, "action": action, "since": since, "until": until}
    wanted = _filter(typed, desk.sources.zone)
    run = desk.sources.pool.run
    found = await run(search_entries, wanted, limit=SHOWN + 1, before=_place(before))
    older = ""
    if len(found) > SHOWN:
        last = found[SHOWN - 1]
        place = f"{last.at.isoformat()} {last.id}"
        older = urlencode({**_given(typed), "before": place})
    return desk.pages.answer(
        request,
        "audit.html",
        entries=found[:SHOWN],
        actions=ACTIONS,
        detail=detail,
        known_actors=await run(list_actors),
        known_actions=await run(list_actions),
        typed=typed,
        is_filtered=bool(_given(typed)),
        is_first=not before,
        older=older,
        newest=urlencode(_given(typed)),
    )


@router.post(f"{PATH}/download")
async def download(request: Request, desk: DeskDep, action: MayDownload) -> Response:
    """Write the entries into a CSV file.

    The download is itself recorded first. A file that can't be finished in time breaks off, so that
    the browser reports an error.
    """
    request.state.time_limit.allow_pieces()
    wanted = _filter(action.form.fields, desk.sources.zone)
    actor = action.visitor.session.actor
    await desk.sources.pool.run(_record_download, actor, _given(action.form.fields))
    today = desk.clock().astimezone(ZoneInfo(desk.sources.zone)).date()
    headers = {"Content-Disposition": f'attachment; filename="audit-{today}.csv"'}
    lines = _lines(desk, wanted)
    return StreamingResponse(lines, headers=headers, media_type="text/csv; charset=utf-8")


async def _lines(desk: Desk, wanted: AuditFilter) -> AsyncIterator[str]:
    """Yield the file, page by page: no connection is held while a browser reads slowly."""
    yield "\N{ZERO WIDTH NO-BREAK SPACE}" + _as_csv([_COLUMNS])
    place: AuditPlace | None = None
    while True:
        found = await desk.sources.pool.run(search_entries, wanted, limit=_AT_A_TIME, before=place)
        yield _as_csv([_cells(entry) for entry in found])
        if len(found) < _AT_A_TIME:
            return
        place = AuditPlace(found[-1].at, found[-1].id)


def _cells(entry: AuditEntry) -> tuple[str, ...]:
    about = (entry.subject_id, entry.request_id, entry.broadcast_id)
    return (
        str(utc(entry.at.replace(microsecond=0))),
        entry.actor,
        entry.action,
        *("" if one is None else str(one) for one in about),
        entry.reason,
    )


def _as_csv(rows: list[tuple[str, ...]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([marked(cell) for cell in row] for row in rows)
    return text.getvalue()


def _given(typed: Mapping[str, str]) -> dict[str, str]:
    return {name: typed[name][:_LONGEST] for name in _FIELDS if typed.get(name)}


def _filter(typed: Mapping[str, str], zone: str) -> AuditFilter:
    given = _given(typed)
    since, until = _day(given.get("since", "")), _day(given.get("until", ""))
    return AuditFilter(
        given.get("actor", "").strip().replace("\0", ""),
        given.get("action", "").strip().replace("\0", ""),
        _midnight(since, zone) if since else None,
        _midnight(until + timedelta(days=1), zone) if until else None,
    )


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone))


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if 2000 <= day.year < 9000 else None


def _place(text: str) -> AuditPlace | None:
    at, _, id_ = text.rpartition(" ")
    try:
        moment = addressed_moment(at)
        return None if moment is None else AuditPlace(moment, int(id_[:18]))
    except ValueError:
        return None


@raises_store_errors
def _record_download(conn: psycopg.Connection, actor: str, given: dict[str, str]) -> None:
    what = ", ".join(f"{name} {value}" for name, value in given.items())
    action = "desk.download_audit"
    try:
        record(conn, actor=actor, action=action, reason=what[:_LONGEST] or "all entries")
    except ReasonError:  # the filters that were typed don't belong in the audit
        record(conn, actor=actor, action=action, reason="some entries")
