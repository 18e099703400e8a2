"""The page of one broadcast, shared by its routes."""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import Request
from starlette.responses import HTMLResponse

from inbound.broadcasts.control import UnknownBroadcastError
from inbound.desk.access import Desk
from inbound.desk.broadcasts import broadcast_words
from inbound.desk.broadcasts.broadcasts import Live
from inbound.desk.moments import input_time
from inbound.desk.problems import ErrorPage
from inbound.desk.visitors import Visitor
from inbound.handlers.broadcasts import FINAL, BroadcastState
from inbound.parsers.numbers import mask
from inbound.store.broadcasts.rows import Broadcast

PATH: Final = "/broadcasts"
ONE: Final = PATH + "/{broadcast_id}"
_MOVING_EVERY: Final = "2s"
_STILL_EVERY: Final = "10s"
_SOON: Final = timedelta(seconds=30)

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class BroadcastNotice:
    """The result of an action: what was done, or what is wrong and what was typed."""

    done: str = ""
    problem: str = ""
    values: Mapping[str, object] = field(default_factory=dict)
    typed_at: str = ""
    typed_reason: str = ""


async def page(
    request: Request, desk: Desk, broadcast_id: UUID, notice: BroadcastNotice, status: int = 200
) -> HTMLResponse:
    """Return the page of a broadcast."""
    looked = await known(desk, broadcast_id, desk.broadcasts.look(broadcast_id))
    return desk.pages.answer(
        request,
        "broadcast.html",
        status,
        None,
        looked=looked,
        review=looked.review,
        notice=notice,
        bounds=start_bounds(desk),
        own_sender=desk.broadcast_drafts.own_sender,
        masked=mask,
        duration=_duration(looked.live.one),
        **live_values(request, looked.live),
    )


def start_bounds(desk: Desk) -> tuple[str, str]:
    """Return the first and the last minute at which a broadcast may start, as an input has them."""
    now, zone = desk.clock(), desk.sources.zone
    latest = now + timedelta(days=desk.broadcast_drafts.ahead_days)
    return input_time(now, zone), input_time(latest, zone)


def _duration(one: Broadcast) -> timedelta:
    """Return how long it sends at its rate; nothing if that is unknown."""
    return timedelta(seconds=one.lifecycle.recipients / one.rate if one.rate else 0)


def words_of(request: Request) -> dict[str, object]:
    """Return how templates write broadcasts."""
    return {"w": broadcast_words, "n": broadcast_words.NumberFormat(request.state.language)}


def live_values(request: Request, live: Live) -> dict[str, object]:
    """Return the values for the live part of the page."""
    visitor: Visitor = request.state.visitor
    now = live.one.lifecycle
    return {
        "live": live,
        "one": live.one,
        "every": _MOVING_EVERY if _is_moving(live) else _STILL_EVERY,
        "is_own": visitor.session.actor in {now.created_by, now.started_by},
        **words_of(request),
    }


def _is_moving(live: Live) -> bool:
    """Whether its state or its counts may change within seconds."""
    one, starts_at = live.one, live.one.lifecycle.starts_at
    match one.state:
        case BroadcastState.RUNNING:
            return True
        case BroadcastState.SCHEDULED:
            is_missed = one.lifecycle.needs_confirmation
            return starts_at is not None and not is_missed and starts_at - live.at < _SOON
        case _:
            return one.state in FINAL and one.ended_at is None


async def known(desk: Desk, broadcast_id: UUID, looking: Awaitable[Result]) -> Result:
    """Return the broadcast that was looked up. Raises ErrorPage if there is none."""
    try:
        return await looking
    except UnknownBroadcastError:
        pass
    raise await unknown_broadcast(desk, broadcast_id)


async def unknown_broadcast(desk: Desk, broadcast_id: UUID) -> ErrorPage:
    """Say that there is no broadcast with this id, and who deleted it if somebody did."""
    deleted = await desk.broadcasts.deletion(broadcast_id)
    if deleted is None:
        return ErrorPage(
            404,
            "There is no such broadcast.",
            "Check the address, or choose a broadcast from the list.",
        )
    at = deleted.at.astimezone(ZoneInfo(desk.sources.zone))
    return ErrorPage(
        404,
        "{by} deleted this draft: {at}.",
        "Choose a broadcast from the list, or make the draft anew.",
        values={"by": deleted.actor, "at": f"{at:%d.%m.%Y %H:%M}"},
    )
