"""The running API held against its own OpenAPI document, by Schemathesis.

Every operation gets requests that fit its description and requests that don't, over real
sockets and on a real database: each answer has to be one that the document knows, with the
headers and the form it names; what fits is taken, what does not is refused; nothing is
answered without a token. The seed is fixed and the number of examples bounded.
"""

import asyncio
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import count
from typing import Any
from zlib import crc32

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from pydantic import JsonValue
from schemathesis import Case
from schemathesis.checks import load_all_checks
from schemathesis.core.result import Ok
from schemathesis.generation.feedback import FeedbackSources
from schemathesis.pytest._test_builder import build_operation_test
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import positive_data_acceptance

from inbound.api.app import openapi_text
from inbound.api.server import HttpServer
from inbound.api.token_failures import TokenFailures
from inbound.api.tokens import Scope
from inbound.ops.health import Health
from inbound.settings import ApiSettings
from tests.bench import history
from tests.forks import REPOSITORY
from tests.integration.api.world import SUBJECTS, World
from tests.patience import PATIENCE_S

EXAMPLES = settings().max_examples // 10
"""For each operation and mode, beside the cases that Schemathesis makes of each rule."""

CONFIG = schemathesis.Config.from_dict(
    {"seed": 1, "generation": {"deterministic": True, "mode": "all"}}
)

DOCUMENT = json.loads((REPOSITORY / "docs" / "openapi.json").read_text("utf-8"))
OPERATIONS = [
    f"{method.upper()} {path}" for path, item in DOCUMENT["paths"].items() for method in item
]


@pytest.fixture(scope="module")
def operations() -> Mapping[str, APIOperation[Any, Any, Any, Any]]:
    """What the API itself describes, by method and path."""
    load_all_checks()
    schema = schemathesis.openapi.from_dict(json.loads(openapi_text()), config=CONFIG)
    found = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    return {operation.label: operation for operation in found}


def test_every_operation_is_asked(operations: Mapping[str, object]) -> None:
    assert len(OPERATIONS) > 20
    assert sorted(operations) == sorted(OPERATIONS)


@dataclass(frozen=True, slots=True)
class Running:
    """An API that listens, a token for everything, and for each name of an id one that exists."""

    url: str
    token: str
    there: Mapping[str, str]
    bodies: Mapping[str, JsonValue]


@pytest.fixture(scope="module")
def api(shared_url: str) -> Iterator[Running]:
    """Run the API in a thread: what asks it is synchronous."""
    started: Future[tuple[Running, Callable[[], None]]] = Future()
    thread = threading.Thread(target=lambda: asyncio.run(serve(shared_url, started)))
    thread.start()
    running, stop = started.result(PATIENCE_S)
    yield running
    stop()
    thread.join()


async def serve(url: str, started: "Future[tuple[Running, Callable[[], None]]]") -> None:
    # Between two requests pass hours, so that no failure counts.
    failures = TokenFailures(count(step=3600).__next__)
    world = World(url, per_minute=1_000_000, failures=failures)
    health = Health()
    server = HttpServer(world.app, ApiSettings(port=0), health)
    task = asyncio.create_task(server.run())
    while not health.ready().ok:  # noqa: ASYNC110  the port tells only who asks
        await asyncio.sleep(0.01)
    loop = asyncio.get_running_loop()
    [ids] = world.rows(
        "SELECT subject_id::text, request_id::text, acknowledgement_id::text, trace_id::text"
        " FROM projections.requests WHERE subject_id = %s LIMIT 1",
        SUBJECTS[2],
    )
    there = dict(zip(("subject_id", "request_id", "message_id", "trace_id"), ids, strict=True))
    there |= {"trace_id": there["trace_id"].replace("-", ""), "client_id": "H-1"}
    [(there["broadcast_id"],)] = world.rows(
        "INSERT INTO broadcasts (broadcast_id, state, name, recipients)"
        " VALUES (gen_random_uuid(), 'draft', 'Spring', 1) RETURNING broadcast_id::text"
    )
    bodies: dict[str, JsonValue] = {
        "subjects": [there["subject_id"]],
        "phone": history.number_of(2),
    }
    running = Running(f"http://127.0.0.1:{server.port}", world.token(*Scope), there, bodies)

    def stop() -> None:
        loop.call_soon_threadsafe(task.cancel)

    started.set_result((running, stop))
    await asyncio.gather(task, return_exceptions=True)
    await world.close()


# What a rule says that a schema can't: which digits are a mobile number, which years are served,
# that a time ends after it has begun, which time zones there are, which characters a phone shows,
# and that a message has one recipient and one content.
BEYOND_SCHEMAS = {
    *("body.phone", "body.since", "body.until", "query.since", "query.until", "query.at"),
}
BEYOND_SCHEMAS_OF_MESSAGES = re.compile(
    r"body(\.\d+)?(\.(not_before|expires_at|hours|time_zone|text|client_id|fields\..*))?"
)
BEYOND_SCHEMAS_OF_QUERIES = re.compile(r"body\.recipients\.\d+")  # names exactly one thing
# Names are kept for ever; templates, senders and time zones have to exist; a row has to be usable.
BEYOND_SCHEMAS_OF_BROADCASTS = re.compile(
    r"body\.(name|text|template|sender|spread|hours|time_zone|audience(\.\d+)?)"
)


def is_beyond_schemas(case: Case[Any], where: str) -> bool:
    if (case.method, case.path) == ("POST", "/v1/messages"):
        return BEYOND_SCHEMAS_OF_MESSAGES.fullmatch(where) is not None
    if (case.method, case.path) == ("POST", "/v1/broadcasts"):
        return BEYOND_SCHEMAS_OF_BROADCASTS.fullmatch(where) is not None
    if (case.method, case.path) == ("POST", "/v1/subscriptions/query"):
        return BEYOND_SCHEMAS_OF_QUERIES.fullmatch(where) is not None
    return where in BEYOND_SCHEMAS


def point_at_what_is_there(case: Case[Any], api: Running) -> None:
    """Put what exists in place of most well-formed ids, which would find nothing."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    for name, there in api.there.items():
        given = case.path_parameters.get(name)
        if given is not None and crc32(str(given).encode()) % 4:
            case.path_parameters[name] = there
    if isinstance(case.body, dict):
        case.body |= {name: there for name, there in api.bodies.items() if name in case.body}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_answer_is_as_described(
    operations: Mapping[str, APIOperation[Any, Any, Any, Any]], operation: str, api: Running
) -> None:
    """Makes its cases itself: with `schema.parametrize` every worker would make those of all."""
    test = build_operation_test(
        config=operations[operation].schema.config,
        operation=operations[operation],
        test_func=ask,
        given_kwargs={},
        feedback=FeedbackSources(),
    )
    test(api=api)


@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
def ask(case: Case[Any], api: Running) -> None:
    point_at_what_is_there(case, api)
    headers = {"Authorization": f"Bearer {api.token}"}
    response = case.call(base_url=api.url, headers=headers)
    broken = response.json().get("errors", ()) if response.status_code == 422 else ()
    beyond = {error["where"] for error in broken if is_beyond_schemas(case, error["where"])}
    case.validate_response(
        response,
        headers=headers,
        transport_kwargs={"base_url": api.url, "headers": headers},
        excluded_checks=[positive_data_acceptance] if beyond else [],
    )
