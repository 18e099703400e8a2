"""Publishes many small items in few records: items gather while a request is in flight.

So the load itself sets the batch size: one record for each partition and round trip, not one
for each item. Memory is bounded: a caller waits for `room` before adding.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Generic, TypeVar
from uuid import UUID

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_random_exponential

from schemas.base import Message
from schemas.cloudevents import Attributes, to_headers

log = logging.getLogger(__name__)

Item = TypeVar("Item")


class OnFailure(Enum):
    """What happens to items that Kafka does not take."""

    REPORT = auto()
    """The adder is told, once per item, and decides: the SMS centre delivers a receipt again."""

    RETRY = auto()
    """They are retried until Kafka takes them: nobody else has a submit result."""


@dataclass(frozen=True, slots=True)
class BatchPolicy:
    """How one publisher batches.

    A record holds at most `per_record` items; at most `limit` may be unfinished, waiting or in
    flight together.
    """

    topic: str
    per_record: int
    on_failure: OnFailure
    limit: int


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[Item]):
    item: Item
    done: Callable[[BaseException | None], None]


class BatchPublisher(Generic[Item]):
    """Publishes items in the order in which they were added, per partition.

    `pack` makes one record's content of several items. `run` until cancelled.
    """

    def __init__(
        self,
        producer: AIOKafkaProducer,
        policy: BatchPolicy,
        pack: Callable[[Sequence[Item]], Message],
        *,
        clock: Callable[[], datetime],
        new_id: Callable[[], UUID],
    ) -> None:
        self._producer = producer
        self._policy = policy
        self._pack = pack
        self._clock = clock
        self._new_id = new_id
        self._waiting: defaultdict[int, list[_Waiting[Item]]] = defaultdict(list)
        self._unfinished = 0
        self._added = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._empty = asyncio.Event()
        self._empty.set()

    def add(self, partition: int, item: Item, done: Callable[[BaseException | None], None]) -> None:
        """Queue an item. Never blocks: wait for `room` before.

        `done` is called once Kafka has the item, with None, or with the failure where the
        policy is to report it.
        """
        self._waiting[partition].append(_Waiting(item, done))
        self._unfinished += 1
        self._added.set()
        self._empty.clear()
        if self._unfinished >= self._policy.limit:
            self._room.clear()

    async def room(self) -> None:
        """Wait until fewer items than the limit are unfinished."""
        await self._room.wait()

    async def drain(self) -> None:
        """Wait until every item added is finished; `run` must be running."""
        await self._empty.wait()

    async def run(self) -> None:
        """Publish until cancelled, one batch at a time."""
        while True:
            await self._added.wait()
            self._added.clear()
            batch, self._waiting = self._waiting, defaultdict(list)
            await asyncio.gather(*(self._publish(*each) for each in batch.items()))

    async def _publish(self, partition: int, waiting: Sequence[_Waiting[Item]]) -> None:
        size = self._policy.per_record
        records = [waiting[start : start + size] for start in range(0, len(waiting), size)]
        failures = await self._send(partition, records)
        for record, failure in zip(records, failures, strict=True):
            for one in record:
                one.done(failure)
        self._unfinished -= len(waiting)
        if self._unfinished < self._policy.limit:
            self._room.set()
        if not self._unfinished:
            self._empty.set()

    async def _send(
        self, partition: int, records: Sequence[Sequence[_Waiting[Item]]]
    ) -> Sequence[BaseException | None]:
        """Return the failure of each record, None for one that is stored."""
        if self._policy.on_failure is OnFailure.REPORT:
            return await self._send_once(partition, records)
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(KafkaError),
            wait=wait_random_exponential(multiplier=0.1, max=3),
            before_sleep=self._log_wait,
        ):
            with attempt:
                for failure in await self._send_once(partition, records):
                    if failure is not None:
                        raise failure
                if attempt.retry_state.attempt_number > 1:
                    log.info("%s: Kafka takes records again", self._policy.topic)
        return [None] * len(records)

    async def _send_once(
        self, partition: int, records: Sequence[Sequence[_Waiting[Item]]]
    ) -> list[BaseException | None]:
        """Send the records in order and wait for all of them."""
        failures: list[BaseException | None] = [None] * len(records)
        futures: dict[int, asyncio.Future[object]] = {}
        for index, record in enumerate(records):
            try:
                futures[index] = await self._send_record(partition, record)
            except Exception as error:  # noqa: BLE001 — the policy decides, whatever it is
                failures[index] = error
        results = await asyncio.gather(*futures.values(), return_exceptions=True)
        for index, result in zip(futures, results, strict=True):
            failures[index] = result if isinstance(result, BaseException) else None
        return failures

    async def _send_record(
        self, partition: int, record: Sequence[_Waiting[Item]]
    ) -> asyncio.Future[object]:
        content = self._pack([one.item for one in record])
        attributes = Attributes(id=str(self._new_id()), type=content.TYPE, time=self._clock())
        stored: asyncio.Future[object] = await self._producer.send(
            self._policy.topic,
            content.to_json(),
            partition=partition,
            headers=to_headers(attributes),
        )
        return stored

    def _log_wait(self, _state: RetryCallState) -> None:
        log.warning("%s: Kafka does not take records; retrying", self._policy.topic)
