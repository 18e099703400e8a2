"""The sentence about each request, word for word: support reads it to the client.

Here are the cases; what has to be said of them in both languages is in sentences.toml.
"""

import tomllib
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from inbound.handlers.decision import message_id
from inbound.handlers.policies import Policies
from inbound.store.lookup.messages import SentPartStatus
from inbound.timeline.input import LongText, MissNote
from inbound.timeline.model import ClockState, Language, ReplyStatus, StepKind
from inbound.timeline.words import ArrivalSpan, days_in_russian
from schemas.events import Command, SubscriptionRestored, SubscriptionStopped
from schemas.messages import Outcome, PartResult, Purpose, ReceiptState
from schemas.registration_events import RefusalCause
from tests.unit.timeline.world import ACK, FULFILMENT, NOON, Person, seconds

INFO, STOP, START = Command.CLIENT_INFO, Command.SMS_STOP, Command.SMS_START
SENTENCES: dict[str, dict[str, str]] = tomllib.loads(
    Path(__file__).with_name("sentences.toml").read_text("utf-8")
)
UNANSWERED: dict[str, Any] = {"final": False, "parts": (PartResult(),)}
MISSES = (
    *("look_alike", "spacing", "extra_words", "unknown", "empty", "undecodable"),
    *("duplicate", "limited", "unknown_number", "unknown_number_ceiling"),
    *("incomplete", "of_tomorrow"),
)


def with_receipt(state: ReceiptState, parts: int = 1) -> Person:
    person = Person()
    person.receipt(person.done(INFO), FULFILMENT, state, parts=parts, error="00b")
    return person


def not_taken(outcome: Outcome, *statuses: int | None) -> Person:
    person = Person()
    request_id = person.texts(INFO)
    person.result(request_id, ACK)
    parts = tuple(PartResult(status=status) for status in statuses)
    person.result(request_id, FULFILMENT, outcome, at_s=2, parts=parts)
    return person


def going_again() -> Person:
    person = Person()
    person.result(person.texts(INFO), ACK, Outcome.UNKNOWN, at_s=10, **UNANSWERED)
    return person


def perhaps_sent(purpose: Purpose) -> Person:
    """Its gateway was killed; another one found the claim and no result."""
    person = Person()
    request_id = person.texts(INFO)
    if purpose is FULFILMENT:
        person.result(request_id, ACK)
    person.result(request_id, purpose, Outcome.UNKNOWN, at_s=20, final=False)
    return person


def fulfilment_going_again() -> Person:
    person = Person()
    request_id = person.texts(INFO)
    person.result(request_id, ACK)
    person.result(request_id, FULFILMENT, Outcome.UNKNOWN, at_s=20, **UNANSWERED)
    return person


def fulfilling() -> Person:
    person = Person()
    person.result(person.texts(INFO), ACK)
    return person


def waiting() -> Person:
    person = Person()
    person.texts(INFO)
    return person


def acknowledged_late() -> Person:
    person = Person()
    request_id = person.texts(INFO)
    person.result(request_id, ACK, at_s=150)
    person.result(request_id, FULFILMENT, at_s=151)
    person.receipt(request_id, FULFILMENT, ReceiptState.DELIVERED, at_s=155)
    return person


def never_acknowledged(outcome: Outcome) -> Person:
    person = Person()
    request_id = person.texts(INFO)
    person.result(request_id, ACK, outcome)
    person.result(request_id, FULFILMENT, at_s=2)
    person.receipt(request_id, FULFILMENT, ReceiptState.DELIVERED)
    return person


def fulfilled(command: Command, *, on: bool = True, at_s: float = 5, **how: Any) -> Person:
    person = Person(on=on)
    request_id = person.done(command, **how)
    person.receipt(request_id, FULFILMENT, ReceiptState.DELIVERED, at_s=at_s)
    return person


def repeated(*, acknowledged: bool) -> Person:
    person = Person(Policies(repeat_in_state="acknowledge"), on=False)
    request_id = person.texts(STOP)
    if acknowledged:
        person.result(request_id, ACK)
        person.receipt(request_id, ACK, ReceiptState.DELIVERED)
    return person


def stopped_again() -> Person:
    person = Person()
    stop = SubscriptionStopped(request_id=UUID(int=3), at=seconds(-86_400))
    person.recorded(stop, -86_400)
    person.done(STOP)
    return person


def stopped_at_the_desk() -> Person:
    person = Person()
    person.switched(-30, on=False)
    person.done(STOP)
    return person


def held() -> Person:
    person = Person()
    person.held()
    return person


def released() -> Person:
    person = Person()
    request_id = person.held()
    person.releases(request_id)
    person.result(request_id, FULFILMENT, at_s=601)
    person.receipt(request_id, FULFILMENT, ReceiptState.DELIVERED, at_s=605)
    return person


def refused(cause: RefusalCause) -> Person:
    """A request that was held, or refused at once; its client got a text that says so."""
    rules = Policies(registrations_off="refuse", registrations_unmet="refuse")
    if cause is RefusalCause.NO_OPEN_CASE:
        rules = rules.model_copy(update={"registrations_need": "open_case"})
    person = Person(rules)
    request_id = person.held(off=cause is RefusalCause.SWITCHED_OFF)
    if cause.ends_hold:
        person.refuses(request_id, cause)
    if cause is not RefusalCause.ERASED:
        person.result(request_id, FULFILMENT, at_s=601)
    return person


def undone(*, repeated_at_s: float | None = None) -> Person:
    person = fulfilled(STOP)
    request_id = person.only_request().request_id
    if repeated_at_s is not None:
        person.done(STOP, repeated_at_s)
    event = SubscriptionRestored(
        request_id=request_id, by="anna", reason="spoofed numbers", at=seconds(5400)
    )
    person.recorded(event, 5400)
    return person


DAY = 86_400
PEOPLE: dict[str, tuple[Person, float]] = {
    "delivered": (with_receipt(ReceiptState.DELIVERED, parts=3), 60),
    "phone off": (with_receipt(ReceiptState.EXPIRED), 60),
    "undeliverable in full": (with_receipt(ReceiptState.UNDELIVERABLE, parts=3), 60),
    "deleted": (with_receipt(ReceiptState.DELETED), 60),
    "refused after it was taken": (with_receipt(ReceiptState.REJECTED), 60),
    "left out": (with_receipt(ReceiptState.SKIPPED), 60),
    "undelivered for no known reason": (with_receipt(ReceiptState.ENROUTE), 60),
    "undetermined": (with_receipt(ReceiptState.UNKNOWN), 60),
    "on its way": (not_taken(Outcome.SUBMITTED, 0), 60),
    "on its way for a day": (not_taken(Outcome.SUBMITTED, 0), DAY + 60),
    "on its way for days": (not_taken(Outcome.SUBMITTED, 0), 3 * DAY + 60),
    "refused": (not_taken(Outcome.REJECTED, 0x0B), 60),
    "refused in part": (not_taken(Outcome.REJECTED, 0, 0x58), 60),
    "refused here": (not_taken(Outcome.REJECTED), 60),
    "never answered": (not_taken(Outcome.UNKNOWN, None), 60),
    "perhaps sent": (not_taken(Outcome.UNKNOWN), 60),
    "acknowledgement perhaps sent, goes again": (perhaps_sent(ACK), 60),
    "perhaps sent, goes again": (perhaps_sent(FULFILMENT), 25),
    "expired": (not_taken(Outcome.EXPIRED), 60),
    "erased": (not_taken(Outcome.ERASED), 60),
    "just accepted": (waiting(), 5),
    "waiting": (waiting(), 33),
    "overdue": (waiting(), 150.5),
    "acknowledgement goes again": (going_again(), 60),
    "fulfilment to be sent": (fulfilling(), 5),
    "fulfilment waits": (fulfilling(), 60),
    "fulfilment goes again": (fulfilment_going_again(), 25),
    "fulfilment waits to go again": (fulfilment_going_again(), 60),
    "acknowledged late": (acknowledged_late(), 200),
    "acknowledgement refused": (never_acknowledged(Outcome.REJECTED), 60),
    "acknowledgement never answered": (never_acknowledged(Outcome.UNKNOWN), 60),
    "stopped": (fulfilled(STOP), 60),
    "stopped already": (fulfilled(STOP, on=False), 60),
    "stopped already, by a text": (stopped_again(), 60),
    "stopped already, at the desk": (stopped_at_the_desk(), 60),
    "started": (fulfilled(START, on=False), 60),
    "started already": (fulfilled(START), 60),
    "only to be acknowledged": (repeated(acknowledged=False), 10),
    "only acknowledged": (repeated(acknowledged=True), 60),
    "unknown number": (fulfilled(STOP, known=False), 60),
    "stale": (fulfilled(INFO, decided_s=4200, at_s=DAY), DAY + 60),
    "held": (held(), 60),
    "released": (released(), 700),
    **{f"registration refused: {cause}": (refused(cause), 700) for cause in RefusalCause},
    "stop undone": (undone(), 6000),
}


@pytest.mark.parametrize("name", PEOPLE)
def test_of_a_request(name: str) -> None:
    person, now_s = PEOPLE[name]
    english, russian = person.sentences(now_s)
    assert {"en": english, "ru": russian} == SENTENCES[name]


@pytest.mark.parametrize("kind", MISSES)
def test_of_a_miss(kind: str) -> None:
    sentences: dict[str, str] = {}
    for language in Language:
        for count, suffix in ((1, ""), (3, "_several")):
            note = MissNote(kind, ArrivalSpan(NOON, NOON if count == 1 else seconds(40), count))
            timeline = Person().timeline(language=language, misses=[note])
            sentences[language.value + suffix] = timeline.sentence
            assert timeline.misses[0].sentence == timeline.sentence
    assert sentences == SENTENCES[f"miss: {kind}"]


SILENCE: dict[str, dict[str, Any]] = {
    "nothing": {},
    "nothing in a time": {"since": NOON, "until": seconds(DAY), "miss_days": 1},
    "nothing, and misses are not noted": {"miss_days": 0},
    "nothing but a flood": {"not_noted": ArrivalSpan(NOON, seconds(36_000), 1234)},
    "a long text that is not whole": {"unfinished": [LongText(3, (1, 3), ArrivalSpan(NOON, NOON))]},
}


@pytest.mark.parametrize("name", SILENCE)
def test_of_silence(name: str) -> None:
    sentences = {
        language.value: Person().timeline(language=language, **SILENCE[name]).sentence
        for language in Language
    }
    assert sentences == SENTENCES[name]


def test_a_repeated_stop_is_undone_with_the_first() -> None:
    person = undone(repeated_at_s=3600)
    newest = {
        language.value: person.timeline(6000, language=language).sentence for language in Language
    }
    assert newest == SENTENCES["stop repeated, then undone"]
    first, second = person.timeline(6000).requests[::-1]
    assert [one.steps[-1].step for one in (first, second)] == [StepKind.RESTORED] * 2
    person.texts(STOP, 7000)
    assert "undid" not in person.timeline(8000).sentence


def test_of_a_repetition_the_fate_of_the_one_answer_is_said_first() -> None:
    person = fulfilled(INFO)
    said: list[str] = []
    for language in Language:
        again = MissNote("duplicate", ArrivalSpan(seconds(1.6), seconds(1.6)))
        timeline = person.timeline(language=language, misses=[again])
        assert timeline.sentence == f"{timeline.requests[0].sentence} {timeline.misses[0].sentence}"
        said.append(timeline.sentence)
    assert any("delivered to your phone at 15:00:05" in one for one in said)
    assert any("доставлен на Ваш телефон в 15:00:05" in one for one in said)


def test_of_a_repetition_of_an_open_answer_the_reports_that_wait_are_told() -> None:
    again = MissNote("duplicate", ArrivalSpan(seconds(0.6), seconds(0.6)))
    timeline = fulfilling().timeline(misses=[again])
    assert timeline.sentence.startswith(timeline.requests[0].sentence)
    later = MissNote("empty", ArrivalSpan(seconds(9), seconds(9)))
    timeline = fulfilling().timeline(misses=[later, again])
    assert timeline.sentence == timeline.misses[0].sentence


def test_a_flood_is_counted_beside_what_is_known() -> None:
    person = waiting()
    flood = ArrivalSpan(NOON, seconds(60), 1234)
    assert (person.timeline().not_noted, person.timeline(not_noted=flood).not_noted) == (0, 1234)


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (1, "1 день"),
        (2, "2 дня"),
        (5, "5 дней"),
        (11, "11 дней"),
        (21, "21 день"),
        (112, "112 дней"),
    ],
)
def test_days_are_inflected(days: int, words: str) -> None:
    assert days_in_russian(days) == words


def test_parts_that_are_delivered_so_far() -> None:
    person = Person()
    request_id = person.texts(INFO)
    person.result(request_id, ACK)
    taken = tuple(PartResult(status=0, smsc_message_id=str(n)) for n in range(3))
    person.result(request_id, FULFILMENT, at_s=2, parts=taken)
    states = ("delivered", None, "enroute")
    english, russian = person.sentences(sent=[(request_id, FULFILMENT, one) for one in states])
    assert {"en": english, "ru": russian} == SENTENCES["a part is delivered"]


def test_every_sentence_has_its_case() -> None:
    cases = {*PEOPLE, *SILENCE, *(f"miss: {kind}" for kind in MISSES)}
    cases |= {"a part is delivered", "stop repeated, then undone"}
    assert set(SENTENCES) == cases


# -- the same as data --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("delivered", ReplyStatus.DELIVERED),
        ("phone off", ReplyStatus.UNDELIVERABLE),
        ("undetermined", ReplyStatus.UNDETERMINED),
        ("on its way", ReplyStatus.ON_ITS_WAY),
        ("refused", ReplyStatus.REJECTED),
        ("never answered", ReplyStatus.UNKNOWN),
        ("perhaps sent", ReplyStatus.UNKNOWN),
        ("expired", ReplyStatus.EXPIRED),
        ("erased", ReplyStatus.ERASED),
        ("waiting", ReplyStatus.WAITING),
        ("acknowledgement goes again", ReplyStatus.WAITING),
        ("fulfilment goes again", ReplyStatus.WAITING),
        ("only acknowledged", ReplyStatus.DELIVERED),
        ("held", ReplyStatus.HELD),
        ("released", ReplyStatus.DELIVERED),
        ("registration refused: erased", ReplyStatus.ERASED),
    ],
)
def test_the_verdict(name: str, verdict: ReplyStatus) -> None:
    person, now_s = PEOPLE[name]
    assert person.only_request(now_s).verdict is verdict


@pytest.mark.parametrize(
    ("name", "state", "after_s", "left_s"),
    [
        ("delivered", ClockState.KEPT, 1.0, None),
        ("waiting", ClockState.RUNNING, None, 87.0),
        ("overdue", ClockState.OVERDUE, None, -30.5),
        ("acknowledgement goes again", ClockState.RUNNING, None, 60.0),
        ("acknowledged late", ClockState.LATE, 150.0, None),
        ("acknowledgement refused", ClockState.MISSED, None, None),
        ("acknowledgement never answered", ClockState.MISSED, None, None),
    ],
)
def test_the_clock(
    name: str, state: ClockState, after_s: float | None, left_s: float | None
) -> None:
    person, now_s = PEOPLE[name]
    clock = person.only_request(now_s).clock
    assert (clock.state, clock.after_s, clock.left_s) == (state, after_s, left_s)


@pytest.mark.parametrize(
    ("delivered", "english", "russian"),
    [
        (0, "could not be delivered: the operator", "не доставлен: оператор"),
        (
            1,
            "could not be delivered in full, only 1 of its 3 parts: the operator",
            "доставлен не полностью (дошло частей: 1 из 3): оператор",
        ),
        (
            2,
            "could not be delivered in full, only 2 of its 3 parts: the operator",
            "доставлен не полностью (дошло частей: 2 из 3): оператор",
        ),
        # The parts' receipts are deleted after some days.
        (
            None,
            "could not be delivered, or not in full: the operator",
            "не доставлен или доставлен не полностью: оператор",
        ),
    ],
)
def test_a_long_reply_that_failed_tells_how_much_of_it_arrived(
    delivered: int | None, english: str, russian: str
) -> None:
    person = with_receipt(ReceiptState.UNDELIVERABLE, parts=3)
    id_ = message_id(person.only_request().request_id, FULFILMENT)
    states = ["delivered"] * (delivered or 0) + ["undeliverable"] * (3 - (delivered or 0))
    parts = [
        SentPartStatus(id_, part, 3, state, True, None, None)
        for part, state in enumerate(states, 1)
    ]
    told = person.sentences(parts=parts if delivered is not None else [])
    assert f"; the reply with your registration data {english}" in told[0]
    assert f"; ответ с регистрационными данными {russian}" in told[1]
