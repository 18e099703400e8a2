"""The lanes: four topics read by one consumer, each paused while its backlog is full.

The range assignor gives a gateway the same partition number of every lane, so that a
person's acknowledgement, fulfilment and notification pass through the same process.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError

from inbound.errors import PoisonError
from inbound.kafka.connection import KafkaConnection
from inbound.kafka.decoding import TopicRecord, decode
from inbound.ops.health import Health
from inbound.reasons import in_words
from schemas.cloudevents import header
from schemas.lanes import Lane
from schemas.messages import MobileTerminated
from streams.groups import (
    GATEWAY_GROUP,
    HEARTBEAT_INTERVAL_S,
    METADATA_MAX_AGE_MS,
    SESSION_TIMEOUT_S,
)
from streams.outbox.offsets import OffsetTracker
from streams.outbox.sender import Sender
from streams.outbox.unreadable import UnreadableRecords
from streams.progress import PartitionProgress

log = logging.getLogger(__name__)

COMMIT_EVERY_S = 0.5
POLL_MS = 1000
POLL_WHILE_PAUSED_MS = 200
"""How long a fetch waits for records: a lane that has room again stays paused no longer."""
HEARTBEAT_S = 10.0
WITHDRAW_WITHIN_S = 5.0


class Lanes(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Feeds the sender from Kafka and commits the offsets that it finished."""

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        sender: Sender,
        offsets: OffsetTracker,
        topics: tuple[str, ...],
        health: Health,
        unreadable: UnreadableRecords,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._consumer = consumer
        self._sender = sender
        self._offsets = offsets
        self._topics = topics
        self._health = health
        self._unreadable = unreadable
        self._progress = PartitionProgress(clock)
        self._leaving: set[TopicPartition] = set()

    async def start(self) -> None:
        """Connect to Kafka."""
        await self._consumer.start()

    async def run(self) -> None:
        """Fetch and commit until cancelled."""
        self._consumer.subscribe(self._topics, listener=self)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._fetch_forever())
            group.create_task(self._commit_forever())
            group.create_task(self._unreadable.run())

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Finish what is begun, drop the rest, commit. Kafka waits for this."""
        partitions = set(revoked)
        if not partitions:
            return
        # What is dropped now comes again later: nothing behind it may overtake it.
        self._leaving |= partitions
        await self._sender.withdraw(partitions, WITHDRAW_WITHIN_S)
        await self._commit()
        self._offsets.drop(partitions)
        self._unreadable.drop(partitions)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Partitions start unpaused; the next fetch pauses those of a full lane."""
        self._leaving.clear()
        count = len(list(assigned))
        log.info("sends for %d %s", count, "partition" if count == 1 else "partitions")

    async def stop(self, leave_within_s: float | None = None) -> None:
        """Give all partitions up and leave the group.

        `leave_within_s` is for the end of the process. A broker that reassigns partitions lets a
        member wait for that; one that just ends is missed by the group after the session's time.
        """
        await self.on_partitions_revoked(self._consumer.assignment())
        try:
            async with asyncio.timeout(leave_within_s):
                await self._consumer.stop()
        except TimeoutError:
            log.info("ends without leaving the group of the gateways: Kafka reassigns partitions")

    async def _fetch_forever(self) -> None:
        while True:
            self._pause_full_lanes()
            timeout_ms = POLL_WHILE_PAUSED_MS if self._consumer.paused() else POLL_MS
            fetched = await self._consumer.getmany(timeout_ms=timeout_ms)
            for partition, records in fetched.items():
                if partition not in self._leaving:
                    for record in records:
                        self._offer(partition, record)
            self._health.beat("lanes", HEARTBEAT_S)

    def _pause_full_lanes(self) -> None:
        paused = self._consumer.paused()
        for partition in self._consumer.assignment():
            lane = self._lane_of(partition)
            if partition in paused:
                if self._sender.has_room(lane) and partition not in self._unreadable:
                    self._consumer.resume(partition)
            elif self._sender.is_full(lane) or partition in self._unreadable:
                self._consumer.pause(partition)

    def _offer(self, partition: TopicPartition, record: ConsumerRecord[bytes, bytes]) -> None:
        plain = _as_record(record)
        try:
            message = decode(plain, MobileTerminated)
        except PoisonError as error:
            self._unreadable.add(partition, (plain, error))
            return
        self._sender.offer(
            self._lane_of(partition),
            partition,
            record.offset,
            (record.key or b"").decode("ascii", "replace"),
            message,
            traceparent=header(record.headers, "traceparent"),
            queued_at=datetime.fromtimestamp(record.timestamp / 1000, UTC),
        )

    def _lane_of(self, partition: TopicPartition) -> Lane:
        return Lane(self._topics.index(partition.topic))

    async def _commit_forever(self) -> None:
        while True:
            await asyncio.sleep(COMMIT_EVERY_S)
            await self._commit()
            consumer = self._consumer
            ends = {
                (tp.topic, tp.partition): consumer.highwater(tp) for tp in consumer.assignment()
            }
            reason = self._progress.check(ends)
            self._health.set("sending", ok=reason is None, reason=reason or "")

    async def _commit(self) -> None:
        moved = self._offsets.take_committable()
        if not moved:
            return
        self._progress.processed({(tp.topic, tp.partition): n - 1 for tp, n in moved.items()})
        try:
            await self._consumer.commit(dict(moved))
        except KafkaError as error:
            # Uncommitted offsets only mean that messages are fetched again and recognised.
            log.warning("offsets were not committed: %s", in_words(error))


def _as_record(record: "ConsumerRecord[bytes, bytes]") -> TopicRecord:
    return TopicRecord(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        value=record.value or b"",
        headers=[(name, value or b"") for name, value in record.headers],
    )


def new_consumer(kafka: KafkaConnection, prefix: str = "") -> AIOKafkaConsumer:
    """Return the consumer of the lanes, not started."""
    return AIOKafkaConsumer(
        **kafka.client_arguments(),
        group_id=prefix + GATEWAY_GROUP,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        partition_assignment_strategy=[RangePartitionAssignor],
        session_timeout_ms=SESSION_TIMEOUT_S * 1000,
        heartbeat_interval_ms=HEARTBEAT_INTERVAL_S * 1000,
        max_poll_records=500,
        fetch_max_wait_ms=500,
        retry_backoff_ms=100,
        metadata_max_age_ms=METADATA_MAX_AGE_MS,
    )
