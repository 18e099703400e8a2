"""What a process watches of a real database: its clock, its size, its disk."""

import time
from collections.abc import Iterator

import psycopg
import pytest

from inbound.clock import database_clock, machine_skew_s, utc_now
from inbound.keys import VaultKeys, fingerprint
from inbound.ops import metrics
from inbound.ops.health import Health
from inbound.store.access.index_keys import (
    add_subject_key,
    load_index_key,
    retire_other_keys,
)
from inbound.store.access.key_checks import adopt_vault_key, check_vault_key
from inbound.store.access.process_keys import OwnKeys, list_keys
from inbound.store.connected import list_connected
from inbound.store.connections import connect
from inbound.store.database_watch import ASK_AGAIN_S, ASK_EVERY_S, DatabaseWatch
from tests.keys import SUBJECT_KEY

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


def watch(url: str, health: Health, *, with_disk: bool = False) -> DatabaseWatch:
    watching = DatabaseWatch(url, health, SKEW_MAX_S, with_disk=with_disk)
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


def test_after_an_outage_it_reports_within_seconds(health: Health, database_url: str) -> None:
    """Otherwise all processes would seem silent for up to a minute."""
    reached = watch(database_url, health)
    away = watch("postgresql://nobody@127.0.0.1:1/nowhere", health)
    in_s = [one._ask_at - time.monotonic() for one in (reached, away)]
    assert 0 < in_s[1] <= ASK_AGAIN_S < in_s[0] <= ASK_EVERY_S


OLD, NEW = bytes(range(32)), bytes(range(1, 33))


def keyed(url: str, health: Health, role: str, keys: VaultKeys) -> DatabaseWatch:
    watching = DatabaseWatch(url, health, SKEW_MAX_S, keys=OwnKeys.of(role, keys, SUBJECT_KEY))
    watching.ask()
    return watching


def test_process_that_cannot_open_what_another_seals_is_not_ready(
    database_url: str, conn: psycopg.Connection, health: Health
) -> None:
    check_vault_key(conn, fingerprint(OLD))
    behind = keyed(database_url, health, "worker", VaultKeys(OLD))
    assert health.ready().ok
    peer = keyed(database_url, Health(), "gateway", VaultKeys(NEW, OLD))
    behind.ask()
    [reason] = health.ready().reasons
    assert "vault key: gateway " in reason
    assert fingerprint(NEW).hex() in reason
    peer.withdraw()
    behind.ask()
    assert health.ready().ok

    adopt_vault_key(conn, fingerprint(NEW))
    behind.ask()
    [reason] = health.ready().reasons
    assert "the vault key was rotated, and this process has only an old one" in reason


def test_process_that_cannot_be_started_again_works_and_warns(
    database_url: str, conn: psycopg.Connection, health: Health, caplog: pytest.LogCaptureFixture
) -> None:
    load_index_key(conn, SUBJECT_KEY)
    watching = keyed(database_url, health, "worker", VaultKeys(OLD))
    assert health.details()["subject key"] == "ok"
    add_subject_key(conn, NEW, SUBJECT_KEY)
    retire_other_keys(conn, NEW)
    watching.ask()
    watching.ask()
    warning = str(health.details()["subject key"])
    assert "can't be started again" in warning
    assert fingerprint(NEW).hex() in warning
    assert [one.getMessage() for one in caplog.records if one.levelname == "WARNING"] == [warning]
    assert health.ready().ok  # it has the index key


def test_process_that_ends_is_not_counted_and_reports_no_more(
    database_url: str, conn: psycopg.Connection, health: Health
) -> None:
    ending = keyed(database_url, health, "worker", VaultKeys(OLD))
    assert [one.sealing for one in list_keys(conn)] == [fingerprint(OLD)]
    ending.withdraw()
    ending.ask()  # the thread that watches lives on for a moment
    assert list_keys(conn) == []


def test_connections_of_the_service_are_named(database_url: str, conn: psycopg.Connection) -> None:
    with connect(database_url, "scserv relay"), connect(database_url, "pg_dump"):
        [connected] = list_connected(conn)
    assert connected.startswith("scserv relay")
