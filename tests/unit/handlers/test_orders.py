"""Which orders are accepted, scheduled and refused, and why."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbound.handlers.decision import Disposition
from inbound.handlers.order_progress import change_of
from inbound.handlers.order_results import MOST_DISPATCHES, decide_order_result
from inbound.handlers.orders import (
    LEAST_OF_ACCOUNT,
    MOST_QUEUED,
    MOST_WAITING,
    decide_order,
    dispatched_message_id,
    most_of_account,
    request_of_order,
)
from inbound.handlers.results import event_of
from inbound.handlers.state import OpenOrder, SubjectState, evolve, read_state, write_state
from inbound.orders.dispatch import LANE_RETENTION
from schemas.messages import Outcome, PartResult, Purpose, SubmitAttempt, SubmitResult
from schemas.order_events import OrderAccepted, OrderRefused, OrderRescheduled
from schemas.order_facts import LimitFacts, OrderFacts, OrderRequest
from schemas.orders import OrderKind, RefusalReason, WithheldReason
from schemas.sending_hours import SendingHours
from schemas.topics import TOPICS, TopicNames

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ORDER = UUID(int=7)
HOURS = SendingHours.parse("10:00-12:00", "UTC")


def request(**fields: Any) -> OrderRequest:
    values: dict[str, Any] = {
        "order_id": ORDER,
        "account": "default",
        "kind": OrderKind.NOTIFICATION,
        "template": "text",
    }
    return OrderRequest(**(values | fields))


def facts(**fields: Any) -> OrderFacts:
    values: dict[str, Any] = {"decided_at": NOON, "client_known": True, "valid_for_s": 3600}
    return OrderFacts(**(values | fields))


def reason_of(asked: OrderRequest, known: OrderFacts) -> RefusalReason | None:
    decided = decide_order(asked, known)
    return decided.reason if isinstance(decided, OrderRefused) else None


FULL = LimitFacts(limit=3, used=3)
ONE_BY_ONE = [
    ({"account_enabled": False}, RefusalReason.ACCOUNT_DISABLED),
    ({"has_right": False}, RefusalReason.RIGHT_MISSING),
    ({"problem": RefusalReason.RECIPIENT_UNKNOWN}, RefusalReason.RECIPIENT_UNKNOWN),
    (
        {"client_known": False, "may_text_strangers": False},
        RefusalReason.RECIPIENT_NOT_A_CLIENT,
    ),
    ({"notifications_on": False}, RefusalReason.OPTED_OUT),
    ({"sender_approved": False}, RefusalReason.SENDER_NOT_APPROVED),
    ({"text_allowed": False}, RefusalReason.TEXT_NOT_ALLOWED),
    ({"max_parts": 0}, RefusalReason.TOO_MANY_PARTS),
    ({"waiting": 60, "waiting_of_account": 40}, RefusalReason.TOO_MANY_WAITING),
    (
        {"same_text_at": NOON - timedelta(seconds=59), "repeat_within_s": 60},
        RefusalReason.REPEATED,
    ),
    ({"last_at": NOON - timedelta(seconds=59), "min_delay_s": 60}, RefusalReason.MINIMUM_DELAY),
    ({"day": FULL}, RefusalReason.DAILY_LIMIT),
    ({"week": FULL}, RefusalReason.WEEKLY_LIMIT),
    ({"month": FULL}, RefusalReason.MONTHLY_LIMIT),
    ({"price": Decimal("2.01"), "balance": Decimal(2)}, RefusalReason.BALANCE),
]


@pytest.mark.parametrize(("known", "reason"), ONE_BY_ONE, ids=[r.value for _, r in ONE_BY_ONE])
def test_each_reason(known: dict[str, Any], reason: RefusalReason) -> None:
    assert reason_of(request(), facts(**known)) is reason


@pytest.mark.parametrize(
    "known",
    [
        {"last_at": NOON - timedelta(seconds=60), "min_delay_s": 60},
        {"same_text_at": NOON - timedelta(seconds=60), "repeat_within_s": 60},
        {"day": LimitFacts(limit=3, used=2)},
        {"price": Decimal(2), "balance": Decimal("2.00")},
        {"price": Decimal(2)},
        {"waiting": 59, "waiting_of_account": 39},
        {"waiting": 10 * MOST_WAITING, "waiting_of_account": LEAST_OF_ACCOUNT - 1},
        {"waiting": MOST_WAITING - 1},
        {"client_known": False},
        {"max_parts": 1},
    ],
    ids=str,
)
def test_what_is_just_allowed(known: dict[str, Any]) -> None:
    assert reason_of(request(), facts(**known)) is None


def test_an_order_decided_before_accounts_were_told_apart_is_decided_the_same() -> None:
    known = facts(waiting=MOST_WAITING)
    assert reason_of(request(), known) is RefusalReason.TOO_MANY_WAITING
    assert reason_of(request(), facts(waiting=MOST_WAITING - 1)) is None


@given(st.lists(st.sampled_from("abcdefgh"), min_size=300, max_size=300))
def test_no_account_takes_what_another_needs(orders: list[str]) -> None:
    """However others order, an account with few messages to a person may order another one."""
    state = SubjectState()
    for number, account in enumerate(orders):
        own = state.waiting_of(account)
        known = facts(waiting=len(state.orders), waiting_of_account=own)
        decided = decide_order(request(order_id=UUID(int=number), account=account), known)
        state = evolve(state, decided)
        if isinstance(decided, OrderRefused):
            assert own >= LEAST_OF_ACCOUNT
    assert len(state.orders) <= MOST_WAITING + LEAST_OF_ACCOUNT * len(set(orders))


def test_an_account_gets_half_of_what_the_others_leave() -> None:
    assert [most_of_account(others) for others in (0, 50, 80, 99, 150)] == [50, 25, 10, 5, 5]


@pytest.mark.parametrize("kind", OrderKind)
def test_a_service_message_alone_ignores_the_opt_out(kind: OrderKind) -> None:
    refused = reason_of(request(kind=kind), facts(notifications_on=False))
    assert (refused is None) is (kind is OrderKind.SERVICE)


@given(st.lists(st.sampled_from(ONE_BY_ONE), min_size=2, max_size=5))
def test_of_several_reasons_the_first_is_given(
    several: list[tuple[dict[str, Any], RefusalReason]],
) -> None:
    known: dict[str, Any] = {}
    for one, _ in several:
        known |= one
    order = [reason for _, reason in ONE_BY_ONE]
    expected = min((reason for _, reason in several), key=order.index)
    assert reason_of(request(), facts(**known)) is expected


@given(
    st.integers(1_767_225_600, 1_798_675_200).map(lambda s: datetime.fromtimestamp(s, UTC)),
    st.integers(-10_000, 500_000),
    st.none() | st.integers(-10_000, 500_000),
    st.sampled_from([None, HOURS, SendingHours.parse("23:00-01:00", "Europe/Berlin")]),
)
def test_an_accepted_order_is_due_before_it_expires(
    now: datetime, starts_s: int, ends_s: int | None, hours: SendingHours | None
) -> None:
    asked = request(
        not_before=now + timedelta(seconds=starts_s),
        expires_at=None if ends_s is None else now + timedelta(seconds=ends_s),
        hours=hours,
    )
    decided = decide_order(asked, facts(decided_at=now))
    if isinstance(decided, OrderRefused):
        assert decided.reason is RefusalReason.EXPIRED
        return
    assert max(now, asked.not_before or now) <= decided.due_at
    assert decided.due_at < decided.not_after <= decided.last_at
    if ends_s is not None:
        assert decided.last_at == asked.expires_at


@pytest.mark.parametrize("known", [{}, *(known for known, _ in ONE_BY_ONE)], ids=str)
def test_a_decision_can_be_repeated_from_its_event(known: dict[str, Any]) -> None:
    asked = request(hours=HOURS, sender="SHOP", not_before=NOON, broadcast_id=UUID(int=8))
    decided = decide_order(asked, facts(**known))
    read = type(decided).model_validate_json(decided.to_json())
    assert read == decided
    assert decide_order(*request_of_order(read)) == decided


# -- results --------------------------------------------------------------------------------


def accepted(**fields: Any) -> SubjectState:
    event = decide_order(request(**fields), facts(valid_for_s=5 * 86_400))
    assert isinstance(event, OrderAccepted)
    return evolve(SubjectState(), event)


def result(outcome: Outcome, dispatch: int = 1, **fields: Any) -> SubmitResult:
    values: dict[str, Any] = {
        "message_id": dispatched_message_id(ORDER, dispatch),
        "subject_id": UUID(int=9),
        "order_id": ORDER,
        "key": "k",
        "purpose": Purpose.NOTIFICATION,
        "template": "text",
        "outcome": outcome,
        "centre": "main",
        "bind": "main-1",
        "at": NOON + timedelta(hours=1),
    }
    return SubmitResult(**(values | fields))


@pytest.mark.parametrize("outcome", Outcome)
def test_the_first_final_result_ends_an_order(outcome: Outcome) -> None:
    state = evolve(SubjectState(), decide_order(request(), facts(valid_for_s=86_400)))
    decision = decide_order_result(state, result(outcome))
    for event in decision.events:
        state = evolve(state, event)
    assert not state.orders
    assert decide_order_result(state, result(outcome)).disposition is Disposition.DUPLICATE


def test_an_order_outside_its_hours_goes_out_in_the_next_ones() -> None:
    state = accepted(hours=HOURS)  # NOON is their end
    decision = decide_order_result(state, result(Outcome.EXPIRED, at=NOON + timedelta(days=1)))
    assert [event.TYPE for event in decision.events] == ["message.expired", "order.rescheduled"]
    for event in decision.events:
        state = evolve(state, event)
    assert state.orders[ORDER].dispatch == 2
    assert (state.waiting_of("default"), state.unsent) == (1, None)
    assert read_state(write_state(state)) == state
    assert decide_order_result(state, result(Outcome.SUBMITTED)).events == ()
    assert decide_order_result(state, result(Outcome.SUBMITTED, 2)).events


def test_an_order_of_a_paused_broadcast_waits() -> None:
    state = accepted()
    decision = decide_order_result(state, result(Outcome.EXPIRED, withheld=WithheldReason.PAUSED))
    assert [event.TYPE for event in decision.events] == ["message.withheld", "order.rescheduled"]
    assert decision.events[1].due_at is None  # type: ignore[attr-defined]  # see its type above


@pytest.mark.parametrize("reason", [WithheldReason.OPTED_OUT, WithheldReason.CANCELLED])
def test_a_withheld_message_ends_its_order(reason: WithheldReason) -> None:
    decision = decide_order_result(accepted(), result(Outcome.EXPIRED, withheld=reason))
    assert [event.TYPE for event in decision.events] == ["message.withheld"]


def test_dispatches_are_bounded() -> None:
    open_ = OpenOrder(NOON + timedelta(days=9), NOON, HOURS, dispatch=MOST_DISPATCHES)
    decision = decide_order_result(
        SubjectState(orders={ORDER: open_}), result(Outcome.EXPIRED, MOST_DISPATCHES)
    )
    assert [event.TYPE for event in decision.events] == ["message.expired"]


def test_attempts_that_nobody_reported_are_unknown() -> None:
    decision = decide_order_result(accepted(), result(Outcome.SUBMITTED, attempt=3))
    assert [(e.TYPE, getattr(e, "attempt", 0)) for e in decision.events] == [
        ("message.unknown", 1),
        ("message.unknown", 2),
        ("message.submitted", 3),
    ]


def test_no_message_is_queued_for_longer_than_its_lane_keeps_it() -> None:
    decided = decide_order(request(expires_at=NOON + timedelta(days=7)), facts())
    assert isinstance(decided, OrderAccepted)
    assert decided.not_after == NOON + MOST_QUEUED
    lanes = [topic for topic in TOPICS if topic.name in TopicNames().lanes]
    kept = {timedelta(milliseconds=int(topic.config["retention.ms"])) for topic in lanes}
    assert MOST_QUEUED + timedelta(hours=12) <= min(kept)
    assert max(kept) + timedelta(days=1) <= LANE_RETENTION


def test_a_message_that_was_queued_for_too_long_is_followed_by_another() -> None:
    decided = decide_order(request(expires_at=NOON + timedelta(days=7)), facts())
    state = evolve(SubjectState(), decided)
    late = NOON + MOST_QUEUED + timedelta(minutes=1)
    expired, again = decide_order_result(state, result(Outcome.EXPIRED, at=late)).events
    assert isinstance(again, OrderRescheduled)
    assert (again.dispatch, again.due_at) == (2, late)
    assert expired.TYPE == "message.expired"


def test_an_order_that_is_refused_when_it_is_due_waits_no_more() -> None:
    state = accepted()
    again = decide_order(request(), facts(account_enabled=False, accepted_at=NOON))
    assert evolve(state, again).orders == {}
    change = change_of(again)
    assert change is not None
    assert (change.state, change.reason, change.unsent) == ("refused", "account_disabled", True)


@pytest.mark.parametrize(
    ("more", "unsent"),
    [
        ({}, True),
        ({"attempt": 2}, None),
        ({"attempts": (SubmitAttempt(part=1, bind="b", at=NOON),)}, None),
        ({"attempts": (SubmitAttempt(part=1, status=88, bind="b", at=NOON),)}, True),
        ({"parts": (PartResult(status=0, smsc_message_id="1"), PartResult())}, None),
    ],
)
def test_only_what_no_centre_may_have_is_given_back(more: dict[str, Any], unsent: bool) -> None:
    event = event_of(result(Outcome.EXPIRED).model_copy(update=more))
    change = change_of(event)
    assert change is not None
    assert change.unsent is unsent
