"""What was ever written to the log can be read, and means what it meant.

A new event type, a new version and a new optional field come with examples in this folder:
else these tests say which is missing.
"""

from collections import defaultdict
from datetime import UTC, datetime
from uuid import UUID

import pytest
from pydantic_core import from_json

from inbound.handlers.state import SubjectState, evolve, read_state, write_state
from schemas.events import EVENTS, Command, DomainEvent, Plan
from schemas.upcasters import UPCASTERS, read_event
from tests.released import FOLDER, Example, examples, stream

ALL = list(examples())
BY_NAME: defaultdict[tuple[str, int], list[Example]] = defaultdict(list)
for _example in ALL:
    BY_NAME[_example.type, _example.version].append(_example)

VERSIONS = [(event, version) for event in EVENTS for version in range(1, event.VERSION + 1)]
NAMES = [f"{event.TYPE}.v{version}" for event, version in VERSIONS]


@pytest.mark.parametrize(("event", "version"), VERSIONS, ids=NAMES)
def test_every_version_of_every_type_has_an_example(event: type[DomainEvent], version: int) -> None:
    assert BY_NAME[event.TYPE, version], (
        f"write an event as it is stored into {FOLDER.name}/{event.TYPE}.v{version}.ndjson"
    )


@pytest.mark.parametrize(("event", "version"), VERSIONS, ids=NAMES)
def test_every_older_version_has_its_upcaster(event: type[DomainEvent], version: int) -> None:
    assert version == event.VERSION or (event.TYPE, version) in UPCASTERS


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.TYPE)
def test_every_optional_field_has_an_example_with_and_without(event: type[DomainEvent]) -> None:
    optional = {name for name, field in event.model_fields.items() if not field.is_required()}
    written = [set(from_json(one.data)) for one in BY_NAME[event.TYPE, event.VERSION]]
    for field in optional:
        told = f"{FOLDER.name}/{event.TYPE}.v{event.VERSION}.ndjson: add an event"
        assert any(field in fields for fields in written), f"{told} with {field}"
        assert any(field not in fields for fields in written), f"{told} without {field}"


@pytest.mark.parametrize("example", ALL, ids=lambda one: f"{one.type}.v{one.version}")
def test_every_example_is_read_and_folded(example: Example) -> None:
    event = read_event(*example)
    assert example.type == event.TYPE
    assert read_event(event.TYPE, event.VERSION, event.to_json()) == event
    state = evolve(SubjectState(), event)
    assert read_state(write_state(state)) == state


def test_a_stream_is_folded_to_what_it_was() -> None:
    recorded = stream("every-type")
    state = SubjectState()
    for one in recorded:
        state = evolve(state, read_event(*one))
    assert state.notifications_on is False
    assert state.previous is not None
    assert state.previous.command is Command.SMS_STOP
    assert state.accepted_at == (datetime(2026, 3, 1, 14, 13, 20, tzinfo=UTC),)
    assert state.limit_reported_at == datetime(2026, 3, 1, 12, 20, tzinfo=UTC)
    (request,) = state.open.items()
    assert request[0] == UUID("1942363d-a74b-47d1-8b7f-8b1f9a4510e7")
    assert (request[1].plan, request[1].stage) == (Plan.STOPPED, "fulfilling")
