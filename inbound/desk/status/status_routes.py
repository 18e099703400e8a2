"""Routes of the status, the first page for an operator."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from inbound.desk.access import Desk, DeskDep
from inbound.desk.navigation import MenuEntry
from inbound.desk.roles import Right
from inbound.desk.status.alarm import Alarm
from inbound.desk.status.alarms import alarms_of
from inbound.desk.status.bind_reasons import reason_in_russian
from inbound.desk.status.bind_states import OF_LANE, shown_bind
from inbound.desk.status.charts import HEIGHT, WIDTH, Chart, bars_of, chart_of
from inbound.desk.status.service_status import ServiceStatus
from inbound.desk.visitors import Sees, Visitor
from inbound.freshness.model import PendingWork
from inbound.projections.queries import COUNTED_A_MINUTE, Minute
from inbound.timeline.model import Language

PATH: Final = "/status"
PLACE: Final = MenuEntry(PATH, "Status", "status", Right.STATUS)
POLL_EVERY: Final = "10s"
_WORKS: Final = {
    PendingWork.TEXTS: "Texts from phones",
    PendingWork.RESULTS: "Results and delivery receipts",
    PendingWork.ORDERS: "Orders over Kafka",
}

router = APIRouter()
MaySee = Annotated[Visitor, Depends(Sees(Right.STATUS))]


@router.get(PATH)
async def status_page(request: Request, desk: DeskDep, _: MaySee) -> Response:
    """Show the status of the service. Answers also while Kafka is unavailable."""
    return _page(request, desk, "status.html", await desk.status.read())


@router.get(f"{PATH}/live")
async def live(request: Request, desk: DeskDep, _: MaySee) -> Response:
    """Return what changes on the page, for htmx."""
    return _page(request, desk, "status_live.html", await desk.status.watch())


def _page(request: Request, desk: Desk, template: str, status: ServiceStatus) -> Response:
    charts = _charts(status.hour) if status.hour else None
    is_russian = desk.pages.words(request).language is Language.RU

    def bind_reason(english: str) -> str:
        return reason_in_russian(english) if is_russian else english

    return desk.pages.answer(
        request,
        template,
        service=status,
        stored=status.stored,
        alarms=[_worded(alarm, bind_reason) for alarm in alarms_of(status)],
        arrived=charts[0] if charts else None,
        taken=charts[1] if charts else None,
        arrived_now=_newest(status.hour),
        most_a_minute=COUNTED_A_MINUTE,
        waiting=_waiting(status),
        shown_bind=shown_bind,
        bind_reason=bind_reason,
        bound_since=_since,
        lanes=OF_LANE,
        width=WIDTH,
        height=HEIGHT,
        every=POLL_EVERY,
    )


def _worded(alarm: Alarm, bind_reason: Callable[[str], str]) -> Alarm:
    """Return an alarm whose reason is in the language of the page."""
    if "reason" not in alarm.values:
        return alarm
    return replace(
        alarm, values={**alarm.values, "reason": bind_reason(str(alarm.values["reason"]))}
    )


def _charts(hour: Sequence[Minute]) -> tuple[Chart, Chart]:
    """Return the charts of arrivals and of the times to the acknowledgement."""
    times = {"p50": [one.p50 for one in hour], "p99": [one.p99 for one in hour]}
    return bars_of([one.arrived for one in hour]), chart_of(times)


def _newest(hour: Sequence[Minute] | None) -> int | None:
    return hour[-1].arrived if hour else None


def _waiting(status: ServiceStatus) -> list[tuple[str, float | None]] | None:
    """Return for how long the oldest record of each kind waits; None while Kafka is away."""
    if status.backlog.oldest is None:
        return None
    found = []
    for work, title in _WORKS.items():
        since = next((one.since for one in status.backlog.pending(work)), None)
        age = max((status.at - since).total_seconds(), 0.0) if since else None
        found.append((title, age))
    return found


def _since(details: dict[str, object]) -> datetime | None:
    """Return since when a bind is in its state; reports of an old release may lack it."""
    text = details.get("since")
    return datetime.fromisoformat(text) if isinstance(text, str) else None
