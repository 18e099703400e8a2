"""Searching requests: the parameters, the pages, the answer.

A page goes on after the last row of the page before, so that pages neither repeat nor skip a
request while new ones come in. The cursor is that row's place; to callers it is opaque.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Final, Self
from urllib.parse import urlencode
from uuid import UUID

from pydantic import Field

from inbound.api.backend import Backend, twice
from inbound.api.examples import REQUEST, SUBJECT
from inbound.api.models import ClientId, Moment, RequestModel, ResponseModel, example
from inbound.projections.queries import MOST as MOST_AT_ONCE
from inbound.projections.queries import Message, PageKey, ProjectionQueries, Request
from inbound.projections.requests import RequestState
from schemas.base import UtcTime
from schemas.events import Command, Plan

PATH: Final = "/v1/requests"
MOST: Final = 200
DEFAULT_DAYS: Final = 30

# 13 hexadecimal digits of microseconds reach from 1970 to 2112.
_TIME_DIGITS: Final = 13
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class RequestSearch(RequestModel):
    """What is searched for; all of it has to fit."""

    since: Moment | None = Field(
        default=None,
        description=f"texts that arrived then or later; {DEFAULT_DAYS} days before `until` "
        "unless told otherwise. A long time and a rare state take long",
    )
    until: Moment | None = Field(default=None, description="texts that arrived before; now")
    command: Command | None = Field(default=None, description="what was texted")
    state: RequestState | None = Field(
        default=None, description="how far it is; the last three are final"
    )
    subject: UUID | None = Field(default=None, description="of this subject")
    client: ClientId | None = Field(
        default=None,
        description="of this client, whatever the number; takes the scope `resolve` too, and is "
        "recorded, because the answer says which subjects are the client's",
    )
    limit: int = Field(default=50, ge=1, le=MOST, description="requests on a page at most")
    cursor: str | None = Field(
        default=None,
        pattern=r"^[0-9a-f]{45}$",
        description="from the `next` of the page before; the other parameters stay the same",
    )

    def after(self) -> PageKey | None:
        """Return where the page before ended."""
        if self.cursor is None:
            return None
        arrived_us, request_id = self.cursor[:_TIME_DIGITS], self.cursor[_TIME_DIGITS:]
        return PageKey(_EPOCH + int(arrived_us, 16) * _MICROSECOND, UUID(request_id))

    def next_link(self, last: Request) -> str:
        """Return the link to the page after the one that ends with `last`."""
        arrived_us = (last.arrived_at - _EPOCH) // _MICROSECOND
        cursor = f"{arrived_us:0{_TIME_DIGITS}x}{last.request_id.hex}"
        given = self.model_dump(mode="json", exclude_none=True, exclude={"cursor"})
        return f"{PATH}?{urlencode({**given, 'cursor': cursor})}"


class FoundMessage(ResponseModel):
    """One of the two messages that answer a request."""

    message_id: UUID
    outcome: str | None = Field(
        description="what counts for the request: `submitted`, `rejected`, `unknown`, "
        "`expired` or `erased`; `resent`: unknown, and to be sent again; null while it waits"
    )
    attempt: int | None = Field(description="which attempt that was, from 1")
    fate: str | None = Field(
        description="by the delivery receipts: `delivered`, `undeliverable` or `undetermined`; "
        "null while nothing is known"
    )

    @classmethod
    def of(cls, message: Message) -> Self:
        """Return what the projection knows of a message."""
        return cls(
            message_id=message.message_id,
            outcome=message.outcome,
            attempt=message.attempt,
            fate=message.fate,
        )


class FoundRequest(ResponseModel):
    """One accepted command and how far it is."""

    request_id: UUID
    subject_id: UUID
    command: Command
    plan: Plan = Field(description="how it is to be fulfilled, or why it is refused")
    state: RequestState
    arrived_at: UtcTime = Field(description="when the gateway had the text")
    acknowledged_at: UtcTime | None = Field(
        description="when the SMS centre took the acknowledgement"
    )
    completed_at: UtcTime | None = Field(description="when its final state was reached")
    late: bool = Field(description="whether the acknowledgement missed its two minutes")
    trace_id: str | None = Field(description="32 hex digits of W3C trace context")
    acknowledgement: FoundMessage
    fulfilment: FoundMessage | None = Field(description="null when none is owed")

    @classmethod
    def of(cls, request: Request) -> Self:
        """Return what the projection knows of a request."""
        fulfilment = request.fulfilment
        return cls(
            request_id=request.request_id,
            subject_id=request.subject_id,
            command=request.command,
            plan=request.plan,
            state=request.state,
            arrived_at=request.arrived_at,
            acknowledged_at=request.acknowledged_at,
            completed_at=request.completed_at,
            late=request.late,
            trace_id=request.trace_id,
            acknowledgement=FoundMessage.of(request.acknowledgement),
            fulfilment=FoundMessage.of(fulfilment) if fulfilment else None,
        )


class RequestPage(ResponseModel):
    """Requests, newest first."""

    model_config = example(
        {
            "requests": [
                {
                    "request_id": REQUEST,
                    "subject_id": SUBJECT,
                    "command": "sms_stop",
                    "plan": "stopped",
                    "state": "fulfilled",
                    "arrived_at": "2024-05-17T12:00:00.100000Z",
                    "acknowledged_at": "2024-05-17T12:00:00.160000Z",
                    "completed_at": "2024-05-17T12:00:00.220000Z",
                    "late": False,
                    "trace_id": "0af7651916cd43dd8448eb211c80319c",
                    "acknowledgement": {
                        "message_id": "4d1c7a52-9a55-5f5e-9a6c-9a1b0f6f2c11",
                        "outcome": "submitted",
                        "attempt": 1,
                        "fate": "delivered",
                    },
                    "fulfilment": {
                        "message_id": "0e1b6c3d-8d3f-5c2a-b0f1-6f5a4e3d2c1b",
                        "outcome": "submitted",
                        "attempt": 1,
                        "fate": None,
                    },
                }
            ],
            "next": "/v1/requests?limit=1&cursor=618a4d9e186a09d1f3a7752c44be58f0e2a6a4f1d9b10",
        }
    )

    requests: list[FoundRequest]
    next: str | None = Field(description="the next page, as a path; null after the last one")


async def find_page(
    backend: Backend, asked: RequestSearch, subjects: Sequence[UUID] | None
) -> RequestPage:
    """Return one page of what is searched for; `subjects` are those it has to be of."""
    since = asked.since or (asked.until or backend.clock()) - timedelta(days=DEFAULT_DAYS)
    asked = asked.model_copy(update={"since": since})
    limit = asked.limit + 1  # one more tells whether there is a next page
    if subjects is None:
        found = await twice(_search, backend.sources.slow, asked, limit)
    else:
        found = []
        for subject_id in subjects:
            found += await _of_subject(backend.sources.quick, asked, subject_id, limit)
        found = sorted(found, key=attrgetter("page_key"), reverse=True)[:limit]
    page = found[: asked.limit]
    return RequestPage(
        requests=[FoundRequest.of(request) for request in page],
        next=asked.next_link(page[-1]) if len(found) > len(page) else None,
    )


async def _search(queries: ProjectionQueries, asked: RequestSearch, limit: int) -> list[Request]:
    return await queries.search(
        since=asked.since,
        until=asked.until,
        command=asked.command,
        state=asked.state,
        after=asked.after(),
        limit=limit,
    )


async def _of_subject(
    queries: ProjectionQueries, asked: RequestSearch, subject_id: UUID, limit: int
) -> list[Request]:
    """Return the newest requests of one subject that fit; a subject has few, so look at all."""
    fitting: list[Request] = []
    after = asked.after()
    while len(fitting) < limit:
        some = await twice(
            queries.requests_of,
            subject_id,
            since=asked.since,
            until=asked.until,
            after=after,
            limit=MOST_AT_ONCE,
        )
        fitting += [each for each in some if _fits(each, asked)]
        if len(some) < MOST_AT_ONCE:
            break
        after = some[-1].page_key
    return fitting[:limit]


def _fits(request: Request, asked: RequestSearch) -> bool:
    return asked.command in {None, request.command} and asked.state in {None, request.state}
