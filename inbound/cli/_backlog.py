"""What waits for the workers, for commands and the API."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING

from inbound.settings import Settings

if TYPE_CHECKING:
    from inbound.freshness.backlog import BacklogReader
    from inbound.freshness.model import Backlog


def backlog_reader(settings: Settings) -> "BacklogReader":
    """Return the reader of these settings. Connects to nothing yet."""
    from inbound.clock import utc_now
    from inbound.freshness.backlog import BacklogReader
    from inbound.freshness.model import PendingWork
    from schemas.topics import TopicNames
    from streams.groups import WORKER_GROUP

    names = TopicNames.prefixed(settings.topic_prefix)
    topics = {
        PendingWork.TEXTS: names.mo,
        PendingWork.RESULTS: names.receipts,
        PendingWork.ORDERS: names.notify,
    }
    return BacklogReader(settings.kafka(), settings.topic_prefix + WORKER_GROUP, topics, utc_now)


def ask_backlog(settings: Settings, number: str | None = None) -> "Backlog":
    """Ask Kafka what waits; a moment longer if something of this number is just being processed.

    Blocks for seconds at most, also when Kafka does not answer: then the backlog is unknown.
    """
    from inbound.freshness.backlog import ask_settled
    from inbound.keys import SubjectHasher

    async def ask(question: "Callable[[BacklogReader], Awaitable[Backlog]]") -> "Backlog":
        reader = backlog_reader(settings)
        try:
            return await question(reader)
        finally:
            await reader.close()

    if number is None:
        return asyncio.run(ask(lambda reader: reader.ask()))
    number_hash = SubjectHasher(settings.subject_key_bytes()).hash(number)
    return asyncio.run(ask(lambda reader: ask_settled(reader, number_hash)))


def pending_lines(settings: Settings, backlog: "Backlog", number: str | None) -> Iterator[str]:
    """Say in English what waits: in the partition of a number, or in any."""
    from zoneinfo import ZoneInfo

    from inbound.freshness.model import PendingWork
    from inbound.keys import SubjectHasher
    from inbound.timeline.english import English
    from schemas.partitions import partition_of

    partition = None
    if number is not None:
        key = SubjectHasher(settings.subject_key_bytes()).hash(number).hex()
        partition = partition_of(key.encode())
    words = English(ZoneInfo(settings.time_zone))
    of_person = backlog.pending(PendingWork.TEXTS, PendingWork.RESULTS, partition=partition)
    # Orders are in the partitions that their writers choose.
    yield from map(words.pending, [*of_person, *backlog.pending(PendingWork.ORDERS)])
