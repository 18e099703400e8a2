"""What a submit result means for its request."""

from typing import Any

import pytest

from inbound.handlers.decision import Disposition, message_id
from inbound.handlers.policies import Policies
from inbound.handlers.results import is_awaited, is_often_attempted
from inbound.handlers.state import evolve
from schemas.events import AcknowledgementLate, Command, Completion, RequestCompleted
from schemas.message_events import MessageEvent, MessageRejected, MessageSubmitted, MessageUnknown
from schemas.messages import Outcome, Purpose, SubmitAttempt
from tests.unit.handlers.scenario import NOON, Scenario

ACK, FULFILMENT = Purpose.ACKNOWLEDGEMENT, Purpose.FULFILMENT
FATES = [Outcome.SUBMITTED, Outcome.REJECTED, Outcome.EXPIRED, Outcome.UNKNOWN, Outcome.ERASED]


@pytest.mark.parametrize("outcome", FATES)
def test_the_fulfilment_follows_the_acknowledgement_whatever_its_outcome(outcome: Outcome) -> None:
    scenario = Scenario()
    request_id, _ = scenario.text(Command.CLIENT_INFO)
    (reply,) = scenario.result(request_id, ACK, outcome).replies
    assert reply.purpose is FULFILMENT
    assert reply.template == "registration"
    assert reply.secret


def test_an_unknown_that_goes_again_decides_nothing_yet() -> None:
    scenario = Scenario()
    request_id, _ = scenario.text(Command.CLIENT_INFO)
    decision = scenario.result(request_id, ACK, Outcome.UNKNOWN, final=False)
    assert [type(event) for event in decision.events] == [MessageUnknown]
    assert not decision.replies
    assert scenario.result(request_id, ACK).replies


def test_the_event_says_how_it_was_sent() -> None:
    scenario = Scenario()
    request_id, _ = scenario.text(Command.CLIENT_INFO)
    said: dict[str, Any] = {
        "attempts": (SubmitAttempt(part=1, status=0x58, bind="main-2", at=NOON),),
        "attempts_left_out": 3,
        "gateway": "host-7-ab",
        "sent_at": NOON,
    }
    (event,) = scenario.result(request_id, ACK, **said).events
    assert {name: getattr(event, name) for name in said} == said


@pytest.mark.parametrize("purpose", [ACK, FULFILMENT])
def test_an_unknown_attempt_is_told_once_however_often_it_is_said(purpose: Purpose) -> None:
    scenario = Scenario()
    request_id, _ = scenario.text(Command.CLIENT_INFO)
    if purpose is FULFILMENT:
        scenario.result(request_id, ACK, Outcome.UNKNOWN, final=False)
        scenario.result(request_id, ACK, attempt=2)
    said = [
        scenario.result(request_id, purpose, Outcome.UNKNOWN, final=False, attempt=attempt)
        for attempt in (1, 1, 2, 1, 2)
    ]
    assert [len(decision.events) for decision in said] == [1, 0, 1, 0, 0]
    assert scenario.result(request_id, purpose, attempt=3).events


@pytest.mark.parametrize("outcome", FATES)
def test_a_result_reveals_the_attempts_before_it_that_no_gateway_reported(outcome: Outcome) -> None:
    scenario = Scenario()
    request_id, _ = scenario.text(Command.CLIENT_INFO)
    scenario.result(request_id, ACK, Outcome.UNKNOWN, final=False, attempt=2, gateway="second")
    events = scenario.result(request_id, ACK, outcome, attempt=5, gateway="fifth").events
    inferred = [e for e in scenario.events if isinstance(e, MessageUnknown) and e.inferred_from]
    assert [(e.attempt, e.inferred_from) for e in inferred] == [(1, 2), (3, 5), (4, 5)]
    assert not any(e.final or e.gateway or e.sent_at for e in inferred)
    assert [getattr(e, "attempt", None) for e in events][:3] == [3, 4, 5]


def test_results_in_another_order_make_no_attempt_twice() -> None:
    scenario = Scenario()
    request_id, _ = scenario.text(Command.CLIENT_INFO)
    scenario.result(request_id, ACK, Outcome.UNKNOWN, final=False, attempt=3)
    crossing = scenario.result(request_id, ACK, Outcome.UNKNOWN, final=False, attempt=1)
    assert crossing.disposition is Disposition.DUPLICATE
    scenario.state = evolve(scenario.state, scenario.events[-2])  # recorded all the same
    assert not scenario.result(request_id, ACK, Outcome.UNKNOWN, final=False, attempt=3).events
    scenario.result(request_id, ACK, attempt=4)
    attempts = [e.attempt for e in scenario.events if isinstance(e, MessageEvent)]
    assert attempts == [1, 2, 3, 4]


def test_the_attempts_of_the_fulfilment_are_counted_by_themselves() -> None:
    scenario = Scenario()
    request_id, _ = scenario.text(Command.CLIENT_INFO)
    scenario.result(request_id, ACK, attempt=3)
    events = scenario.result(request_id, FULFILMENT, attempt=2).events
    assert [type(event) for event in events] == [MessageUnknown, MessageSubmitted, RequestCompleted]


def test_a_message_with_many_attempts_is_counted_once() -> None:
    scenario = Scenario()
    request_id, _ = scenario.text(Command.CLIENT_INFO)
    counted = []
    for attempt in (3, 4, 5):
        result = scenario.a_result(request_id, ACK, Outcome.UNKNOWN, final=False, attempt=attempt)
        counted.append(is_often_attempted(scenario.state, result))
        scenario.result(request_id, ACK, Outcome.UNKNOWN, final=False, attempt=attempt)
    assert counted == [False, True, False]
    scenario.result(request_id, ACK)
    assert not is_often_attempted(scenario.state, scenario.a_result(request_id, ACK, attempt=9))


@pytest.mark.parametrize(
    ("outcome", "completion"),
    [
        (Outcome.SUBMITTED, Completion.FULFILLED),
        (Outcome.REJECTED, Completion.UNDELIVERED),
        (Outcome.EXPIRED, Completion.UNDELIVERED),
        (Outcome.UNKNOWN, Completion.UNDELIVERED),
        (Outcome.ERASED, Completion.UNDELIVERED),
    ],
)
def test_the_fulfilments_result_completes_the_request_and_erases_its_secret(
    outcome: Outcome, completion: Completion
) -> None:
    scenario = Scenario()
    request_id, _ = scenario.text(Command.CLIENT_INFO)
    scenario.result(request_id, ACK)
    decision = scenario.result(request_id, FULFILMENT, outcome)
    completed = decision.events[-1]
    assert isinstance(completed, RequestCompleted)
    assert completed.completion is completion
    assert decision.erase == (message_id(request_id, FULFILMENT),)
    assert not scenario.state.open


def test_a_refusal_that_was_sent_completes_as_refused() -> None:
    scenario = Scenario()
    request_id, _ = scenario.text(Command.SMS_STOP, known=False)
    (reply,) = scenario.result(request_id, ACK).replies
    assert reply.template == "unknown_number"
    completed = scenario.result(request_id, FULFILMENT).events[-1]
    assert isinstance(completed, RequestCompleted)
    assert completed.completion is Completion.REFUSED


@pytest.mark.parametrize("purpose", [ACK, FULFILMENT])
def test_a_result_that_comes_twice_counts_once(purpose: Purpose) -> None:
    scenario = Scenario()
    request_id, _ = scenario.text(Command.SMS_STOP)
    scenario.result(request_id, ACK)
    if purpose is FULFILMENT:
        scenario.result(request_id, FULFILMENT)
    before = list(scenario.events)
    assert scenario.result(request_id, purpose).disposition is Disposition.DUPLICATE
    assert scenario.events == before


def test_what_is_awaited_is_what_was_not_processed() -> None:
    scenario = Scenario()
    request_id, _ = scenario.text(Command.SMS_STOP)
    assert is_awaited(scenario.state, request_id, ACK)
    assert not is_awaited(scenario.state, request_id, FULFILMENT)
    scenario.result(request_id, ACK)
    assert not is_awaited(scenario.state, request_id, ACK)
    assert is_awaited(scenario.state, request_id, FULFILMENT)
    scenario.result(request_id, FULFILMENT)
    assert not is_awaited(scenario.state, request_id, FULFILMENT)


def test_without_a_confirmation_the_acknowledgement_completes_the_request() -> None:
    scenario = Scenario(Policies(repeat_in_state="acknowledge"))
    request_id, _ = scenario.text(Command.SMS_START)
    decision = scenario.result(request_id, ACK)
    assert [type(event) for event in decision.events] == [MessageSubmitted, RequestCompleted]
    assert not decision.replies


@pytest.mark.parametrize(("at_s", "late"), [(120, False), (120.1, True)])
def test_an_acknowledgement_after_two_minutes_is_an_event(at_s: float, *, late: bool) -> None:
    scenario = Scenario()
    request_id, _ = scenario.text(Command.SMS_STOP)
    events = scenario.result(request_id, ACK, at_s=at_s).events
    assert any(isinstance(event, AcknowledgementLate) for event in events) is late


def test_an_acknowledgement_that_never_left_is_a_miss_too() -> None:
    scenario = Scenario()
    request_id, _ = scenario.text(Command.SMS_STOP)
    events = scenario.result(request_id, ACK, Outcome.REJECTED).events
    assert [type(event) for event in events] == [MessageRejected, AcknowledgementLate]
