"""The sentence about each order, word for word: support reads it to the client.

Here are the cases; what has to be said of them in both languages is in order_sentences.toml.
"""

import tomllib
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from inbound.handlers.orders import dispatched_message_id
from inbound.store.lookup.messages import SentPartStatus
from schemas.channels import Channel
from schemas.events import Command, PersonErased, SubscriptionStopped
from schemas.messages import Outcome, PartResult, ReceiptState
from schemas.order_facts import LimitFacts
from schemas.orders import OrderKind, OrderState, RefusalReason, WithheldReason, utc
from tests.unit.timeline.orders import DAY, HOURS, Recipient, Row
from tests.unit.timeline.world import seconds

SENTENCES: dict[str, dict[str, str]] = tomllib.loads(
    Path(__file__).with_name("order_sentences.toml").read_text("utf-8")
)
NOTIFICATION, SERVICE = OrderKind.NOTIFICATION, OrderKind.SERVICE
FULL = LimitFacts(limit=3, used=3)

FACTS: dict[RefusalReason, dict[str, Any]] = {
    RefusalReason.ACCOUNT_UNKNOWN: {"problem": RefusalReason.ACCOUNT_UNKNOWN},
    RefusalReason.ACCOUNT_DISABLED: {"account_enabled": False},
    RefusalReason.RIGHT_MISSING: {"has_right": False},
    RefusalReason.IDEMPOTENCY_KEY_REUSED: {"problem": RefusalReason.IDEMPOTENCY_KEY_REUSED},
    RefusalReason.NOT_A_MOBILE_NUMBER: {"problem": RefusalReason.NOT_A_MOBILE_NUMBER},
    RefusalReason.RECIPIENT_UNKNOWN: {"problem": RefusalReason.RECIPIENT_UNKNOWN},
    RefusalReason.RECIPIENT_NOT_A_CLIENT: {"client_known": False, "may_text_strangers": False},
    RefusalReason.OPTED_OUT: {},
    RefusalReason.TOO_MANY_WAITING: {"waiting": 60, "waiting_of_account": 40},
    RefusalReason.TEMPLATE_UNKNOWN: {
        "problem": RefusalReason.TEMPLATE_UNKNOWN,
        "template": "ready",
    },
    RefusalReason.TEMPLATE_FIELDS: {"problem": RefusalReason.TEMPLATE_FIELDS, "template": "ready"},
    RefusalReason.SENDER_NOT_APPROVED: {"sender_approved": False, "sender": "Shop"},
    RefusalReason.TEXT_NOT_ALLOWED: {"text_allowed": False},
    RefusalReason.TOO_MANY_PARTS: {"parts": 9, "max_parts": 8},
    RefusalReason.EXPIRED: {"expires_at": seconds(60), "hours": HOURS},
    RefusalReason.REPEATED: {"same_text_at": seconds(-90), "repeat_within_s": 600},
    RefusalReason.MINIMUM_DELAY: {"last_at": seconds(-90), "min_delay_s": 120},
    RefusalReason.DAILY_LIMIT: {"day": FULL},
    RefusalReason.WEEKLY_LIMIT: {"week": FULL},
    RefusalReason.MONTHLY_LIMIT: {"month": FULL},
    RefusalReason.BALANCE: {"price": Decimal("2.5"), "balance": Decimal(1)},
}
"""What makes an order be refused for each reason."""


def refused(reason: RefusalReason) -> Recipient:
    person = Recipient(on=reason is not RefusalReason.OPTED_OUT)
    person.ordered(**FACTS[reason])
    return person


def without_field(**fact: Any) -> Recipient:
    person = Recipient()
    person.ordered(**FACTS[RefusalReason.TEMPLATE_FIELDS], **fact)
    return person


def ordered(*then: Callable[[Recipient, Any], None], **how: Any) -> Recipient:
    person = Recipient()
    order_id = person.ordered(**how)
    for do in then:
        do(person, order_id)
    return person


def of_broadcast(*then: Callable[[Recipient, Any], None], **how: Any) -> Recipient:
    person = Recipient()
    order_id = person.of_broadcast(**how)
    for do in then:
        do(person, order_id)
    return person


def taken(*statuses: int | None, **more: Any) -> Callable[[Recipient, Any], None]:
    outcome = more.pop("outcome", Outcome.SUBMITTED)
    parts = tuple(PartResult(status=status) for status in statuses)
    return lambda person, order_id: person.sent(order_id, outcome, parts=parts, **more)


def got(state: ReceiptState, **more: Any) -> Callable[[Recipient, Any], None]:
    return lambda person, order_id: person.got(order_id, state, **more)


def withheld(reason: WithheldReason) -> Callable[[Recipient, Any], None]:
    return lambda person, order_id: person.withheld(order_id, reason)


def erased(person: Recipient, _: Any) -> None:
    person.recorded(PersonErased(at=seconds(60)), 60)


SENT = taken(0)


def withheld_after_a_stop() -> Recipient:
    person = Recipient()
    order_id = person.ordered(DAY)
    person.texts(Command.SMS_STOP, DAY + 1)
    person.withheld(order_id, WithheldReason.OPTED_OUT, DAY + 2)
    return person


def withheld_after_a_stop_alone() -> Recipient:
    """Nothing else is shown, as when the order is looked up by its id."""
    person = Recipient()
    order_id = person.ordered()
    stop = SubscriptionStopped(request_id=UUID(int=3), at=seconds(20))
    person.recorded(stop, 20)
    person.withheld(order_id, WithheldReason.OPTED_OUT, 30)
    return person


def opted_out_after_the_start() -> Recipient:
    person = Recipient()
    person.switched(-600, on=False)
    person.of_broadcast()
    return person


PEOPLE: dict[str, tuple[Recipient, float]] = {
    "queued": (ordered(), 5),
    "queued for long": (ordered(), 60),
    "queued again": (ordered(taken(None, outcome=Outcome.UNKNOWN, final=False)), 5),
    "queued again for long": (ordered(taken(None, outcome=Outcome.UNKNOWN, final=False)), 60),
    "scheduled": (ordered(hours=HOURS), 60),
    "scheduled, overdue": (ordered(not_before=seconds(600)), 700),
    "scheduled, expired": (ordered(not_before=seconds(600), expires_at=seconds(900)), 900),
    "waits for its broadcast, expired": (
        of_broadcast(withheld(WithheldReason.PAUSED)),
        2 * DAY,
    ),
    "window over": (of_broadcast(taken(outcome=Outcome.EXPIRED), hours=HOURS, at_s=-14_000), 60),
    "waits for its broadcast": (of_broadcast(withheld(WithheldReason.PAUSED)), 60),
    "on its way": (ordered(SENT), 60),
    "on its way for a day": (ordered(SENT), DAY + 60),
    "on its way for days": (ordered(SENT), 3 * DAY + 60),
    "delivered": (ordered(SENT, got(ReceiptState.DELIVERED)), 60),
    "delivered the next day": (ordered(SENT, got(ReceiptState.DELIVERED, at_s=DAY)), 2 * DAY),
    "of a broadcast": (of_broadcast(SENT, got(ReceiptState.DELIVERED)), 60),
    "of a service": (ordered(SENT, got(ReceiptState.DELIVERED), kind=SERVICE), 60),
    **{
        f"undelivered: {state}": (ordered(SENT, got(state, error="00b")), 60)
        for state in ReceiptState
        if state not in {ReceiptState.DELIVERED, ReceiptState.UNKNOWN}
    },
    "undelivered in full": (ordered(SENT, got(ReceiptState.REJECTED, parts=2)), 60),
    "undetermined": (ordered(SENT, got(ReceiptState.UNKNOWN)), 60),
    "never answered": (ordered(taken(None, outcome=Outcome.UNKNOWN)), 60),
    "perhaps sent": (ordered(taken(outcome=Outcome.UNKNOWN)), 60),
    "perhaps sent, goes again": (ordered(taken(outcome=Outcome.UNKNOWN, final=False)), 5),
    "rejected": (ordered(taken(0x0B, outcome=Outcome.REJECTED)), 60),
    "rejected in part": (ordered(taken(0, 0x58, outcome=Outcome.REJECTED)), 60),
    "rejected here": (ordered(taken(outcome=Outcome.REJECTED)), 60),
    "expired": (ordered(taken(outcome=Outcome.EXPIRED, at_s=DAY)), DAY + 60),
    "expired while it waited": (ordered(Recipient.expires, hours=HOURS), DAY + 60),
    "cancelled": (ordered(Recipient.cancels, hours=HOURS), 700),
    "cancelled, but sent": (
        ordered(Recipient.cancels, got(ReceiptState.DELIVERED, at_s=700)),
        800,
    ),
    "erased while it waited": (ordered(erased, not_before=seconds(600)), 700),
    "erased": (ordered(taken(outcome=Outcome.ERASED)), 60),
    **{f"withheld: {reason}": (ordered(withheld(reason)), 60) for reason in WithheldReason},
    "withheld: its broadcast was cancelled": (
        of_broadcast(withheld(WithheldReason.CANCELLED)),
        60,
    ),
    "withheld after a stop": (withheld_after_a_stop(), 2 * DAY),
    "withheld after a stop of the same minute": (withheld_after_a_stop_alone(), 60),
    "withheld from a broadcast since its start": (opted_out_after_the_start(), 60),
    **{f"refused: {reason}": (refused(reason), 60) for reason in RefusalReason},
    "mail on its way": (ordered(SENT, channel=Channel.MAIL), 60),
    "mail never answered": (
        ordered(taken(None, outcome=Outcome.UNKNOWN), channel=Channel.MAIL),
        60,
    ),
    "mail rejected": (
        ordered(taken(0x0B, outcome=Outcome.REJECTED), channel=Channel.MAIL),
        60,
    ),
    "mail rejected here": (ordered(taken(outcome=Outcome.REJECTED), channel=Channel.MAIL), 60),
    "mail without an address": (
        ordered(problem=RefusalReason.RECIPIENT_UNKNOWN, channel=Channel.MAIL),
        60,
    ),
    "in the chat": (ordered(SENT, channel=Channel.BOT), 60),
    "question about the number": (
        ordered(SENT, got(ReceiptState.DELIVERED), channel=Channel.HLR),
        60,
    ),
    "ping undelivered": (
        ordered(SENT, got(ReceiptState.UNDELIVERABLE, error="00b"), channel=Channel.PING),
        60,
    ),
    "MMS on its way": (ordered(SENT, channel=Channel.MMS), 60),
    "call delivered": (ordered(SENT, got(ReceiptState.DELIVERED), channel=Channel.CALL), 60),
    "Viber undetermined": (
        ordered(SENT, got(ReceiptState.UNKNOWN), channel=Channel.VIBER),
        60,
    ),
    "social network queued": (ordered(channel=Channel.SOC), 5),
    "refused: too_many_waiting, of all accounts": (ordered(waiting=100), 60),
    "refused: a field is missing": (without_field(missing_field="date"), 60),
    "refused: a field doesn't fit": (without_field(unfit_field="date"), 60),
}


@pytest.mark.parametrize("name", PEOPLE)
def test_of_an_order(name: str) -> None:
    person, now_s = PEOPLE[name]
    assert person.order_sentences(now_s) == SENTENCES[name]


def test_no_client_is_told_of_an_account_or_of_what_support_may_do() -> None:
    for person, now_s in PEOPLE.values():
        said = person.order_sentences(now_s)
        for language, odd in (("en", ("account", "has to")), ("ru", ("учётн", "нужно"))):
            assert not any(word in said[language] for word in (*odd, "shop"))


def test_every_sentence_has_its_case() -> None:
    assert set(SENTENCES) == set(PEOPLE)


@pytest.mark.parametrize("reason", RefusalReason)
def test_every_refusal_is_decided_as_it_says(reason: RefusalReason) -> None:
    order = refused(reason).only_order()
    assert (order.verdict, order.reason) == (OrderState.REFUSED, reason.value)
    assert order.steps[1].details["reason"] == reason.value


# -- what the stored row adds ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "due_at", "verdict"),
    [
        (OrderState.QUEUED, None, OrderState.QUEUED),
        (OrderState.SCHEDULED, seconds(900), OrderState.SCHEDULED),
        (OrderState.ERASED, None, OrderState.ERASED),
        (OrderState.SENT, None, OrderState.SCHEDULED),  # its event is still to be read
    ],
)
def test_the_row_of_a_scheduled_order(state: OrderState, due_at: Any, verdict: OrderState) -> None:
    person = Recipient()
    order_id = person.ordered(not_before=seconds(600))
    order = person.only_order(700, rows=[Row(order_id, state, seconds(610), due_at)])
    assert order.verdict is verdict
    queued = [step.at for step in order.steps if step.step == "queued"]
    assert queued == ([seconds(610)] if state is OrderState.QUEUED else [])


def test_the_row_of_an_order_that_ended_changes_nothing() -> None:
    person = Recipient()
    order_id = person.ordered()
    person.sent(order_id)
    order = person.only_order(rows=[Row(order_id, OrderState.QUEUED)])
    assert order.verdict is OrderState.SENT


def test_an_order_that_was_refused_when_it_was_due() -> None:
    person = Recipient()
    person.refused_when_due(person.ordered(not_before=seconds(DAY)))
    order = person.only_order(2 * DAY)
    assert (order.verdict, order.ordered_at) == (OrderState.REFUSED, seconds(0))
    assert [one.step for one in order.steps if one.step.startswith("order_")] == [
        "order_accepted",
        "order_refused",
    ]


def test_a_resumed_broadcast_is_seen_in_the_row() -> None:
    person = Recipient()
    order_id = person.of_broadcast()
    person.withheld(order_id, WithheldReason.PAUSED)
    assert person.only_order().due_at is None
    resumed = person.only_order(rows=[Row(order_id, OrderState.SCHEDULED, due_at=seconds(100))])
    assert utc(resumed.due_at) == utc(seconds(100))
    assert "resumed" not in resumed.sentence


def test_parts_that_are_delivered_so_far() -> None:
    person = Recipient()
    order_id = person.ordered(parts=3)
    ids = tuple(PartResult(status=0, smsc_message_id=str(n)) for n in range(3))
    person.sent(order_id, parts=ids)
    message_id = dispatched_message_id(order_id, 1)
    parts = [
        SentPartStatus(message_id, n, 3, state, False, None, None)
        for n, state in enumerate(("delivered", None, "enroute"), 1)
    ]
    said = person.order_sentences(parts=parts)
    assert "1 of its 3 parts" in said["en"]
    assert "частей: 1 из 3" in said["ru"]
