"""People outside the directory may switch notifications once an order for them was accepted."""

from datetime import timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from inbound.handlers.commands import decide_command
from inbound.handlers.decision import Disposition
from inbound.handlers.orders import decide_order
from inbound.handlers.policies import Policies
from inbound.handlers.registrations import Operator
from inbound.handlers.replay_inputs import request_of
from inbound.handlers.state import SubjectState, evolve
from inbound.handlers.subscriptions import decide_switch
from schemas.events import Command, Plan, RequestAccepted
from schemas.order_events import OrderAccepted, OrderRefused
from schemas.order_facts import OrderFacts, OrderRequest
from schemas.orders import OrderKind, RefusalReason
from tests.unit.handlers.scenario import NOON, Scenario

INFO, STOP, START = Command.CLIENT_INFO, Command.SMS_STOP, Command.SMS_START


class Stranger(Scenario):
    """A number outside the directory, and the orders of an account that may text strangers."""

    def order(
        self, kind: OrderKind = OrderKind.NOTIFICATION, *, enabled: bool = True
    ) -> OrderAccepted | OrderRefused:
        request = OrderRequest(
            order_id=UUID(int=next(self._ids)), account="shop", kind=kind, template="text"
        )
        facts = OrderFacts(
            decided_at=NOON,
            account_enabled=enabled,
            client_known=False,
            may_text_strangers=True,
            notifications_on=self.state.notifications_on,
            valid_for_s=3600,
        )
        decided = decide_order(request, facts)
        self.events.append(decided)
        self.state = evolve(self.state, decided)
        return decided

    def plan(self, command: Command, at_s: float = 0, *, told: bool = True) -> Plan:
        """The plan of a command that is accepted."""
        _, decision = self.text(command, at_s, known=False, told=told)
        accepted = decision.events[0]
        assert isinstance(accepted, RequestAccepted)
        return accepted.plan


def test_whom_an_account_texted_switches_off_and_on() -> None:
    person = Stranger()
    assert isinstance(person.order(), OrderAccepted)
    assert person.plan(STOP) is Plan.STOPPED
    refused = person.order()
    assert isinstance(refused, OrderRefused)
    assert refused.reason is RefusalReason.OPTED_OUT
    assert isinstance(person.order(OrderKind.SERVICE), OrderAccepted)
    assert person.plan(STOP, 100) is Plan.STOPPED
    assert person.plan(START, 200) is Plan.STARTED
    assert isinstance(person.order(), OrderAccepted)


def test_registration_data_is_for_clients_alone() -> None:
    person = Stranger()
    person.order()
    _, decision = person.text(INFO, known=False)
    assert (decision.secret_for, decision.hold) == (None, None)
    assert [event.plan for event in decision.events if isinstance(event, RequestAccepted)] == [
        Plan.UNKNOWN_NUMBER
    ]


def test_whom_no_order_was_for_changes_nothing() -> None:
    person = Stranger()
    assert isinstance(person.order(enabled=False), OrderRefused)
    assert person.plan(STOP) is Plan.UNKNOWN_NUMBER
    assert person.state.notifications_on
    assert isinstance(person.order(), OrderAccepted)


def test_silence_is_for_those_who_can_change_nothing() -> None:
    person = Stranger(Policies(unknown_number="silent"))
    assert person.text(STOP, known=False)[1].disposition is Disposition.UNKNOWN_NUMBER
    person.order()
    assert person.text(INFO, 100, known=False)[1].disposition is Disposition.UNKNOWN_NUMBER
    assert person.plan(STOP, 200) is Plan.STOPPED


def test_who_left_the_directory_keeps_the_switch() -> None:
    for by_text in (True, False):
        person = Stranger()
        if by_text:
            person.text(STOP)
        else:
            stop = decide_switch(
                person.state, Operator("desk", "asked"), on=False, switch_id=UUID(int=1), at=NOON
            )
            assert stop is not None
            person.state = evolve(person.state, stop)
        assert person.plan(START, 100) is Plan.STARTED


def test_a_stop_outlives_the_import_into_the_directory() -> None:
    person = Stranger()
    person.order()
    person.plan(STOP)
    client = OrderFacts(
        decided_at=NOON,
        client_known=True,
        notifications_on=person.state.notifications_on,
        valid_for_s=3600,
    )
    request = OrderRequest(
        order_id=UUID(int=1), account="default", kind=OrderKind.NOTIFICATION, template="text"
    )
    decided = decide_order(request, client)
    assert isinstance(decided, OrderRefused)
    assert decided.reason is RefusalReason.OPTED_OUT
    person.text(START, 100)
    assert person.state.notifications_on


def test_a_stop_is_no_repetition_of_one_that_was_refused() -> None:
    """Somebody texts a stop, gets a message of an account after all, and texts it again at once."""
    person = Stranger()
    assert person.plan(STOP) is Plan.UNKNOWN_NUMBER
    assert person.text(STOP, 10, known=False)[1].disposition is Disposition.DUPLICATE
    assert isinstance(person.order(), OrderAccepted)
    assert person.plan(STOP, 20) is Plan.STOPPED
    assert not person.state.notifications_on
    assert person.text(STOP, 30, known=False)[1].disposition is Disposition.DUPLICATE


def test_a_copy_of_a_refused_stop_counts_as_one_after_the_order_too() -> None:
    """The person has asked for it; a start that came later is not undone."""
    person = Stranger()
    person.text(STOP, 0, known=False, heard_s=0)
    person.order()
    person.text(START, 10, known=False, heard_s=10)
    for heard_s in (0, 5):  # copies of the stop that were overtaken
        decision = person.text(STOP, 0, known=False, heard_s=heard_s)[1]
        assert decision.disposition is Disposition.DUPLICATE
    assert person.text(STOP, 20, known=False, heard_s=20)[1].disposition is Disposition.ACCEPTED
    assert not person.state.notifications_on


def test_whom_an_import_makes_a_client_may_ask_again_at_once() -> None:
    person = Stranger()
    assert person.plan(INFO) is Plan.UNKNOWN_NUMBER
    _, decision = person.text(INFO, 10)
    assert decision.secret_for is not None
    assert person.text(INFO, 20)[1].disposition is Disposition.DUPLICATE


def test_a_stop_after_an_operator_switched_on_is_no_repetition() -> None:
    person = Scenario()
    for at_s, disposition in ((0, Disposition.ACCEPTED), (10, Disposition.DUPLICATE)):
        assert person.text(STOP, at_s)[1].disposition is disposition
    on = decide_switch(
        person.state, Operator("desk", "asked"), on=True, switch_id=UUID(int=1), at=NOON
    )
    assert on is not None
    person.state = evolve(person.state, on)
    assert person.text(STOP, 20)[1].disposition is Disposition.ACCEPTED
    assert not person.state.notifications_on


def test_a_request_of_a_release_without_recipients_is_decided_as_it_was_then() -> None:
    person = Stranger()
    person.order()
    assert person.plan(STOP, told=False) is Plan.UNKNOWN_NUMBER
    assert person.state.notifications_on


STEPS = st.lists(
    st.one_of(
        st.sampled_from(["order", "refused order"]),
        st.tuples(st.sampled_from([INFO, STOP, START]), st.booleans(), st.booleans()),
    ),
    max_size=8,
)


@given(STEPS)
def test_the_last_switch_of_a_client_or_recipient_counts(
    steps: list[str | tuple[Command, bool, bool]],
) -> None:
    """Whoever is in the directory when, and from whichever release each request is."""
    person = Stranger(Policies(commands_per_hour=0))
    on, is_recipient = True, False
    for n, step in enumerate(steps):
        if isinstance(step, str):
            accepted = isinstance(person.order(enabled=step == "order"), OrderAccepted)
            assert accepted == (on and step == "order")
            is_recipient |= accepted
            continue
        command, known, told = step
        before = person.state
        _, decision = person.text(command, n * 100, known=known, told=told)
        if known or (is_recipient and told):
            on = {STOP: False, START: True}.get(command, on)
        is_recipient |= not on
        assert person.state.notifications_on is on
        accepted_event = decision.events[0]
        assert isinstance(accepted_event, RequestAccepted)
        again = decide_command(before, request_of(accepted_event), person.policies)
        assert again.events == decision.events


def test_a_flood_before_the_first_order_leaves_no_trace_in_the_state() -> None:
    person = Stranger()
    for n in range(5):
        person.plan(STOP, n * 100)
    assert person.state.is_recipient is SubjectState().is_recipient
    assert person.state.accepted_in_hour_before(NOON + timedelta(minutes=30)) == 5
