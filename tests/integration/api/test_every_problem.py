"""Each route answers each kind of wrong request with a problem that says what is wrong with it."""

import gzip
import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from inbound.api.app import openapi_text
from inbound.api.bodies import MAX_SENDING_BODY_BYTES
from inbound.api.problems import ProblemKind
from inbound.api.tokens import Scope
from tests.integration.api.world import World, assert_problem

CANARY = "79160000001"
JSON = {"Content-Type": "application/json"}
Operation = tuple[str, str, dict[str, Any]]
TITLES = {kind.title for kind in ProblemKind}


def operations() -> Iterator[Operation]:
    """Yield the method, the path and the description of every operation."""
    for path, methods in json.loads(openapi_text())["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


ALL = list(operations())
WITH_BODY = [one for one in ALL if "requestBody" in one[2]]
WITH_ID = [one for one in ALL if "{" in one[1]]


def each(some: list[Operation]) -> pytest.MarkDecorator:
    ids = [f"{method} {path}" for method, path, _ in some]
    return pytest.mark.parametrize(("method", "path", "operation"), some, ids=ids)


def url_of(path: str, id_: str) -> str:
    return "/".join(id_ if step.startswith("{") else step for step in path.split("/"))


def explained(response: httpx.Response, status: int, slug: str, *words: str) -> None:
    """Check that the answer says what is wrong: more than its title, and nothing that was sent."""
    problem = assert_problem(response, status, slug)
    assert len(problem["detail"]) >= 20
    assert problem["detail"] not in TITLES
    for word in words:
        assert word in problem["detail"]
    assert CANARY not in response.text


@each(ALL)
async def test_any_route(world: World, method: str, path: str, operation: dict[str, Any]) -> None:
    url, every = url_of(path, str(uuid4())), world.scoped(*Scope)
    explained(await world.client().request(method, url), 401, "unauthorized", "operator of the")
    needed = operation["security"][0]["token"]
    other = world.scoped(*(scope for scope in Scope if scope not in needed and scope != "read"))
    explained(await other.request(method, url), 403, "forbidden", *needed[:1])
    twice = await every.request(method, url, params=[("limit", "1"), ("limit", "1")])
    explained(twice, 400, "repeated-parameter", "query.limit: is given more than once")
    if "{" not in path:
        slash = await every.request(method, f"{url}/")
        explained(slash, 404, "not-found", "leave out its last slash")
    unknown = await every.request(method, url, params={"phone": CANARY})
    explained(unknown, 422, "invalid", "query.phone: is an unknown parameter")
    secret = await every.request(method, url, params={CANARY: "1"})
    explained(secret, 422, "invalid", "query: has an unknown parameter; ")
    wrong_method = await every.request("BREW", url)
    explained(wrong_method, 405, "method-not-allowed", method)


@each(WITH_BODY)
async def test_a_route_with_a_body(
    world: World, method: str, path: str, operation: dict[str, Any]
) -> None:
    url, client = url_of(path, str(uuid4())), world.scoped(*Scope)
    for content, said in (
        (b"", "body: is missing; send a JSON object"),
        (b'{"to": 1,}', "body: is not valid JSON at character 10"),
        (b'{"to": "\xff"}', "body: is not UTF-8 text"),
        (b"[" * 30_000, "body: is n"),
        (b'{"to": 1, "to": 2}', "body: names a field more than once"),
        (f'{{"colour": "{CANARY}"}}'.encode(), "body"),
        (f'"{CANARY}"'.encode(), "body: has to be a JSON object"),
        (f"[{CANARY}]".encode(), "has to be a JSON object"),
    ):
        answer = await client.request(method, url, content=content, headers=JSON)
        explained(answer, 422, "invalid", said)
    form = await client.request(method, url, data={"to": CANARY})
    explained(form, 415, "media-type", "Content-Type: application/json")
    packed = {**JSON, "Content-Encoding": "gzip"}
    zipped = await client.request(method, url, content=gzip.compress(b"{}"), headers=packed)
    explained(zipped, 415, "media-type", "unpacks no `Content-Encoding`")
    assert zipped.headers["accept-encoding"] == "identity"
    large = await client.request(
        method, url, content=b" " * (MAX_SENDING_BODY_BYTES + 1), headers=JSON
    )
    explained(large, 413, "too-large", "bytes at most; send fewer")


@each(WITH_ID)
async def test_a_route_with_an_id(
    world: World, method: str, path: str, operation: dict[str, Any]
) -> None:
    """A malformed id is not found, like a valid one that does not exist."""
    client = world.scoped(*(scope for scope in Scope if scope != "read"))
    if "send" not in operation["security"][0]["token"]:
        client = world.scoped(*Scope)
    for id_ in (str(uuid4()), "no-such-id", CANARY, "%00"):
        explained(await client.request(method, url_of(path, id_)), 404, "not-found", " id")
