"""Searching requests: parameters, pages and models of the answer."""

from collections.abc import Sequence
from datetime import timedelta
from operator import attrgetter
from typing import Final, Self
from urllib.parse import urlencode
from uuid import UUID

from pydantic import Field

from inbound.api.admission import Principal
from inbound.api.backend import Backend, retry_once
from inbound.api.cursors import CURSOR, read_cursor, write_cursor
from inbound.api.examples import REQUEST, SUBJECT
from inbound.api.list_freshness import request_freshness
from inbound.api.models import ClientId, CurrentAnswer, RequestModel, ResponseModel, example
from inbound.api.subject_ids import shown_id
from inbound.projections.queries import MOST as QUERY_LIMIT
from inbound.projections.queries import PageKey, ProjectionQueries, ReplyMessage, Request
from inbound.projections.requests import RequestState
from schemas.base import UtcTime
from schemas.events import Command, Plan
from schemas.moments import Moment

PATH: Final = "/v1/requests"
MAX_PAGE_SIZE: Final = 200
DEFAULT_DAYS: Final = 30


class RequestSearch(RequestModel):
    """Search criteria; a request has to match all of them."""

    since: Moment | None = Field(
        default=None,
        description=f"texts that arrived then or later; default: {DEFAULT_DAYS} days before "
        "`until`. A long period with a rare state is slow",
    )
    until: Moment | None = Field(
        default=None, description="texts that arrived before; default: now"
    )
    command: Command | None = Field(default=None, description="the command that was texted")
    state: RequestState | None = Field(
        default=None, description="state of the request; the last three are final"
    )
    subject: UUID | None = Field(default=None, description="requests of this subject")
    client: ClientId | None = Field(
        default=None,
        description="requests of all numbers of this client. Also needs the scope `resolve` and is "
        "recorded, because the answer tells which subjects belong to the client",
    )
    limit: int = Field(default=50, ge=1, le=MAX_PAGE_SIZE, description="requests per page at most")
    cursor: str | None = Field(
        default=None,
        pattern=CURSOR,
        description="taken from `next` of the previous page; keep the other parameters",
    )

    def after(self) -> PageKey | None:
        """Return the last row of the previous page, None for the first page."""
        return None if self.cursor is None else PageKey(*read_cursor(self.cursor))

    def next_link(self, cursor: str) -> str:
        """Return the link to the page after a cursor."""
        given = self.model_dump(mode="json", exclude_none=True, exclude={"cursor"})
        return f"{PATH}?{urlencode({**given, 'cursor': cursor})}"


class FoundMessage(ResponseModel):
    """One of the two messages that answer a request."""

    message_id: UUID
    outcome: str | None = Field(
        description="outcome of the last attempt: `submitted`, `rejected`, `unknown`, `expired` or "
        "`erased`; `resent`: unknown and queued again; null while it waits"
    )
    attempt: int | None = Field(description="number of that attempt, from 1")
    fate: str | None = Field(
        description="from delivery receipts: `delivered`, `undeliverable` or `undetermined`; "
        "null without a final receipt"
    )

    @classmethod
    def of(cls, message: ReplyMessage) -> Self:
        """Convert a message of the projection."""
        return cls(
            message_id=message.message_id,
            outcome=message.outcome,
            attempt=message.attempt,
            fate=message.fate,
        )


class FoundRequest(ResponseModel):
    """One accepted command and its state."""

    request_id: UUID
    subject_id: UUID | None = Field(
        description="for a token that also has the scope `resolve`, or that searched for this "
        "subject; else null"
    )
    command: Command
    plan: Plan = Field(description="how it is fulfilled, or why it is refused")
    state: RequestState
    arrived_at: UtcTime = Field(description="when the gateway received the text")
    acknowledged_at: UtcTime | None = Field(
        description="when the SMS centre accepted the acknowledgement"
    )
    completed_at: UtcTime | None = Field(description="when it reached its final state")
    late: bool = Field(description="whether the acknowledgement took longer than two minutes")
    trace_id: str | None = Field(description="32 hex digits of W3C trace context")
    acknowledgement: FoundMessage
    fulfilment: FoundMessage | None = Field(description="null if there is none")

    @classmethod
    def of(cls, request: Request, subject_id: UUID | None) -> Self:
        """Convert a request of the projection; `subject_id` is what the caller may learn."""
        fulfilment = request.fulfilment
        return cls(
            request_id=request.request_id,
            subject_id=subject_id,
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


class RequestPage(CurrentAnswer):
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
            "next": "/v1/requests?limit=1&cursor=618a51750b6a09d1f3a7752c44be58f0e2a6a4f1d9b10",
            "next_cursor": "618a51750b6a09d1f3a7752c44be58f0e2a6a4f1d9b10",
            "as_of": "2024-05-17T12:00:41.300000Z",
            "pending": [{"work": "events", "since": "2024-05-17T12:00:41.300000Z"}],
        }
    )

    requests: list[FoundRequest]
    next: str | None = Field(description="path of the next page; null on the last one")
    next_cursor: str | None = Field(
        default=None,
        description="the `cursor` in `next`, for programs that keep the other parameters "
        "themselves; null on the last page",
    )


async def find_page(
    backend: Backend, who: Principal, asked: RequestSearch, subjects: Sequence[UUID] | None
) -> RequestPage:
    """Return one page of matching requests; `subjects` restricts it, None does not."""
    freshness = await request_freshness(backend, subjects)
    since = asked.since or (asked.until or backend.clock()) - timedelta(days=DEFAULT_DAYS)
    asked = asked.model_copy(update={"since": since})
    limit = asked.limit + 1  # one more shows whether there is a next page
    if subjects is None:
        found = await retry_once(_search, backend.sources.slow, asked, limit)
    else:
        found = []
        for subject_id in subjects:
            found += await _of_subject(backend.sources.quick, asked, subject_id, limit)
        found = sorted(found, key=attrgetter("page_key"), reverse=True)[:limit]
    page = found[: asked.limit]
    cursor = write_cursor(*page[-1].page_key) if len(found) > len(page) else None
    return RequestPage(
        requests=[
            FoundRequest.of(one, shown_id(who, one.subject_id, named=asked.subject)) for one in page
        ],
        next=None if cursor is None else asked.next_link(cursor),
        next_cursor=cursor,
        **RequestPage.current(freshness),
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
    """Return the newest matching requests of one subject. Reads all of them: they are few."""
    matching: list[Request] = []
    after = asked.after()
    while len(matching) < limit:
        some = await retry_once(
            queries.requests_of,
            subject_id,
            since=asked.since,
            until=asked.until,
            after=after,
            limit=QUERY_LIMIT,
        )
        matching += [each for each in some if _matches(each, asked)]
        if len(some) < QUERY_LIMIT:
            break
        after = some[-1].page_key
    return matching[:limit]


def _matches(request: Request, asked: RequestSearch) -> bool:
    return asked.command in {None, request.command} and asked.state in {None, request.state}
