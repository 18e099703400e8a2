"""The backlog of the workers, for commands and the API."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING

from inbound.errors import MissingSettingError
from inbound.settings import Settings

if TYPE_CHECKING:
    from inbound.freshness.backlog import BacklogSource
    from inbound.freshness.model import Backlog
    from inbound.freshness.trouble import KafkaTrouble


log = logging.getLogger(__name__)


def backlog_source(
    settings: Settings, *, with_workers: bool = False, within_s: float | None = None
) -> "BacklogSource":
    """Return the source of these settings; an unknown backlog if they name no Kafka.

    Connects to nothing yet. `with_workers`: count the workers, too. `within_s`: how long a question
    may take, which is longer where each has to connect.
    """
    from inbound.clock import utc_now
    from inbound.freshness.backlog import BacklogReader, UnknownBacklog
    from inbound.freshness.model import PendingWork
    from schemas.topics import TopicNames
    from streams.groups import WORKER_GROUP

    try:
        kafka = settings.kafka()
    except MissingSettingError as error:
        log.warning("%s: answers can't say what is not processed yet", error)
        return UnknownBacklog(utc_now)
    names = TopicNames.prefixed(settings.topic_prefix)
    topics = {
        PendingWork.TEXTS: names.mo,
        PendingWork.RESULTS: names.receipts,
        PendingWork.ORDERS: names.notify,
    }
    group = settings.topic_prefix + WORKER_GROUP
    return BacklogReader(
        kafka, group, topics, utc_now, with_workers=with_workers, within_s=within_s
    )


async def kafka_trouble(settings: Settings) -> "KafkaTrouble | None":
    """Return why Kafka can't be used, None if it answers. Blocks for some seconds at most."""
    from inbound.freshness.trouble import KafkaTrouble, find_trouble

    try:
        kafka = settings.kafka()
    except MissingSettingError as error:
        return KafkaTrouble(str(error), is_refusal=True)
    return await find_trouble(kafka)


def ask_backlog(settings: Settings, number_hash: bytes | None = None) -> "Backlog":
    """Ask Kafka what waits; a moment longer while something of this person is being processed.

    Blocks for seconds at most, also when Kafka does not answer: then the backlog is unknown. That
    is not logged, because the answer says it.
    """
    reader_log = logging.getLogger("inbound.freshness.backlog")
    level = reader_log.level
    reader_log.setLevel(logging.ERROR)
    try:
        return _ask_backlog(settings, number_hash)
    finally:
        reader_log.setLevel(level)


def _ask_backlog(settings: Settings, number_hash: bytes | None) -> "Backlog":
    from inbound.freshness.backlog import ask_settled

    async def ask(question: "Callable[[BacklogSource], Awaitable[Backlog]]") -> "Backlog":
        source = backlog_source(settings)
        try:
            return await question(source)
        finally:
            await source.close()

    if number_hash is None:
        return asyncio.run(ask(lambda source: source.ask()))
    return asyncio.run(ask(lambda source: ask_settled(source, number_hash)))


def pending_lines(
    settings: Settings, backlog: "Backlog", number_hash: bytes | None
) -> Iterator[str]:
    """Say in English what waits for the number with this hash, or for anybody."""
    from zoneinfo import ZoneInfo

    from inbound.freshness.model import PendingWork
    from inbound.timeline.english import English

    words = English(ZoneInfo(settings.time_zone))
    works = (PendingWork.TEXTS, PendingWork.RESULTS, PendingWork.ORDERS)
    yield from map(words.pending, backlog.pending(*works, of=number_hash))
