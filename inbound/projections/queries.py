"""Queries of the projections: typed rows, one statement each.

Answers are as old as the projector's last round, usually half a second. A page starts after the
last row of the previous one (`PageKey`), so pages neither repeat nor skip a row while new ones
arrive.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, NamedTuple, cast
from uuid import UUID

from psycopg.rows import args_row

from inbound.projections.requests import RequestState
from inbound.store.connections import LazyConnection
from inbound.store.errors import raises_store_errors_async
from inbound.store.statements import statements
from schemas.events import Command, Plan

APPLICATION_NAME: Final = "scserv projections"
MOST: Final = 1000
"""The most rows of one page."""

_SQL: Final = statements(__package__, "queries")
_FIND_REQUEST: Final = _SQL["find_request"]
_FIND_BY_MESSAGE: Final = _SQL["find_by_message"]
_FIND_BY_TRACE: Final = _SQL["find_by_trace"]
_REQUESTS_OF: Final = _SQL["requests_of"]
_SEARCH: Final = _SQL["search_requests"]
_DAILY: Final = _SQL["daily"]
_DAILY_ORDERS: Final = _SQL["daily_orders"]
_LAST_COUNTED_DAY: Final = _SQL["last_counted_day"]
_COUNTED_UNTIL: Final = _SQL["counted_until"]
_MINUTES: Final = _SQL["minutes_of_requests"]

COUNTED_A_MINUTE: Final = 1000
"""Of more commands in a minute no more are counted."""
_MEASURED_A_MINUTE: Final = 200


class PageKey(NamedTuple):
    """The last row of a page."""

    arrived_at: datetime
    request_id: UUID


@dataclass(frozen=True, slots=True)
class ReplyMessage:
    """One of the two messages that answer a request.

    `outcome` is the final one (submitted, rejected, unknown, expired, erased; resent: unknown
    and to be resent), None while it waits; `attempt` counts from 1. `fate` is its status from
    delivery receipts (delivered, undeliverable, undetermined), None while unknown.
    """

    message_id: UUID
    outcome: str | None
    attempt: int | None
    fate: str | None


@dataclass(frozen=True, slots=True)
class Request:
    """One accepted command. Times are UTC.

    `arrived_at` is when the gateway received the MO, `accepted_at` when the request was
    logged, `acknowledged_at` when the SMS centre accepted the acknowledgement. `late`: not
    within 120 s. `fulfilment` is None when none is due. `trace_id` is 32 hex digits.
    """

    request_id: UUID
    subject_id: UUID
    command: Command
    plan: Plan
    state: RequestState
    arrived_at: datetime
    accepted_at: datetime
    acknowledged_at: datetime | None
    completed_at: datetime | None
    late: bool
    centre: str
    bind: str
    trace_id: str | None
    acknowledgement: ReplyMessage
    fulfilment: ReplyMessage | None

    @property
    def page_key(self) -> PageKey:
        """Return the key of this row for the next page."""
        return PageKey(self.arrived_at, self.request_id)


@dataclass(frozen=True, slots=True)
class DailyCount:
    """How many events of a kind were recorded on a day (UTC); empty: the event has none."""

    day: date
    type: str
    command: str
    purpose: str
    outcome: str
    count: int


@dataclass(frozen=True, slots=True)
class DailyOrders:
    """How many orders of a kind were decided on a day (UTC), and the parts of their texts."""

    day: date
    account: str
    kind: str
    outcome: str
    count: int
    parts: int


@dataclass(frozen=True, slots=True)
class Minute:
    """The commands that arrived within a minute, or in all minutes if `begins` is None.

    `p50` and `p99` are seconds to the acknowledgement, of the first commands of each minute; None
    without one. At most `COUNTED_A_MINUTE` are counted for a minute.
    """

    begins: datetime | None
    arrived: int
    p50: float | None
    p99: float | None


class ProjectionQueries:
    """Reads the live projections on a connection of its own, opened when it is first used.

    Calls may overlap, and wait for each other. All raise StoreUnavailable when the database
    does not answer, and may be repeated.
    """

    def __init__(self, url: str, *, application_name: str = APPLICATION_NAME) -> None:
        """Open nothing yet."""
        self._connection = LazyConnection(url, application_name)
        self.where = self._connection.where

    async def find_request(self, request_id: UUID) -> Request | None:
        """Return the request of this id."""
        return _first(await self._requests(_FIND_REQUEST, {"request_id": request_id}))

    async def find_by_message(self, message_id: UUID) -> Request | None:
        """Return the request that this message answers."""
        return _first(await self._requests(_FIND_BY_MESSAGE, {"message_id": message_id}))

    async def find_by_trace(self, trace_id: str) -> list[Request]:
        """Return the requests of a trace, 32 hex digits; one as a rule."""
        try:
            as_uuid = UUID(hex=trace_id)
        except ValueError:
            return []
        return await self._requests(_FIND_BY_TRACE, {"trace_id": as_uuid, "limit": MOST})

    async def requests_of(
        self,
        subject_id: UUID,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        after: PageKey | None = None,
        limit: int = 100,
    ) -> list[Request]:
        """Return a subject's requests that arrived from `since` to before `until`, newest first."""
        window = _window(since, until, after, limit)
        return await self._requests(_REQUESTS_OF, {"subject_id": subject_id, **window})

    async def search(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        command: Command | None = None,
        state: RequestState | None = None,
        late: bool | None = None,
        after: PageKey | None = None,
        limit: int = 100,
    ) -> list[Request]:
        """Return requests that arrived from `since` to before `until`, newest first.

        A page starts after `after` and has up to `limit` rows, `MOST` at most. There is an
        index by time only: look for a rare state within some days.
        """
        wanted = {"command": command, "state": state, "late": late}
        return await self._requests(_SEARCH, {**wanted, **_window(since, until, after, limit)})

    @raises_store_errors_async
    async def minutes(self, since: datetime, until: datetime) -> list[Minute]:
        """Return each whole minute from `since` to `until`, and at last all of them together."""
        conn = await self._connection.get()
        limits = {"counted": COUNTED_A_MINUTE, "measured": _MEASURED_A_MINUTE}
        async with conn.cursor(row_factory=args_row(Minute)) as cursor:
            await cursor.execute(_MINUTES, {"since": since, "until": until, **limits})
            return await cursor.fetchall()

    @raises_store_errors_async
    async def daily(self, since: date, until: date) -> list[DailyCount]:
        """Return the counts from one day to another, both included, in a fixed order."""
        conn = await self._connection.get()
        async with conn.cursor(row_factory=args_row(DailyCount)) as cursor:
            await cursor.execute(_DAILY, {"since": since, "until": until})
            return await cursor.fetchall()

    @raises_store_errors_async
    async def daily_orders(self, since: date, until: date) -> list[DailyOrders]:
        """Return the counts of orders from one day to another, both included, in a fixed order."""
        conn = await self._connection.get()
        async with conn.cursor(row_factory=args_row(DailyOrders)) as cursor:
            await cursor.execute(_DAILY_ORDERS, {"since": since, "until": until})
            return await cursor.fetchall()

    @raises_store_errors_async
    async def last_counted_day(self, until: date) -> date | None:
        """Return the last day up to `until` that has counts, None if there is none."""
        conn = await self._connection.get()
        cursor = await conn.execute(_LAST_COUNTED_DAY, {"until": until})
        [(day,)] = await cursor.fetchall()
        return cast("date | None", day)

    @raises_store_errors_async
    async def counted_until(self) -> datetime:
        """Return a time before which all recorded events are in the daily counts."""
        conn = await self._connection.get()
        cursor = await conn.execute(_COUNTED_UNTIL)
        [(moment,)] = await cursor.fetchall()
        return cast("datetime", moment)

    async def close(self) -> None:
        """Close the connection; a later use opens it again."""
        await self._connection.close()

    @raises_store_errors_async
    async def _requests(self, query: bytes, parameters: dict[str, Any]) -> list[Request]:
        conn = await self._connection.get()
        async with conn.cursor(row_factory=args_row(_request)) as cursor:
            await cursor.execute(query, parameters)
            return await cursor.fetchall()


def _window(
    since: datetime | None, until: datetime | None, after: PageKey | None, limit: int
) -> dict[str, Any]:
    return {
        "since": since,
        "until": until,
        "after_at": after.arrived_at if after else None,
        "after_id": after.request_id if after else None,
        "limit": min(limit, MOST),
    }


def _first(found: Sequence[Request]) -> Request | None:
    return found[0] if found else None


def _request(*columns: Any) -> Request:  # noqa: ANN401  the columns of a row
    request_id, subject_id, command, plan, state, *times = columns[:10]
    centre, bind, trace_id = columns[10:13]
    acknowledgement, fulfilment = columns[13:17], columns[17:]
    arrived_at, accepted_at, acknowledged_at, completed_at, late = times
    return Request(
        request_id=request_id,
        subject_id=subject_id,
        command=Command(command),
        plan=Plan(plan),
        state=RequestState(state),
        arrived_at=arrived_at,
        accepted_at=accepted_at,
        acknowledged_at=acknowledged_at,
        completed_at=completed_at,
        late=late,
        centre=centre,
        bind=bind,
        trace_id=trace_id.hex if trace_id else None,
        acknowledgement=ReplyMessage(*acknowledgement),
        fulfilment=ReplyMessage(*fulfilment) if fulfilment[0] else None,
    )
