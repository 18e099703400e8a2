"""What events make of the row of a request."""

from typing import Any
from uuid import UUID

import pytest

from inbound.handlers.decision import message_id
from inbound.projections import requests
from inbound.projections.requests import REQUESTS
from schemas.events import Command, DomainEvent
from schemas.message_events import (
    MessageDelivered,
    MessageSubmitted,
    MessageUndeliverable,
    MessageUndetermined,
)
from schemas.messages import Outcome, Purpose, ReceiptState
from tests.unit.handlers.scenario import NOON, Scenario
from tests.unit.projections.events import METADATA, TRACE_ID, named, recorded, repeated_result

ACKNOWLEDGEMENT, FULFILMENT = Purpose.ACKNOWLEDGEMENT, Purpose.FULFILMENT


def row_of(events: list[DomainEvent], metadata: str = METADATA) -> dict[str, Any]:
    rows = REQUESTS.fold(e for e in recorded(events, metadata=metadata) if e.type in REQUESTS.reads)
    assert not rows.changed
    [row] = rows.new
    return named(REQUESTS, row)


def answered(**kwargs: Any) -> tuple[Scenario, UUID]:
    """A request whose two replies the centre took."""
    scenario = Scenario()
    request_id, _ = scenario.text(Command.CLIENT_INFO)
    scenario.result(request_id, ACKNOWLEDGEMENT, at_s=1, **kwargs)
    scenario.result(request_id, FULFILMENT, at_s=2)
    return scenario, request_id


def fate(kind: type[Any], request_id: UUID | None, purpose: Purpose) -> DomainEvent:
    event: DomainEvent = kind(
        message_id=message_id(request_id or UUID(int=7), purpose),
        request_id=request_id,
        purpose=purpose,
        template="t",
        parts=1,
        state=ReceiptState.DELIVERED,
        centre="main",
        bind="main-1",
        at=NOON,
    )
    return event


def test_an_accepted_request() -> None:
    scenario = Scenario()
    request_id, _ = scenario.text(Command.SMS_STOP)
    row = row_of(scenario.events)
    assert row == {
        "request_id": str(request_id),
        "subject_id": "00000000-0000-0000-0000-000000000063",
        "command": "sms_stop",
        "plan": "stopped",
        "confirm": True,
        "state": "accepted",
        "arrived_at": "2026-03-01T12:00:00Z",
        "accepted_at": "2026-03-01 12:01:00+00",
        "acknowledged_at": None,
        "completed_at": None,
        "late": False,
        "centre": "main",
        "bind": "main-1",
        "trace_id": TRACE_ID,
        "acknowledgement_id": str(message_id(request_id, ACKNOWLEDGEMENT)),
        "acknowledgement_outcome": None,
        "acknowledgement_attempt": None,
        "acknowledgement_fate": None,
        "fulfilment_id": str(message_id(request_id, FULFILMENT)),
        "fulfilment_outcome": None,
        "fulfilment_attempt": None,
        "fulfilment_fate": None,
    }


def test_a_request_to_its_end() -> None:
    scenario, _ = answered()
    row = row_of(scenario.events)
    assert (row["state"], row["late"]) == ("fulfilled", False)
    assert row["acknowledged_at"] == "2026-03-01T12:00:01Z"
    assert row["completed_at"] == "2026-03-01T12:00:02Z"
    assert row["acknowledgement_outcome"] == row["fulfilment_outcome"] == "submitted"
    assert row["acknowledgement_attempt"] == row["fulfilment_attempt"] == 1


def test_an_acknowledged_request_waits_for_its_fulfilment() -> None:
    scenario = Scenario()
    request_id, _ = scenario.text(Command.CLIENT_INFO)
    scenario.result(request_id, ACKNOWLEDGEMENT)
    row = row_of(scenario.events)
    assert (row["state"], row["completed_at"]) == ("acknowledged", None)


def test_a_refused_request() -> None:
    scenario = Scenario()
    request_id, _ = scenario.text(Command.CLIENT_INFO, known=False)
    scenario.result(request_id, ACKNOWLEDGEMENT)
    scenario.result(request_id, FULFILMENT)
    row = row_of(scenario.events)
    assert (row["state"], row["plan"]) == ("refused", "unknown_number")


@pytest.mark.parametrize("outcome", [Outcome.REJECTED, Outcome.EXPIRED, Outcome.ERASED])
def test_an_undelivered_request(outcome: Outcome) -> None:
    scenario = Scenario()
    request_id, _ = scenario.text(Command.CLIENT_INFO)
    scenario.result(request_id, ACKNOWLEDGEMENT)
    scenario.result(request_id, FULFILMENT, outcome)
    row = row_of(scenario.events)
    assert (row["state"], row["fulfilment_outcome"]) == ("undelivered", outcome.value)


def test_an_acknowledgement_that_was_not_taken_is_late_and_acknowledges_nothing() -> None:
    scenario = Scenario()
    request_id, _ = scenario.text(Command.CLIENT_INFO)
    scenario.result(request_id, ACKNOWLEDGEMENT, Outcome.REJECTED)
    row = row_of(scenario.events)
    assert (row["state"], row["late"]) == ("accepted", True)
    assert (row["acknowledgement_outcome"], row["acknowledged_at"]) == ("rejected", None)
    scenario.result(request_id, FULFILMENT)
    assert row_of(scenario.events)["state"] == "fulfilled"


def test_the_last_attempt_counts() -> None:
    scenario = Scenario()
    request_id, _ = scenario.text(Command.CLIENT_INFO)
    scenario.result(request_id, ACKNOWLEDGEMENT, Outcome.UNKNOWN, final=False)
    row = row_of(scenario.events)
    assert (row["acknowledgement_outcome"], row["state"]) == ("resent", "accepted")
    scenario.result(request_id, ACKNOWLEDGEMENT, attempt=2)
    row = row_of(scenario.events)
    assert (row["acknowledgement_outcome"], row["acknowledgement_attempt"]) == ("submitted", 2)


def test_a_message_without_an_answer_for_good_is_unknown() -> None:
    scenario = Scenario()
    request_id, _ = scenario.text(Command.CLIENT_INFO)
    scenario.result(request_id, ACKNOWLEDGEMENT, Outcome.UNKNOWN, final=False)
    scenario.result(request_id, ACKNOWLEDGEMENT, Outcome.UNKNOWN, attempt=2)
    row = row_of(scenario.events)
    assert (row["acknowledgement_outcome"], row["state"]) == ("unknown", "accepted")


@pytest.mark.parametrize("first", [Outcome.SUBMITTED, Outcome.EXPIRED])
@pytest.mark.parametrize("again", [Outcome.SUBMITTED, Outcome.EXPIRED, Outcome.UNKNOWN])
def test_the_first_final_result_counts(first: Outcome, again: Outcome) -> None:
    scenario, request_id = answered(outcome=first)
    before = row_of(scenario.events)
    [accepted, decided, *others] = scenario.events
    copies = [
        repeated_result(request_id, purpose, again) for purpose in (ACKNOWLEDGEMENT, FULFILMENT)
    ]
    assert row_of([*scenario.events, *copies]) == before
    assert row_of([accepted, decided, copies[0], *others]) == before


@pytest.mark.parametrize("kind", [MessageDelivered, MessageUndeliverable, MessageUndetermined])
def test_a_fate_changes_its_message_alone(kind: type[Any]) -> None:
    scenario, request_id = answered()
    before = row_of(scenario.events)
    after = row_of([*scenario.events, fate(kind, request_id, ACKNOWLEDGEMENT)])
    expected = kind.TYPE.removeprefix("message.")
    assert after == before | {"acknowledgement_fate": expected}
    after = row_of([*scenario.events, fate(kind, request_id, FULFILMENT)])
    assert after == before | {"fulfilment_fate": expected}


def test_a_request_without_a_confirmation_has_no_fulfilment() -> None:
    scenario = Scenario()
    scenario.text(Command.SMS_STOP)
    accepted = scenario.events[0].model_copy(update={"confirm": False})
    assert row_of([accepted])["fulfilment_id"] is None


def test_messages_that_answer_no_request_are_left() -> None:
    notification = fate(MessageDelivered, None, Purpose.NOTIFICATION)
    assert not REQUESTS.fold(recorded([notification])).changed
    assert not REQUESTS.fold(recorded([notification])).new


def test_what_began_in_an_earlier_stretch_is_a_change() -> None:
    scenario, request_id = answered()
    [*_, submitted, completed] = recorded(scenario.events)
    assert (submitted.type, completed.type) == (MessageSubmitted.TYPE, "request.completed")
    rows = REQUESTS.fold([submitted, completed])
    assert not rows.new
    [row] = rows.changed
    changed = dict(zip(requests._CHANGING, row, strict=True))
    assert {name: value for name, value in changed.items() if value is not None} == {
        "request_id": str(request_id),
        "completion": "fulfilled",
        "completed_at": "2026-03-01T12:00:02Z",
        "fulfilment_id": str(message_id(request_id, FULFILMENT)),
        "fulfilment_outcome": "submitted",
        "fulfilment_attempt": 1,
    }


@pytest.mark.parametrize(
    "metadata", ["{}", '{"traceparent":"00-short-1-00"}', f'{{"traceparent":"00-{"g" * 32}-1-0"}}']
)
def test_a_request_without_a_readable_trace_has_none(metadata: str) -> None:
    scenario, _ = answered()
    assert row_of(scenario.events, metadata)["trace_id"] is None
