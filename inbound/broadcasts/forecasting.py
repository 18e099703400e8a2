"""How fast a broadcast goes, and when it is going to end."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import psycopg

from inbound.freshness.reception import SendingGap, sending_gap
from inbound.handlers.broadcasts import FINAL, BroadcastState, opening
from inbound.handlers.forecast import expected_end
from inbound.store.bind_reports import list_binds
from inbound.store.broadcasts.rows import Broadcast, Progress
from inbound.store.connections import raises_store_errors
from inbound.store.statements import statements

_COUNT_RECENT: Final = statements(__package__, "forecasting")["count_recent"]
_RECENT: Final = timedelta(minutes=1)
_BEGINS_WITHIN: Final = timedelta(seconds=15)
"""A scheduler begins what is due within a second; a busy one, or its successor, a bit later."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """The forecast, as far as there is one.

    Before the start, `ends_at` is the end if it started now. None for a broadcast that stands
    still: a rate of 0 has no end.
    """

    begins_at: datetime | None = None
    ends_at: datetime | None = None
    recent_rate: float | None = None
    """Messages a second in the last minute, while it runs."""
    gap: SendingGap | None = None
    """It would send now, but no bind to an SMS centre is up. Then nothing else is known."""
    overdue_since: datetime | None = None
    """When it should have begun, if no scheduler has begun it. Then nothing else is known."""


def forecast(
    conn: psycopg.Connection, one: Broadcast, progress: Progress, now: datetime
) -> Forecast:
    """Return the forecast for a broadcast; an empty one if it has ended or stands still. Blocks.

    While it runs, its speed of the last minute counts; one that is spread ends with its hours.
    While no bind is up, the pump goes a bit ahead, which says nothing about speed or end.
    """
    if one.state in FINAL or one.state is BroadcastState.PAUSED or not progress.recipients:
        return Forecast()
    should_begin = opening(one.lifecycle.starts_at or now, one.hours)
    is_overdue = one.state is BroadcastState.SCHEDULED and now - should_begin > _BEGINS_WITHIN
    if is_overdue and not one.lifecycle.needs_confirmation:
        return Forecast(overdue_since=should_begin)
    begins_at = opening(max(one.lifecycle.starts_at or now, now), one.hours)
    gap = sending_gap(list_binds(conn)) if begins_at <= now else None
    if gap is not None:
        return Forecast(gap=gap)
    if one.state is not BroadcastState.RUNNING:
        return Forecast(begins_at, _end(one, begins_at, progress.waiting, one.rate))
    if begins_at > now:  # between its sending hours: what it did in the last minute says nothing
        return Forecast(None, _end(one, begins_at, progress.waiting, one.rate))
    return _of_running(one, progress, _recent_rate(conn, one, progress, now), now)


def _of_running(one: Broadcast, progress: Progress, measured: float, now: datetime) -> Forecast:
    if one.is_spread:
        return Forecast(None, _end(one, now, progress.waiting, one.rate), measured)
    ends_at = _end(one, now, progress.waiting, measured) if measured else None
    return Forecast(None, ends_at, measured)


@raises_store_errors
def _recent_rate(
    conn: psycopg.Connection, one: Broadcast, progress: Progress, now: datetime
) -> float:
    """Return how many messages a second were placed; in the first minute, how many were sent."""
    began_at = one.lifecycle.began_at or now
    since = max(began_at, now - _RECENT)
    parameters = {"account": one.account, "since": since, "broadcast_id": one.broadcast_id}
    row = conn.execute(_COUNT_RECENT, parameters).fetchone()
    placed = row[0] if row else 0
    if since == began_at:
        placed = progress.recipients - progress.waiting
    return placed / max((now - since).total_seconds(), 1.0)


def _end(one: Broadcast, begins_at: datetime, waiting: int, rate: float | None) -> datetime | None:
    return expected_end(begins_at, waiting, hours=one.hours, rate=rate, is_spread=one.is_spread)
