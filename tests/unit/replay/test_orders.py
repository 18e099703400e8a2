"""Past orders are decided again by another rule, and only what differs is told."""

from collections.abc import Sequence
from typing import Any

import pytest

from inbound.handlers.decision import Decision, Disposition
from inbound.handlers.orders import decide_order
from inbound.replay.diff import decider as decider_module
from inbound.replay.diff.classification import classify
from inbound.replay.diff.protocol import DecisionDifference, StreamVerdict
from schemas.domain_event import DomainEvent
from schemas.messages import Outcome, PartResult, ReceiptState
from schemas.order_events import OrderAccepted, OrderDecided, OrderRefused
from schemas.order_facts import OrderRequest
from schemas.orders import RefusalReason, WithheldReason
from schemas.upcasters import read_event
from tests.unit.replay.streams import decider, stored
from tests.unit.timeline.orders import DAY, HOURS, Recipient
from tests.unit.timeline.test_order_sentences import refused
from tests.unit.timeline.world import SUBJECT, seconds


def events_of(person: Recipient) -> list[DomainEvent]:
    return [read_event(one.type, one.schema_version, one.data) for one in person.stored]


def judged(person: Recipient, *, carry: bool = False) -> StreamVerdict:
    return decider(carry=carry).judge(SUBJECT, stored(events_of(person)))


def told(found: Sequence[DecisionDifference]) -> list[tuple[int, str]]:
    return [(one.version, one.of) for one in found]


def eventful() -> Recipient:
    """Orders that go every way: hours, a pause, attempts that nobody reported, a cancellation."""
    person = Recipient()
    moved = person.of_broadcast(hours=HOURS, expires_at=seconds(3 * DAY))
    person.sent(moved, Outcome.EXPIRED, DAY - 7200)
    person.moves(moved, 2 * DAY, DAY)
    person.withheld(moved, WithheldReason.PAUSED, DAY + 60)
    person.moves(moved, 2 * DAY, DAY + 120)
    unanswered = {"parts": (PartResult(),), "final": False}
    person.sent(moved, Outcome.UNKNOWN, 2 * DAY, attempt=2, **unanswered)
    person.sent(moved, at_s=2 * DAY + 9, attempt=4)
    person.got(moved, ReceiptState.DELIVERED, 2 * DAY + 20)
    person.cancels(person.ordered(2 * DAY + 30))
    person.expires(person.ordered(2 * DAY + 40, hours=HOURS))
    person.refused_when_due(person.ordered(2 * DAY + 45, not_before=seconds(4 * DAY)), 4 * DAY)
    return person


def test_the_same_rule_decides_the_same() -> None:
    verdict = judged(eventful())
    assert (verdict.commands, verdict.results, verdict.differences) == (5, 4, [])
    assert judged(eventful(), carry=True).differences == []


@pytest.mark.parametrize("reason", RefusalReason)
def test_a_refusal_is_decided_again_from_its_facts(reason: RefusalReason) -> None:
    verdict = judged(refused(reason))
    assert (verdict.commands, verdict.differences) == (1, [])


def test_another_rule_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A candidate that refuses what this release accepts, and the reverse."""
    person = eventful()
    person.ordered(2 * DAY + 50, day={"limit": 3, "used": 3})
    rule = decide_order

    def opposite(request: OrderRequest, facts: Any) -> OrderAccepted | OrderRefused:
        is_full = facts.day is not None
        changed = {"day": None} if is_full else {"account_enabled": False}
        return rule(request, facts.model_copy(update=changed))

    monkeypatch.setattr(decider_module, "decide_order", opposite)
    verdict = judged(person)
    kinds = [classify(one).kinds for one in verdict.differences]
    assert kinds == [("order refused",)] * 4 + [("order accepted",)]
    assert {of for _, of in told(verdict.differences)} == {"order"}
    assert verdict.differences[0].request == str(person.timeline(3 * DAY).orders[-1].order_id)
    what = classify(verdict.differences[0]).what
    assert what.startswith("broadcast of shop: ")
    assert "reason None -> account_disabled" in what


def test_carried_differences_are_reported_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What happened to an order that the candidate refuses is no difference of its own."""
    rule = decide_order
    monkeypatch.setattr(
        decider_module,
        "decide_order",
        lambda request, facts: rule(request, facts.model_copy(update={"has_right": False})),
    )
    assert told(judged(eventful(), carry=True).differences) == [
        (version, "order")
        for version, event in enumerate(events_of(eventful()), 1)
        if isinstance(event, OrderDecided)
    ]


def test_another_time_is_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    person = Recipient()
    person.ordered()
    rule = decide_order
    monkeypatch.setattr(
        decider_module,
        "decide_order",
        lambda request, facts: rule(request, facts.model_copy(update={"valid_for_s": 60})),
    )
    [difference] = judged(person).differences
    found = classify(difference)
    assert found.kinds == ("order",)
    assert "last_at 2024-05-18T12:00:00Z -> 2024-05-17T12:01:00Z" in found.what


def test_another_effect_of_a_result_is_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """A candidate that takes the first result of an order for a repetition."""
    person = Recipient()
    person.sent(person.ordered())
    nothing = Decision(Disposition.DUPLICATE)
    monkeypatch.setattr(decider_module, "decide_order_result", lambda _state, _result: nothing)
    [difference] = judged(person).differences
    assert (difference.of, classify(difference).kinds) == ("result", ("result",))


def test_a_rule_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("boom")

    monkeypatch.setattr(decider_module, "decide_order", fail)
    [first, *_] = judged(eventful()).differences
    assert (first.of, first.error) == ("order", "ZeroDivisionError: boom")
