"""Reads the status of the service from the database and Kafka, each within 6 s or not at all.

Other processes are not asked, because their machines may be out of reach. The part of a source that
doesn't answer is None, and the page says that it is unknown.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

import psycopg

from inbound.api.backend import StatusSources, retry_once
from inbound.desk.shared_readings import SHARED_S, SharedReadings
from inbound.desk.status.bounded_reading import ANSWER_WITHIN_S, BoundedReading
from inbound.desk.status.daily_report import DailyReport, report_of
from inbound.errors import RetryableError
from inbound.eventlog.published_end import LostEnd
from inbound.freshness.model import Backlog
from inbound.freshness.trouble import KafkaTrouble
from inbound.outbox.shards import SHARDS
from inbound.projections.queries import Minute
from inbound.projections.status import ProjectionStatus, statuses
from inbound.store.bind_reports import ReportedBind, known_centres, lacking_centres, list_binds
from inbound.store.dead_letters import dead_letters
from inbound.store.dead_letters.limits import DeadLetterLimits
from inbound.store.dead_letters.rows import DeadLetterUsage
from inbound.store.outbox.feeds import oldest_unpublished
from inbound.store.quotas import Quotas, Usage
from inbound.store.registrations.status import RegistrationStatus, find_status
from inbound.store.running_roles import (
    RunningRoles,
    SeenRole,
    SilentProcess,
    running_roles,
    seen_roles,
    silent_processes,
)
from inbound.store.usage import EARLY_RECEIPTS, PARTS, usage
from schemas.lanes import Lane

Found = TypeVar("Found")

HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Limits:
    """The quotas of this installation, by its settings."""

    dead_letters: DeadLetterLimits
    quotas: Quotas


@dataclass(frozen=True, slots=True)
class Stored:
    """What the tables of the database say about the processes.

    `waiting_texts`: dead letters that are texts. `unpublished_since`: since when the oldest message
    waits for a relay.
    """

    binds: Sequence[ReportedBind]
    projections: Sequence[ProjectionStatus]
    dead_letters: DeadLetterUsage
    registrations: RegistrationStatus
    parts: Usage
    early_receipts: Usage
    running: RunningRoles
    waiting_texts: int
    seen: Sequence[SeenRole]
    silent: Sequence[SilentProcess]
    unpublished_since: datetime | None = None

    @property
    def lacking_centres(self) -> Mapping[str, Sequence[str]]:
        """The SMS centres that a gateway lacks and another one has."""
        return lacking_centres(known_centres(self.binds))

    @property
    def oldest_waiting_s(self) -> dict[Lane, float]:
        """For how long the oldest message of each lane has waited; lanes without one are left out.

        Each bind of a gateway reports the queue that it shares with the others of its centre.
        """
        ages: dict[Lane, float] = {}
        for bind in self.binds:
            if bind.shown_state != "gone":
                for lane in Lane:
                    age = bind.details.get("oldest_waiting_s", {}).get(lane.label)
                    if age is not None:
                        ages[lane] = max(ages.get(lane, 0.0), age + bind.age_s)
        return ages


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """The status of the service at one moment.

    `stored` and `hour` are None while PostgreSQL is unavailable; `unavailable` says why.
    The backlog is unknown, too, while Kafka is only slow; `kafka` says what is wrong with it.

    `lost_end`: the log has lost its end; None, too, where nobody has compared it with Kafka.

    `hour` has each minute of the last hour; `whole_hour` all of them together; `today` the counts
    of this day in UTC so far.
    """

    at: datetime
    limits: Limits
    backlog: Backlog
    stored: Stored | None
    hour: Sequence[Minute] | None
    whole_hour: Minute | None
    today: DailyReport | None = None
    unavailable: str = ""
    kafka: KafkaTrouble | None = None
    lost_end: LostEnd | None = None


class StatusReader:
    """Reads the status."""

    def __init__(
        self,
        sources: StatusSources,
        limits: Limits,
        clock: Callable[[], datetime],
        find_trouble: Callable[[], Awaitable[KafkaTrouble | None]],
        shared_s: float = SHARED_S,
        within_s: float = ANSWER_WITHIN_S,
    ) -> None:
        """`find_trouble` tells whether Kafka answers when the backlog is unknown.

        `shared_s`: how old the result of `watch` may be; `within_s`: limit of each source.
        """
        self._sources = sources
        self._limits = limits
        self._clock = clock
        self._find_trouble = find_trouble
        self._watched = SharedReadings[ServiceStatus](shared_s)
        where = sources.quick.where
        self._tables, self._minutes, self._days = (
            BoundedReading(where, within_s) for _ in range(3)
        )

    async def watch(self) -> ServiceStatus:
        """Return the status; concurrent callers share one answer. Raises nothing."""
        return await self._watched.get("status", self.read)

    async def read(self) -> ServiceStatus:
        """Return the status now. Raises nothing while PostgreSQL or Kafka is away, or hangs."""
        now = self._clock()
        until = now.replace(second=0, microsecond=0)
        today = now.astimezone(UTC).date()
        (backlog, trouble), stored, minutes, counts = await asyncio.gather(
            self._ask_kafka(),
            _or_why(self._tables.read(lambda: self._sources.pool.run(read_stored))),
            _or_none(
                self._minutes.read(
                    lambda: retry_once(self._sources.slow.minutes, until - HOUR, until)
                )
            ),
            _or_none(self._days.read(lambda: retry_once(self._sources.quick.daily, today, today))),
        )
        hour = minutes[:-1] if minutes else None
        whole = minutes[-1] if minutes else None
        report = None if counts is None else report_of(today, counts, (), is_final=False)
        return ServiceStatus(
            now,
            self._limits,
            backlog,
            None if isinstance(stored, str) else stored,
            hour,
            whole,
            report,
            unavailable=stored if isinstance(stored, str) else "",
            kafka=trouble,
        )

    async def _ask_kafka(self) -> tuple[Backlog, KafkaTrouble | None]:
        backlog = await self._sources.backlog.ask()
        return backlog, await self._find_trouble() if backlog.oldest is None else None


async def _or_none(reading: Awaitable[Found]) -> Found | None:
    """Return what is read, None if its source is unavailable."""
    try:
        return await reading
    except RetryableError:
        return None


async def _or_why(reading: Awaitable[Stored]) -> Stored | str:
    """Return what is read, or why PostgreSQL is unavailable."""
    try:
        return await reading
    except RetryableError as error:
        return str(error)


def read_stored(conn: psycopg.Connection) -> Stored:
    """Return what the tables say. A dozen short statements, none of which grows with the log."""
    return Stored(
        list_binds(conn),
        statuses(conn, with_rows=False),
        dead_letters.usage(conn),
        find_status(conn),
        usage(conn, PARTS),
        usage(conn, EARLY_RECEIPTS),
        running_roles(conn),
        dead_letters.count_texts(conn),
        seen_roles(conn),
        silent_processes(conn),
        oldest_unpublished(conn, SHARDS),
    )
