"""Publishes many small items in few records: items gather while a request is in flight.

So the load itself sets the batch size: one record for each partition and round trip, not one
for each item. Memory is bounded: a caller waits for `room` before adding.

Invariant: no item and no partition holds up the others. A record that Kafka will never accept is
published again in ever smaller ones until the refused item is alone, and the caller that added it
is told. Items behind a refused record may then be stored before some of those in it.
"""

import asyncio
import logging
import math
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Final, Generic, TypeVar
from uuid import UUID

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    BrokerResponseError,
    InvalidTimestampError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    UnsupportedForMessageFormatError,
)
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_random_exponential

from inbound.errors import PoisonError
from schemas.base import Message
from schemas.cloudevents import Attributes, to_headers

log = logging.getLogger(__name__)

Item = TypeVar("Item")


REFUSALS: Final = (
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    InvalidTimestampError,
    UnsupportedForMessageFormatError,
)
"""The errors of Kafka, or of our producer before it, for a record that it will never accept.

A broker refuses all records of the same request with it.
"""


class UnpackableError(PoisonError):
    """The items make no record."""


def is_refusal(error: BaseException | None) -> bool:
    """Whether an error says that a record can never be published."""
    return isinstance(error, (*REFUSALS, UnpackableError))


class OnFailure(Enum):
    """What happens to items that Kafka does not accept now."""

    REPORT = auto()
    """The caller is told, once per item, and decides: the SMS centre delivers a receipt again."""

    RETRY = auto()
    """They are retried until Kafka accepts them, because a submit result exists nowhere else.

    Only items that Kafka will never accept are reported: see `is_refusal`.
    """


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


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting(Generic[Item]):
    item: Item
    done: Callable[[BaseException | None], None]
    added_at: float


class BatchPublisher(Generic[Item]):
    """Publishes items in the order in which they were added, per partition.

    `pack` makes the content of one record from several items. `gather` is awaited between the
    first item that waits and its record; others join it meanwhile. `run` until cancelled.
    """

    def __init__(
        self,
        producer: AIOKafkaProducer,
        policy: BatchPolicy,
        pack: Callable[[Sequence[Item]], Message],
        *,
        clock: Callable[[], datetime],
        new_id: Callable[[], UUID],
        monotonic: Callable[[], float] = time.monotonic,
        gather: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        self._producer = producer
        self._policy = policy
        self._pack = pack
        self._clock = clock
        self._new_id = new_id
        self._monotonic = monotonic
        self._gather = gather
        self._waiting: defaultdict[int, list[_Waiting[Item]]] = defaultdict(list)
        self._unfinished: dict[_Waiting[Item], None] = {}  # the oldest first
        self._publishing: set[int] = set()
        self._declined_at = -math.inf
        self._added = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._empty = asyncio.Event()
        self._empty.set()

    def add(self, partition: int, item: Item, done: Callable[[BaseException | None], None]) -> None:
        """Queue an item. Never blocks: wait for `room` before.

        `done` is called once Kafka has the item, with None, or with the failure where the
        policy is to report it. It may add another item.
        """
        waiting = _Waiting(item, done, self._monotonic())
        self._waiting[partition].append(waiting)
        self._unfinished[waiting] = None
        self._added.set()
        self._empty.clear()
        if len(self._unfinished) >= self._policy.limit:
            self._room.clear()

    def oldest_s(self) -> float:
        """Return for how many seconds the oldest item has waited for Kafka; 0 if none does."""
        oldest = next(iter(self._unfinished), None)
        return 0.0 if oldest is None else self._monotonic() - oldest.added_at

    def silent_s(self) -> float:
        """Return for how many seconds Kafka has said nothing about the oldest item.

        That is less than `oldest_s` if it answers that it can't take records now, for lack of
        replicas for instance.
        """
        return min(self.oldest_s(), self._monotonic() - self._declined_at)

    async def room(self) -> None:
        """Wait until fewer items than the limit are unfinished."""
        await self._room.wait()

    async def drain(self) -> None:
        """Wait until every item added is finished; `run` must be running."""
        await self._empty.wait()

    async def run(self) -> None:
        """Publish until cancelled, one batch of each partition at a time."""
        async with asyncio.TaskGroup() as group:
            while True:
                await self._added.wait()
                if self._gather is not None:
                    await self._gather()
                self._added.clear()
                for partition in self._waiting.keys() - self._publishing:
                    self._publishing.add(partition)
                    group.create_task(self._publish_all(partition))

    async def _publish_all(self, partition: int) -> None:
        """Publish the items that wait for a partition, and those added meanwhile."""
        while batch := self._waiting.pop(partition, None):
            await self._publish(partition, batch)
        self._publishing.discard(partition)

    async def _publish(self, partition: int, waiting: Sequence[_Waiting[Item]]) -> None:
        size = self._policy.per_record
        records = [waiting[start : start + size] for start in range(0, len(waiting), size)]
        failures = await self._send(partition, records)
        for record, failure in zip(records, failures, strict=True):
            if is_refusal(failure):
                await self._isolate(partition, record)
            else:
                self._finish(record, failure)

    async def _isolate(self, partition: int, record: Sequence[_Waiting[Item]]) -> None:
        """Publish the items of a refused record in smaller ones, each with nothing else in flight.

        A record of one item is sent once more: it may have been refused with others.
        """
        middle = len(record) // 2
        for piece in (record[:middle], record[middle:]) if middle else (record,):
            failure = (await self._send(partition, [piece]))[0]
            if failure is not None and is_refusal(failure) and len(piece) > 1:
                await self._isolate(partition, piece)
            else:
                self._finish(piece, failure)

    def _finish(self, record: Sequence[_Waiting[Item]], failure: BaseException | None) -> None:
        for one in record:
            one.done(failure)
            del self._unfinished[one]
        if len(self._unfinished) < self._policy.limit:
            self._room.set()
        if not self._unfinished:
            self._empty.set()

    async def _send(
        self, partition: int, records: Sequence[Sequence[_Waiting[Item]]]
    ) -> Sequence[BaseException | None]:
        """Return the failure of each record, None for one that is stored."""
        failures = await self._send_once(partition, records)
        if self._policy.on_failure is OnFailure.REPORT:
            return failures
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(KafkaError),
            wait=wait_random_exponential(multiplier=0.1, max=3),
            before_sleep=self._log_wait,
        ):
            with attempt:
                if attempt.retry_state.attempt_number > 1:
                    failures = await self._send_again(partition, records, failures)
                for failure in failures:
                    if failure is not None and not is_refusal(failure):
                        raise failure
                if attempt.retry_state.attempt_number > 1:
                    log.info("%s: Kafka takes records again", self._policy.topic)
        return failures

    async def _send_again(
        self,
        partition: int,
        records: Sequence[Sequence[_Waiting[Item]]],
        failures: Sequence[BaseException | None],
    ) -> list[BaseException | None]:
        """Send the records again that Kafka may still accept; return the failure of each."""
        known = list(failures)
        open_ = [n for n, failure in enumerate(known) if failure and not is_refusal(failure)]
        again = await self._send_once(partition, [records[n] for n in open_])
        for n, failure in zip(open_, again, strict=True):
            known[n] = failure
        return known

    async def _send_once(
        self, partition: int, records: Sequence[Sequence[_Waiting[Item]]]
    ) -> list[BaseException | None]:
        """Send the records in order, wait for all of them, and return the failure of each."""
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
        if any(isinstance(one, BrokerResponseError) and one.retriable for one in failures):
            self._declined_at = self._monotonic()
        return failures

    async def _send_record(
        self, partition: int, record: Sequence[_Waiting[Item]]
    ) -> asyncio.Future[object]:
        try:
            content = self._pack([one.item for one in record])
            value = content.to_json()
        except (ValueError, TypeError) as error:
            raise UnpackableError(f"it makes no record ({type(error).__name__})") from error
        attributes = Attributes(id=str(self._new_id()), type=content.TYPE, time=self._clock())
        stored: asyncio.Future[object] = await self._producer.send(
            self._policy.topic,
            value,
            partition=partition,
            headers=to_headers(attributes),
        )
        return stored

    def _log_wait(self, _state: RetryCallState) -> None:
        log.warning("%s: Kafka does not take records; retrying", self._policy.topic)
