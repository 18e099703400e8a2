"""What a process watches of a real database: its clock, its size, its disk."""

import time
from collections.abc import Iterator

import psycopg
import pytest

from inbound.clock import database_clock, machine_skew_s, utc_now
from inbound.ops import metrics
from inbound.ops.health import Health
from inbound.store.database_watch import DatabaseWatch

REAL = time.time
SKEW_MAX_S = 30


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Leave the other tests of this process their machine's clock."""
    yield
    database_clock.forget()


@pytest.fixture
def health() -> Health:
    return Health()


def watch(url: str, health: Health, **options: bool) -> DatabaseWatch:
    watching = DatabaseWatch(url, health, SKEW_MAX_S, **options)
    watching.ask()
    watching.judge()
    return watching


@pytest.mark.parametrize(("seconds", "words"), [(7200, "ahead of"), (-7200, "behind")])
def test_a_machine_that_is_hours_off_is_not_ready_and_tells_the_right_time(
    database_url: str,
    conn: psycopg.Connection,
    health: Health,
    monkeypatch: pytest.MonkeyPatch,
    seconds: int,
    words: str,
) -> None:
    monkeypatch.setattr(time, "time", lambda: REAL() + seconds)
    watching = watch(database_url, health)
    [(there,)] = conn.execute("SELECT clock_timestamp()").fetchall()
    assert abs((utc_now() - there).total_seconds()) < SKEW_MAX_S
    [reason] = health.ready().reasons
    assert f"7200 seconds {words} the database's: start NTP" in reason
    monkeypatch.setattr(time, "time", REAL)
    watching.judge()
    assert health.ready().ok


def test_a_few_seconds_are_told_and_no_reason_to_be_not_ready(
    database_url: str, health: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: REAL() + 20)
    watch(database_url, health)
    assert health.ready().ok
    assert machine_skew_s() > 10


def test_size_and_disk_are_measured_where_the_server_is_on_this_machine(
    database_url: str, health: Health
) -> None:
    watch(database_url, health, with_disk=True)
    assert metrics.DATABASE_SIZE.values()[frozenset()] > 1_000_000
    share = metrics.DISK_FREE.values()[frozenset({("server", "postgresql")})]
    assert 0 < share <= 1


def test_an_outage_leaves_the_last_reading(health: Health, database_url: str) -> None:
    watch(database_url, health)
    before = database_clock.now()
    watch("postgresql://nobody@127.0.0.1:1/nowhere", health)
    assert health.ready().ok
    assert before is not None
    assert database_clock.now() is not None
