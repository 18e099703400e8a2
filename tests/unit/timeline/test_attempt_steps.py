"""The steps of attempts to send: reported or not, answered or not, and where receipts stand."""

from typing import Any

import pytest

from inbound.handlers.decision import message_id
from inbound.store.lookup.messages import ClaimRecord
from inbound.timeline.model import Language, ReplyStatus, RequestTimeline
from schemas.events import Command
from schemas.message_events import MessageUnknown
from schemas.messages import Outcome, PartResult, ReceiptState
from tests.unit.timeline.world import ACK, FULFILMENT, Person, seconds


def said(request: RequestTimeline) -> list[tuple[str, str]]:
    return [(step.step.value, step.text) for step in request.steps]


@pytest.mark.parametrize(
    ("language", "told"),
    [
        (
            Language.EN,
            (
                "acknowledgement, attempt 1: may have been sent, its gateway ended without "
                "reporting it; known from attempt 2"
            ),
        ),
        (
            Language.RU,
            (
                "уведомление о приёме, попытка 1: возможно, отправлено (шлюз остановился, не "
                "сообщив о результате; это видно по попытке 2)"
            ),
        ),
    ],
)
def test_an_attempt_that_no_gateway_reported_is_a_step(language: Language, told: str) -> None:
    person = Person()
    request_id = person.texts(Command.CLIENT_INFO)
    person.result(request_id, ACK, attempt=2)
    texts = [
        text for kind, text in said(person.only_request(language=language)) if kind == "result"
    ]
    assert texts[0] == told
    assert len(texts) == 2


@pytest.mark.parametrize(
    ("how", "english", "russian"),
    [
        (
            {"sent_at": seconds(1), "parts": (PartResult(),)},
            "acknowledgement sent and never answered",
            "уведомление о приёме: отправлено, но ответа нет",
        ),
        (
            {},
            (
                "acknowledgement may have been sent: the gateway that had taken it ended without "
                "reporting it"
            ),
            (
                "уведомление о приёме: возможно, отправлено (шлюз остановился, не сообщив о "
                "результате)"
            ),
        ),
        (
            {"attempt": 2, "parts": (PartResult(),)},
            "acknowledgement is not sent again; whether it was received before is not known",
            "уведомление о приёме: больше не отправляется; дошло ли раньше, неизвестно",
        ),
    ],
)
def test_an_attempt_without_an_answer_was_sent_only_if_a_gateway_says_so(
    how: dict[str, Any], english: str, russian: str
) -> None:
    person = Person()
    request_id = person.texts(Command.CLIENT_INFO)
    person.result(request_id, ACK, Outcome.UNKNOWN, **how)
    for language, told in ((Language.EN, english), (Language.RU, russian)):
        steps = [text for kind, text in said(person.only_request(language=language))]
        assert told in steps


def test_a_late_report_of_an_earlier_attempt_does_not_reopen_the_request() -> None:
    person = Person()
    request_id = person.texts(Command.CLIENT_INFO)
    person.result(request_id, ACK, attempt=2)
    person.result(request_id, FULFILMENT, attempt=2)
    person.recorded(
        MessageUnknown(
            message_id=message_id(request_id, FULFILMENT),
            request_id=request_id,
            purpose=FULFILMENT,
            template="registration",
            attempt=1,
            centre="main",
            bind="main-1",
            at=seconds(3),
            final=False,
        ),
        at_s=3,
    )
    assert person.only_request().verdict is ReplyStatus.ON_ITS_WAY


@pytest.mark.parametrize(
    ("outcome", "parts", "english", "russian"),
    [
        (
            Outcome.SUBMITTED,
            (PartResult(status=0, smsc_message_id="17"),),
            "the acknowledgement was accepted only after 2 min 30 s (promise: 2 min)",
            "уведомление о приёме принято центром лишь через 2 мин 30 с (обещано: 2 мин)",
        ),
        (
            Outcome.REJECTED,
            (PartResult(status=0x0A),),
            "the centre refused the acknowledgement after 2 min 30 s with ESME_RINVSRCADR",
            "центр отверг уведомление о приёме через 2 мин 30 с, ESME_RINVSRCADR",
        ),
        (
            Outcome.UNKNOWN,
            (PartResult(),),
            (
                "given up after 2 min 30 s: the centre never confirmed the acknowledgement "
                "(promise: 2 min)"
            ),
            (
                "через 2 мин 30 с ожидание прекращено: центр не подтвердил уведомление о приёме "
                "(обещано: 2 мин)"
            ),
        ),
        (
            Outcome.EXPIRED,
            (),
            "the acknowledgement was given up unsent after 2 min 30 s (promise: 2 min)",
            "уведомление о приёме за 2 мин 30 с отправить не удалось (обещано: 2 мин)",
        ),
        (
            Outcome.ERASED,
            (),
            "the acknowledgement was not sent: the number or the secret had been erased",
            "уведомление о приёме не отправлено: через 2 мин 30 с номер или данные удалены",
        ),
    ],
)
def test_a_broken_promise_claims_no_more_than_is_known(
    outcome: Outcome, parts: tuple[PartResult, ...], english: str, russian: str
) -> None:
    person = Person()
    request_id = person.texts(Command.CLIENT_INFO)
    person.result(request_id, ACK, outcome, at_s=150, parts=parts)
    assert ("late", english) in said(person.only_request(language=Language.EN))
    assert ("late", russian) in said(person.only_request(language=Language.RU))


def test_an_acknowledgement_that_was_not_encoded_was_not_refused() -> None:
    person = Person()
    request_id = person.texts(Command.CLIENT_INFO)
    person.result(request_id, ACK, Outcome.REJECTED, at_s=0.1, parts=(PartResult(),))
    [(_, late)] = [step for step in said(person.only_request()) if step[0] == "late"]
    assert "refused" not in late


def test_a_receipt_stands_where_its_time_is() -> None:
    person = Person()
    request_id = person.texts(Command.CLIENT_INFO)
    person.result(request_id, ACK, at_s=1)
    person.result(request_id, FULFILMENT, at_s=3)
    # Both are recorded last; the second came before the answer to its message.
    person.receipt(request_id, ACK, ReceiptState.DELIVERED, at_s=2)
    person.receipt(request_id, FULFILMENT, ReceiptState.DELIVERED, at_s=2.5)
    steps = [(step.step.value, step.details.get("purpose")) for step in person.only_request().steps]
    assert steps[4:] == [
        ("queued", "acknowledgement"),
        ("result", "acknowledgement"),
        ("queued", "fulfilment"),
        ("receipt", "acknowledgement"),
        ("result", "fulfilment"),
        ("receipt", "fulfilment"),
        ("completed", None),
    ]


def test_a_claim_is_shown_while_no_result_is_known() -> None:
    person = Person()
    request_id = person.texts(Command.CLIENT_INFO)
    claim = ClaimRecord(message_id(request_id, ACK), 1, "gw-1", seconds(0.5))
    assert said(person.only_request(claims=[claim]))[-1] == (
        "claimed",
        "gateway gw-1 has taken the acknowledgement to send it",
    )
    person.result(request_id, ACK)
    assert said(person.only_request(claims=[claim]))[-1][0] == "queued"
