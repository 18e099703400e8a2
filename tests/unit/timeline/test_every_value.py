"""Every value of every enum through the whole timeline, in both languages.

The tests take their cases from the enums and definitions, so a new value is tested as soon as
it exists; announced ones too, because the next release may write them while this one reads.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC
from itertools import product
from typing import get_args

import pytest

from inbound.handlers.decision import Disposition
from inbound.handlers.definitions import COMMON_PLANS, DEFINITIONS
from inbound.handlers.policies import Policies
from inbound.parsers.commands import NoCommand
from inbound.timeline.cases import DeliveryResult, delivery_of, outcome_of
from inbound.timeline.english_order_steps import OrderStep
from inbound.timeline.english_steps import step_text as english_step
from inbound.timeline.input import MissNote
from inbound.timeline.model import ClockState, Language, ReplyStatus, RequestTimeline, StepKind
from inbound.timeline.requests import RequestEvent
from inbound.timeline.russian_steps import step_text as russian_step
from inbound.timeline.words import ArrivalSpan, MissKind
from schemas.contracts.examples import EXAMPLES
from schemas.events import EVENTS, Command, DomainEvent, Plan
from schemas.message_events import DeliveryEvent, MessageEvent, MessageWithheld
from schemas.messages import Outcome, PartResult, Purpose, ReceiptState
from schemas.registration_events import HoldReason, RefusalCause
from streams.commands.account_texts import PASSED_ON, TOO_MANY
from tests.unit.timeline.test_sentences import refused, released, undone
from tests.unit.timeline.test_steps import full
from tests.unit.timeline.world import ACK, FULFILMENT, NOON, Person

ORDER_STEPS = frozenset(get_args(OrderStep))
PLANS = [
    (definition.command, plan)
    for definition in DEFINITIONS
    for plan in sorted(definition.plans | COMMON_PLANS)
]
SPELLINGS = {definition.command: definition.spelling for definition in DEFINITIONS}


def in_every_way(command: Command, plan: Plan) -> Iterator[tuple[str, Person]]:
    """The request as far as it may get, by a name for each way."""
    for on, confirm in product((True, False), (True, False)):
        facts = f"on: {on}, confirm: {confirm}"
        last = FULFILMENT if confirm else ACK
        person = Person(on=on)
        person.accepts(command, plan, confirm=confirm)
        yield f"{facts}, waiting", person
        for outcome in Outcome:
            person = Person(on=on)
            request_id = person.accepts(command, plan, confirm=confirm)
            if confirm:
                person.result(request_id, ACK)
            parts = (PartResult(status=0 if outcome is Outcome.SUBMITTED else 8),)
            person.result(request_id, last, outcome, at_s=2, parts=parts)
            yield f"{facts}, {outcome}", person
        for state in ReceiptState:
            person = Person(on=on)
            request_id = person.accepts(command, plan, confirm=confirm)
            if confirm:
                person.result(request_id, ACK)
            person.result(request_id, last, at_s=2)
            person.receipt(request_id, last, state)
            yield f"{facts}, receipt {state}", person


def registrations() -> Iterator[Person]:
    """Held, released and refused requests, and an undone stop."""
    for usage in (
        {"off": True},
        {},
        {"minute": 0, "hour": 10**6},
        {"minute": 0, "centre_hour": 10**6},
    ):
        person = Person()
        person.held(**usage)
        yield person
    person = Person(Policies(registrations_need="open_case"))
    person.held()
    yield person
    yield released()
    yield from map(refused, RefusalCause)
    yield undone()


def check(text: str) -> None:
    for odd in ("None", "{", "}", "_", "  ", "..", ";;", " ,", " ;"):
        assert odd not in text.replace("ESME_", ""), text
    assert text == text.strip()


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(("command", "plan"), PLANS)
def test_every_plan_has_its_sentence_and_steps(
    command: Command, plan: Plan, language: Language
) -> None:
    for _, person in in_every_way(command, plan):
        request = person.only_request(language=language)
        assert (request.command, request.plan) == (command, plan)
        assert SPELLINGS[command] in request.sentence
        assert request.sentence.endswith(".")
        check(request.sentence.replace(SPELLINGS[command], "X"))
        for step in request.steps:
            assert step.text
            assert "None" not in step.text


@pytest.mark.parametrize("language", Language)
def test_no_two_plans_have_the_same_sentence_or_step(language: Language) -> None:
    """Apart from the spelling of the command."""
    plans: defaultdict[str, dict[str, Plan]] = defaultdict(dict)
    for command, plan in PLANS:
        for way, person in in_every_way(command, plan):
            request = person.only_request(language=language)
            sentence = request.sentence.replace(SPELLINGS[command], "")
            for kind, text in (("sentence", sentence), ("step", decided(request))):
                same = plans[f"{kind}, {way}"].setdefault(text, plan)
                assert same is plan, f"{plan!r} and {same!r} have the same {kind}: {text}"


@pytest.mark.parametrize("language", Language)
def test_every_hold_and_refusal_has_its_own_words(language: Language) -> None:
    kinds: defaultdict[StepKind, set[str]] = defaultdict(set)
    for person in registrations():
        request = person.only_request(language=language)
        check(request.sentence)
        assert request.sentence.endswith(".")
        for step in request.steps:
            kinds[step.step].add(step.text)
            assert "None" not in step.text
    assert len(kinds[StepKind.HELD]) == len(HoldReason)
    assert len(kinds[StepKind.REFUSED]) == len(RefusalCause)
    assert kinds[StepKind.RELEASED] | kinds[StepKind.RESTORED]


def decided(request: RequestTimeline) -> str:
    return next(step.text for step in request.steps if step.step is StepKind.DECIDED)


def all_requests(language: Language = Language.EN) -> Iterator[RequestTimeline]:
    yield full().only_request(200, language=language)
    stopped = Person()
    stopped.done(Command.SMS_STOP)
    yield stopped.only_request(language=language)
    for person in registrations():
        yield person.only_request(language=language)
    for command, plan in PLANS:
        for _, person in in_every_way(command, plan):
            for now_s in (60, 300):
                yield person.only_request(now_s, language=language)


def test_every_value_that_makes_a_sentence_is_reached() -> None:
    requests = list(all_requests())
    assert {request.verdict for request in requests} == set(ReplyStatus)
    assert {request.clock.state for request in requests} == set(ClockState)
    steps = {step.step for request in requests for step in request.steps}
    assert steps | {StepKind.CLAIMED} == set(StepKind) - ORDER_STEPS


@pytest.mark.parametrize("purpose", Purpose)
def test_every_purpose_has_its_words(purpose: Purpose) -> None:
    details = {"purpose": purpose.value, "gateway": "gw-1", "attempt": 2}
    for step_text in (english_step, russian_step):
        assert "gw-1" in step_text(StepKind.CLAIMED, details, UTC)


# -- what is not an enum of its own ------------------------------------------------------------


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: type(event).__name__)
def test_every_event_of_a_request_is_shown(event: object) -> None:
    if isinstance(event, DomainEvent):
        has_request = type(event) in EVENTS and "request_id" in type(event).model_fields
        assert isinstance(event, RequestEvent) is has_request, "inbound/timeline/requests.py"


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: type(event).__name__)
def test_every_event_of_a_message_has_its_outcome(event: object) -> None:
    # A message of a request is never withheld: only orders are, and they have no request.
    if isinstance(event, MessageEvent) and not isinstance(event, MessageWithheld):
        assert outcome_of(event) in Outcome
    if isinstance(event, DeliveryEvent):
        assert delivery_of(event) in DeliveryResult


def test_every_reason_to_make_no_request_has_its_sentence() -> None:
    reasons = {*NoCommand, *Disposition, "incomplete"} - {Disposition.ACCEPTED}
    reasons |= {PASSED_ON, TOO_MANY}
    assert set(MissKind) == reasons, "inbound/timeline/words.py: MissKind"


@pytest.mark.parametrize("language", Language)
def test_no_two_reasons_have_the_same_sentence(language: Language) -> None:
    sentences = set()
    for kind in MissKind:
        note = MissNote(kind.value, ArrivalSpan(NOON, NOON))
        sentence = Person().timeline(language=language, misses=[note]).sentence
        check(sentence)
        assert kind.value not in sentence.split()
        sentences.add(sentence)
    assert len(sentences) == len(MissKind)


@pytest.mark.parametrize("language", Language)
def test_a_client_is_told_the_commands_that_are_accepted(language: Language) -> None:
    note = MissNote("unknown", ArrivalSpan(NOON, NOON))
    sentence = Person().timeline(language=language, misses=[note]).sentence
    for definition in DEFINITIONS:
        assert (definition.spelling in sentence) is definition.is_accepted
