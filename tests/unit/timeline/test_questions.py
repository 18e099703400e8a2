"""The answers to "I got it twice" and "I switched it off and still get messages"."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from inbound.freshness.model import Freshness, Pending, PendingWork
from inbound.timeline.input import MissNote
from inbound.timeline.model import ClientQuestion, Language
from inbound.timeline.words import ArrivalSpan
from schemas.events import Command, SubscriptionRestored, SubscriptionStopped
from schemas.messages import Outcome, PartResult, ReceiptState
from schemas.orders import OrderKind, OrderState, WithheldReason
from tests.unit.timeline.orders import DAY, Recipient, Row
from tests.unit.timeline.world import ACK, FULFILMENT, NOON, Person, seconds

TWICE, STILL = ClientQuestion.GOT_IT_TWICE, ClientQuestion.STILL_GETS_MESSAGES
STOP = Command.SMS_STOP
UNANSWERED: dict[str, Any] = {"final": False, "parts": (PartResult(),), "sent_at": seconds(1)}


def answers(person: Person, question: ClientQuestion, **fields: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    fields = {"all_switches": person.switches()} | fields
    for language in Language:
        timeline = person.timeline(2 * DAY, language=language, **fields)
        said = [one.sentence for one in timeline.answers if one.question is question]
        found.update((language.value, one) for one in said)
    return found


# -- got it twice -------------------------------------------------------------------------------


def test_a_reply_that_was_sent_again_may_have_come_twice() -> None:
    person = Person()
    request_id = person.texts(Command.CLIENT_INFO)
    person.result(request_id, ACK, Outcome.UNKNOWN, **UNANSWERED)
    person.result(request_id, ACK, attempt=2, at_s=20)
    person.result(request_id, FULFILMENT, at_s=21)
    said = answers(person, TWICE)
    assert said["en"] == (
        "It was sent again because it was not known whether the first attempt had succeeded, so it "
        "may have arrived more than once: the acknowledgement of the text of 17 May 2024 at "
        "15:00:00 (up to 2 times). Each accepted command is answered by two messages: one says "
        "that it was accepted, the other has the result."
    )
    assert said["ru"] == (
        "Отправка повторялась, так как было неизвестно, удалась ли первая попытка, "
        "поэтому сообщение могло прийти несколько раз: уведомление о приёме сообщения от 17 мая "
        "2024 г. (15:00:00) (до 2 раз). На каждую принятую команду приходят два сообщения: о "
        "приёме заявки и об исполнении запроса."
    )


def test_an_attempt_that_is_given_up_is_no_copy() -> None:
    person = Recipient()
    order_id = person.ordered()
    person.sent(order_id, Outcome.UNKNOWN, **UNANSWERED)
    person.sent(order_id, Outcome.UNKNOWN, 20, attempt=2, parts=(PartResult(),))
    assert (
        "None of the messages shown here was sent more than once." in answers(person, TWICE)["en"]
    )


def test_two_orders_of_one_text_are_told() -> None:
    person = Recipient()
    first, second, other, unsent = (
        person.ordered(100 * n, kind)
        for n, kind in enumerate([OrderKind.NOTIFICATION, OrderKind.SERVICE] * 2)
    )
    for n, order_id in enumerate((first, second, other)):
        person.sent(order_id, at_s=100 * n + 5)
    texts = {first: b"a", second: b"a", other: b"b", unsent: b"b"}
    rows = [Row(one, OrderState.SENT, text_digest=text) for one, text in texts.items()]
    said = answers(person, TWICE, rows=rows)
    assert said["en"] == (
        "The same text was ordered 2 times: the notification of 17 May 2024 at 15:00:00, the "
        "service message of 17 May 2024 at 15:01:40."
    )
    assert said["ru"].startswith("Один и тот же текст заказан 2 раза: ")
    assert "15:01:40" in said["ru"]
    apart = [Row(one, OrderState.SENT, text_digest=one.bytes) for one in texts]
    assert "None of the messages shown here" in answers(person, TWICE, rows=apart)["en"]


def test_many_copies_are_counted() -> None:
    person = Recipient()
    for n in range(5):
        order_id = person.ordered(100 * n)
        unknown = UNANSWERED | {"sent_at": seconds(100 * n + 1)}
        person.sent(order_id, Outcome.UNKNOWN, 100 * n + 2, **unknown)
        person.sent(order_id, at_s=100 * n + 20, attempt=2)
    said = answers(person, TWICE)
    assert said["en"].count("up to 2 times") == 3
    assert "and 2 more" in said["en"]
    assert "и ещё 2" in said["ru"]


def test_no_copy_is_denied_while_reports_wait() -> None:
    person = Recipient()
    person.sent(person.ordered())
    freshness = Freshness(NOON, (Pending(work=PendingWork.RESULTS, since=NOON),))
    for said in answers(person, TWICE, freshness=freshness).values():
        assert "15:00" in said
        assert "None of" not in said
        assert "Ни одно" not in said


def test_advice_about_a_miss_stays_away_after_success() -> None:
    person = Person()
    person.done(Command.CLIENT_INFO, 600)
    for language, advice in ((Language.EN, "Latin keyboard"), (Language.RU, "наберите")):
        for at_s, is_advised in ((60, False), (660, True)):
            note = MissNote("look_alike", ArrivalSpan(seconds(at_s), seconds(at_s)))
            [miss] = person.timeline(700, language, misses=[note]).misses
            assert (advice in miss.sentence) is is_advised
            assert miss.sentence.endswith(".")


# -- switched it off ----------------------------------------------------------------------------


def stopped(at_s: float = 600) -> Recipient:
    person = Recipient()
    person.texts(STOP, at_s)
    return person


def test_what_was_sent_after_a_stop_has_its_reason() -> None:
    person = Recipient()
    being_sent, sent_before, withheld = (person.ordered(at_s) for at_s in (599.9, 500, 590))
    person.texts(STOP, 600)
    service = person.ordered(700, OrderKind.SERVICE)
    person.sent(being_sent, at_s=601)
    person.sent(sent_before, at_s=501)
    person.sent(service, at_s=701)
    person.withheld(withheld, WithheldReason.OPTED_OUT, 602)
    person.got(sent_before, ReceiptState.DELIVERED, 900)
    said = answers(person, STILL)
    assert said["en"] == (
        "Notifications and broadcasts were switched off on 17 May 2024 at 15:10:00 by a text from "
        "this number. They have been off since then. The service message of 17 May 2024 at "
        "15:11:40 is one that the switch does not stop. The notification of 17 May 2024 at "
        "15:09:59 was already being sent at that moment. The notification of 17 May 2024 at "
        "15:08:20 had been sent before and reached the phone only later. Replies to commands and "
        "service messages, such as one-time codes, are sent in any case. Messages from other "
        "companies are not affected."
    )
    for word in ("не действует", "уже отправлялось", "лишь позже дошло", "других компаний"):
        assert word in said["ru"]


@pytest.mark.parametrize(("limit", "told"), [(10, "None has been sent"), (2, "shown here")])
def test_it_is_denied_only_as_far_as_it_is_known(limit: int, told: str) -> None:
    person = stopped(60)
    for n in range(3):
        person.ordered(100 + 100 * n)
    assert told in answers(person, STILL, limit=limit)["en"]


def test_nothing_is_denied_while_something_waits() -> None:
    freshness = Freshness(NOON, (Pending(work=PendingWork.ORDERS, since=NOON),))
    for said in answers(stopped(), STILL, freshness=freshness).values():
        assert "None has" not in said
        assert "С тех пор они не" not in said
        assert "15:00" in said


@pytest.mark.parametrize("by_text", [True, False])
def test_notifications_that_are_on_again(by_text: bool) -> None:
    person = stopped(60)
    if by_text:
        person.texts(Command.SMS_START, 120)
    else:
        person.switched(120, on=True)
    who = ("by a text", "сообщением с этого") if by_text else ("by our staff", "сотрудником")
    said = answers(person, STILL)
    assert f"are on: they were switched on again on 17 May 2024 at 15:02:00 {who[0]}" in said["en"]
    assert who[1] in said["ru"]
    assert "CLIENT sms stop" in said["en"]


def test_a_stop_at_the_desk_after_one_by_text_moves_nothing() -> None:
    person = stopped(60)
    confirmed = SubscriptionStopped(request_id=UUID(int=8), by="anna", reason="x", at=seconds(90))
    person.recorded(confirmed, 90)
    assert "off on 17 May 2024 at 15:01:00 by a text" in answers(person, STILL)["en"]


def test_a_stop_that_was_undone() -> None:
    person = stopped(60)
    request_id = person.timeline(100).requests[0].request_id
    person.recorded(
        SubscriptionRestored(request_id=request_id, by="anna", reason="x", at=seconds(90)), 90
    )
    assert "who undid a stop" in answers(person, STILL)["en"]


def test_a_stop_that_was_no_command_is_told() -> None:
    note = MissNote("look_alike", ArrivalSpan(NOON, NOON))
    said = answers(Person(), STILL, misses=[note])
    assert said["en"].startswith(
        "Notifications and broadcasts to this number have not been switched off; to switch them "
        "off, text “CLIENT sms stop”. A text that reached us on 17 May 2024 at 15:00:00 contained "
    )
    before = MissNote("look_alike", ArrivalSpan(NOON - timedelta(days=1), NOON))
    assert "look like" not in answers(stopped(), STILL, misses=[before])["en"]


def test_who_asked_by_an_id_gets_no_answer_about_the_number() -> None:
    assert answers(stopped(), STILL, all_switches=None) == {}
