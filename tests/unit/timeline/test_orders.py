"""Orders in a timeline: every value in both languages, their steps, and their place in a page."""

import io
import re
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest

from inbound.broadcasts.audience import Exclusion
from inbound.cli._timeline_labels import RUSSIAN_REASONS
from inbound.cli._timeline_view import print_timeline
from inbound.freshness.model import Freshness, Pending, PendingWork
from inbound.handlers.orders import dispatched_message_id
from inbound.store.lookup.messages import ClaimRecord
from inbound.terminal import Terminal
from inbound.timeline import english_order_steps, russian_order_steps
from inbound.timeline.english_order_steps import OrderStep
from inbound.timeline.model import Language, OrderTimeline, StepKind
from inbound.timeline.orders import OrderEvent
from schemas.contracts.examples import EXAMPLES
from schemas.domain_event import DomainEvent
from schemas.events import EVENTS, Command
from schemas.message_events import MessageSubmitted
from schemas.messages import Outcome, PartResult, Purpose, ReceiptState
from schemas.order_facts import LimitFacts
from schemas.orders import OrderKind, OrderState, RefusalReason, WithheldReason
from tests.unit.timeline.orders import DAY, HOURS, Recipient, Row
from tests.unit.timeline.test_every_value import check
from tests.unit.timeline.test_order_sentences import PEOPLE
from tests.unit.timeline.world import NOON, seconds

STEPS: dict[str, list[str]] = tomllib.loads(
    Path(__file__).with_name("order_steps.toml").read_text("utf-8")
)


def full() -> Recipient:
    """A broadcast's order with everything in it: a window, a pause, no answer, a receipt."""
    person = Recipient()
    order_id = person.of_broadcast(
        template="news",
        template_version=3,
        language="ru",
        sender="Shop",
        parts=2,
        hours=HOURS,
        not_before=seconds(-60),
        expires_at=seconds(3 * DAY),
        day=LimitFacts(limit=10, used=2),
        waiting=1,
        price="2.50",
        balance="100",
    )
    person.sent(order_id, Outcome.EXPIRED, DAY - 7200)
    person.withheld(order_id, WithheldReason.PAUSED, DAY)
    person.moves(order_id, 2 * DAY, DAY + 60)
    unanswered = (PartResult(),)
    person.sent(order_id, Outcome.UNKNOWN, 2 * DAY, final=False, parts=unanswered)
    person.sent(order_id, at_s=2 * DAY + 9, attempt=2, sent_at=seconds(2 * DAY + 8))
    person.got(order_id, ReceiptState.DELIVERED, 2 * DAY + 20)
    return person


def all_orders(language: Language) -> list[OrderTimeline]:
    people = [*PEOPLE.values(), (full(), 3 * DAY)]
    return [
        order
        for person, now_s in people
        for order in person.timeline(now_s, language=language).orders
    ]


@pytest.mark.parametrize("language", Language)
def test_every_sentence_and_step_is_whole(language: Language) -> None:
    for order in all_orders(language):
        said = order.sentence.replace("CLIENT sms start", "")
        check(said)
        assert said.endswith(".")
        for step in order.steps:
            assert step.text
            for odd in ("None", "{", "}", "  "):
                assert odd not in step.text


@pytest.mark.parametrize("language", Language)
def test_every_value_is_reached_and_has_words_of_its_own(language: Language) -> None:
    orders = all_orders(language)
    assert {order.verdict for order in orders} == set(OrderState)
    assert {order.kind for order in orders} == set(OrderKind)
    refused = [order for order in orders if order.verdict is OrderState.REFUSED]
    withheld = [order for order in orders if order.verdict is OrderState.WITHHELD]
    assert {order.reason for order in refused} == set(RefusalReason)
    # A paused broadcast's order goes on, and is not withheld for good.
    assert {order.reason for order in withheld} == set(WithheldReason) - {WithheldReason.PAUSED}
    assert len({(order.sentence, order.advice) for order in refused}) == len(refused)
    assert {step.step for order in orders for step in order.steps} >= set(get_args(OrderStep))
    steps = {
        kind: {step.text for order in orders for step in order.steps if step.step is kind}
        for kind in (StepKind.ORDER_REFUSED, StepKind.WITHHELD)
    }
    # A mail without an address has the step of an unknown recipient.
    assert len(steps[StepKind.ORDER_REFUSED]) == len(refused) - 1
    assert len({re.split("[,:] ", text)[1] for text in steps[StepKind.WITHHELD]}) == len(
        WithheldReason
    )


def test_both_languages_have_the_same_steps() -> None:
    assert get_args(russian_order_steps.OrderStep) == get_args(english_order_steps.OrderStep)


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: type(event).__name__)
def test_every_event_of_an_order_is_shown(event: object) -> None:
    if isinstance(event, DomainEvent):
        has_order = type(event) in EVENTS and "order_id" in type(event).model_fields
        assert isinstance(event, OrderEvent) is has_order, "inbound/timeline/orders.py"


@pytest.mark.parametrize("language", Language)
def test_every_step_says_what_happened(language: Language) -> None:
    rows = [Row(full().only_order().order_id, OrderState.SENT, currency="RUB")]
    [order] = full().timeline(3 * DAY, language=language, rows=rows).orders
    assert [f"{step.step.value}: {step.text}" for step in order.steps] == STEPS[language.value]


def test_a_claim_is_the_last_step() -> None:
    person = Recipient()
    order_id = person.ordered()
    claim = ClaimRecord(dispatched_message_id(order_id, 1), 1, "gw-1", seconds(2))
    order = person.only_order(claims=[claim])
    assert [step.step for step in order.steps][-2:] == [StepKind.QUEUED, StepKind.CLAIMED]
    person.sent(order_id)
    assert StepKind.CLAIMED not in [step.step for step in person.only_order(claims=[claim]).steps]


def in_time(order: OrderTimeline) -> bool:
    times = [step.at for step in order.steps]
    return times == sorted(times)


def test_steps_are_in_time_after_a_cancel_while_the_message_was_sent() -> None:
    person = Recipient()
    order_id = person.ordered()
    person.sent(order_id, Outcome.UNKNOWN, 2, sent_at=seconds(1), final=False)
    person.cancels(order_id, 5)
    submitted = MessageSubmitted(
        message_id=dispatched_message_id(order_id, 1),
        order_id=order_id,
        purpose=Purpose.NOTIFICATION,
        template="text",
        attempt=2,
        parts=(PartResult(status=0, smsc_message_id="17"),),
        centre="main",
        bind="main-1",
        sent_at=seconds(4),
        at=seconds(6),
    )
    person.recorded(submitted, 6)
    order = person.only_order()
    kinds = [step.step for step in order.steps]
    assert kinds[-3:] == [StepKind.SENT, StepKind.CANCELLED, StepKind.RESULT]
    assert in_time(order)


def test_steps_are_in_time_after_a_kill_and_a_cancel() -> None:
    person = Recipient()
    order_id = person.ordered()
    message_id = dispatched_message_id(order_id, 1)
    person.cancels(order_id, 5)
    killed = ClaimRecord(message_id, 1, "gw-1", seconds(1))
    again = ClaimRecord(message_id, 2, "gw-2", seconds(8))
    order = person.only_order(claims=[killed, again])
    assert [step.step for step in order.steps][-3:] == [
        *(StepKind.CLAIMED, StepKind.CANCELLED, StepKind.CLAIMED)
    ]
    assert in_time(order)


def test_a_message_withheld_at_its_claim_was_not_taken_up_to_be_sent() -> None:
    person = Recipient()
    order_id = person.ordered()
    message_id = dispatched_message_id(order_id, 1)
    person.withheld(order_id, WithheldReason.OPTED_OUT, 5)
    for attempt, claimed_s in ((1, 2), (2, 8)):
        claim = ClaimRecord(message_id, attempt, "gw-1", seconds(claimed_s))
        steps = [step.step for step in person.only_order(claims=[claim]).steps]
        assert steps[-2:] == [StepKind.QUEUED, StepKind.WITHHELD]


def test_an_order_to_nobody_has_no_subject() -> None:
    person = Recipient()
    order_id = person.ordered(problem=RefusalReason.NOT_A_MOBILE_NUMBER)
    assert person.only_order().subject_id is not None
    person.stored = [replace(one, stream_id=order_id, version=1) for one in person.stored]
    timeline = person.timeline()
    assert timeline.orders[0].subject_id is None
    file = io.StringIO()
    print_timeline(timeline, Terminal(file=file, width=80))
    assert file.getvalue().startswith("no known recipient, ")


# -- beside requests ---------------------------------------------------------------------------


def busy() -> Recipient:
    """Two requests, and an order between and after them. The second text was decided late."""
    person = Recipient()
    person.done(Command.CLIENT_INFO, 0)
    person.ordered(600)
    person.ordered(1800)
    person.done(Command.CLIENT_INFO, 1200, decided_s=900)
    return person


def shown(person: Recipient, **options: Any) -> list[float]:
    timeline = person.timeline(4000, **options)
    times = [request.arrived_at for request in timeline.requests]
    times += [order.ordered_at for order in timeline.orders]
    return sorted((at - NOON).total_seconds() for at in times)


def test_requests_and_orders_share_a_page_by_time() -> None:
    person = busy()
    newest = person.timeline(4000, limit=2)
    assert shown(person, limit=2) == [1200, 1800]
    assert (newest.requests_left_out, newest.orders_left_out) == (1, 1)
    assert newest.next_until == seconds(1200)
    assert shown(person, limit=2, until=newest.next_until) == [0, 600]
    last = person.timeline(4000, limit=2, until=newest.next_until)
    assert (last.requests_left_out, last.orders_left_out, last.next_until) == (0, 0, None)
    assert shown(person, since=seconds(600), until=seconds(1800)) == [600, 1200]


def test_the_sentence_is_about_the_last_text_if_there_is_one() -> None:
    assert "CLIENT info" in busy().timeline(4000).sentence
    person = Recipient()
    person.ordered()
    person.of_broadcast(600)
    assert person.timeline(700).sentence == person.timeline(700).orders[0].sentence
    assert person.timeline(700).orders[0].broadcast_id is not None


@pytest.mark.parametrize("language", Language)
def test_what_happened_after_the_last_text_is_told_after_it(language: Language) -> None:
    person = Recipient()
    person.done(Command.CLIENT_INFO)
    queued = person.ordered(600)
    person.switched(700, on=False)
    person.withheld(queued, WithheldReason.OPTED_OUT, 800)
    switches = [one for one in person.switches() if one.by]
    told = person.timeline(4000, language, switches=switches)
    [request], [order], [switch] = told.requests, told.orders, told.switches
    assert told.sentence == f"{request.sentence} {switch.sentence} {order.sentence}"
    person.done(Command.SMS_START, 900)
    told = person.timeline(4000, language, switches=switches)
    assert told.sentence == told.requests[0].sentence


def test_a_message_ordered_before_the_last_text_is_news_once_it_is_withheld() -> None:
    person = Recipient()
    order_id = person.ordered(not_before=seconds(900))
    person.done(Command.SMS_STOP, 600)
    about_the_text = person.timeline(800).requests[0].sentence
    assert person.timeline(800).sentence == about_the_text
    person.withheld(order_id, WithheldReason.OPTED_OUT, 900)
    told = person.timeline(1000)
    assert told.sentence == f"{told.requests[0].sentence} {told.orders[0].sentence}"


def test_a_receipt_of_an_older_message_is_no_news() -> None:
    person = Recipient()
    order_id = person.ordered()
    person.sent(order_id)
    person.done(Command.CLIENT_INFO, 600)
    person.got(order_id, ReceiptState.DELIVERED, 700)
    told = person.timeline(800)
    assert told.sentence == told.requests[0].sentence


@pytest.mark.parametrize("language", Language)
def test_reports_that_wait_are_told_once_at_the_end(language: Language) -> None:
    person = Recipient()
    person.texts(Command.CLIENT_INFO)
    person.sent(person.ordered(600), at_s=601)
    waits = [
        Pending(work=work, since=seconds(602)) for work in (PendingWork.RESULTS, PendingWork.ORDERS)
    ]
    freshness = Freshness.of(seconds(700), waits)
    told = person.timeline(700, language, freshness=freshness)
    said = [told.requests[0].sentence, told.orders[0].sentence]
    said += [one.sentence for one in told.pending]
    assert told.sentence == " ".join(said)


def test_one_order_alone() -> None:
    person = busy()
    wanted = person.timeline(4000).orders[0].order_id
    timeline = person.timeline(4000, only=frozenset({wanted}))
    assert ([order.order_id for order in timeline.orders], timeline.requests) == ([wanted], ())


@pytest.mark.parametrize("language", Language)
def test_the_terminal_shows_them_newest_first(language: Language) -> None:
    timeline = busy().timeline(4000, language=language, limit=3)
    file = io.StringIO()
    print_timeline(timeline, Terminal(file=file, width=100))
    said = file.getvalue()
    newest, older = timeline.orders[0].order_id, timeline.requests[0].request_id
    assert said.index(str(newest)) < said.index(str(older))
    assert "--until 2024-05-17T12:10:00Z" in said


def test_events_without_their_decision_are_ignored() -> None:
    person = Recipient()
    person.sent(person.ordered())
    del person.stored[0]
    assert person.timeline().orders == ()


def test_every_reason_of_an_excluded_row_has_russian_words() -> None:
    assert set(RUSSIAN_REASONS) == {reason.value for reason in Exclusion}
