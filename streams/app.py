"""The consumers of `scserv worker`: one Faust agent per topic.

An agent gathers a batch of records, has it processed in one transaction, and acks it. It has a
crashing supervisor, because an unacked record is not delivered again before the process restarts.
No tables, no web server, no exactly_once: nothing here is authoritative.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiokafka.errors import KafkaError

from inbound.deadletter.isolation import BatchProcessor
from inbound.errors import RetryableError
from inbound.kafka.decoding import TopicRecord
from inbound.reasons import in_words
from inbound.settings import Settings
from schemas.topics import TopicNames
from streams.commits import Commits
from streams.continuity import Continuity
from streams.faust_app import TP, make_app
from streams.gathering import gathered
from streams.progress import Partition, PartitionProgress

ANSWER_WITHIN_S: Final = 2.0
BULK_SHARE: Final = 4
"""A batch of results or orders is this many times smaller than one of texts.

People wait for the acknowledgements of texts, and texts get their turn only between the other
batches.
"""

BYTES_OF_RESULT: Final = 600
"""The approximate size of a result in a record.

How many results a record holds depends on how fast Kafka was, so batches of results are measured in
bytes.
"""

RESULTS_EVERY_S: Final = 0.2
"""The minimum time between two batches of results.

They lead to a fulfilment, which is less urgent than an acknowledgement, or to the end of a request;
a transaction, a round of the relay and a claim for each result would cost several times as much.
"""


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """The most that one transaction takes; more bytes only for a single record that large.

    Transactions begin `every_s` after each other at the earliest, unless one would be full.
    """

    records: int
    octets: int | None = None
    every_s: float = 0.0

    def first(self, records: Sequence[TopicRecord]) -> int:
        """Return how many of these records fit into one transaction, one at least."""
        octets = 0
        for place, record in enumerate(records):
            octets += len(record.value)
            if self.octets is not None and octets > self.octets and place:
                return place
        return len(records)


@dataclass(frozen=True, slots=True)
class Checks:
    """What watches the records of an agent."""

    progress: PartitionProgress
    continuity: Continuity
    commits: Commits


class WorkerApp:
    """The consumers of the worker: one agent for each topic.

    The topics need not exist yet. An offset is committed after its record was acked.
    """

    def __init__(
        self,
        settings: Settings,
        commands: BatchProcessor,
        delivery: BatchProcessor,
        notify: BatchProcessor,
        progress: PartitionProgress,
    ) -> None:
        """Connect to nothing yet."""
        self._app = make_app(settings)
        names = TopicNames.prefixed(settings.topic_prefix)
        self._commits = commits = Commits()
        bulk = max(1, settings.batch_size // BULK_SHARE)
        for name, processor, batch in (
            (names.mo, commands, BatchLimits(settings.batch_size)),
            (names.receipts, delivery, BatchLimits(bulk, bulk * BYTES_OF_RESULT, RESULTS_EVERY_S)),
            (names.notify, notify, BatchLimits(bulk)),
        ):
            topic = self._app.topic(
                name, key_type=bytes, key_serializer="raw", value_serializer="raw"
            )
            checked = Checks(progress, Continuity(self), commits)
            self._app.add_agent(name, topic, _agent(processor, batch, checked, self._is_current))

    async def start(self) -> None:
        """Join the consumer group and start the agents."""
        self._commits.guard(self._app.consumer)
        await self._app.start()

    async def stop(self) -> None:
        """Leave the group. After a crash this may take a minute, because Faust waits in vain."""
        await self._app.stop()

    async def run_until_stopped(self) -> None:
        """Wait until an agent crashed, and raise why."""
        await self._app.wait_until_stopped()
        reason = self._app.crash_reason
        if isinstance(reason, RetryableError):
            raise reason  # an outage, said in its own words
        raise RuntimeError("the Faust app stopped") from reason

    def _is_current(self, event: Any) -> bool:  # noqa: ANN401
        """Whether an event was fetched since the last rebalance: older ones are read again.

        Another worker may have their partition by now, and two that decide about the same people
        are in each other's way.
        """
        is_current: bool = event.message.generation_id == self._app.consumer_generation_id
        return is_current

    async def committed(self, partitions: Collection[Partition]) -> Mapping[Partition, int | None]:
        """Return what the group has committed (None: nothing yet). Asks Kafka, for all at once."""
        consumer: Any = self._app.consumer
        thread = consumer._thread  # noqa: SLF001 — Faust has no call for committed offsets
        kafka = thread._ensure_consumer()  # noqa: SLF001

        async def ask() -> Mapping[TP, Any]:
            # aiokafka's `committed` asks for one partition: a request for each.
            coordinator = kafka._coordinator  # noqa: SLF001
            found: Mapping[TP, Any]
            found = await coordinator.fetch_committed_offsets([TP(*one) for one in partitions])
            return found

        try:
            found = await thread.call_thread(ask)
        except KafkaError as error:
            reason = "Kafka does not tell the offsets that were committed"
            raise RetryableError(f"{reason}: {in_words(error)}") from error
        offsets = {(tp.topic, tp.partition): one.offset for tp, one in found.items()}
        return {one: offsets[one] if offsets.get(one, -1) >= 0 else None for one in partitions}

    async def beginnings(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        """Return the offsets of the first records that still exist. Asks Kafka, for all at once."""
        try:
            begins = await self._app.consumer.earliest_offsets(*(TP(*one) for one in partitions))
        except KafkaError as error:
            reason = "Kafka does not tell where partitions begin"
            raise RetryableError(f"{reason}: {in_words(error)}") from error
        return {one: begins[TP(*one)] for one in partitions}

    def has_partitions(self) -> bool:
        """Whether partitions are assigned. Asks nobody."""
        return bool(self._app.consumer.assignment())

    async def partition_ends(self) -> Mapping[Partition, int | None] | None:
        """Return the assigned partitions with the offset after their last record, if known.

        Asks Kafka: a partition that nobody fetches has no end in the consumer. None if there is
        no answer within `ANSWER_WITHIN_S`.
        """
        consumer = self._app.consumer
        assigned = consumer.assignment()
        with contextlib.suppress(KafkaError, TimeoutError):
            async with asyncio.timeout(ANSWER_WITHIN_S):
                ends = await consumer.highwaters(*assigned) if assigned else {}
                return {(tp.topic, tp.partition): ends.get(tp) for tp in assigned}
        return None

    async def positions(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        """Return the first offsets that are not committed, if they are known in time.

        What was fetched does not count: Faust may have dropped it.
        """
        with contextlib.suppress(RetryableError, TimeoutError):
            async with asyncio.timeout(ANSWER_WITHIN_S):
                committed = await self.committed(partitions)
                begins = await self.beginnings(partitions)
                return {one: max(begins[one], committed[one] or 0) for one in partitions}
        return {}


def _agent(
    processor: BatchProcessor,
    limits: BatchLimits,
    checks: Checks,
    is_current: Callable[[Any], bool],
) -> Callable[[Any], Any]:
    async def process(stream: Any) -> AsyncIterator[None]:  # noqa: ANN401 — Faust has no types
        stream.enable_acks = False  # an event is acked once it is processed
        async for gathering in gathered(stream.events(), limits.records, limits.every_s):
            waiting = gathering
            while events := [event for event in waiting if is_current(event)]:
                records = [_record(event) for event in events]
                count = limits.first(records)
                batch, waiting = events[:count], events[count:]
                await checks.continuity.check(map(_place, batch))
                await processor(records[:count])
                processed = dict(map(_place, batch))
                checks.commits.note(processed)
                for event in batch:
                    await stream.ack(event)
                checks.progress.processed(processed)
            yield

    return process


def _record(event: Any) -> TopicRecord:  # noqa: ANN401
    message = event.message
    return TopicRecord(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        key=message.key,
        value=message.value or b"",
        headers=_pairs(message.headers),
    )


def _pairs(headers: Any) -> Sequence[tuple[str, bytes]]:  # noqa: ANN401
    pairs = headers.items() if isinstance(headers, dict) else headers or ()
    return [(name, value or b"") for name, value in pairs]


def _place(event: Any) -> tuple[Partition, int]:  # noqa: ANN401
    message = event.message
    return (message.topic, message.partition), message.offset
