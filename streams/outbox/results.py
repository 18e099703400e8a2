"""Publishes submit results to `sms.receipts.v1` in batches, and records the final ones.

An offset of a lane is done only when the result of its message is stored in Kafka. Until the
database or Kafka has a result, a crash of this gateway makes its message unknown: so few may
be in that state.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Final
from uuid import UUID

from aiokafka import AIOKafkaProducer

from inbound.kafka.batching import BatchPolicy, BatchPublisher, OnFailure
from schemas.messages import SubmitResult, SubmitResults
from streams.outbox.recording import ResultRecorder

LIMIT: Final = 5000
"""Results that Kafka may not have yet, so that memory is bounded."""

PER_RECORD: Final = 100
"""Results in one record at most, about 60 KB: a worker holds many records at a time."""


class ResultPublisher:
    """Publishes results; `run` until cancelled, then `drain`. Retries while Kafka is away."""

    def __init__(
        self,
        producer: AIOKafkaProducer,
        gateway: str,
        topic: str,
        recorder: ResultRecorder,
        *,
        clock: Callable[[], datetime],
        new_id: Callable[[], UUID],
    ) -> None:
        self._recorder = recorder
        self._batches: BatchPublisher[SubmitResult] = BatchPublisher(
            producer,
            BatchPolicy(topic, PER_RECORD, OnFailure.RETRY, LIMIT),
            lambda results: SubmitResults(gateway=gateway, results=tuple(results)),
            clock=clock,
            new_id=new_id,
        )

    def add(self, partition: int, result: SubmitResult, stored: Callable[[], None]) -> None:
        """Queue a result; `stored` is called once Kafka has it. Never blocks."""
        recording = self._recorder.add(result) if result.final else None

        def published(_never_fails: BaseException | None) -> None:
            if recording is not None:
                self._recorder.settle(recording)
            stored()

        self._batches.add(partition, result, published)

    async def room(self) -> None:
        """Wait until there is room for more results."""
        await self._batches.room()
        await self._recorder.room()

    async def drain(self) -> None:
        """Wait until Kafka has everything added; `run` must be running."""
        await self._batches.drain()

    async def run(self) -> None:
        """Publish and record until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._batches.run())
            group.create_task(self._recorder.run())
