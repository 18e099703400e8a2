"""Publishes submit results to `sms.receipts.v1` in batches, and records the final ones.

An offset of a lane is done only when the result of its message is stored in Kafka. Until the
database or Kafka has a result, a crash of this gateway makes the outcome of its message unknown, so
only a few may be in that state.

A result that Kafka will never accept is set aside as a dead letter. Its outcome is published
without the answers to the parts, so its request goes on. If Kafka refuses that too, the message is
done once the dead letter is stored: its result is then published by a retry of the dead letter.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID, uuid5

from aiokafka import AIOKafkaProducer

from inbound.deadletter.letters import refused_letter
from inbound.deadletter.writing import SetAside
from inbound.errors import RetryableError
from inbound.kafka.batching import BatchPolicy, BatchPublisher, OnFailure
from inbound.store.dead_letters.rows import DeadLetter
from schemas.cloudevents import Attributes, to_headers
from schemas.messages import SubmitResult, SubmitResults
from streams.outbox.recording import ResultRecorder

log = logging.getLogger(__name__)

LIMIT: Final = 5000
"""The most results that Kafka may not have yet; bounds memory."""

PER_RECORD: Final = 100
"""Results in one record at most, about 60 KB: a worker holds many records at a time."""

GATHER_S: Final = 0.02
"""For how long results gather before they are published.

A record for each result would take the CPU that acknowledgements wait for.
"""

RETRY_S: Final = 2.0

OnFinished = Callable[[], None]


class ResultPublisher:
    """Publishes results; `run` until cancelled, then `drain`.

    Retries while Kafka is unavailable. `set_aside` stores the results that Kafka will never accept.
    """

    def __init__(
        self,
        producer: AIOKafkaProducer,
        gateway: str,
        topic: str,
        recorder: ResultRecorder,
        set_aside: SetAside,
        *,
        clock: Callable[[], datetime],
        new_id: Callable[[], UUID],
    ) -> None:
        self._gateway = gateway
        self._topic = topic
        self._recorder = recorder
        self._set_aside = set_aside
        self._clock = clock
        self._new_id = new_id
        self._setting_aside: set[asyncio.Task[None]] = set()
        self._batches: BatchPublisher[SubmitResult] = BatchPublisher(
            producer,
            BatchPolicy(topic, PER_RECORD, OnFailure.RETRY, LIMIT),
            self._pack,
            clock=clock,
            new_id=new_id,
            gather=partial(recorder.gather, GATHER_S),
        )

    def add(self, partition: int, result: SubmitResult, stored: OnFinished) -> None:
        """Queue a result; `stored` is called once Kafka has it. Never blocks."""
        recording = self._recorder.add(result) if result.final else None

        def finish() -> None:
            if recording is not None:
                self._recorder.settle(recording)
            stored()

        def published(refusal: BaseException | None) -> None:
            if refusal is None:
                finish()
            else:
                self._replace(partition, result, refusal, finish)

        self._batches.add(partition, result, published)

    async def room(self) -> None:
        """Wait until there is room for more results."""
        await self._batches.room()
        await self._recorder.room()

    async def drain(self) -> None:
        """Wait until Kafka has everything added; `run` must be running."""
        await self._batches.drain()

    def oldest_s(self) -> float:
        """Return for how many seconds the oldest result has waited for Kafka."""
        return self._batches.oldest_s()

    def silent_s(self) -> float:
        """Return for how many seconds Kafka has said nothing about the oldest result."""
        return self._batches.silent_s()

    async def run(self) -> None:
        """Publish and record until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._batches.run())
                group.create_task(self._recorder.run())
        finally:
            for task in self._setting_aside:
                task.cancel()

    def _pack(self, results: Sequence[SubmitResult]) -> SubmitResults:
        return SubmitResults(gateway=self._gateway, results=tuple(results))

    def _replace(
        self, partition: int, result: SubmitResult, refusal: BaseException, finish: OnFinished
    ) -> None:
        """Set a refused result aside and publish its outcome alone."""
        task = asyncio.create_task(self._store(self._letter(result, refusal)))
        self._setting_aside.add(task)
        task.add_done_callback(self._setting_aside.discard)

        def finish_with_letter(ended: asyncio.Task[None]) -> None:
            if not ended.cancelled():
                finish()

        def published(again: BaseException | None) -> None:
            if again is None:
                finish()
            else:
                task.add_done_callback(finish_with_letter)

        outcome = _without_details(result)
        if outcome == result:
            task.add_done_callback(finish_with_letter)
        else:
            self._batches.add(partition, outcome, published)

    def _letter(self, result: SubmitResult, refusal: BaseException) -> DeadLetter:
        attributes = Attributes(id=str(self._new_id()), type=SubmitResults.TYPE, time=self._clock())
        return refused_letter(
            self._topic,
            result.key.encode(),
            self._pack([result]).to_json(),
            to_headers(attributes),
            refusal,
            id_=uuid5(result.message_id, f"{result.attempt} {result.final}"),
        )

    async def _store(self, letter: DeadLetter) -> None:
        """Store a dead letter, whatever it takes: without it a result might be lost."""
        while True:
            try:
                return await self._set_aside([letter])
            except RetryableError as error:
                log.warning("%s: a result that Kafka refuses waits: %s", self._topic, error)
                await asyncio.sleep(RETRY_S)


def _without_details(result: SubmitResult) -> SubmitResult:
    """Return a result of bounded size with the same outcome."""
    return result.model_copy(update={"parts": (), "attempts": None, "attempts_left_out": None})
