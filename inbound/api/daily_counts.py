"""The route of daily counts: events and orders by day and kind, for reports."""

import re
from datetime import date, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import BeforeValidator, Field

from inbound.api.access import BackendDep, MayRead
from inbound.api.backend import retry_once
from inbound.api.json_bodies import JsonRoute
from inbound.api.models import RequestModel, ResponseModel, example
from inbound.api.problems import invalid
from schemas.base import UtcTime

PATH: Final = "/v1/daily-counts"
MAX_DAYS: Final = 92
DEFAULT_DAYS: Final = 7
ZONE: Final = "UTC"

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

router = APIRouter(tags=["history"], route_class=JsonRoute)


def _check_day(value: object) -> object:
    """Refuse other forms that pydantic accepts, such as seconds since 1970."""
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise ValueError("has to be a day, like 2024-05-17")
    return value


Day = Annotated[date, BeforeValidator(_check_day)]


class DailyCountsQuery(RequestModel):
    """Which days to count."""

    since: Day | None = Field(
        default=None, description=f"first day; default: {DEFAULT_DAYS} days up to `until`"
    )
    until: Day | None = Field(
        default=None,
        description=f"last day, included; default: today. At most {MAX_DAYS} days at a time",
    )


class EventCount(ResponseModel):
    """How many events of one kind were recorded on a day."""

    day: date
    type: str = Field(description="the event type, as in events: `request.completed`")
    command: str = Field(description="the command of the event; empty if it has none")
    purpose: str = Field(
        description="which message it is about: `acknowledgement`, `fulfilment`, `notification` or "
        "`broadcast`; empty if it is about none"
    )
    outcome: str = Field(
        description="of `request.accepted` the plan, of `request.completed` the completion, of "
        "`message.undeliverable` and `message.undetermined` the state at the SMS centre, of "
        "`message.unknown` whether it is `final` or `resent`, of held, refused and withheld ones "
        "the reason; else empty"
    )
    count: int


class OrderCount(ResponseModel):
    """How many orders of one kind were decided on a day."""

    day: date
    account: str
    kind: str = Field(description="`notification`, `broadcast` or `service`")
    outcome: str = Field(description="`accepted`, or the reason of the refusal")
    count: int
    parts: int = Field(description="SMS parts of their texts")


class DailyCounts(ResponseModel):
    """Counts of days; a kind that did not occur on a day has no row."""

    model_config = example(
        {
            "since": "2024-05-17",
            "until": "2024-05-17",
            "zone": "UTC",
            "as_of": "2024-05-18T06:00:00Z",
            "events": [
                {
                    "day": "2024-05-17",
                    "type": "request.completed",
                    "command": "client_info",
                    "purpose": "",
                    "outcome": "fulfilled",
                    "count": 118,
                }
            ],
            "orders": [
                {
                    "day": "2024-05-17",
                    "account": "crm",
                    "kind": "notification",
                    "outcome": "accepted",
                    "count": 40,
                    "parts": 52,
                }
            ],
        }
    )

    since: date
    until: date
    zone: str = Field(description="the time zone in which days begin and end; always UTC")
    as_of: UtcTime = Field(
        description="all events that were recorded before then are counted; the counts of days "
        "that ended before then no longer change"
    )
    events: list[EventCount]
    orders: list[OrderCount]


@router.get(
    PATH,
    operation_id="dailyCounts",
    summary="How many requests, messages and orders were there each day?",
    description="By day in UTC and by the time at which an event was recorded: a request that was "
    "accepted before midnight and completed after it counts as accepted on one day and as "
    "completed on the next.",
    response_description="The counts, by day.",
)
async def daily_counts(
    asked: Annotated[DailyCountsQuery, Query()], backend: BackendDep, _: MayRead
) -> DailyCounts:
    """Answer with the counts of some days."""
    until = asked.until or backend.clock().date()
    since = asked.since or max(until, date.min + timedelta(DEFAULT_DAYS)) - timedelta(
        days=DEFAULT_DAYS - 1
    )
    if since > until:
        raise invalid("query.until", "has to be the day of `since` or a later one")
    if (until - since).days >= MAX_DAYS:
        raise invalid("query.since", f"{MAX_DAYS} days can be asked for at a time")
    counts = backend.sources.slow
    # First: an event that is counted meanwhile does no harm.
    as_of = await retry_once(counts.counted_until)
    events = await retry_once(counts.daily, since, until)
    orders = await retry_once(counts.daily_orders, since, until)
    return DailyCounts(
        since=since,
        until=until,
        zone=ZONE,
        as_of=as_of,
        events=[
            EventCount(
                day=one.day,
                type=one.type,
                command=one.command,
                purpose=one.purpose,
                outcome=one.outcome,
                count=one.count,
            )
            for one in events
        ],
        orders=[
            OrderCount(
                day=one.day,
                account=one.account,
                kind=one.kind,
                outcome=one.outcome,
                count=one.count,
                parts=one.parts,
            )
            for one in orders
        ],
    )
