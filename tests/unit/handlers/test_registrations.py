"""Registration data is sent below the ceilings, held above them, and sent once after a release."""

from datetime import timedelta
from uuid import UUID

import pytest

from inbound.handlers.commands import decide_command
from inbound.handlers.decision import CommandRequest, Decision, Disposition, message_id
from inbound.handlers.policies import Policies
from inbound.handlers.registrations import (
    Ceilings,
    Operator,
    ceilings,
    decide_refusal,
    decide_release,
    stop_to_undo,
)
from inbound.handlers.results import decide_result
from inbound.handlers.state import SubjectState, evolve
from schemas.events import (
    Command,
    Completion,
    DomainEvent,
    PersonErased,
    RequestCompleted,
    SubscriptionRestored,
    SubscriptionStarted,
    SubscriptionStopped,
)
from schemas.messages import Outcome, Purpose
from schemas.registration_events import (
    HoldReason,
    RefusalCause,
    RegistrationHeld,
    RegistrationRefused,
    RegistrationReleased,
    RegistrationUsage,
)
from tests.unit.handlers.scenario import NOON, Scenario

ANNA = Operator("anna", "the client called us")
ACK, FULFILMENT = Purpose.ACKNOWLEDGEMENT, Purpose.FULFILMENT
LIMITS = Policies(
    registrations_per_minute=5, registrations_per_hour=9, registrations_per_centre_hour=7
)
REQUEST = UUID(int=7)


def used(
    minute: int = 0, hour: int = 0, centre: int = 0, *, off: bool = False
) -> RegistrationUsage:
    return RegistrationUsage(off=off, minute=minute, hour=hour, centre_hour=centre, clients=100)


def asked(usage: RegistrationUsage | None, *, case_open: bool | None = None) -> CommandRequest:
    return CommandRequest(
        request_id=REQUEST,
        command=Command.CLIENT_INFO,
        arrived_at=NOON,
        decided_at=NOON,
        client_known=True,
        centre="main",
        bind="main-1",
        data_coding=0,
        registrations=usage,
        case_open=case_open,
    )


def decided(usage: RegistrationUsage | None, rules: Policies = LIMITS, **more: bool) -> Decision:
    return decide_command(SubjectState(), asked(usage, **more), rules)


@pytest.mark.parametrize(
    ("usage", "reason"),
    [
        (used(4, 8, 6), None),
        (used(5, 8, 6), HoldReason.MINUTE_CEILING),
        (used(4, 9, 6), HoldReason.HOUR_CEILING),
        (used(4, 8, 7), HoldReason.CENTRE_CEILING),
        (used(off=True), HoldReason.SWITCHED_OFF),
        (None, None),
    ],
)
def test_a_registration_is_held_at_a_ceiling(
    usage: RegistrationUsage | None, reason: HoldReason | None
) -> None:
    decision = decided(usage)
    assert decision.disposition is Disposition.ACCEPTED
    assert (decision.hold and decision.hold.reason) == reason
    assert [reply.purpose for reply in decision.replies] == [ACK]
    assert decision.secret_for == message_id(REQUEST, FULFILMENT)
    assert decision.events[1:] == ((decision.hold,) if decision.hold else ())


def test_a_hold_lasts_as_long_as_the_policy_says() -> None:
    hold = decided(used(5), LIMITS.model_copy(update={"hold_for_s": 60.0})).hold
    assert hold is not None
    assert hold.until - hold.at == timedelta(seconds=60)


def test_ceilings_follow_the_size_of_the_directory_unless_they_are_set() -> None:
    assert ceilings(Policies(), 0) == Ceilings(20, 120, 120)
    assert ceilings(Policies(), 100_000) == Ceilings(200, 2000, 1000)
    assert ceilings(LIMITS, 100_000) == Ceilings(5, 9, 7)
    none = Policies(
        registrations_per_minute=0, registrations_per_hour=0, registrations_per_centre_hour=0
    )
    assert not ceilings(none, 100).limit
    assert decided(used(10**6, 10**6, 10**6), none).hold is None


def test_one_of_several_centres_gets_half_of_what_all_may_get() -> None:
    assert ceilings(Policies(), 1000, centres=2) == Ceilings(20, 120, 60, 10)
    assert ceilings(Policies(), 100_000, centres=3) == Ceilings(200, 2000, 1000, 100)
    assert ceilings(LIMITS, 1000, centres=2) == Ceilings(5, 9, 7, 3)
    chosen = Policies(registrations_per_centre_minute=15, registrations_per_centre_hour=0)
    assert ceilings(chosen, 1000, centres=2) == Ceilings(20, 120, None, 15)
    none = Policies(registrations_per_minute=0, registrations_per_hour=0)
    assert ceilings(none, 1000, centres=2) == Ceilings(None, None, 120, None)


@pytest.mark.parametrize(
    ("usage", "reason"),
    [
        ({"centre_minute": 9, "centres": 2}, None),
        ({"centre_minute": 10, "centres": 2}, HoldReason.CENTRE_CEILING),
        ({"centre_minute": 10, "centres": 1}, None),
        ({"centre_hour": 60, "centres": 2}, HoldReason.CENTRE_CEILING),
        ({"centre_hour": 60, "centres": 1}, None),
    ],
)
def test_a_centre_is_held_at_its_share(usage: dict[str, int], reason: HoldReason | None) -> None:
    hold = decided(used(19, 110).model_copy(update=usage), Policies()).hold
    assert (hold and hold.reason) == reason


@pytest.mark.parametrize(
    ("rules", "usage", "cause"),
    [
        (Policies(registrations_off="refuse"), used(off=True), RefusalCause.SWITCHED_OFF),
        (
            Policies(registrations_need="open_case", registrations_unmet="refuse"),
            used(),
            RefusalCause.NO_OPEN_CASE,
        ),
    ],
)
def test_a_policy_may_refuse_at_once(
    rules: Policies, usage: RegistrationUsage, cause: RefusalCause
) -> None:
    decision = decided(usage, rules)
    refused = decision.events[-1]
    assert isinstance(refused, RegistrationRefused)
    assert refused.cause is cause
    assert decision.secret_for is None
    state = folded(decision.events)
    acknowledged = decide_result(state, Scenario.a_result(REQUEST, ACK))
    (reply,) = acknowledged.replies
    assert (reply.template, reply.secret) == ("registration_refused", False)


@pytest.mark.parametrize(
    ("case_open", "reason"),
    [(True, None), (False, HoldReason.NO_OPEN_CASE), (None, HoldReason.NO_OPEN_CASE)],
)
def test_a_client_without_the_second_factor_is_held(
    case_open: bool | None, reason: HoldReason | None
) -> None:
    rules = Policies(registrations_need="open_case")
    decision = decide_command(SubjectState(), asked(used(), case_open=case_open), rules)
    assert (decision.hold and decision.hold.reason) == reason
    assert decide_command(SubjectState(), asked(used(), case_open=False), Policies()).hold is None


# -- the end of a hold -------------------------------------------------------------------------


class Held(Scenario):
    """A subject with one held request."""

    def __init__(self) -> None:
        super().__init__(LIMITS)
        self.take(decide_command(self.state, asked(used(5)), LIMITS))

    def released(self) -> Decision:
        return self.take(decide_release(self.state, REQUEST, ANNA, NOON))

    def refused(self, cause: RefusalCause) -> Decision:
        return self.take(decide_refusal(self.state, REQUEST, cause, NOON, ANNA))


def replies(decision: Decision) -> list[tuple[Purpose, str, bool]]:
    return [(reply.purpose, reply.template, reply.secret) for reply in decision.replies]


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("template", ["registration", "registration_refused"])
def test_one_fulfilment_follows_in_either_order(template: str, before: bool) -> None:
    """`before` is whether the hold ends before the acknowledgement has its result."""
    held = Held()
    end = held.released if template == "registration" else lambda: held.refused(RefusalCause.PERSON)
    expected = [(FULFILMENT, template, template == "registration")]
    if before:
        assert replies(end()) == []
        assert replies(held.result(REQUEST, ACK)) == expected
    else:
        assert replies(held.result(REQUEST, ACK)) == []
        assert REQUEST in held.state.open
        assert replies(end()) == expected
    assert replies(end()) == []
    last = held.result(REQUEST, FULFILMENT)
    completion = Completion.FULFILLED if template == "registration" else Completion.REFUSED
    assert [e.completion for e in last.events if isinstance(e, RequestCompleted)] == [completion]
    assert last.erase == (message_id(REQUEST, FULFILMENT),)


@pytest.mark.parametrize("outcome", [Outcome.UNKNOWN, Outcome.REJECTED, Outcome.EXPIRED])
def test_a_lost_acknowledgement_does_not_end_a_hold(outcome: Outcome) -> None:
    held = Held()
    assert replies(held.result(REQUEST, ACK, outcome)) == []
    assert replies(held.released()) == [(FULFILMENT, "registration", True)]


def test_a_hold_ends_once() -> None:
    held = Held()
    held.released()
    again = decide_refusal(held.state, REQUEST, RefusalCause.EXPIRED, NOON)
    assert (again.disposition, again.events, again.erase) == (Disposition.DUPLICATE, (), ())
    assert decide_release(SubjectState(), REQUEST, ANNA, NOON).events == ()


def test_a_refusal_erases_the_secret_and_says_who_refused() -> None:
    decision = Held().refused(RefusalCause.PERSON)
    assert decision.erase == (message_id(REQUEST, FULFILMENT),)
    (event,) = decision.events
    assert isinstance(event, RegistrationRefused)
    assert (event.by, event.reason) == ("anna", "the client called us")


@pytest.mark.parametrize("acknowledged", [True, False])
def test_an_erased_person_gets_no_text_and_the_request_ends(acknowledged: bool) -> None:
    held = Held()
    if acknowledged:
        held.result(REQUEST, ACK)
    decision = held.refused(RefusalCause.ERASED)
    assert decision.replies == ()
    if not acknowledged:
        held.result(REQUEST, ACK, Outcome.ERASED)
        held.result(REQUEST, FULFILMENT, Outcome.ERASED)
    assert REQUEST not in held.state.open
    completed = held.events[-1]
    assert isinstance(completed, RequestCompleted)
    assert completed.completion is Completion.UNDELIVERED


def folded(events: tuple[DomainEvent, ...]) -> SubjectState:
    state = SubjectState()
    for event in events:
        state = evolve(state, event)
    return state


def test_a_released_request_names_the_operator() -> None:
    (event,) = Held().released().events
    assert event == RegistrationReleased(
        request_id=REQUEST, by="anna", reason="the client called us", at=NOON
    )


def test_a_request_that_is_over_ignores_the_end_of_its_hold() -> None:
    until = NOON + timedelta(hours=1)
    held = RegistrationHeld(
        request_id=REQUEST, reason=HoldReason.HOUR_CEILING, at=NOON, until=until
    )
    assert evolve(SubjectState(), held) == SubjectState()


# -- undoing stops -----------------------------------------------------------------------------

STOP = SubscriptionStopped(request_id=REQUEST, at=NOON)
START = SubscriptionStarted(request_id=UUID(int=8), at=NOON)
RESTORED = SubscriptionRestored(request_id=REQUEST, by="anna", reason="spoofed", at=NOON)


def stopped_again() -> DomainEvent:
    scenario = Scenario()
    scenario.text(Command.SMS_STOP)
    scenario.text(Command.SMS_STOP, 600)
    return scenario.events[-1]


@pytest.mark.parametrize(
    ("history", "undone"),
    [
        ([(STOP, 10)], True),
        ([(STOP, 0)], True),
        ([(STOP, 60)], False),  # after the span
        ([(STOP, -1)], False),  # before it
        ([(STOP, 10), (START, 20)], False),
        ([(STOP, 10), (START, 20), (STOP, 30)], True),
        ([(STOP, 10), (START, 20), (STOP, 90)], False),
        ([(STOP, 10), (stopped_again(), 50)], True),  # part of the burst
        ([(STOP, 10), (stopped_again(), 61)], False),  # meant it
        ([(STOP, 10), (RESTORED, 100)], False),
        ([(STOP, 10), (PersonErased(at=NOON), 100)], False),
        ([], False),
    ],
)
def test_only_stops_of_the_span_that_nobody_confirmed_are_undone(
    history: list[tuple[DomainEvent, int]],
    undone: bool,
) -> None:
    recorded = [(event, NOON + timedelta(seconds=at)) for event, at in history]
    found = stop_to_undo(recorded, NOON, NOON + timedelta(seconds=60))
    assert found == (REQUEST if undone else None)


def test_an_undone_stop_switches_notifications_on() -> None:
    assert not folded((STOP,)).notifications_on
    assert folded((STOP, RESTORED)).notifications_on
