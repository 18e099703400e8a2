"""Submit results are decided again: attempts, other messages, and ignored results."""

from typing import Any
from uuid import UUID

import pytest

from inbound.handlers.decision import Decision, Disposition
from inbound.handlers.results import decide_result
from inbound.handlers.state import SubjectState
from inbound.replay.diff import decider as decider_module
from schemas.events import RequestCompleted
from schemas.message_events import MessageSubmitted
from schemas.messages import Outcome, Purpose
from tests.unit.handlers.scenario import SUBJECT
from tests.unit.replay.differences import SAME, altered, told
from tests.unit.replay.streams import (
    ACKNOWLEDGEMENT,
    FULFILMENT,
    INFO,
    START,
    STOP,
    History,
    decider,
    differences,
    judged,
)


@pytest.fixture
def history() -> History:
    return History()


@pytest.fixture
def three(history: History) -> History:
    """Three different commands, ten minutes apart, of a known client."""
    for n, command in enumerate((STOP, INFO, START)):
        history.whole(command, n * 600)
    return history


def test_a_result_that_means_something_else(
    three: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never_complete(state: SubjectState, result: Any) -> Decision:
        decision = original(state, result)
        kept = tuple(e for e in decision.events if not isinstance(e, RequestCompleted))
        return Decision(decision.disposition, kept, decision.replies)

    original = decide_result
    monkeypatch.setattr(decider_module, "decide_result", never_complete)
    found = differences(three.stream())
    assert [one.of for one in found] == ["result"] * 3
    assert [type_ for type_, _, _ in found[0].recorded] == [
        "message.submitted",
        "request.completed",
    ]
    assert [type_ for type_, _, _ in found[0].decided] == ["message.submitted"]


def test_another_message_is_told_where_the_recorded_one_was_sent(
    three: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decider_module, "decide_result", altered(template="started"))
    found = differences(three.stream())
    assert [(one.of, one.recorded[0][2], one.decided[0][2]) for one in found] == [
        ("reply", "stopped", "started"),
        ("reply", "registration", "started"),
    ]


def test_the_same_template_under_another_id_would_be_sent_twice(
    three: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decider_module, "decide_result", altered(message_id=UUID(int=5)))
    assert [one.of for one in differences(three.stream())] == ["reply"] * 3


def test_missing_message_is_a_difference(three: History, monkeypatch: pytest.MonkeyPatch) -> None:
    original = decide_result

    def without(state: SubjectState, result: Any) -> Decision:
        decision = original(state, result)
        return Decision(decision.disposition, decision.events)

    monkeypatch.setattr(decider_module, "decide_result", without)
    found = differences(three.stream())
    assert [(one.of, one.decided) for one in found] == [("reply", ())] * 3


def test_additional_message_is_a_difference(
    three: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decider_module, "decide_result", altered(purpose=Purpose.NOTIFICATION))
    found = differences(three.stream())
    more = [one for one in found if not one.recorded]
    assert [one.decided[0][0] for one in more] == ["notification"] * 3


def test_message_without_request_is_not_decided(history: History) -> None:
    history.whole(STOP)
    sent = next(event for event in history.events if isinstance(event, MessageSubmitted))
    history.events.append(sent.model_copy(update={"request_id": None}))
    verdict = judged(history.stream())
    assert (verdict.results, verdict.differences) == (2, [])


def test_attempts_are_decided_one_by_one(history: History) -> None:
    request_id, _ = history.text(STOP)
    for attempt in (1, 2):
        history.result(
            request_id,
            ACKNOWLEDGEMENT,
            Outcome.UNKNOWN,
            final=False,
            attempt=attempt,
            template="acknowledgement",
        )
    history.result(request_id, ACKNOWLEDGEMENT, attempt=3, template="acknowledgement")
    history.result(request_id, FULFILMENT, Outcome.REJECTED, template="stopped")
    verdict = judged(history.stream())
    assert (verdict.results, verdict.differences) == (4, [])


def test_repeated_result_is_not_a_difference(history: History) -> None:
    """Two gateways sent it; the log tells both, and only the first meant something."""
    request_id, _ = history.text(STOP)
    history.result(request_id, ACKNOWLEDGEMENT, template="acknowledgement")
    late = history.events[-1]
    history.events.append(late.model_copy(update={"gateway": "other"}))
    history.result(request_id, FULFILMENT, template="stopped")
    history.events.append(late.model_copy(update={"gateway": "third"}))
    verdict = judged(history.stream())
    assert (verdict.results, verdict.differences) == (4, [])


def test_a_result_that_would_be_ignored_is_a_difference(
    three: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ignoring(_: SubjectState, result: Any) -> Decision:
        return Decision(Disposition.DUPLICATE)

    monkeypatch.setattr(decider_module, "decide_result", ignoring)
    assert told(differences(three.stream()))[0] == (3, "result", "duplicate")
    assert len(differences(three.stream())) == 6


def test_messages_of_the_asked_templates_are_counted(three: History) -> None:
    verdict = decider(asked=["acknowledgement", "started"]).judge(SUBJECT, three.stream())
    names = [template for _, template in verdict.messages]
    assert names == ["acknowledgement"] * 3 + ["started"]


@pytest.mark.parametrize("carry", [False, True])
def test_an_attempt_that_no_gateway_reported_is_no_decision(
    history: History, *, carry: bool
) -> None:
    request_id, _ = history.text(STOP)
    history.result(request_id, ACKNOWLEDGEMENT, attempt=3, template="acknowledgement")
    history.result(request_id, FULFILMENT, attempt=2, template="stopped")
    verdict = judged(history.stream(), carry=carry)
    assert verdict.differences == SAME
    assert verdict.results == 2
