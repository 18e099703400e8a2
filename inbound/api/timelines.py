"""Routes of timelines: by request, trace, subject and phone number."""

from collections.abc import Callable, Sequence
from typing import Annotated, Final
from uuid import UUID

import psycopg
from fastapi import APIRouter, Path, Query
from pydantic import Field

from inbound.api.access import BackendDep, MayRead, RevealReason, check_reveal
from inbound.api.admission import Principal
from inbound.api.backend import Backend
from inbound.api.examples import TIMELINE
from inbound.api.json_bodies import JsonRoute
from inbound.api.languages import ChosenLanguage, LanguageChoice
from inbound.api.models import Reason, RequestModel, ResponseModel, example
from inbound.api.patterns import TRACE_PATTERN, TRACE_RULE
from inbound.api.problems import ProblemKind, Refusal, invalid, no_such_id, not_found
from inbound.api.subject_ids import shown_timeline
from inbound.freshness.backlog import ask_settled
from inbound.freshness.model import Backlog, Freshness, PendingWork
from inbound.parsers.numbers import NumberError, parse_msisdn
from inbound.store.lookup.orders import OrderLocation
from inbound.store.lookup.requests import RequestLocation
from inbound.timeline.ids import as_trace_id, find_by_request, find_by_trace
from inbound.timeline.input import TimelineOptions
from inbound.timeline.languages import pending_clauses
from inbound.timeline.model import Language, Timeline
from inbound.timeline.reader import Reveal
from schemas.moments import Moment

MAX_REQUESTS: Final = 50

router = APIRouter(tags=["history"], route_class=JsonRoute)


class TimelineQuery(RequestModel):
    """The language of a timeline."""

    lang: Language | None = Field(
        default=None,
        description="language of the sentences; default: the one that `Accept-Language` likes "
        "best, or Russian",
    )


class TimelineWindowQuery(TimelineQuery):
    """Which requests of a person to show, and in which language."""

    since: Moment | None = Field(default=None, description="texts that arrived then or later")
    until: Moment | None = Field(
        default=None, description="texts that arrived before; for older ones use `next_until` "
        "of the previous answer"
    )  # fmt: skip
    limit: int = Field(
        default=10, ge=1, le=MAX_REQUESTS, description="requests to return, newest first"
    )


class PhoneTimeline(TimelineWindowQuery):
    """A phone number to look up."""

    model_config = example({"phone": "+79161234567", "lang": "en"})

    phone: str = Field(
        min_length=1,
        max_length=40,
        description="a mobile number with its country code, in any usual format",
        examples=["+79161234567", "8 (916) 123-45-67"],
    )
    reveal_reason: Reason | None = Field(
        default=None,
        description="why the number is shown in full; needs the scope `reveal`, and is recorded "
        "for ever, so it must not contain a phone number",
    )


class Timelines(ResponseModel):
    """A timeline for each request or message found; usually one."""

    model_config = example({"timelines": [TIMELINE]})

    timelines: list[Timeline]


@router.get(
    "/v1/requests/{request_id}",
    operation_id="requestTimeline",
    summary="What happened to this request?",
    description="Every step from the received bytes to the delivery receipts, and a sentence to "
    "read to the client.",
    response_description="The request's timeline.",
    response_model_exclude_none=True,
)
async def request_timeline(
    request_id: Annotated[UUID, Path(description="id, as in events")],
    query: Annotated[TimelineQuery, Query()],
    backend: BackendDep,
    who: MayRead,
    reveal: RevealReason,
    language: ChosenLanguage,
) -> Timeline:
    """Answer with one request's timeline."""
    lang, revealing = language.choose(query.lang), reveal_of(who, reveal)
    found = await follow(backend, who, find_by_request, str(request_id), lang, revealing)
    return found.timelines[0]


@router.get(
    "/v1/traces/{trace_id}",
    operation_id="traceTimelines",
    summary="What happened to the requests and messages of this trace?",
    description="A trace id of W3C Trace Context, as in events and spans, or a whole "
    "`traceparent`. A message has the trace of the `traceparent` it was ordered with. Messages of "
    "broadcasts are not found by it.",
    response_description="A timeline for each request or message.",
    response_model_exclude_none=True,
)
async def trace_timelines(
    trace_id: Annotated[
        str,
        Path(description=TRACE_RULE, json_schema_extra={"pattern": TRACE_PATTERN}),
    ],
    query: Annotated[TimelineQuery, Query()],
    backend: BackendDep,
    who: MayRead,
    reveal: RevealReason,
    language: ChosenLanguage,
) -> Timelines:
    """Answer with the timelines of what a trace led to."""
    if as_trace_id(trace_id) is None:
        raise no_such_id("path.trace_id", f"has to be {TRACE_RULE}")
    lang, revealing = language.choose(query.lang), reveal_of(who, reveal)
    return await follow(backend, who, find_by_trace, trace_id, lang, revealing)


@router.get(
    "/v1/subjects/{subject_id}/timeline",
    operation_id="subjectTimeline",
    summary="What happened to this subject's texts?",
    description="Requests and rejected texts. An erased subject is not found; its requests can "
    "still be found by search.",
    response_description="The subject's timeline.",
    response_model_exclude_none=True,
)
async def subject_timeline(
    subject_id: Annotated[UUID, Path(description="id, as in events")],
    query: Annotated[TimelineWindowQuery, Query()],
    backend: BackendDep,
    who: MayRead,
    reveal: RevealReason,
    language: ChosenLanguage,
) -> Timeline:
    """Answer with one subject's timeline."""
    _check(query, "query")
    number = await backend.number(subject_id)
    if number is None:
        raise Refusal(ProblemKind.NOT_FOUND, "no subject has this id, or the person was erased")
    found = await _of_number(backend, number, query, language, reveal_of(who, reveal))
    return shown_timeline(who, found, named=subject_id)


@router.post(
    "/v1/timeline",
    operation_id="phoneTimeline",
    summary="Why did this number get no reply?",
    description="A POST, so that the number is in no path and no log. Also for numbers that never "
    "sent a command: `misses` tells when a text was rejected, and why.",
    response_description="The number's timeline.",
    response_model_exclude_none=True,
)
async def phone_timeline(
    asked: PhoneTimeline, backend: BackendDep, who: MayRead, language: ChosenLanguage
) -> Timeline:
    """Answer with one number's timeline."""
    _check(asked, "body")
    try:
        number = parse_msisdn(asked.phone)
    except NumberError as error:
        raise invalid("body.phone", str(error)) from None
    reason = check_reveal(who, asked.reveal_reason, "body.reveal_reason")
    found = await _of_number(backend, number, asked, language, reveal_of(who, reason))
    return shown_timeline(who, found)


async def _of_number(
    backend: Backend,
    number: str,
    query: TimelineWindowQuery,
    language: LanguageChoice,
    reveal: Reveal | None,
) -> Timeline:
    sources = backend.sources
    backlog = await ask_settled(sources.backlog, sources.hasher.hash(number))
    # The time of the answer comes after that of what it lacks.
    wanted = TimelineOptions(
        backend.clock(),
        sources.zone,
        language.choose(query.lang),
        query.since,
        query.until,
        limit=query.limit,
        backlog=backlog,
    )
    return await backend.run(sources.timelines.by_number, number, wanted, reveal)


async def follow(
    backend: Backend,
    who: Principal,
    find: Callable[[psycopg.Connection, str], Sequence[RequestLocation | OrderLocation]],
    text: str,
    language: Language,
    reveal: Reveal | None,
) -> Timelines:
    """Return the timelines found by an id, for this caller. Raises Refusal without any."""
    backlog = await backend.sources.backlog.ask()
    wanted = TimelineOptions(backend.clock(), backend.sources.zone, language, backlog=backlog)

    def follow(conn: psycopg.Connection) -> list[Timeline]:
        return backend.sources.timelines.by_places(conn, find(conn, text), wanted, reveal)

    found = await backend.run(follow)
    if not found:
        # Ids that an SMS centre gave come with the results.
        works = (PendingWork.TEXTS, PendingWork.RESULTS, PendingWork.ORDERS)
        raise not_found_yet("request or message", backend, backlog, *works)
    return Timelines(timelines=[shown_timeline(who, one) for one in found])


def not_found_yet(what: str, backend: Backend, backlog: Backlog, *works: PendingWork) -> Refusal:
    """Refuse an id that was looked up after the backlog was asked for; says what may bring it."""
    freshness = Freshness.of(backlog.asked_at, backlog.pending(*works))
    return not_found(what, freshness, pending_clauses(backlog, backend.sources.zone, *works))


def reveal_of(who: Principal, reason: str | None) -> Reveal | None:
    """Return what a reveal records; None without a reason."""
    return None if reason is None else Reveal(who.actor, reason)


def _check(query: TimelineWindowQuery, where: str) -> None:
    if query.since and query.until and query.since >= query.until:
        raise invalid(f"{where}.until", "has to be later than `since`")
