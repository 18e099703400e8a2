"""What all routes have in common about queries: HEAD, repeated parameters, times, languages."""

import json
from typing import Any, Final
from uuid import uuid4

import httpx
import pytest

from inbound.api.app import openapi_text
from inbound.parsers.numbers import mask
from tests.bench import history
from tests.integration.api.world import NOW, SUBJECTS, World, assert_problem

DOCUMENT: Final[dict[str, Any]] = json.loads(openapi_text())
OPERATIONS: Final = [
    (method.upper(), path)
    for path, operations in DOCUMENT["paths"].items()
    for method in operations
]
SCOPES: Final = ("read", "resolve", "send")
PHONE: Final = history.number_of(2)


def filled(path: str, world: World) -> str:
    """Return the path with ids in it; most of them exist."""
    [(request_id, message_id, trace_id)] = world.rows(
        "SELECT request_id::text, acknowledgement_id::text, trace_id FROM projections.requests"
        " WHERE subject_id = %s LIMIT 1",
        SUBJECTS[2],
    )
    ids = {
        "subject_id": str(SUBJECTS[2]),
        "client_id": "H-1",
        "request_id": request_id,
        "message_id": message_id,
        "trace_id": trace_id.hex,
        "broadcast_id": str(uuid4()),
    }
    return path.format_map(ids)


@pytest.mark.parametrize("path", [path for method, path in OPERATIONS if method == "GET"])
async def test_head_answers_as_get_does_without_the_body(world: World, path: str) -> None:
    client = world.scoped(*SCOPES)
    path = filled(path, world)
    got, headed = await client.get(path), await client.head(path)
    assert got.content
    assert headed.content == b""
    assert headed.status_code == got.status_code
    same = ("content-type", "content-length", "content-language", "vary", "cache-control")
    assert [headed.headers.get(name) for name in same] == [got.headers.get(name) for name in same]


async def test_head_of_the_document_and_of_what_is_not_there(world: World) -> None:
    assert (await world.client().head("/openapi.json")).status_code == 200
    client = world.scoped(*SCOPES)
    assert (await client.head("/v1/resolve")).status_code == 405
    assert (await client.head("/v1/nothing")).status_code == 404
    assert (await world.client().head("/v1/requests")).status_code == 401
    allowed = assert_problem(await client.put("/v1/requests"), 405, "method-not-allowed")
    assert allowed["detail"] == "this path takes GET, HEAD"


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
async def test_a_parameter_given_twice_is_refused(world: World, method: str, path: str) -> None:
    client = world.scoped(*SCOPES)
    query: list[tuple[str, str | int | float | bool | None]] = [
        ("limit", "1"),
        ("limit", "2"),
        (PHONE, ""),
        (PHONE, ""),
        ("lang", "en"),
    ]
    response = await client.request(method, filled(path, world), params=query)
    problem = assert_problem(response, 400, "repeated-parameter")
    said = "is given more than once"
    assert problem["errors"] == [
        {"where": "query.(unknown)", "problem": said},
        {"where": "query.limit", "problem": said},
    ]
    assert PHONE not in response.text


@pytest.mark.parametrize(
    "since",
    ["2024-05-01T12:30:00%2B03:00", "2024-05-01T12:30:00+03:00", "2024-05-01T12:30:00%2003:00"],
)
async def test_a_plus_in_a_time_is_understood(world: World, since: str) -> None:
    client = world.scoped("read")
    answer = await client.get(f"/v1/requests?limit=1&since={since}")
    assert answer.status_code == 200, answer.text
    assert "since=2024-05-01T09%3A30%3A00Z" in answer.json()["next"]


@pytest.mark.parametrize(
    ("query", "where", "said"),
    [
        ("limt=5", "query.limt", "is an unknown parameter; is `limit` meant? Known: "),
        ("foo=1", "query.foo", "is an unknown parameter; known: "),
        (f"{PHONE}=1", "query", "has an unknown parameter; known: "),
    ],
)
async def test_an_unknown_parameter_is_named_with_the_known_ones(
    world: World, query: str, where: str, said: str
) -> None:
    answer = await world.scoped("send").get(f"/v1/messages?{query}&state=sent")
    problem = assert_problem(answer, 422, "invalid")
    [error] = problem["errors"]
    assert error["where"] == where
    assert error["problem"].startswith(said)
    assert "`limit`, `since`, `state`" in error["problem"]
    assert PHONE not in answer.text


async def test_an_operation_without_parameters_says_so(world: World) -> None:
    answer = await world.scoped("send").get("/v1/account?limit=1")
    problem = assert_problem(answer, 422, "invalid")
    assert problem["detail"] == "query.limit: is an unknown parameter; this operation has none"


@pytest.mark.parametrize("since", ["2024-05-01T12:30:00", "2024-05-01", "2024-05-01T12:30:00 MSK"])
async def test_a_time_without_an_offset_is_refused(world: World, since: str) -> None:
    answer = await world.scoped("read").get("/v1/requests", params={"since": since})
    problem = assert_problem(answer, 422, "invalid")
    assert "with an offset, like 2024-05-17T12:30:00Z" in problem["errors"][0]["problem"]


async def timelines(client: httpx.AsyncClient, world: World, **given: Any) -> list[httpx.Response]:
    paths = (
        *("/v1/requests/{request_id}", "/v1/traces/{trace_id}", "/v1/messages/{message_id}"),
        "/v1/subjects/{subject_id}/timeline",
    )
    answers = [await client.get(filled(path, world), **given) for path in paths]
    body = {"phone": PHONE, **given.pop("params", {})}
    return [*answers, await client.post("/v1/timeline", json=body, **given)]


@pytest.mark.parametrize(
    ("lang", "accepted", "language"),
    [
        (None, None, "ru"),
        (None, "en-GB, ru;q=0.5", "en"),
        (None, "ru, en;q=0.5", "ru"),
        (None, "de", "ru"),
        ("ru", "en", "ru"),
        ("en", "ru", "en"),
    ],
)
async def test_sentences_have_the_language_that_was_asked_for(
    world: World, lang: str | None, accepted: str | None, language: str
) -> None:
    headers = {"Accept-Language": accepted} if accepted else {}
    client = world.scoped("read")
    client.headers.pop("accept-language", None)
    for answer in await timelines(
        client, world, headers=headers, params={"lang": lang} if lang else {}
    ):
        assert answer.headers["content-language"] == language
        assert answer.headers["vary"] == "Accept-Language"
        body = answer.json()
        timeline = body["timelines"][0] if "timelines" in body else body
        assert timeline["language"] == language
        begins = {"ru": "Ваше сообщение", "en": "Your text"}[language]
        assert timeline["sentence"].startswith(begins)
        assert timeline["number"] == mask(PHONE)


async def test_other_answers_name_no_language(world: World) -> None:
    client = world.scoped("read")
    for path in ("/v1/requests", f"/v1/requests/{uuid4()}", "/v1/clients/H-1/subscription"):
        answer = await client.get(path, headers={"Accept-Language": "en"})
        assert "content-language" not in answer.headers


async def test_a_trace_is_found_by_its_id_and_by_a_traceparent(world: World) -> None:
    client = world.scoped("read")
    path = filled("/v1/traces/{trace_id}", world)
    by_id = (await client.get(path)).json()
    trace_id = path.rpartition("/")[2]
    for same in (f"00-{trace_id}-00f067aa0ba902b7-01", trace_id.upper()):
        assert (await client.get(f"/v1/traces/{same}")).json() == by_id
    for wrong in ("x", trace_id[1:], f"00-{trace_id}", f"00-{trace_id}-1-01", str(uuid4())):
        problem = assert_problem(await client.get(f"/v1/traces/{wrong}"), 404, "not-found")
        assert problem["detail"] == (
            "nothing has this id: path.trace_id has to be a trace id of 32 hex digits, or a whole "
            "traceparent"
        )


async def test_an_unknown_client_is_not_found(world: World) -> None:
    client = world.scoped("read", "resolve")
    by_search = await client.get("/v1/requests", params={"client": "nobody"})
    by_id = await client.get("/v1/clients/nobody/subscription")
    for answer in (by_search, by_id):
        assert assert_problem(answer, 404, "not-found")["detail"] == "no client has this id"
    [one] = await world.people(clients=1)
    known = await client.get("/v1/requests", params={"client": one.client_id})
    assert (known.status_code, known.json()["requests"]) == (200, [])


async def test_a_cursor_continues_a_search_whose_parameters_the_program_keeps(
    world: World,
) -> None:
    client = world.scoped("read")
    asked: dict[str, str | int] = {"limit": 3, "since": NOW.replace(year=NOW.year - 1).isoformat()}
    response = await client.get("/v1/requests", params=asked)
    assert response.status_code == 200, response.text
    first = response.json()
    by_link = (await client.get(first["next"])).json()
    cursor = first["next_cursor"]
    assert (await client.get("/v1/requests", params={**asked, "cursor": cursor})).json() == by_link
    assert by_link["requests"]
