"""A result that Kafka will never take: its outcome goes on, and nothing waits for it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiokafka.errors import MessageSizeTooLargeError

from inbound.clock import utc_now
from inbound.deadletter.letters import GATEWAY_FEED
from inbound.store.claims.memory import MemoryClaims
from inbound.store.transactions.memory import MemoryStore
from schemas.messages import (
    Outcome,
    PartResult,
    Purpose,
    SubmitAttempt,
    SubmitResult,
    SubmitResults,
)
from streams.outbox import results as module
from streams.outbox.recording import ResultRecorder
from streams.outbox.results import ResultPublisher
from tests.patience import PATIENCE_S
from tests.set_aside import SetAside

LIMIT = 100


class Broker:
    """Takes records of at most `octets`."""

    def __init__(self, octets: int) -> None:
        self.octets = octets
        self.results: list[SubmitResult] = []
        self.records = 0

    async def send(self, _topic: str, value: bytes, **_: Any) -> "asyncio.Future[None]":
        if len(value) > self.octets:
            raise MessageSizeTooLargeError
        self.records += 1
        self.results += SubmitResults.model_validate_json(value).results
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        stored.set_result(None)
        return stored


def result(number: int, parts: int) -> SubmitResult:
    return SubmitResult(
        message_id=UUID(int=number),
        subject_id=UUID(int=7),
        request_id=UUID(int=8),
        key="3f" * 32,
        purpose=Purpose.FULFILMENT,
        template="registration",
        outcome=Outcome.SUBMITTED,
        parts=tuple(PartResult(status=0, smsc_message_id="9" * 64) for _ in range(parts)),
        attempts=(SubmitAttempt(part=1, bind="main-1", at=utc_now()),),
        attempts_left_out=3,
        centre="main",
        bind="main-1",
        at=utc_now(),
    )


@asynccontextmanager
async def publishing(broker: Broker, set_aside: SetAside) -> AsyncIterator[ResultPublisher]:
    recorder = ResultRecorder(MemoryClaims(MemoryStore()), LIMIT)
    made = ResultPublisher(
        broker, "gateway-1", "receipts", recorder, set_aside, clock=utc_now, new_id=uuid4
    )
    running = asyncio.create_task(made.run())
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield made
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.001)


async def test_its_outcome_is_published_without_the_answers_to_its_parts() -> None:
    broker, set_aside, stored = Broker(2_000), SetAside(), asyncio.Event()
    others = [asyncio.Event() for _ in range(3)]
    async with publishing(broker, set_aside) as publisher:
        for number, event in enumerate(others):
            publisher.add(0, result(number, parts=1), event.set)
        publisher.add(0, result(9, parts=255), stored.set)
        for event in (*others, stored):
            await event.wait()
        await publisher.drain()
    found = {one.message_id.int: one for one in broker.results}
    assert sorted(found) == [0, 1, 2, 9]
    assert found[9].outcome is Outcome.SUBMITTED
    assert (found[9].parts, found[9].attempts, found[9].attempts_left_out) == ((), None, None)
    assert len(found[0].parts) == 1

    [letter] = set_aside.letters
    assert (letter.feed, letter.topic, letter.key) == (GATEWAY_FEED, "receipts", b"3f" * 32)
    assert "the record is too large for Kafka" in letter.reason
    [whole] = SubmitResults.model_validate_json(letter.payload).results
    assert (whole.message_id.int, len(whole.parts)) == (9, 255)


async def test_results_gather_in_one_record_until_half_of_the_limit_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "GATHER_S", 10 * PATIENCE_S)
    broker, stored = Broker(100_000), asyncio.Event()
    async with publishing(broker, SetAside()) as publisher:
        publisher.add(0, result(0, parts=1), stored.set)
        for _ in range(10):
            await asyncio.sleep(0)
        assert not broker.results
        for number in range(1, LIMIT // 2):
            publisher.add(0, result(number, parts=1), stored.set)
        await stored.wait()
    assert len(broker.results) == LIMIT // 2
    assert broker.records == 1


async def test_its_outcome_does_not_wait_for_the_dead_letter() -> None:
    broker, set_aside, stored = Broker(2_000), SetAside(), asyncio.Event()
    set_aside.away = True
    async with publishing(broker, set_aside) as publisher:
        publisher.add(0, result(9, parts=255), stored.set)
        await stored.wait()
        assert not set_aside.letters
        set_aside.away = False
        await set_aside.until(lambda: set_aside.letters)


async def test_the_message_is_done_only_when_kafka_or_the_dead_letters_have_its_result() -> None:
    broker, set_aside, stored = Broker(0), SetAside(), asyncio.Event()
    set_aside.away = True
    async with publishing(broker, set_aside) as publisher:
        publisher.add(0, result(9, parts=1), stored.set)
        await set_aside.until(lambda: set_aside.tried >= 3)
        assert not stored.is_set()
        set_aside.away = False
        await stored.wait()
    assert len(set_aside.letters) == 1
    assert not broker.results
