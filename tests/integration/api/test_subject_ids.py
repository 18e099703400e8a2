"""No answer leads from a number or another id to a subject without the scope `resolve`.

The operations are those of the OpenAPI document whose answers can have a subject id.
"""

from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest

from tests.bench import history
from tests.integration.api.test_queries import DOCUMENT, filled
from tests.integration.api.world import SUBJECTS, World

SUBJECT: Final = str(SUBJECTS[2])
PHONE: Final = history.number_of(2)
BODIES: Final[dict[str, Any]] = {
    "phoneTimeline": {"phone": PHONE},
    "querySubscriptions": {"recipients": [{"to": PHONE}, {"client_id": "H-1"}]},
}
"""Questions that don't name the subject, of the operations with a body."""

BESIDE: Final = ("read", "send", "reveal")


def properties(schema: Any, seen: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield the names of all properties of a schema, and of those that it refers to."""
    if isinstance(schema, list):
        for one in schema:
            yield from properties(one, seen)
    elif isinstance(schema, dict):
        reference = schema.get("$ref")
        if reference is not None and reference not in seen:
            name = reference.rpartition("/")[2]
            yield from properties(DOCUMENT["components"]["schemas"][name], seen | {reference})
        yield from schema.get("properties", {})
        for name, one in schema.items():
            if name not in {"example", "examples"}:
                yield from properties(one, seen)


def can_answer_with_subjects(operation: dict[str, Any]) -> bool:
    answers = [
        one.get("content") for of, one in operation["responses"].items() if of.startswith("2")
    ]
    return "subject_id" in properties(answers)


def needs_resolve(operation: dict[str, Any]) -> bool:
    return all("resolve" in one["token"] for one in operation["security"])


FOUND: Final = [
    (method.upper(), path, operation["operationId"])
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
    if can_answer_with_subjects(operation)
    and "{subject_id}" not in path
    and not needs_resolve(operation)
]


def test_the_operations_are_found() -> None:
    names = {name for *_, name in FOUND}
    assert {"phoneTimeline", "searchRequests", "message", "messageTimelines"} <= names
    assert {"requestTimeline", "traceTimelines", "clientSubscription"} <= names


async def ask(
    client: httpx.AsyncClient, world: World, method: str, path: str, name: str
) -> httpx.Response:
    url, body = filled(path, world), BODIES.get(name)
    assert SUBJECT not in url
    answer = await client.request(method, url, **({} if body is None else {"json": body}))
    assert answer.status_code == 200, answer.text
    return answer


@pytest.mark.parametrize(("method", "path", "name"), FOUND, ids=[name for *_, name in FOUND])
async def test_a_subject_is_named_to_tokens_that_may_resolve(
    world: World, method: str, path: str, name: str
) -> None:
    hidden = await ask(world.scoped(*BESIDE), world, method, path, name)
    assert not [one for one in SUBJECTS if str(one) in hidden.text]
    told = await ask(world.scoped(*BESIDE, "resolve"), world, method, path, name)
    assert [one for one in SUBJECTS if str(one) in told.text]


async def test_who_names_a_subject_may_read_its_id(world: World) -> None:
    client = world.scoped("read")
    timeline = (await client.get(f"/v1/subjects/{SUBJECT}/timeline")).json()
    assert timeline["subject_id"] == SUBJECT
    assert {one["subject_id"] for one in timeline["requests"]} == {SUBJECT}
    found = (await client.get("/v1/requests", params={"subject": SUBJECT})).json()["requests"]
    assert {one["subject_id"] for one in found} == {SUBJECT}
