"""Publishes submit results to `sms.receipts.v1` in batches.

An offset of a lane is done only when the result of its message is stored in Kafka.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final
from uuid import UUID

from aiokafka import AIOKafkaProducer

from inbound.kafka.batching import BatchPolicy, BatchPublisher, OnFailure
from schemas.messages import SubmitResult, SubmitResults

LIMIT: Final = 5000
"""Results that may be unfinished; beyond them the sender submits nothing."""

PER_RECORD: Final = 100
"""Results in one record at most, about 60 KB: a worker holds many records at a time."""


class ResultPublisher:
    """Publishes results; `run` until cancelled, then `drain`. Retries while Kafka is away."""

    def __init__(
        self,
        producer: AIOKafkaProducer,
        gateway: str,
        topic: str,
        *,
        clock: Callable[[], datetime],
        new_id: Callable[[], UUID],
    ) -> None:
        self._batches: BatchPublisher[SubmitResult] = BatchPublisher(
            producer,
            BatchPolicy(topic, PER_RECORD, OnFailure.RETRY, LIMIT),
            lambda results: SubmitResults(gateway=gateway, results=tuple(results)),
            clock=clock,
            new_id=new_id,
        )

    def add(self, partition: int, result: SubmitResult, stored: Callable[[], None]) -> None:
        """Queue a result; `stored` is called once Kafka has it. Never blocks."""
        self._batches.add(partition, result, lambda _never_fails: stored())

    async def room(self) -> None:
        """Wait until there is room for more results."""
        await self._batches.room()

    async def drain(self) -> None:
        """Wait until everything added is stored; `run` must be running."""
        await self._batches.drain()

    async def run(self) -> None:
        """Publish until cancelled."""
        await self._batches.run()
