"""A replay goes on where it stopped, keeps its rate, and never touches a live topic."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from kafka.errors import KafkaTimeoutError, MessageSizeTooLargeError

from inbound.errors import SetupError
from inbound.kafka.producer import Delivery
from inbound.replay.publish.publisher import BATCH, PublishStoppedError, ReplayPublisher
from inbound.replay.publish.topics import check_name
from inbound.store.errors import StoreUnavailable
from inbound.store.log.rows import RecordedEvent
from schemas.cloudevents import Headers, header
from schemas.topics import TOPICS, TopicNames
from schemas.upcasters import DOWNCASTERS

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LOG = [
    RecordedEvent(n, UUID(int=n % 3), n // 3 + 1, "test.happened", 1, b"{}", b"{}", NOON)
    for n in range(1, 11)
]


def stored() -> Delivery:
    delivery = Delivery(KafkaTimeoutError())
    delivery.error = None
    return delivery


class Producer:
    """Kafka as seen here: `fails` says which records are refused, `raises` which can't be sent."""

    def __init__(self, fails: Callable[[int], bool], raises: Callable[[int], bool]) -> None:
        self.sent: list[dict[str, Any]] = []
        self.closed = 0
        self._fails, self._raises = fails, raises

    def send(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | None = None,
        headers: Headers | None = None,
    ) -> Delivery:
        if self._raises(len(self.sent)):
            raise KafkaTimeoutError("the buffer is full")
        delivery = stored()
        if self._fails(len(self.sent)):
            delivery.error = KafkaTimeoutError("nobody acknowledges")
        self.sent.append({"topic": topic, "value": value, "key": key, "headers": headers})
        return delivery

    def flush(self, timeout: float | None = None) -> None:
        pass

    def close(self, _within_s: float = 0) -> None:
        self.closed += 1


def never(_: int) -> bool:
    return False


def read(after: int, limit: int) -> list[RecordedEvent]:
    return [event for event in LOG if event.position > after][:limit]


def publishing(
    fails: Callable[[int], bool] = never,
    raises: Callable[[int], bool] = never,
    position: int = 0,
    **more: Any,
) -> tuple[ReplayPublisher, Producer]:
    producer = Producer(fails, raises)
    values: dict[str, Any] = {"read": read, "topic": "t", "replay": "r-1", **more}
    return ReplayPublisher(producer=producer, position=position, **values), producer


def ids(producer: Producer) -> list[str | None]:
    return [header(record["headers"], "ce_id") for record in producer.sent]


def test_all_goes_in_order_with_the_mark_of_a_replay() -> None:
    made, producer = publishing()
    assert made.run() is True
    assert (made.position, made.events) == (10, 10)
    assert ids(producer) == [f"{event.stream_id}/{event.version}" for event in LOG]
    first = producer.sent[0]
    assert first["key"] == str(UUID(int=1)).encode()
    assert header(first["headers"], "ce_replay") == "r-1"
    assert header(first["headers"], "ce_time") == "2026-03-01T12:00:00Z"


def test_readers_of_an_older_version_get_theirs_too(monkeypatch: pytest.MonkeyPatch) -> None:
    older = {("test.happened", 2): lambda data: {"old": data["new"]}}
    monkeypatch.setitem(DOWNCASTERS, *older.popitem())
    event = replace(LOG[0], schema_version=2, data=b'{"new":1}')
    made, producer = publishing(read=lambda after, _: [event] if after < 1 else [])
    made.run()
    assert [header(record["headers"], "ce_type") for record in producer.sent] == [
        "ru.scserv.test.happened.v2",
        "ru.scserv.test.happened.v1",
    ]
    assert len(set(ids(producer))) == 1
    assert producer.sent[1]["value"] == b'{"old":1}'
    assert header(producer.sent[1]["headers"], "ce_replay") == "r-1"
    assert made.events == 1


def test_it_begins_behind_its_position() -> None:
    made, producer = publishing(position=7)
    made.run()
    assert len(producer.sent) == 3


@pytest.mark.parametrize("how", ["fails", "raises"])
def test_position_stays_before_a_failed_event(how: str) -> None:
    first: dict[str, Any] = {how: lambda n: n >= 4}
    made, _ = publishing(**first)
    with pytest.raises(PublishStoppedError, match="Kafka did not answer in time"):
        made.run()
    assert (made.position, made.events) == (4, 4)
    again, producer = publishing(position=made.position)
    again.run()
    assert ids(producer)[0] == f"{LOG[4].stream_id}/{LOG[4].version}"


def test_what_was_acknowledged_behind_a_failure_does_not_count() -> None:
    made, _ = publishing(fails=lambda n: n == 2)
    with pytest.raises(PublishStoppedError):
        made.run()
    assert (made.position, made.events) == (2, 2)


def test_position_survives_a_database_outage() -> None:
    def once(after: int, limit: int) -> list[RecordedEvent]:
        if after:
            raise StoreUnavailable("gone")
        return LOG[:3]

    made, _ = publishing(read=once)
    with pytest.raises(PublishStoppedError, match="gone"):
        made.run()
    assert made.position == 3


def test_stop_is_checked_between_batches() -> None:
    made, producer = publishing()
    made.stopping.set()
    assert made.run() is False
    assert producer.sent == []


def test_a_rate_is_kept() -> None:
    """Time passes only by waiting, so what it waits for is what it is slowed by."""
    made, _ = publishing(rate=4)
    now = 0.0

    class Stopping(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            nonlocal now
            now += timeout or 0
            return False

    made.clock = lambda: now
    made.stopping = Stopping()
    made.run()
    assert now == 10 / 4


def test_batches_of_a_rate_are_a_tenth_of_a_second() -> None:
    asked: list[int] = []

    def note(_: int, limit: int) -> list[RecordedEvent]:
        asked.append(limit)
        return []

    for rate in (0, 1, 300, 1_000_000):
        publishing(read=note, rate=rate)[0].run()
    assert asked == [BATCH, 1, 30, BATCH]


LIVE = [spec.name for spec in TOPICS]


@pytest.mark.parametrize("topic", LIVE)
def test_live_topics_are_refused_under_any_prefix(topic: str) -> None:
    for prefix in ("", "staging.", "a-b_"):
        assert prefix + topic in {spec.name for spec in TopicNames.prefixed(prefix).specs()}
        with pytest.raises(SetupError, match=f"{topic} is a live topic"):
            check_name(prefix + topic)


@pytest.mark.parametrize(
    "topic", ["", "a b", "ä", "..", "a" * 250, "__consumer_offsets", "a/b", "x\n"]
)
def test_names_that_kafka_refuses_or_owns_are_refused(topic: str) -> None:
    with pytest.raises(SetupError, match="--to-topic"):
        check_name(topic)


def test_a_name_that_begins_like_a_live_one_is_fine() -> None:
    check_name("sms.events.v1.replay-2026")


class RefusingProducer(Producer):
    """Fails everything in flight with a record of certain events, as our producer does."""

    def __init__(self, refused: set[str]) -> None:
        super().__init__(never, never)
        self._refused = refused
        self._in_flight: list[Delivery] = []
        self._is_broken = False
        self.stored: list[str] = []

    def send(self, *args: Any, **kwargs: Any) -> Delivery:
        delivery = super().send(*args, **kwargs)
        self._in_flight.append(delivery)
        self._is_broken |= str(header(self.sent[-1]["headers"], "ce_id")) in self._refused
        return delivery

    def flush(self, timeout: float | None = None) -> None:
        for delivery, sent in zip(self._in_flight, self.sent[-len(self._in_flight) :], strict=True):
            if self._is_broken:
                delivery.error = MessageSizeTooLargeError()
            else:
                self.stored.append(str(header(sent["headers"], "ce_id")))
        self._in_flight = []

    def close(self, _within_s: float = 0) -> None:
        self._is_broken = False


def test_events_that_kafka_never_takes_are_left_out_and_reported() -> None:
    ids = [f"{event.stream_id}/{event.version}" for event in LOG]
    producer = RefusingProducer({ids[3], ids[8]})
    replay = ReplayPublisher(
        read=lambda after, limit: [one for one in LOG if one.position > after][:limit],
        producer=producer,
        topic="test.replay",
        replay="r1",
        position=0,
    )
    assert replay.run()
    too_large = "the record is too large for Kafka"
    assert replay.refused == [(4, too_large), (9, too_large)]
    assert list(dict.fromkeys(producer.stored)) == [
        one for one in ids if one not in {ids[3], ids[8]}
    ]
    assert replay.position == 10
