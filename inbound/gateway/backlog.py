"""Limits the backlog in Kafka, so that retention by bytes never deletes unprocessed records.

The topics of MOs and receipts keep a limited number of bytes (`schemas.topics`), and Kafka
deletes the oldest records beyond it, processed or not. Long before that the gateway refuses MOs
and receipts of the partition with a temporary error, and the SMS centre keeps them. The limits
are in records; a record has a maximum size, so they bound the bytes too.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from inbound.kafka.connection import KafkaConnection
from inbound.ops import metrics
from inbound.ops.health import Health
from inbound.reasons import in_words
from inbound.settings import Settings
from schemas.partitions import partition_of
from schemas.topics import PARTITIONS, TopicNames

log = logging.getLogger(__name__)

CHECK: Final = "backlog"
EVERY_S: Final = 2.0


class Behind(NamedTuple):
    """How many records of a partition the workers have not processed, and where they stand."""

    records: int
    next_offset: int


Lag = Mapping[tuple[str, int], Behind]
"""How far the workers are behind, by topic and partition."""


class BacklogWatch:
    """Knows which partitions have no room. `limits` are records per partition, by topic."""

    def __init__(
        self,
        limits: Mapping[str, int],
        health: Health,
        clock: Callable[[], float] = time.monotonic,
        *,
        partitions: int = PARTITIONS,
    ) -> None:
        """Nothing is full until the first measurement. `clock` counts seconds.

        `partitions` is how many each topic has.
        """
        self._limits = dict(limits)
        self._partitions = partitions
        self._health = health
        self._clock = clock
        self._full: frozenset[tuple[str, int]] = frozenset()
        self._stands: dict[tuple[str, int], tuple[int, float]] = {}

    def is_full(self, topic: str, key: str) -> bool:
        """Whether the partition of this key has no room for one more record."""
        return (
            bool(self._full)
            and (
                topic,
                partition_of(key.encode(), self._partitions),
            )
            in self._full
        )

    def note(self, lag: Lag) -> None:
        """Take a measurement; report it in health, metric and log."""
        full = {place for place, one in lag.items() if one.records >= self._limits[place[0]]}
        standing = self._standing_s(lag)
        for topic, limit in self._limits.items():
            most = max((one.records for place, one in lag.items() if place[0] == topic), default=0)
            longest = max((s for place, s in standing.items() if place[0] == topic), default=0.0)
            metrics.BACKLOG_USED.set(most / limit, {"topic": topic})
            metrics.BACKLOG_STANDING.set(longest, {"topic": topic})
        places = ", ".join(f"{topic}[{number}]" for topic, number in sorted(full))
        reason = f"the workers are too far behind in {places}: what arrives for it is refused"
        self._health.set(CHECK, ok=not full, reason=reason if full else "")
        if full and not self._full:
            log.error("%s, and the SMS centres keep it", reason)
        elif self._full and not full:
            log.info("the workers have caught up: MOs and receipts are accepted again")
        self._full = frozenset(full)

    def _standing_s(self, lag: Lag) -> Mapping[tuple[str, int], float]:
        """Return for how long no waiting record has been processed."""
        now = self._clock()
        stands = {}
        for place, (records, next_offset) in lag.items():
            if records:
                stood, since = self._stands.get(place, (next_offset, now))
                stands[place] = next_offset, since if stood == next_offset else now
        self._stands = stands
        return {place: now - since for place, (_, since) in stands.items()}

    async def watch(self, measure: Callable[[], Awaitable[Lag]], every_s: float = EVERY_S) -> None:
        """Measure until cancelled. While Kafka is unavailable the last measurement counts."""
        while True:
            try:
                self.note(await measure())
            except (KafkaError, TimeoutError) as error:
                log.debug("the backlog can't be measured: %s", in_words(error))
            await asyncio.sleep(every_s)


def backlog_of(settings: Settings, health: Health, partitions: int) -> BacklogWatch:
    """Return the backlog with the limits of the settings, for topics of so many partitions."""
    names, quotas = TopicNames.prefixed(settings.topic_prefix), settings.quotas
    limits = {names.mo: quotas.mo_backlog, names.receipts: quotas.receipt_backlog}
    return BacklogWatch(limits, health, partitions=partitions)


class LagReader:
    """Reads how far a consumer group is behind, without joining it."""

    def __init__(
        self,
        kafka: KafkaConnection,
        group: str,
        topics: tuple[str, ...],
        partitions: int = PARTITIONS,
    ) -> None:
        """Connect to nothing yet. `partitions` is how many each topic has."""
        self._consumer = AIOKafkaConsumer(
            **kafka.client_arguments(), group_id=group, enable_auto_commit=False
        )
        self._places = [TopicPartition(name, n) for name in topics for n in range(partitions)]

    async def start(self) -> None:
        """Connect. Raises KafkaError."""
        await self._consumer.start()

    async def stop(self) -> None:
        """Disconnect."""
        await self._consumer.stop()

    async def __call__(self) -> Lag:
        """Return the lag of each partition. Blocks on Kafka; raises KafkaError."""
        ends = await self._consumer.end_offsets(self._places)
        begins = await self._consumer.beginning_offsets(self._places)
        # aiokafka's `committed` asks for one partition: a request for each, every two seconds.
        coordinator = self._consumer._coordinator  # noqa: SLF001
        committed = await coordinator.fetch_committed_offsets(self._places)
        lag = {}
        for place in self._places:
            stands = begins[place]
            if place in committed:
                stands = max(stands, committed[place].offset)
            lag[place.topic, place.partition] = Behind(ends[place] - stands, stands)
        return lag
