"""Each decision of a stream is taken again, and only what differs is told."""

from dataclasses import replace
from typing import Any

import pytest

from inbound.handlers.commands import decide_command
from inbound.handlers.decision import Decision, Disposition
from inbound.handlers.definitions import Planned
from inbound.handlers.policies import Policies
from inbound.handlers.registrations import Operator, decide_refusal, decide_release
from inbound.handlers.state import SubjectState, evolve
from inbound.replay.diff import decider as decider_module
from inbound.replay.diff.protocol import PastEvent
from schemas import upcasters
from schemas.events import (
    DomainEvent,
    Plan,
    RequestAccepted,
    RequestCompleted,
    SubscriptionRestored,
    SubscriptionStopped,
)
from schemas.registration_events import RefusalCause, RegistrationUsage
from tests.released import stream
from tests.unit.handlers.scenario import NOON, SUBJECT
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
    released,
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


def test_the_same_rules_decide_the_same(three: History) -> None:
    verdict = judged(three.stream())
    assert (verdict.commands, verdict.results, verdict.differences) == (3, 6, [])


def test_events_of_released_versions_are_decided_the_same() -> None:
    # It was written with a limit of 7, and its last `start` with repeats only acknowledged.
    recorded = released(stream("every-type"))
    rules = Policies(commands_per_hour=7)
    assert told(differences(recorded, rules)) == [(34, "command", "accepted")]
    verdict = judged(recorded)
    assert told(verdict.differences) == [(34, "command", "accepted"), (37, "limit", "accepted")]
    assert (verdict.commands, verdict.results) == (9, 15)


def test_only_selected_decisions_are_repeated(three: History) -> None:
    third = 1 + next(
        n for n, event in enumerate(three.events) if getattr(event, "command", None) is START
    )
    verdict = judged(three.stream(third), Policies(commands_per_hour=2))
    assert told(verdict.differences) == [(third, "command", "limited")]
    assert verdict.commands == 1


def test_a_shorter_hour_limits(three: History) -> None:
    found = differences(three.stream(), Policies(commands_per_hour=1))
    assert [one.disposition for one in found] == ["limited", "limited"]
    assert [type_ for type_, _, _ in found[0].recorded] == ["request.accepted"]
    # The second `limited` has no event of its own: one an hour is told. The state of the
    # recorded history knows of none, so here both have one.
    assert [type_ for type_, _, _ in found[0].decided] == ["command.limit_reached"]


def test_each_decision_is_judged_alone_unless_differences_are_carried(history: History) -> None:
    for n in range(3):
        history.whole(STOP, n * 90)
    rules = Policies(duplicate_within_s=100)
    assert [one.disposition for one in differences(history.stream(), rules)] == ["duplicate"] * 2
    # The second is a duplicate, so the third has no previous one within 100 s.
    (only,) = differences(history.stream(), rules, carry=True)
    assert only.disposition == "duplicate"


def test_carried_difference_is_reported_once(history: History) -> None:
    history.whole(STOP, 0)
    history.whole(STOP, 90)
    history.whole(START, 1000)
    found = differences(history.stream(), Policies(duplicate_within_s=100), carry=True)
    assert told(found) == [(found[0].version, "command", "duplicate")]


def test_silence_and_refusal(history: History) -> None:
    history.whole(INFO, known=False)
    assert differences(history.stream()) == SAME
    (silent,) = differences(history.stream(), Policies(unknown_number="silent"))
    assert silent.disposition == "unknown_number"


def test_a_recipient_is_decided_again_from_the_facts_of_the_time(history: History) -> None:
    """Before the fact was recorded, whom an account had texted was refused."""
    history.state = replace(history.state, is_recipient=True)
    request_id, _ = history.text(STOP, known=False, told=False)
    history.answer(request_id, "unknown_number")
    request_id, _ = history.text(STOP, 600, known=False)
    history.answer(request_id, "stopped", 600)
    assert [one.plan for one in history.events if isinstance(one, RequestAccepted)] == [
        Plan.UNKNOWN_NUMBER,
        Plan.STOPPED,
    ]
    assert differences(history.stream()) == SAME
    assert differences(history.stream(), carry=True) == SAME


def test_a_plan_that_differs_brings_both_acceptances(history: History) -> None:
    history.text(INFO, delay_s=500)
    (found,) = differences(history.stream(), Policies(info_max_age_s=400))
    assert found.disposition == "accepted"
    assert (found.recorded[0][2]["plan"], found.decided[0][2]["plan"]) == (
        "registration",
        "info_stale",
    )


def test_a_template_that_the_candidate_lacks_is_an_error(
    three: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decider_module, "decide_result", altered(template="farewell"))
    errors = [one.error for one in differences(three.stream()) if one.error]
    assert errors == ["there is no template [farewell]"] * 3


def test_handler_error_is_reported_and_the_rest_is_decided(
    three: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = decide_command

    def decide(state: SubjectState, request: Any, policies: Policies) -> Decision:
        if request.command is INFO:
            raise ZeroDivisionError("by nothing")
        return original(state, request, policies)

    monkeypatch.setattr(decider_module, "decide_command", decide)
    verdict = judged(three.stream())
    (found,) = verdict.differences
    assert (found.error, found.disposition) == ("ZeroDivisionError: by nothing", None)
    assert found.recorded[0][2]["command"] == "client_info"
    assert (verdict.commands, verdict.results) == (3, 6)


def test_an_event_that_cannot_be_read_ends_its_stream(three: History) -> None:
    events = three.stream()
    events[4] = events[4]._replace(schema_version=9)
    verdict = judged(events)
    (found,) = verdict.differences
    assert found.version == 5
    assert "written by a newer release" in str(found.error)
    assert (verdict.commands, verdict.results) == (1, 1)


def test_an_event_that_cannot_be_folded_ends_its_stream(
    three: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fold(state: SubjectState, event: DomainEvent) -> SubjectState:
        if isinstance(event, RequestCompleted):
            raise KeyError("open")
        return evolve(state, event)

    monkeypatch.setattr(decider_module, "evolve", fold)
    (found,) = judged(three.stream()).differences
    assert found.error == "KeyError: 'open'"


def test_every_step_is_announced_before_it_is_taken(history: History) -> None:
    history.whole(STOP)
    steps: list[int] = []
    decider().judge(SUBJECT, history.stream(), steps.append)
    # Accepted and stopped are one decision, known to be whole when the third event is read.
    assert steps == [1, 2, 3, 1, 4, 3, 5, 4]


def test_older_versions_pass_through_upcasters(
    three: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of a later release: version 1 had the parts under another name, version 2 no `confirm`.
    old = [_as_version_1(event) for event in three.stream()]
    monkeypatch.setattr(RequestAccepted, "VERSION", 3)
    missing = differences(old)
    assert [one.error for one in missing] == [
        "UnknownEventError: no upcaster for request.accepted version 1"
    ]
    steps = {
        ("request.accepted", 1): lambda v: {**v, "parts": v["segments"]},
        ("request.accepted", 2): lambda v: {**v, "confirm": v["confirmed"] == "yes"},
    }
    for name, step in steps.items():
        monkeypatch.setitem(upcasters.UPCASTERS, name, step)
    assert differences(old) == SAME
    strict = differences(old, Policies(commands_per_hour=2))
    assert [(one.recorded[0][1], one.recorded[0][2]["parts"]) for one in strict] == [(3, 1)]


def _as_version_1(event: PastEvent) -> PastEvent:
    if event.type != RequestAccepted.TYPE:
        return event
    data = event.data.replace('"parts"', '"segments"').replace(
        '"confirm":true', '"confirmed":"yes"'
    )
    return event._replace(data=data)


def test_a_planner_that_causes_other_events(
    three: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    from inbound.handlers import definitions

    def stop(state: SubjectState, request: Any, policies: Policies) -> Planned:
        return Planned(Plan.STOPPED)

    changed = replace(definitions.definition_of(STOP), planner=stop)
    monkeypatch.setitem(definitions._BY_COMMAND, STOP, changed)
    (found,) = differences(three.stream())
    assert [type_ for type_, _, _ in found.recorded] == [
        RequestAccepted.TYPE,
        SubscriptionStopped.TYPE,
    ]
    assert [type_ for type_, _, _ in found.decided] == [RequestAccepted.TYPE]
    assert found.disposition == Disposition.ACCEPTED


# -- registrations -----------------------------------------------------------------------------

ANNA = Operator("anna", "the client called us")
USED = RegistrationUsage(off=False, minute=30, hour=0, centre_hour=0, clients=0)


def held_history(history: History, *, released: bool) -> History:
    """A request that was held above the default ceiling and then released, or refused."""
    request_id, _ = history.text(INFO, registrations=USED)
    history.result(request_id, ACKNOWLEDGEMENT, template="acknowledgement")
    if released:
        history.take(decide_release(history.state, request_id, ANNA, NOON))
        history.result(request_id, FULFILMENT, at_s=2, template="registration")
    else:
        cause = RefusalCause.EXPIRED
        history.take(decide_refusal(history.state, request_id, cause, NOON))
        history.result(request_id, FULFILMENT, at_s=2, template="registration_refused")
    return history


@pytest.mark.parametrize("released", [True, False])
def test_a_hold_is_decided_again_from_its_facts(history: History, released: bool) -> None:
    stream_ = held_history(history, released=released).stream()
    assert differences(stream_) == SAME
    (first, *_) = differences(stream_, Policies(registrations_per_minute=31))
    assert (first.version, first.of, first.disposition) == (1, "command", "accepted")
    assert [type_ for type_, _, _ in first.recorded] == ["request.accepted", "registration.held"]
    assert [type_ for type_, _, _ in first.decided] == ["request.accepted"]


def test_an_undone_stop_is_no_part_of_a_decision(history: History) -> None:
    request_id = history.whole(STOP)
    event = SubscriptionRestored(request_id=request_id, by="anna", reason="spoofed", at=NOON)
    history.take(Decision(Disposition.ACCEPTED, (event,)))
    history.whole(STOP, 600)
    assert differences(history.stream()) == SAME
