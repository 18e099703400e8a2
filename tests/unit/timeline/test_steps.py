"""Every step of a request: when, how long after the one before, and what it says."""

import io
import tomllib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from inbound.cli._timeline_view import print_timeline
from inbound.handlers.policies import Policies
from inbound.terminal import Terminal
from inbound.timeline.input import MissNote
from inbound.timeline.model import Language, RequestTimeline, StepKind, TextReading
from inbound.timeline.words import ArrivalSpan
from schemas.events import Arrival, Command
from schemas.messages import Outcome, PartResult, ReceiptState, SubmitAttempt
from schemas.registration_events import RegistrationUsage
from tests.unit.timeline.world import ACK, FULFILMENT, NOON, Person, seconds

STEPS: dict[str, list[str]] = tomllib.loads(
    Path(__file__).with_name("steps.toml").read_text("utf-8")
)
ARRIVAL = Arrival(
    gateway="gw-1",
    our_number="+79086228779",
    esm_class=0x40,
    alphabet="ucs-2",
    octets=22,
    sequences=(2, 1),
    first_part_at=seconds(-3),
)


def full() -> Person:
    """A request with everything in it: parts, a throttled attempt, no answer, late, receipts."""
    person = Person()
    request_id = person.texts(Command.CLIENT_INFO, arrival=ARRIVAL, parts=2)
    unanswered = (PartResult(),)
    person.result(
        request_id, ACK, Outcome.UNKNOWN, at_s=11, final=False, parts=unanswered, sent_at=seconds(1)
    )
    throttled = SubmitAttempt(part=1, status=0x58, bind="main-1", at=seconds(13))
    person.result(
        request_id,
        ACK,
        at_s=130,
        attempt=2,
        sent_at=seconds(12),
        gateway="gw-2",
        attempts=(throttled,),
        attempts_left_out=7,
    )
    ids = tuple(PartResult(status=0, smsc_message_id=f"a{n}") for n in range(3))
    person.result(request_id, FULFILMENT, at_s=131, parts=ids, sent_at=seconds(130.5))
    person.receipt(
        request_id,
        FULFILMENT,
        ReceiptState.DELIVERED,
        at_s=140,
        parts=3,
        error="000",
        done_at=NOON.replace(tzinfo=None),
    )
    return person


def said(request: RequestTimeline) -> list[tuple[str, str]]:
    return [(step.step.value, step.text) for step in request.steps]


@pytest.mark.parametrize("language", Language)
def test_every_step_says_what_happened(language: Language) -> None:
    told = [f"{kind}: {text}" for kind, text in said(full().only_request(200, language=language))]
    assert told == STEPS[language.value]


def test_times_are_utc_local_and_since_the_step_before() -> None:
    request = full().only_request(200)
    arrived, assembled, parsed, decided = request.steps[:4]
    assert arrived.at == seconds(-3)
    assert arrived.local.isoformat() == "2024-05-17T14:59:57+03:00"
    assert [step.after_s for step in (arrived, assembled, parsed, decided)] == [0, 3, 0.1, 0]
    whole = request.steps[-1].at - arrived.at
    assert sum(step.after_s for step in request.steps) == pytest.approx(whole.total_seconds())


def test_details_are_data() -> None:
    request = full().only_request(200)
    details = {step.step: step.details for step in request.steps}
    assert details[StepKind.RECORDED] == {"position": 101, "version": 1}
    assert details[StepKind.ARRIVED]["our_number"] == "+79086228779"
    parts = details[StepKind.RESULT]["parts"]
    assert parts == [
        {"status": 0, "status_name": "ESME_ROK", "smsc_message_id": f"a{n}"} for n in range(3)
    ]
    assert request.trace_id == "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize(
    ("command", "on", "known", "decided_s", "english", "russian"),
    [
        (
            Command.SMS_STOP,
            True,
            True,
            0.1,
            "accepted, notifications are switched off: the number is a client's, they were on",
            "принято, уведомления отключаются: номер принадлежит клиенту, были включены",
        ),
        (
            Command.SMS_STOP,
            False,
            True,
            0.1,
            (
                "accepted, notifications stay off: the number is a client's, they were off; it is "
                "acknowledged and not confirmed again"
            ),
            (
                "принято, уведомления остаются отключёнными: номер принадлежит клиенту, были "
                "отключены; повторно не подтверждается"
            ),
        ),
        (
            Command.SMS_START,
            False,
            True,
            0.1,
            "accepted, notifications are switched on: the number is a client's, they were off",
            "принято, уведомления включаются: номер принадлежит клиенту, были отключены",
        ),
        (
            Command.CLIENT_INFO,
            True,
            False,
            0.1,
            "refused: no client has the number",
            "отказ: такого номера нет ни у одного клиента",
        ),
        (
            Command.CLIENT_INFO,
            True,
            True,
            4200,
            "refused as too old: the number is a client's, but the text is 1 h 10 min old",
            (
                "отказ, обработано слишком поздно: номер принадлежит клиенту, "
                "возраст сообщения 1 ч 10 мин"
            ),
        ),
    ],
)
def test_the_decision_has_its_reason(
    command: Command, on: bool, known: bool, decided_s: float, english: str, russian: str
) -> None:
    policies = Person().policies.model_copy(update={"repeat_in_state": "acknowledge"})
    person = Person(policies, on=on)
    person.texts(command, known=known, decided_s=decided_s)
    for language, text in ((Language.EN, english), (Language.RU, russian)):
        assert ("decided", text) in said(person.only_request(language=language))


def test_it_says_why_somebody_outside_the_directory_may_switch() -> None:
    person = Person()
    person.state = replace(person.state, is_recipient=True)
    person.texts(Command.SMS_STOP, known=False)
    english = (
        "accepted, notifications are switched off: no client has the number, but it was a "
        "recipient before, they were on"
    )
    russian = (
        "принято, уведомления отключаются: такого номера нет ни у одного клиента, но он уже был "
        "среди получателей, были включены"
    )
    assert ("decided", english) in said(person.only_request(language=Language.EN))
    assert ("decided", russian) in said(person.only_request(language=Language.RU))


def test_a_switch_stands_before_the_commit() -> None:
    person = Person()
    person.texts(Command.SMS_STOP)
    kinds = [step.step.value for step in person.only_request().steps]
    assert kinds == ["arrived", "parsed", "decided", "switched", "recorded", "queued"]
    assert ("switched", "notifications and broadcasts are off") in said(person.only_request())


def test_an_old_event_tells_less() -> None:
    person = Person()
    person.texts(Command.CLIENT_INFO, parts=2)
    assert said(person.only_request())[:3] == [
        ("arrived", "deliver_sm from centre main, bind main-1: data_coding 0"),
        ("assembled", "put together from 2 parts"),
        ("parsed", "the command CLIENT info"),
    ]


@pytest.mark.parametrize(
    ("language", "alphabet", "told"),
    [
        (Language.EN, "ucs-2", "11 octets read as data_coding 8 (ucs-2), bind west-1"),
        (Language.EN, "none", "11 octets read as data_coding 8 (no text), bind west-1"),
        (Language.RU, "ucs-2", "октетов: 11, прочитано как data_coding 8 (ucs-2), канал west-1"),
    ],
)
def test_a_miss_tells_how_its_text_was_read(language: Language, alphabet: str, told: str) -> None:
    """By that an operator finds a wrong ALPHABET or DATA_CODINGS."""
    reading = TextReading(bind="west-1", data_coding=8, alphabet=alphabet, octets=11)
    note = MissNote("undecodable", ArrivalSpan(NOON, NOON), reading)
    timeline = Person().timeline(10, misses=[note], language=language)
    assert timeline.misses[0].reading == reading.model_copy(update={"text": told})
    printed = io.StringIO()
    print_timeline(timeline, Terminal(file=printed, width=120))
    assert told in printed.getvalue()


def test_a_limit_is_told_from_its_event_when_its_note_is_gone() -> None:
    person = Person()
    for n in range(11):
        person.done(Command.CLIENT_INFO, at_s=n * 100) if n < 10 else person.texts(
            Command.CLIENT_INFO, n * 100
        )
    reached = seconds(1000)
    [miss] = person.timeline(2000).misses
    assert (miss.kind, miss.first_at) == ("limited", reached)
    assert "exceeded the 10 commands accepted per hour" in miss.sentence
    [in_russian] = person.timeline(1000, language=Language.RU).misses
    assert "превысило число команд, принимаемых за час (10)" in in_russian.sentence
    note = MissNote("limited", ArrivalSpan(reached, reached + timedelta(seconds=5), 2))
    [noted] = person.timeline(2000, misses=[note]).misses
    assert noted.count == 2
    assert person.timeline(2000, since=seconds(1001)).misses == ()


def kinds(person: Person) -> list[StepKind]:
    return [step.step for step in person.only_request(2000).steps]


def test_the_fulfilment_is_queued_when_a_hold_ends() -> None:
    person = Person()
    request_id = person.held()
    hold = [StepKind.HELD, StepKind.RECORDED, StepKind.QUEUED, StepKind.RESULT]
    assert kinds(person)[3:] == hold
    person.releases(request_id)
    person.result(request_id, FULFILMENT, at_s=601)
    after = [StepKind.RELEASED, StepKind.QUEUED, StepKind.RESULT, StepKind.COMPLETED]
    assert kinds(person)[3:] == hold + after


def test_the_fulfilment_is_queued_with_the_acknowledgement_if_the_hold_ended_before() -> None:
    person = Person()
    usage = RegistrationUsage(off=True, minute=0, hour=0, centre_hour=0, clients=0)
    request_id = person.texts(Command.CLIENT_INFO, registrations=usage)
    person.releases(request_id, at_s=0.5)
    person.result(request_id, ACK)
    steps = [StepKind.HELD, StepKind.RECORDED, StepKind.QUEUED, StepKind.RELEASED]
    assert kinds(person)[3:] == [*steps, StepKind.RESULT, StepKind.QUEUED]


@pytest.mark.parametrize(
    ("seconds_", "english", "russian"), [(600, "10 min", "10 мин"), (259_200, "3 d", "3 сут")]
)
def test_the_longest_time_of_a_hold_is_told(seconds_: float, english: str, russian: str) -> None:
    person = Person(Policies(hold_for_s=seconds_))
    person.held()
    said = [
        next(step.text for step in person.only_request(language=language).steps
             if step.step is StepKind.HELD)
        for language in (Language.EN, Language.RU)
    ]  # fmt: skip
    assert f"for {english} at most" in said[0]
    assert f"не дольше {russian}:" in said[1]
