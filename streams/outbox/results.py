"""What became of the messages, published in batches to `sms.receipts.v1`.

Results gather while the previous batch is on its way, so that the load itself sets the
batch size: one record for each partition and round trip, not one for each message. An
offset of a lane is done only when the result of its message is stored in Kafka.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from tenacity import AsyncRetrying, retry_if_exception_type, wait_random_exponential

from schemas.cloudevents import Attributes, to_headers
from schemas.messages import SubmitResult, SubmitResults

log = logging.getLogger(__name__)

LIMIT = 5000
"""Results that may wait; the sender sends no more while Kafka does not take them."""

PER_RECORD = 100
"""Results in one record at most, about 60 KB: a worker holds many records at a time."""

_Waiting = tuple[int, SubmitResult, Callable[[], None]]


class ResultPublisher:
    """Publishes results; `run` until cancelled, then `drain`."""

    def __init__(
        self,
        producer: AIOKafkaProducer,
        gateway: str,
        topic: str,
        *,
        clock: Callable[[], datetime],
        new_id: Callable[[], UUID],
    ) -> None:
        self._producer = producer
        self._gateway = gateway
        self._topic = topic
        self._clock = clock
        self._new_id = new_id
        self._waiting: list[_Waiting] = []
        self._added = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._empty = asyncio.Event()
        self._empty.set()

    def add(self, partition: int, result: SubmitResult, stored: Callable[[], None]) -> None:
        """Queue a result; `stored` is called once Kafka has it. Never blocks."""
        self._waiting.append((partition, result, stored))
        self._added.set()
        self._empty.clear()
        if len(self._waiting) >= LIMIT:
            self._room.clear()

    async def room(self) -> None:
        """Wait until fewer than `LIMIT` results are waiting."""
        await self._room.wait()

    async def drain(self) -> None:
        """Wait until everything added is stored; `run` must be running."""
        await self._empty.wait()

    async def run(self) -> None:
        """Publish until cancelled. Kafka going away only makes it wait."""
        while True:
            await self._added.wait()
            self._added.clear()
            batch, self._waiting = self._waiting, []
            self._room.set()
            await self._publish(batch)
            if not self._waiting:
                self._empty.set()

    async def _publish(self, batch: list[_Waiting]) -> None:
        by_partition: defaultdict[int, list[_Waiting]] = defaultdict(list)
        for waiting in batch:
            by_partition[waiting[0]].append(waiting)
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(KafkaError),
            wait=wait_random_exponential(multiplier=0.1, max=3),
            before_sleep=lambda _: log.warning("results wait: Kafka does not take them"),
        ):
            with attempt:
                sent = [
                    await self._send(partition, waiting[start : start + PER_RECORD])
                    for partition, waiting in by_partition.items()
                    for start in range(0, len(waiting), PER_RECORD)
                ]
                await asyncio.gather(*sent)
        for _, _, stored in batch:
            stored()

    async def _send(self, partition: int, waiting: list[_Waiting]) -> asyncio.Future[object]:
        results = SubmitResults(
            gateway=self._gateway, results=tuple(result for _, result, _ in waiting)
        )
        attributes = Attributes(id=str(self._new_id()), type=SubmitResults.TYPE, time=self._clock())
        future: asyncio.Future[object] = await self._producer.send(
            self._topic,
            results.to_json(),
            partition=partition,
            headers=to_headers(attributes),
        )
        return future
