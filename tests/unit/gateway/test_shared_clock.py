"""The clock that gateways share: the database's, carried on by the monotonic one."""

from datetime import UTC, datetime, timedelta

import pytest

from inbound.errors import RetryableError
from inbound.gateway.shared_clock import READINGS, SharedClock

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Database:
    """Answers with its time after a while."""

    def __init__(self) -> None:
        self.monotonic = 1000.0
        self.takes_s = 0.0
        self.there = True

    @property
    def time(self) -> datetime:
        return NOON + timedelta(seconds=self.monotonic)

    async def tell(self) -> datetime:
        if not self.there:
            raise RetryableError("away")
        self.monotonic += self.takes_s / 2
        told = self.time
        self.monotonic += self.takes_s / 2
        return told


@pytest.fixture
def database() -> Database:
    return Database()


@pytest.fixture
def clock(database: Database) -> SharedClock:
    return SharedClock(lambda: database.monotonic)


def test_nobody_knows_the_time_before_the_first_reading(clock: SharedClock) -> None:
    assert clock.now() is None


async def test_it_goes_on_while_the_database_is_away(
    clock: SharedClock, database: Database
) -> None:
    await clock.sync(database.tell)
    database.there = False
    database.monotonic += 500
    with pytest.raises(RetryableError):
        await clock.sync(database.tell)
    assert clock.now() == database.time


class _Reading:
    """A reading of the database's clock that took so long, and was read so late within it."""

    def __init__(self, database: Database, takes_s: float, read_after_s: float) -> None:
        self._database, self._takes_s, self._read_after_s = database, takes_s, read_after_s
        self.set_by_s = 0.0

    async def __call__(self) -> datetime:
        self._database.monotonic += self._read_after_s
        read = self._database.time + timedelta(seconds=self.set_by_s)
        self._database.monotonic += self._takes_s - self._read_after_s
        return read


async def test_an_inexact_reading_does_not_replace_an_exact_one_however_old(
    clock: SharedClock, database: Database
) -> None:
    await clock.sync(_Reading(database, 0.01, 0.005))
    assert clock.now() == database.time
    database.monotonic += 300
    await clock.sync(_Reading(database, 2.2, 2.2))
    assert clock.now() == database.time


async def test_an_old_reading_is_replaced_by_one_that_is_more_exact_by_now(
    clock: SharedClock, database: Database
) -> None:
    await clock.sync(_Reading(database, 0.2, 0.2))
    assert clock.now() != database.time
    database.monotonic += 1000
    await clock.sync(_Reading(database, 0.02, 0.01))
    assert clock.now() == database.time


async def test_a_database_whose_clock_was_set_is_believed(
    clock: SharedClock, database: Database
) -> None:
    await clock.sync(_Reading(database, 0.01, 0.005))
    reading = _Reading(database, 2.0, 1.0)
    reading.set_by_s = 30.0
    await clock.sync(reading)
    assert clock.now() == database.time + timedelta(seconds=30)


async def test_a_gateway_starts_with_an_exact_reading_if_it_can_get_one(
    clock: SharedClock, database: Database
) -> None:
    taken = iter([(2.2, 2.2), (0.8, 0.1), (0.02, 0.01), (1.0, 0.9)])

    async def ask() -> datetime:
        return await _Reading(database, *next(taken))()

    await clock.sync_exactly(ask)
    assert clock.now() == database.time


async def test_a_gateway_starts_on_a_machine_that_is_never_quick(
    clock: SharedClock, database: Database
) -> None:
    asked = 0

    async def ask() -> datetime:
        nonlocal asked
        asked += 1
        return await _Reading(database, 1.0, 0.5)()

    await clock.sync_exactly(ask)
    assert asked == READINGS
    assert clock.now() == database.time
