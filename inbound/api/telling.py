"""Timelines: what became of a request, a message, a trace, a subject, a phone number."""

from collections.abc import Callable
from typing import Annotated, Final
from uuid import UUID

import psycopg
from fastapi import APIRouter, Path, Query
from pydantic import Field

from inbound.api.access import AtDesk, MayRead, RevealReason, check_reveal
from inbound.api.desk import Desk
from inbound.api.examples import TIMELINE
from inbound.api.gate import Principal
from inbound.api.models import TEXT, Answer, Asked, Moment, Reason, example
from inbound.api.problems import Kind, Refusal, invalid
from inbound.parsers.numbers import NumberError, parse_msisdn
from inbound.store.lookup import Place
from inbound.timeline.build import Asked as Wanted
from inbound.timeline.looking import Reveal, find_by_message, find_by_request, find_by_trace
from inbound.timeline.model import Language, Timeline

MOST: Final = 50

router = APIRouter(tags=["history"])


class Told(Asked):
    """In which language."""

    lang: Language = Field(default=Language.RU, description="language of the sentences")


class Window(Told):
    """Which of a person's requests, and in which language."""

    since: Moment | None = Field(default=None, description="texts that arrived then or later")
    until: Moment | None = Field(
        default=None, description="texts that arrived before; for older ones the `next_until` of "
        "the answer before"
    )  # fmt: skip
    limit: int = Field(default=10, ge=1, le=MOST, description="the newest so many requests")


class PhoneTimeline(Window):
    """A phone number to look up."""

    model_config = example({"phone": "+79161234567", "lang": "en"})

    phone: str = Field(
        min_length=1,
        max_length=40,
        description="a mobile number with its country code, in any usual writing",
        examples=["+79161234567", "8 (916) 123-45-67"],
    )
    reveal_reason: Reason | None = Field(
        default=None,
        description="why the number is to be shown in full; takes the scope `reveal` and is "
        "recorded for ever, so without a phone number",
    )


class Timelines(Answer):
    """A timeline for each request that an id led to; one, as a rule."""

    model_config = example({"timelines": [TIMELINE]})

    timelines: list[Timeline]


@router.get(
    "/v1/requests/{request_id}",
    operation_id="requestTimeline",
    summary="What became of this request?",
    description="From the bytes that arrived to the delivery receipts, and a sentence to read "
    "to the client.",
    response_description="The request's timeline.",
    response_model_exclude_none=True,
)
async def request_timeline(
    request_id: Annotated[UUID, Path(description="as events have it")],
    told: Annotated[Told, Query()],
    desk: AtDesk,
    who: MayRead,
    reveal: RevealReason,
) -> Timeline:
    """Answer with one request's timeline."""
    found = await _follow(desk, find_by_request, str(request_id), told, _leave(who, reveal))
    return found.timelines[0]


@router.get(
    "/v1/messages/{message_id:path}",
    operation_id="messageTimelines",
    summary="What became of the request that this message answers?",
    description="By our id of a message, or by the one that an SMS centre gave to a part of it; "
    "those are known for 7 days. Centres use ids again, so there may be several requests.",
    response_description="A timeline for each request.",
    response_model_exclude_none=True,
)
async def message_timelines(
    message_id: Annotated[
        str,
        Path(min_length=1, max_length=65, pattern=TEXT, description="our id, or a centre's"),
    ],
    told: Annotated[Told, Query()],
    desk: AtDesk,
    who: MayRead,
    reveal: RevealReason,
) -> Timelines:
    """Answer with the timelines of the requests that a message answers."""
    return await _follow(desk, find_by_message, message_id, told, _leave(who, reveal))


@router.get(
    "/v1/traces/{trace_id}",
    operation_id="traceTimelines",
    summary="What became of the requests of this trace?",
    description="A trace of W3C Trace Context, as events and spans name it.",
    response_description="A timeline for each request.",
    response_model_exclude_none=True,
)
async def trace_timelines(
    trace_id: Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="32 hex digits")],
    told: Annotated[Told, Query()],
    desk: AtDesk,
    who: MayRead,
    reveal: RevealReason,
) -> Timelines:
    """Answer with the timelines of the requests of a trace."""
    return await _follow(desk, find_by_trace, trace_id, told, _leave(who, reveal))


@router.get(
    "/v1/subjects/{subject_id}/timeline",
    operation_id="subjectTimeline",
    summary="What became of this subject's texts?",
    description="Their requests, and their texts that made none. A subject whose person was "
    "erased is not found; its requests can still be searched for.",
    response_description="The subject's timeline.",
    response_model_exclude_none=True,
)
async def subject_timeline(
    subject_id: Annotated[UUID, Path(description="as events have it")],
    window: Annotated[Window, Query()],
    desk: AtDesk,
    who: MayRead,
    reveal: RevealReason,
) -> Timeline:
    """Answer with one subject's timeline."""
    _check(window, "query")
    number = await desk.number(subject_id)
    if number is None:
        raise Refusal(Kind.NOT_FOUND, "no such subject, or its person was erased")
    return await _of_number(desk, number, window, _leave(who, reveal))


@router.post(
    "/v1/timeline",
    operation_id="phoneTimeline",
    summary="I sent a text and nothing came: why?",
    description="By phone number, and by POST so that the number stands in no path and no log. "
    "Also for numbers that never sent a command: `misses` says when a text came that was none, "
    "and why it was not taken.",
    response_description="The number's timeline.",
    response_model_exclude_none=True,
)
async def phone_timeline(asked: PhoneTimeline, desk: AtDesk, who: MayRead) -> Timeline:
    """Answer with one number's timeline."""
    _check(asked, "body")
    try:
        number = parse_msisdn(asked.phone)
    except NumberError as error:
        raise invalid("body.phone", str(error)) from None
    reason = check_reveal(who, asked.reveal_reason, "body.reveal_reason")
    return await _of_number(desk, number, asked, _leave(who, reason))


async def _of_number(desk: Desk, number: str, window: Window, leave: Reveal | None) -> Timeline:
    wanted = Wanted(
        desk.clock(),
        desk.sources.zone,
        window.lang,
        window.since,
        window.until,
        requests=window.limit,
    )
    return await desk.run(desk.sources.timelines.by_number, number, wanted, leave)


async def _follow(
    desk: Desk,
    find: Callable[[psycopg.Connection, str], list[Place]],
    text: str,
    told: Told,
    leave: Reveal | None,
) -> Timelines:
    """Return the timelines to which an id leads; refuse when there are none."""
    wanted = Wanted(desk.clock(), desk.sources.zone, told.lang)

    def follow(conn: psycopg.Connection) -> list[Timeline]:
        return desk.sources.timelines.by_places(conn, find(conn, text), wanted, leave)

    found = await desk.run(follow)
    if not found:
        raise Refusal(Kind.NOT_FOUND, "no request is known by this id")
    return Timelines(timelines=found)


def _leave(who: Principal, reason: str | None) -> Reveal | None:
    return None if reason is None else Reveal(who.actor, reason)


def _check(window: Window, where: str) -> None:
    if window.since and window.until and window.since >= window.until:
        raise invalid(f"{where}.until", "is not later than `since`")
