"""What is wrong with the service now, for the commands that say so."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final

from inbound.cli._backlog import kafka_trouble
from inbound.cli._sources import status_sources
from inbound.daemon_threads import to_daemon_thread
from inbound.errors import RetryableError, SetupError
from inbound.settings import Settings
from inbound.terminal import reads_russian

if TYPE_CHECKING:
    from inbound.desk.status.alarm import Alarm
    from inbound.desk.status.service_status import ServiceStatus
    from inbound.eventlog.published_end import LostEnd

BAD: Final = "bad"
"""The colour of an alarm about something that clients notice."""


_CLOSED_WITHIN_S: Final = 1.0
_LOG_WITHIN_S: Final = 6.0
"""After the start of a status the log is not compared with Kafka for longer than this."""


def ask_status(settings: Settings) -> "ServiceStatus":
    """Ask PostgreSQL and Kafka, and no process of the service.

    Blocks for 7 s at most. A connection to a server that hangs can't be closed, so a thread of its
    own asks, and is left behind then.
    """
    # The status says what is wrong; the log would repeat it.
    logging.getLogger("inbound.freshness.backlog").setLevel(logging.CRITICAL)
    answers: SimpleQueue[ServiceStatus | BaseException] = SimpleQueue()

    def ask() -> None:
        try:
            asyncio.run(_read(settings, answers.put))
        except BaseException as error:  # noqa: BLE001 — for the caller
            answers.put(error)

    asking = threading.Thread(target=ask, name="status", daemon=True)
    asking.start()
    answer = answers.get()
    if isinstance(answer, BaseException):
        raise answer
    asking.join(_CLOSED_WITHIN_S)
    return answer


async def _read(settings: Settings, tell: "Callable[[ServiceStatus], None]") -> None:
    from inbound.clock import utc_now
    from inbound.desk.status.service_status import Limits, StatusReader

    sources = status_sources(settings, "scserv status")
    limits = Limits(settings.dead_letter_limits(), settings.quotas.limits())
    try:
        begun = time.monotonic()
        reader = StatusReader(sources, limits, utc_now, lambda: kafka_trouble(settings))
        found = await reader.read()
        # Only then, so that the one source doesn't make the other seem slow.
        if found.stored is not None and found.backlog.oldest is not None:
            left_s = _LOG_WITHIN_S - (time.monotonic() - begun)
            found = replace(found, lost_end=await _lost_end_in_time(settings, left_s))
        tell(found)
    finally:
        await sources.close()


async def _lost_end_in_time(settings: Settings, within_s: float) -> "LostEnd | None":
    """Return what the log lacks; None, too, if it isn't known in time."""
    from inbound.eventlog.published_end import find_lost_end
    from schemas.topics import TopicNames

    url, names = (
        settings.database_url.get_secret_value(),
        TopicNames.prefixed(settings.topic_prefix),
    )
    comparing = to_daemon_thread(find_lost_end, settings.kafka(), names, url, "scserv status")
    with suppress(TimeoutError, RetryableError, SetupError):
        return await asyncio.wait_for(comparing, within_s)
    return None


def in_words(alarms: "list[Alarm]", settings: Settings) -> Iterator[tuple[str, str, str]]:
    """Yield what is wrong and what to do, in the language of the command, and the colour."""
    from inbound.desk.words import Words
    from inbound.timeline.model import Language

    words = Words(Language.RU if reads_russian() else Language.EN, settings.time_zone)
    for alarm in alarms:
        yield words(alarm.what, **alarm.values), words(alarm.todo), alarm.colour
