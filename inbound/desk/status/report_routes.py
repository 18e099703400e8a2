"""Routes of the daily report: a page, and a file."""

import csv
import io
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from inbound.api.backend import retry_once
from inbound.desk.access import Desk, DeskDep
from inbound.desk.person.thread import KINDS
from inbound.desk.problems import ErrorPage
from inbound.desk.roles import Right
from inbound.desk.status.daily_report import ZONE, DailyReport, report_of, rows_of
from inbound.desk.visitors import Sees, Visitor
from inbound.timeline.languages import refusal_words
from inbound.timeline.model import Language
from inbound.timeline.words import spelling_of
from schemas.events import Command
from schemas.messages import Purpose
from schemas.orders import RefusalReason

PATH: Final = "/status/report"
_COLUMNS: Final = ("day", "zone", "what", "kind", "count")
_DAY: Final = timedelta(days=1)
_PURPOSES: Final = {
    Purpose.ACKNOWLEDGEMENT: "Acknowledgements",
    Purpose.FULFILMENT: "Fulfilments",
    Purpose.NOTIFICATION: "Notifications",
    Purpose.BROADCAST: "Broadcasts",
}
_COMPLETIONS: Final = {
    "fulfilled": "Fulfilled",
    "refused": "Refused",
    "undelivered": "Undelivered",
}

router = APIRouter()
MaySee = Annotated[Visitor, Depends(Sees(Right.STATUS))]


@router.get(PATH)
async def report_page(request: Request, desk: DeskDep, _: MaySee, day: str = "") -> Response:
    """Show the report of a day; by default the last whole one on which anything happened."""
    report = await _read(desk, day)
    today = desk.clock().astimezone(UTC).date()
    return desk.pages.answer(
        request,
        "daily_report.html",
        report=report,
        day_zone=ZONE,
        purposes=_PURPOSES,
        completions=_COMPLETIONS,
        spelling=_spelling,
        kinds=KINDS,
        why=partial(_why, language=request.state.language),
        before=report.day - _DAY,
        after=report.day + _DAY if report.day < today else None,
        today=today,
    )


@router.get(f"{PATH}.csv")
async def report_file(desk: DeskDep, _: MaySee, day: str = "") -> Response:
    """Answer with the report as a file."""
    report = await _read(desk, day)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    writer.writerows(rows_of(report))
    name = f"scserv-report-{report.day.isoformat()}-{ZONE}.csv"
    return Response(
        # With a byte order mark, without which a spreadsheet guesses the encoding.
        text.getvalue().encode("utf-8-sig"),
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
        media_type="text/csv; charset=utf-8",
    )


async def _read(desk: Desk, text: str) -> DailyReport:
    now = desk.clock().astimezone(UTC)
    counts = desk.sources.slow
    day = _day(text, now.date()) if text else await _newest_day(desk, now.date())
    # First: an event that is counted meanwhile does no harm.
    as_of = await retry_once(counts.counted_until)
    events = await retry_once(counts.daily, day, day)
    orders = await retry_once(counts.daily_orders, day, day)
    end = datetime.combine(day + _DAY, datetime.min.time(), UTC)
    return report_of(day, events, orders, is_final=min(as_of, now) >= end)


async def _newest_day(desk: Desk, today: date) -> date:
    """Return the last whole day on which anything happened; today if that is the first one."""
    last_day = desk.sources.slow.last_counted_day
    whole = await retry_once(last_day, today - _DAY)
    return whole or await retry_once(last_day, today) or today - _DAY


def _spelling(command: str) -> str:
    """Return a command as clients write it; one of a newer release as it is stored."""
    return spelling_of(Command(command)) if command in set(Command) else command


def _why(reason: str, language: Language) -> str:
    """Return why orders were refused; a reason of a newer release as it is stored."""
    known = reason in set(RefusalReason)
    return refusal_words(RefusalReason(reason), language) if known else reason


def _day(text: str, today: date) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    # A day of another century would be a mistake, and the last one has no next.
    if day is None or not date(2000, 1, 1) <= day <= today:
        raise ErrorPage(
            404,
            "There is no report of this day.",
            "Give a day that has begun, like 2024-05-17.",
        )
    return day
