"""Records of the public topics, as the published CloudEvents SDK reads them."""

from datetime import UTC, datetime

import pytest
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from jsonschema import Draft202012Validator, FormatChecker

from inbound.kafka.records import ProducerRecord, of_event, of_subscription, older_forms_of
from inbound.store.log.rows import RecordedEvent
from schemas.contracts.examples import EXAMPLES, SUBJECT, TRACEPARENT
from schemas.contracts.released import load
from schemas.events import DomainEvent, SubscriptionStarted, SubscriptionStopped

RECORDED_AT = datetime(2026, 1, 31, 12, 0, 0, 150_000, UTC)
EVENTS = [example for example in EXAMPLES if isinstance(example, DomainEvent)]
STOPPED = next(event for event in EVENTS if isinstance(event, SubscriptionStopped))
STARTED = next(event for event in EVENTS if isinstance(event, SubscriptionStarted))


def recorded(event: DomainEvent, version: int = 7) -> RecordedEvent:
    return RecordedEvent(
        position=1,
        stream_id=SUBJECT,
        version=version,
        type=event.TYPE,
        schema_version=event.VERSION,
        data=event.to_json(),
        metadata=b'{"traceparent":"%s"}' % TRACEPARENT.encode(),
        recorded_at=RECORDED_AT,
    )


def read(record: ProducerRecord) -> BaseCloudEvent:
    assert record["value"] is not None
    message = KafkaMessage(dict(record["headers"]), record["key"], record["value"])
    event = from_binary_event(message)
    schema = load().types[event.get_type()]
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(event.get_data())
    return event


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.TYPE)
def test_an_event_is_a_cloud_event_that_fits_its_schema(event: DomainEvent) -> None:
    record = of_event(recorded(event), "sms.events.v1")
    read_back = read(record)
    assert read_back.get_id() == f"{SUBJECT}/7"
    assert read_back.get_type() == f"ru.scserv.{event.TYPE}.v1"
    assert read_back.get_subject() == read_back.get_extension("partitionkey") == str(SUBJECT)
    assert read_back.get_time() == RECORDED_AT
    assert read_back.get_extension("replay") is None
    assert dict(record["headers"])["traceparent"] == TRACEPARENT.encode()


def test_a_replay_says_so_and_keeps_the_id() -> None:
    replayed = read(of_event(recorded(STOPPED), "sms.mine.v1", replay="2026-02"))
    assert replayed.get_extension("replay") == "2026-02"
    assert replayed.get_id() == f"{SUBJECT}/7"


def test_a_subscription_is_the_whole_state_and_an_event_of_its_own() -> None:
    stopped = recorded(STOPPED, version=2)
    state = read(of_subscription(stopped, "sms.subscriptions.v1"))
    assert state.get_data() == {
        "subject_id": str(SUBJECT),
        "may_be_texted": False,
        "version": 2,
        "changed_at": "2026-01-31T12:00:00.150000Z",
    }
    event = read(of_event(stopped, "sms.events.v1"))
    assert (state.get_source(), state.get_id()) != (event.get_source(), event.get_id())
    on = read(of_subscription(recorded(STARTED, version=3), "sms.subscriptions.v1")).get_data()
    assert isinstance(on, dict)
    assert (on["may_be_texted"], on["version"]) == (True, 3)


def test_older_versions_are_published_too() -> None:
    downcasters = {("subscription.stopped", 1): lambda new: {"when": new["at"]}}
    (older,) = older_forms_of(recorded(STOPPED), "sms.events.v1", downcasters=downcasters)
    headers = dict(older["headers"])
    assert headers["ce_type"] == b"ru.scserv.subscription.stopped.v0"
    assert headers["ce_id"] == f"{SUBJECT}/7".encode()
    assert older["value"] == b'{"when":"2026-01-31T12:00:00.140000Z"}'
    assert not list(older_forms_of(recorded(STOPPED), "sms.events.v1"))
