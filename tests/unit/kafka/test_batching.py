"""Items gather while a request is in flight; what Kafka does not take is reported or retried."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import ClassVar
from uuid import uuid4

import pytest
from aiokafka.errors import (
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    NotEnoughReplicasError,
    RecordListTooLargeError,
)
from tenacity import wait_none

from inbound.kafka import batching
from inbound.kafka.batching import BatchPolicy, BatchPublisher, OnFailure, UnpackableError
from schemas.base import Message
from tests.patience import PATIENCE_S


class Items(Message):
    TYPE: ClassVar[str] = "items.v1"
    items: tuple[int, ...]


class Kafka:
    """Notes what is sent; each record is stored, or fails, when the test says so."""

    def __init__(self) -> None:
        self.records: list[tuple[int, list[int]]] = []
        self.futures: list[asyncio.Future[None]] = []
        self.sent = asyncio.Event()

    async def send(
        self, _topic: str, value: bytes, *, partition: int, headers: object
    ) -> "asyncio.Future[None]":
        del headers
        self.records.append((partition, json.loads(value)["items"]))
        self.futures.append(asyncio.get_running_loop().create_future())
        self.sent.set()
        return self.futures[-1]

    async def until_sent(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while len(self.records) < count:
                self.sent.clear()
                await self.sent.wait()

    def store_all(self) -> None:
        for future in self.futures:
            if not future.done():
                future.set_result(None)


def packed(items: Sequence[int]) -> Items:
    return Items(items=tuple(items))


@asynccontextmanager
async def publisher(
    kafka: Kafka,
    on_failure: OnFailure,
    limit: int = 100,
    pack: Callable[[Sequence[int]], Items] = packed,
    monotonic: Callable[[], float] = time.monotonic,
    gather: Callable[[], Awaitable[object]] | None = None,
) -> AsyncIterator[BatchPublisher[int]]:
    made: BatchPublisher[int] = BatchPublisher(
        kafka,
        BatchPolicy("topic", per_record=3, on_failure=on_failure, limit=limit),
        pack,
        clock=lambda: datetime(2024, 5, 17, tzinfo=UTC),
        new_id=uuid4,
        monotonic=monotonic,
        gather=gather,
    )
    running = asyncio.create_task(made.run())
    yield made
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def noted(outcomes: dict[int, object], item: int) -> Callable[[BaseException | None], None]:
    return lambda failure: outcomes.update({item: failure})


async def test_items_gather_while_a_request_is_in_flight_and_keep_their_order() -> None:
    kafka, outcomes = Kafka(), dict[int, object]()
    async with publisher(kafka, OnFailure.REPORT) as made:
        made.add(0, 0, noted(outcomes, 0))
        await kafka.until_sent(1)
        for item in range(1, 5):
            made.add(0, item, noted(outcomes, item))
        made.add(7, 5, noted(outcomes, 5))
        kafka.store_all()
        await kafka.until_sent(4)
        kafka.store_all()
        await made.drain()
    assert [record for record in kafka.records if record[0] == 0] == [
        (0, [0]),
        (0, [1, 2, 3]),
        (0, [4]),
    ]
    assert (7, [5]) in kafka.records
    assert outcomes == dict.fromkeys(range(6))


async def test_items_gather_as_long_as_the_caller_wants() -> None:
    kafka, outcomes = Kafka(), dict[int, object]()
    began, enough = asyncio.Event(), asyncio.Event()

    async def gather() -> None:
        began.set()
        await enough.wait()

    async with (
        publisher(kafka, OnFailure.REPORT, gather=gather) as made,
        asyncio.timeout(PATIENCE_S),
    ):
        made.add(0, 0, noted(outcomes, 0))
        await began.wait()
        made.add(0, 1, noted(outcomes, 1))
        made.add(7, 2, noted(outcomes, 2))
        assert kafka.records == []
        enough.set()
        await kafka.until_sent(2)
        kafka.store_all()
        await made.drain()
    assert sorted(kafka.records) == [(0, [0, 1]), (7, [2])]


async def test_what_is_in_flight_counts_in_the_limit() -> None:
    kafka = Kafka()
    async with publisher(kafka, OnFailure.REPORT, limit=2) as made:
        made.add(0, 0, lambda _: None)
        await made.room()
        made.add(0, 1, lambda _: None)
        await kafka.until_sent(1)
        room = asyncio.ensure_future(made.room())
        await asyncio.sleep(0)
        assert not room.done()
        kafka.store_all()
        await asyncio.wait_for(room, PATIENCE_S)


async def test_a_failure_is_reported_to_the_items_of_its_record_alone() -> None:
    kafka, outcomes = Kafka(), dict[int, object]()
    async with publisher(kafka, OnFailure.REPORT) as made:
        for item in range(4):
            made.add(0, item, noted(outcomes, item))
        await kafka.until_sent(2)
        failure = KafkaTimeoutError()
        kafka.futures[0].set_exception(failure)
        kafka.store_all()
        await made.drain()
    assert outcomes == {0: failure, 1: failure, 2: failure, 3: None}


async def test_it_is_retried_until_kafka_takes_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "inbound.kafka")
    monkeypatch.setattr(batching, "wait_random_exponential", lambda **_: wait_none())
    kafka, outcomes = Kafka(), dict[int, object]()
    async with publisher(kafka, OnFailure.RETRY) as made:
        made.add(0, 1, noted(outcomes, 1))
        for attempt in range(1, 4):
            await kafka.until_sent(attempt)
            assert outcomes == {}
            kafka.futures[-1].set_exception(KafkaTimeoutError())
        await kafka.until_sent(4)
        kafka.store_all()
        await made.drain()
    assert outcomes == {1: None}
    assert kafka.records == [(0, [1])] * 4
    again = [line for line in caplog.messages if "takes records again" in line]
    assert caplog.messages[-1:] == again


class Refusing(Kafka):
    """Takes every record at once, except one that holds a refused item."""

    def __init__(self, refused: set[int], error: Exception) -> None:
        super().__init__()
        self.refused = refused
        self.error = error
        self.stored: list[int] = []

    async def send(
        self, topic: str, value: bytes, *, partition: int, headers: object
    ) -> "asyncio.Future[None]":
        future = await super().send(topic, value, partition=partition, headers=headers)
        items = json.loads(value)["items"]
        if self.refused & set(items):
            future.set_exception(self.error)
        else:
            self.stored += items
            future.set_result(None)
        return future


@pytest.mark.parametrize("on_failure", list(OnFailure))
@pytest.mark.parametrize("error", [MessageSizeTooLargeError(), RecordListTooLargeError()])
async def test_what_kafka_never_takes_is_reported_alone_and_the_others_go_on(
    on_failure: OnFailure, error: Exception
) -> None:
    kafka, outcomes = Refusing({2, 9}, error), dict[int, object]()
    async with publisher(kafka, on_failure) as made, asyncio.timeout(PATIENCE_S):
        for item in range(12):
            made.add(item % 2, item, noted(outcomes, item))
        await made.drain()
        made.add(0, 12, noted(outcomes, 12))
        await made.drain()
        await made.room()
    assert outcomes == dict.fromkeys(range(13)) | {2: error, 9: error}
    assert sorted(kafka.stored) == sorted(set(range(13)) - {2, 9})


async def test_an_item_that_makes_no_record_is_reported_alone() -> None:
    kafka, outcomes = Kafka(), dict[int, object]()

    def pack(items: Sequence[int]) -> Items:
        if 1 in items:
            raise ValueError("surrogates not allowed")
        return Items(items=tuple(items))

    async with publisher(kafka, OnFailure.RETRY, pack=pack) as made, asyncio.timeout(PATIENCE_S):
        for item in range(3):
            made.add(0, item, noted(outcomes, item))
        for record in range(1, 3):
            await kafka.until_sent(record)
            kafka.store_all()
        await made.drain()
    assert isinstance(outcomes.pop(1), UnpackableError)
    assert outcomes == {0: None, 2: None}


async def test_only_what_kafka_did_not_take_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "wait_random_exponential", lambda **_: wait_none())
    kafka, outcomes = Kafka(), dict[int, object]()
    async with publisher(kafka, OnFailure.RETRY) as made, asyncio.timeout(PATIENCE_S):
        for item in range(6):
            made.add(0, item, noted(outcomes, item))
        await kafka.until_sent(2)
        kafka.futures[0].set_exception(KafkaTimeoutError())
        kafka.futures[1].set_result(None)
        await kafka.until_sent(3)
        kafka.store_all()
        await made.drain()
    assert kafka.records == [(0, [0, 1, 2]), (0, [3, 4, 5]), (0, [0, 1, 2])]
    assert outcomes == dict.fromkeys(range(6))


async def test_it_tells_how_long_the_oldest_item_waits() -> None:
    kafka, now = Kafka(), [100.0]
    async with publisher(kafka, OnFailure.RETRY, monotonic=lambda: now[0]) as made:
        assert made.oldest_s() == 0
        made.add(0, 0, lambda _: None)
        now[0] += 7
        made.add(0, 1, lambda _: None)
        assert made.oldest_s() == 7
        await kafka.until_sent(1)
        kafka.store_all()
        await made.drain()
        assert made.oldest_s() == 0


async def test_a_partition_that_waits_does_not_hold_up_the_others() -> None:
    kafka, outcomes = Kafka(), dict[int, object]()
    async with publisher(kafka, OnFailure.RETRY) as made, asyncio.timeout(PATIENCE_S):
        made.add(0, 0, noted(outcomes, 0))
        await kafka.until_sent(1)
        for item in (1, 2):
            stored = asyncio.Event()
            made.add(1, item, lambda _: stored.set())  # noqa: B023 — awaited in this round
            await kafka.until_sent(item + 1)
            kafka.futures[-1].set_result(None)
            await stored.wait()
        assert outcomes == {}


async def test_an_answer_that_declines_records_is_no_silence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batching, "wait_random_exponential", lambda **_: wait_none())
    kafka, now = Kafka(), [100.0]
    async with publisher(kafka, OnFailure.RETRY, monotonic=lambda: now[0]) as made:
        made.add(0, 0, lambda _: None)
        await kafka.until_sent(1)
        now[0] += 50
        assert made.silent_s() == made.oldest_s() == 50
        kafka.futures[-1].set_exception(NotEnoughReplicasError())
        await kafka.until_sent(2)
        now[0] += 3
        assert (made.silent_s(), made.oldest_s()) == (3, 53)
        kafka.futures[-1].set_exception(KafkaTimeoutError())
        await kafka.until_sent(3)
        assert (made.silent_s(), made.oldest_s()) == (3, 53)
