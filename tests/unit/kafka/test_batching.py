"""Items gather while a request is in flight; what Kafka does not take is reported or retried."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import ClassVar
from uuid import uuid4

import pytest
from aiokafka.errors import KafkaTimeoutError
from tenacity import wait_none

from inbound.kafka import batching
from inbound.kafka.batching import BatchPolicy, BatchPublisher, OnFailure
from schemas.base import Message


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
        async with asyncio.timeout(5):
            while len(self.records) < count:
                self.sent.clear()
                await self.sent.wait()

    def store_all(self) -> None:
        for future in self.futures:
            if not future.done():
                future.set_result(None)


@asynccontextmanager
async def publisher(
    kafka: Kafka, on_failure: OnFailure, limit: int = 100
) -> AsyncIterator[BatchPublisher[int]]:
    made: BatchPublisher[int] = BatchPublisher(
        kafka,
        BatchPolicy("topic", per_record=3, on_failure=on_failure, limit=limit),
        lambda items: Items(items=tuple(items)),
        clock=lambda: datetime(2024, 5, 17, tzinfo=UTC),
        new_id=uuid4,
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
        await asyncio.wait_for(room, 5)


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
