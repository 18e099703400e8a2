"""Records of other services become orders: once each, whatever Kafka delivers again."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from pydantic_core import from_json, to_json

from inbound.deadletter.isolation import BatchProcessor, FailedRecord
from inbound.errors import PoisonError
from inbound.kafka.decoding import TopicRecord
from inbound.orders.intake import MOST_IN_BATCH
from inbound.orders.ports import Placed
from schemas.contracts.examples import TRACEPARENT, example_of
from schemas.notify import OrderRequested, order_id_of
from schemas.orders import Order, OrderEntry
from schemas.sending_hours import SendingHours
from streams.notify.processor import NotifyProcessor, order_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECRET = "+79161234567"
HOURS = {"start": "10:00", "end": "12:00"}
HEADERS = {"ce_type": "ru.scserv.order.requested.v1", "ce_source": "/crm", "ce_id": "case-4711"}


def record(value: object = None, **headers: str | None) -> TopicRecord:
    named = {**HEADERS, **headers}
    return TopicRecord(
        topic="sms.notify.v1",
        partition=0,
        offset=0,
        key=b"C-1001",
        value=to_json({"to": SECRET, "text": "Готово"} if value is None else value),
        headers=[
            (name.replace("content_", "content-"), text.encode())
            for name, text in named.items()
            if text is not None
        ],
    )


def test_the_published_example_is_read() -> None:
    example = example_of(OrderRequested)
    assert example is not None
    found = order_of(record(from_json(example.to_json())))
    assert (found.client_id, found.template, found.account) == ("C-1001", "visit", "default")
    assert found.hours == SendingHours.parse("13:00-17:00")
    assert found.entry is OrderEntry.KAFKA


def test_a_field_that_is_named_twice_is_refused() -> None:
    twice = TopicRecord(
        topic="sms.notify.v1",
        partition=0,
        offset=0,
        key=b"C-1001",
        value=b'{"to": "+79161234567", "text": "a", "text": "b"}',
        headers=record().headers,
    )
    with pytest.raises(PoisonError, match="names a field more than once"):
        order_of(twice)


def test_source_and_id_make_the_key() -> None:
    key = order_of(record()).idempotency_key
    assert key == order_of(record(traceparent=TRACEPARENT)).idempotency_key
    others = [
        record(ce_id="case-4712"),
        record(ce_source="/crm2"),
        record(ce_source="/crmcase", ce_id="-4711"),
        record({"to": SECRET, "text": "Готово", "idempotency_key": "case-4711"}),
    ]
    assert len({key, *(order_of(one).idempotency_key for one in others)}) == 5


def test_a_key_of_its_own_takes_the_place_of_an_identity() -> None:
    body = {"to": SECRET, "text": "Готово", "idempotency_key": "4711"}
    bare = record(body, ce_id=None, ce_source=None, ce_type=None)
    assert order_of(bare).idempotency_key == order_of(record(body)).idempotency_key
    assert order_of(record(body, ce_id=str(uuid4()))).order_id is None


def test_the_writer_of_a_random_id_can_compute_the_id_of_the_order() -> None:
    event_id = "1f0c0a2e-6f7b-4c1d-8a35-9e2b7c4d5f60"
    found = order_of(record(ce_id=event_id)).order_id
    # docs/SUBSCRIBERS.md says so, so it must not change.
    assert found == UUID("10024c19-23b6-5ab5-b3c5-bfc5c0d8c64b")
    assert found == order_id_of("default", "/crm", event_id)
    assert found != order_id_of("other", "/crm", event_id)


@pytest.mark.parametrize(
    "event_id",
    ["case-4711", "00000000-0000-0000-0000-079161234567", "1F0C0A2E-6F7B-4C1D-8A35-9E2B7C4D5F60"],
)
def test_an_id_that_could_be_guessed_leads_to_no_computable_order(event_id: str) -> None:
    assert order_of(record(ce_id=event_id)).order_id is None


def test_a_trace_goes_on() -> None:
    assert order_of(record(traceparent=TRACEPARENT)).traceparent == TRACEPARENT
    assert order_of(record(traceparent="nonsense" * 20)).traceparent is None


@pytest.mark.parametrize(
    "bad",
    [
        record(b"no object"),
        record(ce_type="ru.scserv.something.else.v1"),
        record(ce_id=None),
        record(ce_source=""),
        record({"text": "Готово"}),
        record({"to": SECRET, "client_id": "C-1", "text": "Готово"}),
        record({"to": SECRET, "text": "Готово", "kind": "broadcast"}),
        record({"to": SECRET, "text": "Готово", "fields": {"a": "b"}}),
        record({"to": SECRET, "text": "x" * 5000}),
        record({"to": SECRET, "text": " \u200b"}),
        record({"to": SECRET, "text": "Готово", "expires": "2026-01-01T00:00:00Z"}),
        record({"to": SECRET, "text": "Готово", "expires_at": 1767225600}),
        record({"to": SECRET, "text": "Готово", "hours": {**HOURS, "time_zone": "Asia/Omsk"}}),
        record({"client_id": "C-1\u202e", "text": "Готово"}),
        record(ce_specversion="0.3"),
        record(content_type="application/cloudevents+json"),
        record(ce_datacontenttype="text/plain"),
    ],
)
def test_a_bad_record_is_poison_and_is_not_quoted(bad: TopicRecord) -> None:
    with pytest.raises(PoisonError) as caught:
        order_of(bad)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"expires": "2026-01-01T00:00:00Z"}, "expires is an unknown field"),
        ({"79161234567": "x"}, "has an unknown field"),
        ({"text": " "}, "text has no visible character; write what to send"),
        ({"hours": {"start": "10:00", "end": "10:00"}}, "hours end when they start"),
        ({"sender": "СБЕР"}, "sender has to be up to 11 Latin letters"),
        ({"kind": "broadcast"}, "kind has to be notification or service"),
    ],
)
def test_a_dead_letter_says_which_field_is_wrong(change: dict[str, object], said: str) -> None:
    with pytest.raises(PoisonError) as caught:
        order_of(record({"to": SECRET, "text": "Готово", **change}))
    assert said in str(caught.value)


def test_a_dead_letter_names_the_order_that_its_writer_waits_for() -> None:
    event_id = "1f0c0a2e-6f7b-4c1d-8a35-9e2b7c4d5f60"
    for bad in (record({"to": SECRET}, ce_id=event_id), record(b"{", ce_id=event_id)):
        with pytest.raises(PoisonError, match=r"^order 10024c19-23b6-5ab5-b3c5-bfc5c0d8c64b: "):
            order_of(bad)
    with pytest.raises(PoisonError, match=r"^no valid"):
        order_of(record({"to": SECRET, "idempotency_key": "4711"}, ce_id=event_id))


@pytest.mark.parametrize("media_type", ["application/json", "Application/JSON; charset=utf-8"])
def test_the_headers_of_cloudevents_are_taken(media_type: str) -> None:
    assert order_of(record(ce_specversion="1.0", content_type=media_type)).text == "Готово"


async def test_bad_records_are_set_aside_and_the_others_placed() -> None:
    placed: list[int] = []
    failed: list[FailedRecord] = []

    async def place(orders: Sequence[Order]) -> Sequence[Placed]:
        placed.append(len(orders))
        return ()

    async def set_aside(records: Sequence[FailedRecord]) -> None:
        failed.extend(records)

    good = [record(ce_id=f"{number}") for number in range(MOST_IN_BATCH + 1)]
    bad = record({"text": "nobody"})
    far = record({"to": SECRET, "text": "Готово", "not_before": "2036-01-01T00:00:00Z"})
    processor = NotifyProcessor(place, ahead_days=30, clock=lambda: NOW)
    await BatchProcessor(processor, set_aside)([bad, far, *good])
    assert placed == [MOST_IN_BATCH, 1]
    assert [one for one, _ in failed] == [bad, far]
    assert str(failed[1][1]) == "not_before is more than 30 days ahead (SCSERV_ORDER_AHEAD_DAYS)"
