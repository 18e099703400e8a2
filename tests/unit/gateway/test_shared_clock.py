"""The clock that gateways share: the database's, carried on by the monotonic one."""

from datetime import UTC, datetime, timedelta

import pytest

from inbound.errors import RetryableError
from inbound.gateway.shared_clock import OLD_S, SharedClock

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


async def test_a_slow_answer_is_halved_and_does_not_replace_a_quick_one(
    clock: SharedClock, database: Database
) -> None:
    database.takes_s = 0.01
    await clock.sync(database.tell)
    exact = clock.now()
    assert exact == database.time
    database.takes_s = 3.0
    lopsided = database.time + timedelta(seconds=100)

    async def tell() -> datetime:
        await database.tell()
        return lopsided

    await clock.sync(tell)
    assert clock.now() == database.time
    database.monotonic += OLD_S
    await clock.sync(tell)
    assert clock.now() != database.time
