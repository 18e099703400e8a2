"""While something is not processed, no sentence denies it; in both languages."""

from datetime import datetime
from uuid import UUID

import pytest

from inbound.freshness.model import Freshness, Pending, PendingWork
from inbound.freshness.reception import SendingGap
from inbound.handlers.decision import message_id
from inbound.handlers.orders import dispatched_message_id
from inbound.store.lookup.messages import ClaimRecord
from inbound.timeline.model import Language
from schemas.events import Command
from schemas.messages import Outcome
from schemas.orders import OrderState
from schemas.sending_hours import SendingHours
from tests.unit.timeline.orders import DAY, Recipient, Row
from tests.unit.timeline.world import ACK, FULFILMENT, Person, seconds

EN, RU = Language.EN, Language.RU
SINCE = seconds(130)
TEXTS = Pending(work=PendingWork.TEXTS, since=SINCE)
RESULTS = Pending(work=PendingWork.RESULTS, since=SINCE)
ORDERS = Pending(work=PendingWork.ORDERS, since=SINCE)
RECEPTION = Pending(work=PendingWork.RECEPTION, since=SINCE)
DENIALS = ("no record", "нет сведений", "not reported", "ещё нет", "overdue", "срок истёк")


def said(person: Person, language: Language, *pending: Pending, now_s: float = 200) -> str:
    freshness = Freshness.of(seconds(now_s), pending)
    return person.timeline(now_s, language, freshness=freshness).sentence


@pytest.mark.parametrize(
    ("pending", "english", "russian"),
    [
        (
            TEXTS,
            (
                "Texts that reached us since 17 May 2024, 15:02:10 have not been processed yet. Of "
                "the texts processed so far none is from this number."
            ),
            (
                "Сообщения, поступившие с 15:02:10 17 мая 2024 г., ещё не обработаны. Среди уже "
                "обработанных сообщений с этого номера нет ни одного."
            ),
        ),
        (
            Pending(work=PendingWork.TEXTS),
            (
                "It can't be told now whether texts wait to be processed. Of the texts processed "
                "so far none is from this number."
            ),
            (
                "Сейчас нельзя узнать, все ли сообщения уже обработаны. Среди уже обработанных "
                "сообщений с этого номера нет ни одного."
            ),
        ),
        (
            RECEPTION,
            (
                "The connection to the operator's SMS centre has been down since 17 May 2024, "
                "15:02:10: texts sent since then may not have reached us yet. Of the texts "
                "processed so far none is from this number."
            ),
            (
                "Связи с СМС-центром оператора нет с 15:02:10 17 мая 2024 г.: отправленные после "
                "этого сообщения могли к нам ещё не поступить. Среди уже обработанных сообщений с "
                "этого номера нет ни одного."
            ),
        ),
    ],
)
def test_nothing_found_is_no_denial(pending: Pending, english: str, russian: str) -> None:
    for language, expected in ((EN, english), (RU, russian)):
        sentence = said(Person(), language, pending)
        assert sentence.startswith(expected)
        assert not [denial for denial in DENIALS if denial in sentence]


def test_nothing_found_and_nothing_pending_is_denied() -> None:
    for language, denial in ((EN, "We have no record"), (RU, "У нас нет сведений")):
        assert said(Person(), language).startswith(denial)


def test_orders_that_wait_are_named_unless_the_sentence_is_about_a_text() -> None:
    texted, recipient = Person(), Recipient()
    texted.done(Command.CLIENT_INFO)
    recipient.ordered()
    for language, ending in (
        (EN, " Orders of other programs since 17 May 2024, 15:02:10 have not been processed yet."),
        (RU, " Заказы других программ, поступившие с 15:02:10 17 мая 2024 г., ещё не обработаны."),
    ):
        for person in (recipient, Person()):
            assert said(person, language, ORDERS) == said(person, language) + ending
        assert said(texted, language, ORDERS) == said(texted, language)


def test_of_a_known_person_later_texts_are_not_denied() -> None:
    person = Person()
    person.done(Command.CLIENT_INFO)
    for language, ending in (
        (EN, " Texts that reached us since 17 May 2024, 15:02:10 have not been processed yet."),
        (RU, " Сообщения, поступившие с 15:02:10 17 мая 2024 г., ещё не обработаны."),
    ):
        assert said(person, language, TEXTS) == said(person, language) + ending


def test_a_reply_may_have_been_sent_while_results_are_not_processed() -> None:
    waiting, acknowledged, handed = Person(), Person(), Person()
    waiting.texts(Command.CLIENT_INFO)
    acknowledged.result(acknowledged.texts(Command.CLIENT_INFO), ACK)
    handed.done(Command.CLIENT_INFO)
    for person, english, russian in (
        (waiting, "may already have been sent.", "мог уже быть отправлен."),
        (acknowledged, "may already have been sent.", "мог уже быть отправлен."),
        (handed, " 15:00:02; it may already have got further.", " в 15:00:02 и мог уже дойти."),
    ):
        for language, words in ((EN, english), (RU, russian)):
            freshness = Freshness.of(seconds(200), [RESULTS])
            timeline = person.timeline(200, language, freshness=freshness)
            [request], [note] = timeline.requests, timeline.pending
            assert request.sentence.endswith(words)
            assert timeline.sentence == f"{request.sentence} {note.sentence}"
            assert not [denial for denial in DENIALS if denial in timeline.sentence]


def test_what_may_have_happened_to_an_order_is_said_once() -> None:
    queued, sent = Recipient(), Recipient()
    queued.ordered()
    sent.sent(sent.ordered())
    for person, english, russian in (
        (queued, "may already have been sent.", "могло уже быть отправлено."),
        (sent, " 15:00; it may already have got further.", " в 15:00 и могло уже дойти."),
    ):
        for language, words in ((EN, english), (RU, russian)):
            freshness = Freshness.of(seconds(200), [RESULTS])
            timeline = person.timeline(200, language, freshness=freshness)
            [order], [note] = timeline.orders, timeline.pending
            assert order.sentence.endswith(words)
            assert timeline.sentence == f"{order.sentence} {note.sentence}"


def test_the_two_minutes_are_not_over_while_results_are_not_processed() -> None:
    person = Person()
    person.texts(Command.CLIENT_INFO)
    for language, words in ((EN, "not known yet: "), (RU, "пока неизвестно: ")):
        freshness = Freshness.of(seconds(200), [RESULTS])
        [request] = person.timeline(200, language, freshness=freshness).requests
        assert request.clock.text.startswith(words)


def test_a_message_that_a_gateway_took_and_did_not_report_may_have_arrived() -> None:
    person = Person()
    request_id = person.texts(Command.CLIENT_INFO)
    claim = ClaimRecord(message_id(request_id, ACK), 1, "gw-1", seconds(0.5))
    [just_now] = person.timeline(5, EN, claims=[claim]).requests
    assert "is being sent and is due" in just_now.sentence
    for language, words in (
        (EN, "was taken up for sending at 15:00:00 and may have arrived already"),
        (RU, "передано на отправку в 15:00:00 и могло уже дойти"),
    ):
        [request] = person.timeline(200, language, claims=[claim]).requests
        for said_of_it in (request.sentence, request.clock.text):
            assert words in said_of_it
            assert not [denial for denial in DENIALS if denial in said_of_it]


def test_what_is_final_stays_final() -> None:
    person = Person()
    request_id = person.texts(Command.CLIENT_INFO)
    person.result(request_id, ACK)
    person.result(request_id, FULFILMENT, Outcome.EXPIRED, at_s=60)
    for language in (EN, RU):
        assert said(person, language, RESULTS) == said(person, language)


@pytest.mark.parametrize("since", [SINCE, None])
@pytest.mark.parametrize("work", PendingWork)
def test_every_kind_has_its_sentences(work: PendingWork, since: datetime | None) -> None:
    pending = Pending(work=work, since=since)
    for language, time in ((EN, "17 May 2024, 15:02:10"), (RU, "15:02:10 17 мая 2024 г.")):
        freshness = Freshness.of(seconds(200), [pending])
        [note] = Person().timeline(200, language, freshness=freshness).pending
        assert note.sentence.endswith(".")
        assert (time in note.sentence) is (since is not None)


# -- while nothing can be sent ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gap", "english", "russian"),
    [
        (
            SendingGap(SINCE),
            "the operator's SMS centre has not been connected since 15:02",
            "ждёт отправки, так как связи с СМС-центром оператора нет с 15:02",
        ),
        (
            SendingGap(None),
            "waits to be sent, because the operator's SMS centre has not been connected",
            "ждёт отправки, так как связи с СМС-центром оператора нет",
        ),
    ],
)
def test_what_can_not_be_sent_is_not_being_sent(
    gap: SendingGap, english: str, russian: str
) -> None:
    recipient, texted, acknowledged = Recipient(), Person(), Person()
    recipient.ordered()
    texted.texts(Command.CLIENT_INFO)
    acknowledged.result(acknowledged.texts(Command.CLIENT_INFO), ACK)
    for person in (recipient, texted, acknowledged):
        for language, words in ((EN, english), (RU, russian)):
            sentence = person.timeline(60, language, sending=gap).sentence
            assert words in sentence
            assert "being sent" not in sentence
            assert "отправляется" not in sentence


def in_the_outbox(person: Person, message: UUID, now_s: float, language: Language) -> str:
    """What is said of a message that no relay has published since a second after noon."""
    unpublished = {message: seconds(1)}
    return person.timeline(now_s, language, unpublished=unpublished).sentence


@pytest.mark.parametrize(
    ("language", "words", "claims"),
    [
        (EN, "has been waiting since 15:00{} for our service to pass it on", "is being sent"),
        (RU, "ждёт отправки с 15:00{}, так как передача сообщений в нашем сервисе", "отправляется"),
    ],
)
def test_what_waits_for_the_relay_is_not_being_sent(
    language: Language, words: str, claims: str
) -> None:
    recipient, texted, acknowledged = Recipient(), Person(), Person()
    order_id = recipient.ordered()
    first = message_id(texted.texts(Command.CLIENT_INFO), ACK)
    request_id = acknowledged.texts(Command.CLIENT_INFO)
    acknowledged.result(request_id, ACK)
    waits = (
        (recipient, dispatched_message_id(order_id, 1), ""),
        (texted, first, ":01"),
        (acknowledged, message_id(request_id, FULFILMENT), ":01"),
    )
    for person, message, exact in waits:
        assert claims in in_the_outbox(person, message, 2, language)
        for now_s in (5, 60):
            said_of_it = in_the_outbox(person, message, now_s, language)
            assert words.format(exact) in said_of_it
            assert claims not in said_of_it


def test_a_claim_tells_more_than_a_relay_that_has_not_noted_what_it_published() -> None:
    person = Person()
    message = message_id(person.texts(Command.CLIENT_INFO), ACK)
    claim = ClaimRecord(message, 1, "gw-1", seconds(1.5))
    for now_s, words in ((8, "is being sent"), (60, "was taken up for sending at 15:00:01")):
        timeline = person.timeline(now_s, EN, claims=[claim], unpublished={message: seconds(1)})
        assert words in timeline.sentence


def test_a_message_of_a_paused_broadcast_is_not_being_sent() -> None:
    person = Recipient()
    row = Row(person.of_broadcast(), OrderState.QUEUED, is_paused=True)
    for language, words in ((EN, "waits until its broadcast is resumed"), (RU, "ждёт возобновл")):
        assert words in person.timeline(60, language, rows=[row]).sentence


def test_an_order_waits_for_its_hours_only_if_they_are_why() -> None:
    hours = SendingHours.parse("10:00-12:00", "Asia/Omsk")
    due, later = Recipient(), Recipient()
    due.ordered(hours=hours)
    later.ordered(hours=hours, not_before=seconds(DAY - 7.5 * 3600))
    assert "only" not in later.timeline().sentence
    assert "from 10:00 to 12:00 (Asia/Omsk) only." in due.timeline().sentence
    assert "с 10:00 до 12:00 (Asia/Omsk)." in due.timeline(language=RU).sentence
