"""Searching requests: by what they are and whose, page after page."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from tests.bench import history
from tests.integration.api.world import CLIENTS, NOW, REQUESTS, SUBJECTS, World, assert_problem

PATH = "/v1/requests"
BEGIN = NOW - timedelta(days=31)


async def pages(client: httpx.AsyncClient, /, **parameters: Any) -> AsyncIterator[list[Any]]:
    """Go from page to page by their links, as a client does."""
    answer = (await client.get(PATH, params=parameters)).json()
    yield answer["requests"]
    while answer["next"] is not None:
        answer = (await client.get(answer["next"])).json()
        yield answer["requests"]


async def every(client: httpx.AsyncClient, /, **parameters: Any) -> list[Any]:
    found = []
    async for page in pages(client, limit=200, **parameters):
        found += page
    return found


async def test_pages_have_every_request_once_newest_first(world: World) -> None:
    client = world.scoped("read")
    sizes, found = [], []
    async for page in pages(client, limit=150):
        sizes.append(len(page))
        found += page
    assert sizes == [150, 150, REQUESTS - 300]
    assert len({one["request_id"] for one in found}) == REQUESTS
    moments = [one["arrived_at"] for one in found]
    assert moments == sorted(moments, reverse=True)


async def test_a_page_that_is_just_full_is_the_last(world: World) -> None:
    client = world.scoped("read", "resolve")
    subject = (await every(client))[0]["subject_id"]
    of_subject = await every(client, subject=subject)
    answer = await client.get(PATH, params={"subject": subject, "limit": len(of_subject)})
    assert answer.json()["next"] is None


async def test_what_is_searched_for_is_found_and_nothing_else(world: World) -> None:
    client = world.scoped("read")
    everything = await every(client)
    for name, field, value in (
        ("state", "state", "undelivered"),
        ("state", "state", "refused"),
        ("command", "command", "sms_stop"),
    ):
        expected = [one for one in everything if one[field] == value]
        assert expected
        assert await every(client, **{name: value}) == expected
    both = [
        one for one in everything if one["command"] == "client_info" and one["state"] == "fulfilled"
    ]
    assert await every(client, command="client_info", state="fulfilled") == both


async def test_a_time_has_a_beginning_and_an_end(world: World) -> None:
    client = world.scoped("read")
    everything = await every(client)
    since, until = everything[20]["arrived_at"], everything[10]["arrived_at"]
    assert await every(client, since=since, until=until) == everything[11:21]
    assert await every(client, until=since) == everything[21:]


async def test_thirty_days_unless_told_otherwise(world: World) -> None:
    client = world.scoped("read")
    world.now = NOW + timedelta(days=15)
    recent = await every(client)
    assert 0 < len(recent) < REQUESTS
    assert len(await every(client, since=BEGIN.isoformat())) == REQUESTS
    # The pages of one search agree about it, whatever time passes between them.
    first = (await client.get(PATH, params={"limit": 1})).json()
    world.now += timedelta(days=30)
    second = (await client.get(first["next"])).json()
    assert second["requests"] == recent[1:2]


async def test_of_one_subject(world: World) -> None:
    client = world.scoped("read", "resolve")
    everything = await every(client)
    subject = str(SUBJECTS[2])
    expected = [one for one in everything if one["subject_id"] == subject]
    assert len(expected) > 2
    assert await every(client, subject=subject) == expected
    in_ones = [one async for page in pages(client, subject=subject, limit=1) for one in page]
    assert in_ones == expected
    command = expected[0]["command"]
    assert await every(client, subject=subject, command=command) == [
        one for one in expected if one["command"] == command
    ]
    assert await every(client, subject=uuid4()) == []


async def test_of_one_client_with_two_numbers(world: World) -> None:
    client = world.scoped("read", "resolve", name="searcher")
    everything = await every(client)
    subjects = {str(SUBJECTS[2]), str(SUBJECTS[3])}
    assert {CLIENTS[history.number_of(n)] for n in (2, 3)} == {"H-1"}
    expected = [one for one in everything if one["subject_id"] in subjects]
    found = [one async for page in pages(client, client="H-1", limit=2) for one in page]
    assert found == expected
    assert {str(entry[2]) for entry in world.audit()} == subjects
    assert {entry[:2] for entry in world.audit()} == {("token searcher", "resolve")}
    of_one = [one for one in expected if one["subject_id"] == str(SUBJECTS[2])]
    assert await every(client, client="H-1", subject=SUBJECTS[2]) == of_one
    assert await every(client, client="H-1", subject=SUBJECTS[9]) == []
    unknown = await client.get("/v1/requests", params={"client": "nobody"})
    assert_problem(unknown, 404, "not-found")


async def test_a_client_takes_the_scope_to_resolve(world: World) -> None:
    response = await world.scoped("read").get(PATH, params={"client": "H-1"})
    assert_problem(response, 403, "forbidden")
    assert world.audit() == []


async def test_no_number_no_text_no_secret(world: World) -> None:
    answer = await world.scoped("read").get(PATH, params={"limit": 200})
    assert "+7916" not in answer.text
    assert "CANARY" not in answer.text


async def test_a_search_that_was_given_up_harms_no_later_one(
    lone_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = lone_world
    client = world.scoped("read")
    assert (await client.get(PATH)).status_code == 200
    with psycopg.connect(world.url) as conn:
        conn.execute("LOCK TABLE projections.requests")
        with monkeypatch.context() as patch:
            patch.setattr("inbound.api.observability.RESPONSE_TIMEOUT_S", 0.1)
            assert_problem(await client.get(PATH), 503, "unavailable")
        conn.rollback()
    assert (await client.get(PATH)).status_code == 200


@pytest.mark.parametrize(
    ("parameters", "where"),
    [
        ({"limit": 0}, "query.limit"),
        ({"limit": 201}, "query.limit"),
        ({"limit": "many"}, "query.limit"),
        ({"state": "lost"}, "query.state"),
        ({"command": "CLIENT info"}, "query.command"),
        ({"since": "yesterday"}, "query.since"),
        ({"since": "2024-05-17T12:00:00"}, "query.since"),
        ({"subject": "+79161234567"}, "query.subject"),
        ({"phone": "+79161234567"}, "query.phone"),
        ({"+79161234567": "1"}, "query"),
        ({"cursor": "x"}, "query.cursor"),
        ({"cursor": "é"}, "query.cursor"),
        ({"cursor": "0" * 44}, "query.cursor"),
        ({"cursor": "g" * 45}, "query.cursor"),
        ({"client": "\0"}, "query.client"),
    ],
)
async def test_wrong_parameters_are_explained_and_not_repeated(
    world: World, parameters: dict[str, Any], where: str
) -> None:
    response = await world.scoped("read", "resolve").get(PATH, params=parameters)
    problem = assert_problem(response, 422, "invalid")
    assert [error["where"] for error in problem["errors"]] == [where]
    assert "79161234567" not in response.text
