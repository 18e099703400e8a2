"""Asks Kafka which records the workers have not processed.

The ends of the partitions are read first, then the committed offsets; a worker commits after the
transaction of its batch. So a partition whose committed offset has reached its end has nothing that
a question asked afterwards to the database would miss. No record is read, only offsets and times.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from inbound.errors import SetupError
from inbound.freshness.model import Backlog, PendingWork
from inbound.freshness.offset_clients import ASK_AGAIN_S, OffsetClients
from inbound.freshness.record_times import times_of
from inbound.kafka.connection import KafkaConnection
from inbound.reasons import in_words

log = logging.getLogger(__name__)

ANSWER_WITHIN_S: Final = 2.0
SILENT_FOR_S: Final = 2.0
"""After a failure Kafka is not asked again for this long, so that few questions wait for it."""

SETTLED_WITHIN_S: Final = 1.5
"""A worker commits half a second after its batch; until then its records seem to wait."""

_RECENT: Final = timedelta(seconds=3)
_WORKS_OF_PERSON: Final = (PendingWork.TEXTS, PendingWork.RESULTS, PendingWork.ORDERS)


class BacklogSource(Protocol):
    """Reads the backlog of the workers."""

    async def ask(self) -> Backlog:
        """Return the current backlog. Never raises: a backlog that can't be read is unknown."""
        ...

    async def close(self) -> None:
        """Disconnect; a later question connects again."""
        ...


class UnknownBacklog:
    """The source without a setting for Kafka."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    async def ask(self) -> Backlog:
        """Return an unknown backlog."""
        return Backlog(self._clock(), None)

    async def close(self) -> None:
        """Do nothing."""


async def ask_settled(source: BacklogSource, number_hash: bytes) -> Backlog:
    """Return the backlog, a moment later if the workers are just about to commit.

    For answers that people read. Of texts and results only the partition of this number counts, and
    of all records only those that waited at the first question: what arrives meanwhile, in a steady
    stream, is not waited for. Records that have waited for longer, or an unknown backlog, are
    returned at once.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + SETTLED_WITHIN_S
    backlog = first = await source.ask()
    while True:
        waiting = backlog.pending(*_WORKS_OF_PERSON, of=number_hash)
        recent = [one for one in waiting if one.since and backlog.asked_at - one.since < _RECENT]
        if not waiting or len(recent) < len(waiting) or loop.time() > until:
            return backlog
        await asyncio.sleep(ASK_AGAIN_S)
        backlog = first.still_waiting(await source.ask())


class BacklogReader:
    """Asks Kafka. Questions that arrive while one is answered share the next answer.

    Use it in one event loop. Connects at the first question, and again after a failure.
    """

    def __init__(
        self,
        kafka: KafkaConnection,
        group: str,
        topics: Mapping[PendingWork, str],
        clock: Callable[[], datetime],
        *,
        with_workers: bool = False,
        within_s: float | None = None,
    ) -> None:
        """Connect to nothing yet. `group` is that of the workers, counted `with_workers`.

        `within_s`: how long a question may take, `ANSWER_WITHIN_S` if None.
        """
        self._with_workers = with_workers
        self._within_s = within_s
        self._kafka = kafka
        self._group = group
        self._works = {topic: work for work, topic in topics.items()}
        self._places: list[TopicPartition] = []
        self._clock = clock
        self._clients: OffsetClients | None = None
        self._asking = asyncio.Lock()
        self._next: asyncio.Task[Backlog] | None = None
        self._silent_until = 0.0
        self._was_away = False
        self._times: dict[TopicPartition, tuple[int, datetime]] = {}
        # Each failed attempt to connect would be an error; this module logs the changes.
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)

    async def ask(self) -> Backlog:
        """Return the current backlog; unknown if it takes too long."""
        if self._next is None:
            self._next = asyncio.create_task(self._ask_next())
        return await asyncio.shield(self._next)

    async def close(self) -> None:
        """Disconnect. A later question connects again."""
        if self._next is not None:
            self._next.cancel()
            await asyncio.gather(self._next, return_exceptions=True)
            self._next = None
        await self._disconnect()

    async def _ask_next(self) -> Backlog:
        async with self._asking:
            # From here on a question would get an answer that is older than it.
            self._next = None
            asked_at = self._clock()
            if asyncio.get_running_loop().time() < self._silent_until:
                return Backlog(asked_at, None)
            try:
                async with asyncio.timeout(self._within_s or ANSWER_WITHIN_S):
                    backlog = await self._measure(asked_at)
            except (KafkaError, TimeoutError, OSError, SetupError) as error:
                await self._fail(error)
                return Backlog(asked_at, None)
            if self._was_away:
                self._was_away = False
                log.info("Kafka answers again: answers say what waits to be processed")
            return backlog

    async def _fail(self, error: Exception) -> None:
        if not self._was_away:
            log.warning(
                "answers can't say whether anything waits to be processed: Kafka at %s: %s",
                self._kafka,
                in_words(error),
            )
        self._was_away = True
        await self._disconnect()
        self._silent_until = asyncio.get_running_loop().time() + SILENT_FOR_S

    async def _disconnect(self) -> None:
        if self._clients is not None:
            clients, self._clients = self._clients, None
            await clients.stop()

    async def _measure(self, asked_at: datetime) -> Backlog:
        if self._clients is None:
            self._clients = OffsetClients(self._kafka, self._group)
            await self._clients.start()
            self._places = await self._clients.places(self._works)
        clients = self._clients
        ends = await clients.ends(self._places)
        committed = await clients.committed()
        waiting = {
            place: committed.get(place, 0)
            for place in self._places
            if committed.get(place, 0) < ends[place]
        }
        if without := [place for place in waiting if place not in committed]:
            begins = await clients.begins(without)
            waiting |= begins
            waiting = {place: n for place, n in waiting.items() if n < ends[place]}
        unknown = {
            place: offset
            for place, offset in waiting.items()
            if self._times.get(place, (-1, None))[0] != offset
        }
        now_ms = int(self._clock().timestamp() * 1000)
        for place, at_ms in (await times_of(clients, unknown, now_ms)).items():
            at = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=at_ms)
            self._times[place] = unknown[place], at
        named = {place: (self._works[place.topic], place.partition) for place in waiting}
        return Backlog(
            asked_at,
            {named[place]: self._times[place][1] for place in waiting},
            {named[place]: ends[place] for place in waiting},
            {named[place]: offset for place, offset in waiting.items()},
            partitions=sum(self._works[place.topic] is PendingWork.TEXTS for place in self._places),
            workers=await clients.members() if self._with_workers else None,
        )
