"""Results are recorded in batches, and few may be in neither the database nor Kafka."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID

import pytest
from aiokafka import TopicPartition

from inbound.store.claims.memory import MemoryClaims
from inbound.store.claims.rows import RecordedResult
from inbound.store.errors import StoreUnavailable
from inbound.store.transactions.memory import MemoryStore
from schemas.lanes import Lane
from schemas.messages import (
    MobileTerminated,
    Outcome,
    PartResult,
    Purpose,
    SubmitAttempt,
    SubmitResult,
)
from streams.outbox import recording
from streams.outbox.phases import Fetched
from streams.outbox.recording import ResultRecorder, recorded_result
from tests.patience import PATIENCE_S

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Database(MemoryClaims):
    """Keeps what it was given, unless it is down."""

    def __init__(self) -> None:
        super().__init__(MemoryStore())
        self.is_up = asyncio.Event()
        self.is_up.set()
        self.batches: list[list[RecordedResult]] = []
        self.called = asyncio.Event()

    async def record(self, results: Sequence[RecordedResult]) -> None:
        self.called.set()
        if not self.is_up.is_set():
            raise StoreUnavailable("the database is down")
        self.batches.append(list(results))


def a_result(number: int = 1) -> SubmitResult:
    return SubmitResult(
        message_id=UUID(int=number),
        subject_id=UUID(int=7),
        request_id=UUID(int=8),
        key="3f2a",
        purpose=Purpose.ACKNOWLEDGEMENT,
        template="acknowledgement",
        outcome=Outcome.SUBMITTED,
        attempt=2,
        parts=(PartResult(status=0, smsc_message_id="1"),),
        id_form="decimal",
        attempts=(SubmitAttempt(part=1, status=0x58, bind="main-1", at=NOON),),
        attempts_left_out=3,
        centre="main",
        bind="main-1",
        gateway="gateway-1",
        arrived_at=NOON,
        sent_at=NOON,
        at=NOON,
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )


@asynccontextmanager
async def recorder(database: Database, limit: int = 3) -> AsyncIterator[ResultRecorder]:
    made = ResultRecorder(database, limit)
    task = asyncio.create_task(made.run())
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield made
    finally:
        task.cancel()


async def test_another_gateway_makes_the_same_result_of_it() -> None:
    result, database = a_result(), Database()
    async with recorder(database) as results:
        results.add(result)
        await database.called.wait()
    [[row]] = database.batches
    assert (row.message_id, row.attempt) == (result.message_id, 2)
    assert result.key not in row.result
    message = MobileTerminated(
        message_id=result.message_id,
        subject_id=result.subject_id,
        request_id=result.request_id,
        purpose=result.purpose,
        template=result.template,
        arrived_at=result.arrived_at,
        not_after=NOON,
    )
    fetched = Fetched(
        *(Lane.URGENT, TopicPartition("lane", 0), 0, result.key, message),
        traceparent=result.traceparent,
    )
    assert recorded_result(row.result, fetched) == result


async def test_results_gather_unless_kafka_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "GATHER_S", 10 * PATIENCE_S)
    database = Database()
    async with recorder(database, limit=4) as results:
        results.settle(results.add(a_result(1)))  # Kafka has it
        results.add(a_result(2))
        for _ in range(10):
            await asyncio.sleep(0)
        assert not database.called.is_set()
        results.add(a_result(3))
        await database.called.wait()
    assert [row.message_id.int for batch in database.batches for row in batch] == [1, 2, 3]


async def test_the_sender_pauses_until_the_database_or_kafka_has_results(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recording, "RETRY_S", 0)
    database = Database()
    database.is_up.clear()
    async with recorder(database) as results:
        recordings = [results.add(a_result(number)) for number in range(3)]
        room = asyncio.create_task(results.room())
        await database.called.wait()
        assert not room.done()
        results.settle(recordings[0])  # Kafka has it
        results.settle(recordings[0])
        await room
        results.add(a_result(4))
        room = asyncio.create_task(results.room())
        database.is_up.set()
        await room
    assert {row.message_id.int for batch in database.batches for row in batch} >= {1, 2, 4}
