"""The generated log is one that the service could have written."""

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from uuid import UUID

from pydantic_core import from_json

from inbound.handlers.commands import decide_command
from inbound.handlers.decision import CommandRequest, Disposition, message_id
from inbound.handlers.policies import Policies
from inbound.handlers.state import SubjectState, evolve
from schemas.events import Facts, RequestAccepted
from schemas.message_events import MessageEvent
from schemas.messages import Purpose
from schemas.upcasters import read_event
from tests.bench import history
from tests.bench.stories import weighted_ways

REQUESTS = 3000


def test_same_arguments_give_the_same_log() -> None:
    assert [*history.rows(requests=50)] == [*history.rows(requests=50)]
    assert [*history.rows(requests=50)] != [*history.rows(requests=50, seed=2)]


def test_the_shares_are_of_a_hundred() -> None:
    assert len(weighted_ways()) == 100


def test_it_is_in_order_and_complete() -> None:
    versions: defaultdict[bytes, int] = defaultdict(int)
    types: Counter[bytes] = Counter()
    before = datetime.min.replace(tzinfo=history.END.tzinfo)
    for position, row in enumerate(history.rows(requests=REQUESTS), 1):
        versions[row.stream_id] += 1
        assert int(row.position) == position
        assert int(row.version) == versions[row.stream_id]
        recorded_at = datetime.fromisoformat(row.recorded_at.decode())
        assert recorded_at >= before
        before = recorded_at
        types[row.type] += 1
    assert types[b"request.accepted"] == types[b"request.completed"] == REQUESTS
    assert set(versions) <= {str(id_).encode() for id_ in history.subject_ids(REQUESTS)}
    assert max(versions.values()) > 20
    assert 4.8 * REQUESTS < types.total() < 5.6 * REQUESTS
    assert before < history.END + timedelta(days=3)


def test_every_decision_is_the_one_that_would_be_taken_again() -> None:
    states: defaultdict[bytes, SubjectState] = defaultdict(SubjectState)
    for row in history.rows(requests=REQUESTS):
        event = read_event(row.type.decode(), int(row.schema_version), row.data)
        assert event.to_json() == row.data
        state = states[row.stream_id]
        if isinstance(event, RequestAccepted):
            assert event.facts.notifications_on == state.notifications_on
            again = decide_command(state, _asked(event, event.facts), Policies())
            assert again.disposition is Disposition.ACCEPTED
            assert again.events[0] == event
        if isinstance(event, MessageEvent) and event.request_id is not None:
            assert event.message_id == message_id(event.request_id, event.purpose)
        states[row.stream_id] = evolve(state, event)
    assert not any(state.open for state in states.values())


def test_ids_of_the_centre_are_of_one_message() -> None:
    owners: dict[str, UUID] = {}
    for row in history.rows(requests=200):
        if row.type == b"message.submitted":
            data = from_json(row.data)
            parts = 3 if data["template"] == "registration" else 1
            assert len(data["parts"]) == parts
            assert data["purpose"] in set(Purpose)
            for part in data["parts"]:
                message = UUID(data["message_id"])
                assert owners.setdefault(part["smsc_message_id"], message) == message


def _asked(event: RequestAccepted, facts: Facts) -> CommandRequest:
    return CommandRequest(
        request_id=event.request_id,
        command=event.command,
        arrived_at=event.arrived_at,
        decided_at=facts.decided_at,
        client_known=facts.client_known,
        centre=event.centre,
        bind=event.bind,
        data_coding=event.data_coding,
        parts=event.parts,
        arrival=event.arrival,
    )
