"""What a command means: accepted, a duplicate, one too many; and the policies for it."""

import pytest

from inbound.handlers.decision import Disposition, message_id
from inbound.handlers.definitions import DEFINITIONS
from inbound.handlers.policies import Policies
from schemas.events import (
    Command,
    CommandLimitReached,
    Plan,
    RequestAccepted,
    SubscriptionStarted,
    SubscriptionStopped,
)
from schemas.messages import Purpose
from tests.unit.handlers.scenario import Scenario

INFO, STOP, START = Command.CLIENT_INFO, Command.SMS_STOP, Command.SMS_START
ACCEPTED = [definition.command for definition in DEFINITIONS if definition.is_accepted]


def accepted(scenario: Scenario) -> list[RequestAccepted]:
    return [event for event in scenario.events if isinstance(event, RequestAccepted)]


@pytest.mark.parametrize("command", ACCEPTED)
def test_an_accepted_command_owes_its_acknowledgement_first(command: Command) -> None:
    request_id, decision = Scenario().text(command)
    (reply,) = decision.replies
    assert reply.purpose is Purpose.ACKNOWLEDGEMENT
    assert reply.template == "acknowledgement"
    assert reply.message_id == message_id(request_id, Purpose.ACKNOWLEDGEMENT)


def test_only_info_needs_the_registration() -> None:
    for command in ACCEPTED:
        request_id, decision = Scenario().text(command)
        needs = message_id(request_id, Purpose.FULFILMENT) if command is INFO else None
        assert decision.secret_for == needs


def test_stop_then_start_switch_notifications() -> None:
    scenario = Scenario()
    states = []
    for at_s, command in enumerate((STOP, START)):
        scenario.text(command, at_s)
        states.append(scenario.state.notifications_on)
    assert states == [False, True]
    kinds = [type(event) for event in scenario.events]
    assert kinds == [RequestAccepted, SubscriptionStopped, RequestAccepted, SubscriptionStarted]


def test_stop_start_stop_within_a_minute_are_three_commands_and_the_last_wins() -> None:
    scenario = Scenario()
    for at_s, command in enumerate((STOP, START, STOP)):
        _, decision = scenario.text(command, at_s)
        assert decision.disposition is Disposition.ACCEPTED
    assert not scenario.state.notifications_on


@pytest.mark.parametrize(("at_s", "duplicate"), [(0, True), (60, True), (60.1, False), (-59, True)])
def test_the_same_command_within_a_minute_is_the_same_request(
    at_s: float, *, duplicate: bool
) -> None:
    scenario = Scenario()
    scenario.text(INFO)
    _, decision = scenario.text(INFO, at_s)
    assert (decision.disposition is Disposition.DUPLICATE) is duplicate
    assert bool(decision.replies) is not duplicate
    assert len(accepted(scenario)) == (1 if duplicate else 2)


def test_duplicates_do_not_prolong_the_minute() -> None:
    scenario = Scenario()
    decisions = [scenario.text(INFO, at_s)[1].disposition for at_s in (0, 50, 100)]
    assert decisions == [Disposition.ACCEPTED, Disposition.DUPLICATE, Disposition.ACCEPTED]


def test_the_duplicate_rule_can_be_turned_off() -> None:
    scenario = Scenario(Policies(duplicate_within_s=0))
    assert scenario.text(INFO)[1].replies
    assert scenario.text(INFO)[1].replies


def test_stop_when_already_stopped_is_confirmed_again_without_an_event() -> None:
    scenario = Scenario()
    scenario.text(STOP)
    _, decision = scenario.text(STOP, 100)
    assert [type(event) for event in decision.events] == [RequestAccepted]
    assert accepted(scenario)[-1].confirm


def test_stop_when_already_stopped_may_be_acknowledged_only() -> None:
    scenario = Scenario(Policies(repeat_in_state="acknowledge"))
    scenario.text(STOP)
    scenario.text(STOP, 100)
    assert [event.confirm for event in accepted(scenario)] == [True, False]


@pytest.mark.parametrize("command", ACCEPTED)
def test_an_unknown_number_is_acknowledged_and_refused(command: Command) -> None:
    scenario = Scenario()
    _, decision = scenario.text(command, known=False)
    assert accepted(scenario)[0].plan is Plan.UNKNOWN_NUMBER
    assert decision.replies
    assert decision.secret_for is None
    assert scenario.state.notifications_on


def test_an_unknown_number_may_be_met_with_silence() -> None:
    scenario = Scenario(Policies(unknown_number="silent"))
    _, decision = scenario.text(INFO, known=False)
    assert decision.disposition is Disposition.UNKNOWN_NUMBER
    assert not decision.replies
    assert not scenario.events


def test_the_eleventh_command_within_an_hour_is_not_accepted_and_said_once() -> None:
    scenario = Scenario()
    for n in range(10):
        assert scenario.text(INFO, n * 100)[1].replies
    for n in range(10, 15):
        _, decision = scenario.text(STOP, n * 100)
        assert decision.disposition is Disposition.LIMITED
        assert not decision.replies
    assert scenario.state.notifications_on
    assert sum(isinstance(event, CommandLimitReached) for event in scenario.events) == 1


def test_an_hour_after_the_first_the_next_is_accepted() -> None:
    scenario = Scenario()
    for n in range(10):
        scenario.text(INFO, n * 100)
    assert scenario.text(INFO, 3599)[1].disposition is Disposition.LIMITED
    assert scenario.text(INFO, 3600)[1].disposition is Disposition.ACCEPTED


def test_duplicates_do_not_count_towards_the_limit() -> None:
    scenario = Scenario(Policies(commands_per_hour=2))
    for _ in range(5):
        scenario.text(INFO)
    assert scenario.text(STOP, 1)[1].replies


@pytest.mark.parametrize(("delay_s", "plan"), [(3600, Plan.REGISTRATION), (3601, Plan.INFO_STALE)])
def test_an_old_info_is_refused(delay_s: float, plan: Plan) -> None:
    scenario = Scenario()
    _, decision = scenario.text(INFO, delay_s=delay_s)
    assert accepted(scenario)[0].plan is plan
    assert (decision.secret_for is None) is (plan is Plan.INFO_STALE)


def test_an_old_stop_is_still_applied() -> None:
    scenario = Scenario()
    scenario.text(STOP, delay_s=100_000)
    assert not scenario.state.notifications_on


def test_the_facts_of_a_decision_stand_in_its_event() -> None:
    scenario = Scenario()
    scenario.text(STOP)
    scenario.text(START, 1)
    stop, start = accepted(scenario)
    assert stop.facts.notifications_on
    assert not start.facts.notifications_on
    assert stop.facts.client_known


def test_the_state_stays_small_whatever_the_history() -> None:
    scenario = Scenario()
    for n in range(200):
        request_id, decision = scenario.text(STOP if n % 2 else START, n * 400)
        assert decision.replies
        scenario.result(request_id, Purpose.ACKNOWLEDGEMENT, at_s=n * 400 + 1)
        scenario.result(request_id, Purpose.FULFILMENT, at_s=n * 400 + 2)
    assert not scenario.state.open
    assert len(scenario.state.accepted_at) <= 10


def _stop_start(scenario: Scenario) -> None:
    for at_s, command in ((0, STOP), (10, START)):
        scenario.text(command, at_s, heard_s=at_s)


@pytest.mark.parametrize("heard_s", [-3, -0.001, 0, 5])
def test_a_copy_that_was_overtaken_undoes_nothing(heard_s: float) -> None:
    scenario = Scenario()
    _stop_start(scenario)
    _, decision = scenario.text(STOP, heard_s, heard_s=heard_s)
    assert decision.disposition is Disposition.DUPLICATE
    assert scenario.state.notifications_on


@pytest.mark.parametrize("step_s", [-3600, -40, -10, 0, 40])
def test_whoever_texts_again_is_heard_whatever_the_wall_clock_does(step_s: float) -> None:
    scenario = Scenario()
    _stop_start(scenario)
    _, decision = scenario.text(STOP, 20 + step_s, heard_s=20)
    assert decision.disposition is Disposition.ACCEPTED
    assert not scenario.state.notifications_on


def test_whoever_changes_their_mind_at_once_is_heard() -> None:
    scenario = Scenario()
    _stop_start(scenario)
    _, decision = scenario.text(STOP, 10.01, heard_s=10.01)
    assert decision.disposition is Disposition.ACCEPTED


def test_a_shared_clock_that_was_set_back_far_silences_nobody() -> None:
    scenario = Scenario()
    _stop_start(scenario)
    _, decision = scenario.text(STOP, 20, heard_s=20 - 3600)
    assert decision.disposition is Disposition.ACCEPTED


def test_a_gateway_that_never_read_the_shared_clock_loses_nothing() -> None:
    scenario = Scenario()
    _stop_start(scenario)
    _, decision = scenario.text(STOP, 20)
    assert decision.disposition is Disposition.ACCEPTED


@pytest.mark.parametrize(
    ("again_s", "disposition"),
    [
        (90, Disposition.DUPLICATE),
        (360, Disposition.DUPLICATE),
        (361, Disposition.ACCEPTED),
    ],
)
def test_what_had_no_answer_through_an_outage_is_delivered_again(
    again_s: float, disposition: Disposition
) -> None:
    scenario = Scenario()
    scenario.text(INFO, 0, heard_s=0, delay_s=300)
    _, decision = scenario.text(INFO, again_s, heard_s=again_s)
    assert decision.disposition is disposition


def test_after_an_outage_another_command_is_heard() -> None:
    scenario = Scenario()
    scenario.text(STOP, 0, heard_s=0, delay_s=300)
    scenario.text(START, 90, heard_s=90, delay_s=210)
    _, decision = scenario.text(STOP, 180, heard_s=180, delay_s=120)
    assert decision.disposition is Disposition.ACCEPTED
    assert not scenario.state.notifications_on


def test_a_worker_whose_clock_is_hours_ahead_silences_nobody_for_hours() -> None:
    scenario = Scenario()
    scenario.text(INFO, 0, heard_s=0, delay_s=7200)
    _, decision = scenario.text(INFO, 601, heard_s=601)
    assert decision.disposition is Disposition.ACCEPTED
