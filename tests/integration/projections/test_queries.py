"""What readers get, and that pages neither repeat nor skip."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from uuid import uuid4

import psycopg
import pytest

from inbound.projections.queries import ProjectionQueries, Request
from inbound.projections.requests import RequestState
from schemas.events import Command, Plan
from tests.bench.history import END
from tests.integration.projections.conftest import REQUESTS
from tests.integration.projections.lines import catch_up


@pytest.fixture
async def queries(url: str, conn: psycopg.Connection) -> AsyncIterator[ProjectionQueries]:
    catch_up(conn)
    queries = ProjectionQueries(url)
    yield queries
    await queries.close()


async def everything(queries: ProjectionQueries) -> list[Request]:
    return await queries.search(limit=1000)


async def test_a_request_is_found_by_whatever_names_it(queries: ProjectionQueries) -> None:
    for request in (await everything(queries))[:20]:
        assert await queries.find_request(request.request_id) == request
        found = await queries.find_by_message(request.acknowledgement.message_id)
        assert found == request
        assert request.fulfilment
        assert await queries.find_by_message(request.fulfilment.message_id) == request
        assert request.trace_id
        assert request in await queries.find_by_trace(request.trace_id)
        assert request in await queries.requests_of(request.subject_id)


async def test_what_is_not_there_is_not_found(queries: ProjectionQueries) -> None:
    assert await queries.find_request(uuid4()) is None
    assert await queries.find_by_message(uuid4()) is None
    assert await queries.find_by_trace("0" * 31 + "1") == []
    assert await queries.find_by_trace("no trace") == []
    assert await queries.requests_of(uuid4()) == []
    assert await queries.daily(date(2000, 1, 1), date(2000, 1, 2)) == []


async def test_rows_are_typed(queries: ProjectionQueries) -> None:
    [first, *_] = await everything(queries)
    assert isinstance(first.command, Command)
    assert isinstance(first.plan, Plan)
    assert isinstance(first.state, RequestState)
    assert first.arrived_at.utcoffset() == timedelta(0)
    assert first.accepted_at >= first.arrived_at


async def test_pages_have_every_request_once_and_the_newest_first(
    queries: ProjectionQueries,
) -> None:
    pages: list[Request] = []
    page = await queries.search(limit=30)
    while page:
        pages += page
        page = await queries.search(limit=30, after=page[-1].page_key)
    assert len(pages) == REQUESTS
    assert pages == await everything(queries)
    assert pages == sorted(pages, key=lambda request: request.page_key, reverse=True)


async def test_requests_are_searched_by_what_they_are(queries: ProjectionQueries) -> None:
    every = await everything(queries)
    for state in (RequestState.FULFILLED, RequestState.REFUSED, RequestState.UNDELIVERED):
        found = await queries.search(state=state, limit=1000)
        assert found == [one for one in every if one.state is state]
        assert found
    stops = await queries.search(command=Command.SMS_STOP, late=False, limit=1000)
    assert stops == [one for one in every if one.command is Command.SMS_STOP and not one.late]
    since, until = END - timedelta(days=20), END - timedelta(days=10)
    some = await queries.search(since=since, until=until, limit=1000)
    assert some == [one for one in every if since <= one.arrived_at < until]
    assert 0 < len(some) < len(every)


async def test_a_subjects_requests_come_in_pages_too(queries: ProjectionQueries) -> None:
    subject = (await everything(queries))[0].subject_id
    all_ = await queries.requests_of(subject)
    assert len(all_) > 2
    first = await queries.requests_of(subject, limit=1)
    rest = await queries.requests_of(subject, after=first[0].page_key)
    assert first + rest == all_
    assert await queries.requests_of(subject, since=all_[0].arrived_at) == all_[:1]


@pytest.mark.usefixtures("queries")
async def test_what_a_subject_last_said(conn: psycopg.Connection) -> None:
    rows = conn.execute(
        "SELECT DISTINCT ON (stream_id) stream_id, version, type, data ->> 'request_id'"
        " FROM events WHERE type ~ '^subscription' ORDER BY stream_id, version DESC"
    ).fetchall()
    projected = conn.execute(
        "SELECT subject_id, version, may_be_texted, request_id::text FROM projections.subscriptions"
    ).fetchall()
    logged = [(one[0], one[1], one[2] == "subscription.started", one[3]) for one in rows]
    assert sorted(projected) == logged


async def test_days_are_counted(queries: ProjectionQueries, conn: psycopg.Connection) -> None:
    [last] = conn.execute("SELECT max(recorded_at)::date FROM events").fetchall()[0]
    counts = await queries.daily(last - timedelta(days=6), last)
    query = "SELECT count(*) FROM events WHERE type = 'request.accepted' AND recorded_at >= %s"
    expected = conn.execute(query, [last - timedelta(days=6)]).fetchall()
    accepted = [one for one in counts if one.type == "request.accepted"]
    assert [(sum(one.count for one in accepted),)] == expected
    assert {one.command for one in accepted} == set(Command)
