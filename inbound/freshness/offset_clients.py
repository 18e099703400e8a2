"""The connections to Kafka over which offsets and the members of a group are read."""

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    KafkaError,
    NoError,
    NotCoordinatorForGroupError,
    for_code,
)

from inbound.freshness.record_times import Offsets
from inbound.kafka.connection import KafkaConnection

ASK_AGAIN_S: Final = 0.1
_COORDINATOR_MOVES: Final = (
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    NotCoordinatorForGroupError,
)


class OffsetClients:
    """One connection for offsets and one for the offsets of a group. Joins no group."""

    def __init__(self, kafka: KafkaConnection, group: str) -> None:
        arguments = kafka.client_arguments()
        self._group = group
        self._consumer = AIOKafkaConsumer(**arguments, enable_auto_commit=False)
        self._admin = AIOKafkaAdminClient(**arguments)
        self._coordinator: int | None = None

    async def start(self) -> None:
        """Connect. Raises KafkaError."""
        await asyncio.gather(self._consumer.start(), self._admin.start())

    async def stop(self) -> None:
        """Disconnect, without waiting for a broker that hangs."""
        with contextlib.suppress(KafkaError, TimeoutError, OSError):
            async with asyncio.timeout(1):
                await asyncio.gather(self._consumer.stop(), self._admin.close())

    async def places(self, topics: Iterable[str]) -> list[TopicPartition]:
        """Return the partitions of these topics. Raises KafkaError if there is no such topic."""
        described = await self._admin.describe_topics(list(topics))
        for topic in described:
            if (error := for_code(topic["error_code"])) is not NoError:
                raise error(topic["topic"])
        return [
            TopicPartition(topic["topic"], one["partition"])
            for topic in described
            for one in topic["partitions"]
        ]

    async def ends(self, places: list[TopicPartition]) -> Offsets:
        """Return the offset behind the last record of each."""
        found: Offsets = await self._consumer.end_offsets(places)
        return found

    async def begins(self, places: list[TopicPartition]) -> Offsets:
        """Return the offset of the oldest record that each still has."""
        found: Offsets = await self._consumer.beginning_offsets(places)
        return found

    async def committed(self) -> Offsets:
        """Return the committed offsets; waits while the group has no coordinator."""
        while True:
            try:
                if self._coordinator is None:
                    self._coordinator = await self._admin.find_coordinator(self._group)
                found = await self._admin.list_consumer_group_offsets(
                    self._group, self._coordinator
                )
            except _COORDINATOR_MOVES:
                self._coordinator = None
                await asyncio.sleep(ASK_AGAIN_S)
            else:
                return {place: at.offset for place, at in found.items() if at.offset >= 0}

    async def members(self) -> int | None:
        """Return how many processes are in the group; None while that isn't known."""
        with contextlib.suppress(KafkaError):
            admin: Any = self._admin
            [found] = await admin.describe_consumer_groups([self._group], self._coordinator)
            error, _, _, _, _, members, *_ = found.groups[0]
            return None if error else len(members)
        return None

    async def first_since(
        self, times: Mapping[TopicPartition, int]
    ) -> Mapping[TopicPartition, tuple[int, int] | None]:
        """Return offset and time (ms) of the first record at or after a time, if there is one."""
        found = await self._consumer.offsets_for_times(dict(times))
        return {place: at and (at.offset, at.timestamp) for place, at in found.items()}
