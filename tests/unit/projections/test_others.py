"""Subscriptions, daily counts and counts of orders."""

from uuid import UUID

import pytest

from inbound.errors import SetupError
from inbound.projections.catalogue import PROJECTIONS, select
from inbound.projections.daily_counts import DAILY_COUNTS
from inbound.projections.order_counts import ORDER_COUNTS
from inbound.projections.subscriptions import SUBSCRIPTIONS
from schemas.events import EVENTS, Command
from schemas.messages import Outcome, Purpose
from schemas.orders import WithheldReason
from schemas.upcasters import read_event, read_object
from tests.released import examples
from tests.unit.handlers.scenario import SUBJECT, Scenario
from tests.unit.projections.events import named, recorded
from tests.unit.timeline.orders import Recipient


def test_the_last_of_stop_and_start_counts() -> None:
    scenario = Scenario()
    scenario.text(Command.SMS_STOP)
    scenario.text(Command.SMS_START, at_s=100)
    third, _ = scenario.text(Command.SMS_STOP, at_s=200)
    events = [e for e in recorded(scenario.events) if e.type in SUBSCRIPTIONS.reads]
    [row] = SUBSCRIPTIONS.fold(events).changed
    assert named(SUBSCRIPTIONS, row) == {
        "subject_id": str(SUBJECT),
        "may_be_texted": False,
        "since": "2026-03-01T12:03:20.100000Z",
        "request_id": str(third),
        "version": 6,
    }
    [row] = SUBSCRIPTIONS.fold(events[:2]).changed
    assert named(SUBSCRIPTIONS, row)["may_be_texted"] is True


def test_subjects_are_apart() -> None:
    scenario = Scenario()
    scenario.text(Command.SMS_STOP)
    [_, stopped] = recorded(scenario.events)
    other = stopped._replace(stream_id=str(UUID(int=5)))
    assert len(SUBSCRIPTIONS.fold([stopped, other]).changed) == 2


def test_events_are_counted_by_day_and_kind() -> None:
    scenario = Scenario()
    first, _ = scenario.text(Command.SMS_STOP)
    scenario.result(first, Purpose.ACKNOWLEDGEMENT, Outcome.UNKNOWN, final=False)
    scenario.result(first, Purpose.ACKNOWLEDGEMENT, attempt=2)
    scenario.result(first, Purpose.FULFILMENT, Outcome.REJECTED)
    events = recorded(scenario.events)
    tomorrow = events[-1]._replace(recorded_at="2026-03-02 00:00:00.000001+00")
    counted = DAILY_COUNTS.fold([*events, events[-1], tomorrow]).changed
    assert sorted(counted) == [
        ("2026-03-01", "message.rejected", "", "fulfilment", "", 1),
        ("2026-03-01", "message.submitted", "", "acknowledgement", "", 1),
        ("2026-03-01", "message.unknown", "", "acknowledgement", "resent", 1),
        ("2026-03-01", "request.accepted", "sms_stop", "", "stopped", 1),
        ("2026-03-01", "request.completed", "", "", "undelivered", 2),
        ("2026-03-01", "subscription.stopped", "", "", "", 1),
        ("2026-03-02", "request.completed", "", "", "undelivered", 1),
    ]


def test_orders_are_counted_by_day_account_kind_and_outcome() -> None:
    person = Recipient()
    first = person.ordered(parts=3)
    person.sent(first, Outcome.EXPIRED, withheld=WithheldReason.CANCELLED)
    person.ordered(parts=2)
    person.of_broadcast(account_enabled=False)
    person.ordered(account="bank")
    orders = [read_event(one.type, one.schema_version, one.data) for one in person.stored]
    events = recorded(orders)
    taken = [event for event in events if event.type in ORDER_COUNTS.reads]
    tomorrow = taken[-1]._replace(recorded_at="2026-03-02 00:00:00.000001+00")
    assert sorted(ORDER_COUNTS.fold([*taken, tomorrow]).changed) == [
        ("2026-03-01", "bank", "notification", "accepted", 1, 1),
        ("2026-03-01", "shop", "broadcast", "account_disabled", 1, 1),
        ("2026-03-01", "shop", "notification", "accepted", 2, 5),
        ("2026-03-02", "bank", "notification", "accepted", 1, 1),
    ]
    counted = DAILY_COUNTS.fold(events).changed
    assert ("2026-03-01", "message.withheld", "", "notification", "cancelled", 1) in counted
    assert ("2026-03-01", "order.refused", "", "", "account_disabled", 1) in counted


@pytest.mark.parametrize("name", PROJECTIONS)
def test_every_event_ever_released_can_be_taken(name: str) -> None:
    projection = PROJECTIONS[name]
    [pattern, *_] = recorded([Scenario().text(Command.SMS_STOP)[1].events[0]])
    taken = 0
    for type_, version, data in examples():
        if type_ in projection.reads:
            event = pattern._replace(type=type_, data=read_object(type_, version, data))
            rows = projection.fold([event])
            taken += bool(rows.new) + bool(rows.changed)
    assert taken >= len(projection.reads)


def test_every_type_of_event_is_counted() -> None:
    assert DAILY_COUNTS.reads == {event.TYPE for event in EVENTS}


def test_a_projection_that_is_not_there_is_named() -> None:
    assert select([]) == tuple(PROJECTIONS.values())
    assert [one.name for one in select(["requests", "requests"])] == ["requests"]
    with pytest.raises(SetupError, match="no projection 'request'; there are requests, "):
        select(["request"])
