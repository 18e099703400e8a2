"""Every error is a problem detail, and none repeats what was sent."""

import asyncio
import logging
from collections.abc import AsyncIterator

import httpx
import pytest

from inbound.api import people
from tests.integration.api.world import World, assert_problem

PATH = "/v1/resolve"
SUBJECT = "5f0f1a52-6b5e-4a58-9df5-0c1f7a0f6c11"
CANARY = "+79160000001"


@pytest.mark.parametrize(
    ("method", "path", "status", "slug"),
    [
        ("GET", "/", 404, "not-found"),
        ("GET", "/docs", 404, "not-found"),
        ("GET", f"/v1/{CANARY}", 404, "not-found"),
        ("GET", f"{PATH}/", 404, "not-found"),
        ("GET", PATH, 405, "method-not-allowed"),
        ("DELETE", PATH, 405, "method-not-allowed"),
        ("BREW", PATH, 405, "method-not-allowed"),
    ],
)
async def test_the_frameworks_errors_too(
    world: World, method: str, path: str, status: int, slug: str
) -> None:
    response = await world.scoped("read").request(method, path)
    assert_problem(response, status, slug)
    assert CANARY not in response.text
    if status == 405:
        assert response.headers["allow"] == "POST"
        assert response.json()["detail"] == "this path takes POST"
    else:
        assert response.json()["detail"] == "there is no such path; GET /openapi.json lists all"


@pytest.mark.parametrize(
    ("body", "where", "rule"),
    [
        ({}, "body.subjects", "is missing"),
        ([], "body", "has to be a JSON object"),
        (CANARY, "body", "has to be a JSON object"),
        ({"subjects": [], "reason": "x"}, "body.subjects", "at least 1 item"),
        ({"subjects": [SUBJECT] * 101, "reason": "x"}, "body.subjects", "at most 100 items"),
        ({"subjects": [CANARY], "reason": "x"}, "body.subjects.0", "has to be a UUID"),
        ({"subjects": [[CANARY]], "reason": "x"}, "body.subjects.0", "has to be a UUID"),
        ({"subjects": CANARY, "reason": "x"}, "body.subjects", "has to be a list"),
        ({"subjects": [SUBJECT], "reason": ""}, "body.reason", "at least 1 character"),
        ({"subjects": [SUBJECT], "reason": "  "}, "body.reason", "needs a visible character"),
        ({"subjects": [SUBJECT], "reason": 7}, "body.reason", "has to be a text"),
        ({"subjects": [SUBJECT], "reason": "x" * 301}, "body.reason", "at most 300"),
        ({"subjects": [SUBJECT], "reason": "a\0b"}, "body.reason", "no control or invisible one"),
        ({"subjects": [SUBJECT], "reason": CANARY}, "body.reason", "must not contain a phone"),
        ({"subjects": [SUBJECT], "reason": "x", CANARY: 1}, "body", "has an unknown field"),
    ],
)
async def test_a_wrong_body_is_explained_and_not_repeated(
    world: World, body: object, where: str, rule: str
) -> None:
    response = await world.scoped("resolve").post(PATH, json=body)
    problem = assert_problem(response, 422, "invalid")
    found = {error["where"]: error["problem"] for error in problem["errors"]}
    assert rule in found[where]
    assert CANARY not in response.text


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b'{"subjects": ["' + CANARY.encode(), b"\xff\xfe", b"[" * 30_000, b"9" * 5000],
)
async def test_invalid_json_is_refused(world: World, content: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    response = await world.scoped("resolve").post(PATH, content=content, headers=headers)
    assert_problem(response, 422, "invalid")
    assert CANARY not in response.text


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "multipart/form-data"])
async def test_other_media_types_are_refused(world: World, media_type: str) -> None:
    headers = {"Content-Type": media_type}
    body = b'{"subjects": [], "reason": ""}'
    response = await world.scoped("resolve").post(PATH, content=body, headers=headers)
    assert_problem(response, 415, "media-type")


async def test_lone_surrogate_is_refused(world: World) -> None:
    content = b'{"subjects": ["%s"], "reason": "\\ud800"}' % SUBJECT.encode()
    headers = {"Content-Type": "application/json"}
    response = await world.scoped("resolve").post(PATH, content=content, headers=headers)
    assert_problem(response, 422, "invalid")


async def test_a_field_that_is_named_twice_is_refused(world: World) -> None:
    content = b'{"subjects": [], "reason": "ticket 4711", "subjects": ["%s"]}' % SUBJECT.encode()
    headers = {"Content-Type": "application/json"}
    response = await world.scoped("resolve").post(PATH, content=content, headers=headers)
    assert_problem(response, 422, "invalid")
    (error,) = response.json()["errors"]
    assert error["where"] == "body"
    assert error["problem"].startswith("names a field more than once")


async def test_a_defect_says_nothing_outside_and_no_value_in_the_log(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ValueError(f"could not read {CANARY}")

    monkeypatch.setattr(people, "ResolvedSubject", fail)
    with caplog.at_level(logging.INFO):
        body = {"subjects": [SUBJECT], "reason": "ticket 4711"}
        response = await world.scoped("resolve").post(PATH, json=body)
    problem = assert_problem(response, 500, "defect")
    request_id = problem["instance"].removeprefix("urn:uuid:")
    assert "ValueError" not in response.text
    [said] = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert request_id in said
    assert "ValueError" in said
    assert "people.py" in said
    assert CANARY not in caplog.text


async def test_the_log_names_routes_and_never_what_was_sent(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    client = world.scoped("read", name="logged")
    with caplog.at_level(logging.DEBUG):
        await client.get(f"/v1/{CANARY}", params={"phone": CANARY})
        response = await client.get(PATH, params={"phone": CANARY})
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("inbound")]
    assert lines[0].startswith("GET - 404 ")
    assert lines[1].startswith(f"GET {PATH} 405 ")
    assert lines[1].endswith(f"token=logged id={response.headers['x-request-id']}")
    ours = [record for record in caplog.records if not record.name.startswith("httpx")]
    assert CANARY.removeprefix("+") not in " ".join(record.getMessage() for record in ours)


async def test_every_answer_carries_the_headers_that_protect_it(world: World) -> None:
    client = world.scoped("resolve")
    body = {"subjects": [SUBJECT], "reason": "ticket 4711"}
    answers = [
        await client.post(PATH, json=body),
        await client.get(PATH),
        await world.client().get(PATH),
        await world.client().get("/openapi.json"),
    ]
    assert [answer.status_code for answer in answers] == [200, 405, 401, 200]
    for answer in answers:
        assert_headers(answer)
    assert len({answer.headers["x-request-id"] for answer in answers}) == len(answers)


def assert_headers(answer: httpx.Response) -> None:
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert not [name for name in answer.headers if name.startswith("access-control-")]


async def test_cors_is_not_allowed(world: World) -> None:
    headers = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
    response = await world.client().options(PATH, headers=headers)
    assert_problem(response, 401, "unauthorized")
    assert_headers(response)


async def test_slow_answer_times_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inbound.api.observability.RESPONSE_TIMEOUT_S", 0.05)
    held = asyncio.Event()

    async def hang(*_: object) -> None:
        await held.wait()

    monkeypatch.setattr(world.backend, "resolve", hang)
    body = {"subjects": [SUBJECT], "reason": "ticket 4711"}
    response = await world.scoped("resolve").post(PATH, json=body)
    assert_problem(response, 503, "unavailable")
    assert response.headers["retry-after"] == "5"


async def test_slow_body_times_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inbound.api.bodies.BODY_TIMEOUT_S", 0.05)
    held = asyncio.Event()

    async def in_pieces() -> AsyncIterator[bytes]:
        yield b"{"
        await held.wait()

    client = world.scoped("resolve")
    headers = {"Content-Type": "application/json"}
    response = await client.post(PATH, content=in_pieces(), headers=headers)
    assert_problem(response, 408, "body-timeout")
