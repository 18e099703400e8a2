"""A rebuild beside the live tables: stopped, killed, resumed, swapped; nobody has to wait."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from inbound.errors import SetupError
from inbound.projections import builder, progress
from inbound.projections.builder import BuildProgress, BuildStopped
from inbound.projections.catalogue import PROJECTIONS
from inbound.projections.progress import TableSchema, stored_progress
from inbound.projections.projector import LiveTables
from inbound.projections.queries import ProjectionQueries
from inbound.projections.rebuild import SwapBlocked, rebuild
from inbound.projections.requests import REQUESTS
from inbound.projections.subscriptions import SUBSCRIPTIONS
from inbound.store.connections import connect
from inbound.store.log.positions import last_position
from inbound.store.statements import statements
from tests.integration.projections.lines import ALL, append_stop, catch_up, dumps, positions
from tests.integration.projections.running import Running, growing_log
from tests.patience import PATIENCE_S

SHAPE = """
    SELECT column_name, data_type, is_nullable FROM information_schema.columns
    WHERE table_schema = 'projections'
    UNION ALL
    SELECT indexname, indexdef, '' FROM pg_indexes WHERE schemaname = 'projections'
    UNION ALL
    SELECT conname, pg_get_constraintdef(oid), '' FROM pg_constraint
    WHERE connamespace = 'projections'::regnamespace
    UNION ALL
    SELECT relname, relkind::text, array_to_string(reloptions, ',') FROM pg_class
    WHERE relnamespace = 'projections'::regnamespace
    ORDER BY 1, 2, 3
"""

# Ends with SIGKILL at the Nth stretch: after its commit, or in the midst of its transaction.
KILLED = """
import os, signal, sys
from inbound.projections import builder, writer
from inbound.projections.catalogue import PROJECTIONS
from inbound.projections.rebuild import rebuild
from inbound.store.connections import connect

url, where, at = sys.argv[1], sys.argv[2], int(sys.argv[3])
builder.BATCH = 200
stretches = 0

def die(*args, **kwargs):
    global stretches
    if where == "within":
        move(*args, **kwargs)
    stretches += 1
    if stretches == at:
        os.kill(os.getpid(), signal.SIGKILL)

move = writer.advance
if where == "within":
    writer.advance = die
rebuild(lambda: connect(url, "killed", long=True), list(PROJECTIONS.values()),
        on_progress=die if where == "after" else lambda progress: None)
"""


@pytest.fixture
def opening(url: str) -> Callable[[], psycopg.Connection]:
    return lambda: connect(url, "tests rebuild", long=True)


@pytest.fixture(autouse=True)
def small_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builder, "BATCH", 200)
    monkeypatch.setattr("inbound.projections.rebuild.SWAP_RETRY_S", 0.01)


def spoil(conn: psycopg.Connection) -> None:
    """Make the live tables wrong, so that only rebuilt ones are right."""
    conn.execute("UPDATE projections.requests SET state = 'refused'")
    conn.execute("DELETE FROM projections.subscriptions")
    conn.execute("UPDATE projections.daily_counts SET count = count + 1")


def test_a_rebuilt_projection_is_what_following_makes(
    opening: Callable[[], psycopg.Connection], conn: psycopg.Connection
) -> None:
    catch_up(conn)
    followed, shape = dumps(conn), conn.execute(SHAPE).fetchall()
    spoil(conn)
    told: list[BuildProgress] = []
    rebuild(opening, ALL, on_progress=told.append)
    assert dumps(conn) == followed
    assert conn.execute(SHAPE).fetchall() == shape
    head = last_position(conn)
    assert set(positions(conn).values()) == {head}
    assert positions(conn, TableSchema.SHADOW) == {}
    assert [one.doing for one in told if one.position < head] == [
        "events into requests, subscriptions, daily_counts, order_counts"
    ] * (head // 200)
    assert told[-1] == BuildProgress("swapping order_counts", head, head)


def test_one_alone_leaves_the_others(
    opening: Callable[[], psycopg.Connection], conn: psycopg.Connection
) -> None:
    rebuild(opening, [REQUESTS])
    head = last_position(conn)
    assert positions(conn) == dict.fromkeys(PROJECTIONS, 0) | {"requests": head}


def test_the_projector_goes_on_after_a_swap(
    opening: Callable[[], psycopg.Connection], conn: psycopg.Connection
) -> None:
    following = LiveTables(conn, {})
    following.lock_free(ALL)
    following.round()
    append_stop(conn, uuid4())
    rebuild(opening, ALL)
    assert following.round() == 0
    subject = uuid4()
    last = append_stop(conn, subject)
    assert following.round() > 0
    assert set(positions(conn).values()) == {last}
    assert any(str(subject).encode() in line for line in dumps(conn)["subscriptions"])


def test_a_rebuilt_one_that_the_projector_has_overtaken_catches_up_first(
    opening: Callable[[], psycopg.Connection], conn: psycopg.Connection
) -> None:
    following = LiveTables(conn, {})
    following.lock_free(ALL)
    following.round()
    swaps = 0

    def overtake(told: BuildProgress) -> None:
        nonlocal swaps
        if told.doing != "swapping subscriptions":
            return
        swaps += 1
        if swaps == 1:
            append_stop(conn, uuid4())
            following.round()

    rebuild(opening, [SUBSCRIPTIONS], on_progress=overtake)
    assert swaps > 1
    assert set(positions(conn).values()) == {last_position(conn)}


@pytest.mark.parametrize("where", ["after", "within"])
def test_a_killed_rebuild_goes_on_where_it_was(
    url: str, opening: Callable[[], psycopg.Connection], conn: psycopg.Connection, where: str
) -> None:
    catch_up(conn)
    followed = dumps(conn)
    spoil(conn)
    command = [sys.executable, "-c", KILLED, url, where, "3"]
    assert subprocess.run(command, check=False).returncode == -9
    stretches = 3 if where == "after" else 2
    assert set(positions(conn, TableSchema.SHADOW).values()) == {stretches * 200}
    told: list[BuildProgress] = []
    # The server may take a moment to notice that the killed one holds its locks no more.
    while any(one[0] == "rebuild" for one in held(conn)):
        pass
    rebuild(opening, ALL, on_progress=told.append)
    assert told[0].position == (stretches + 1) * 200
    assert dumps(conn) == followed


def held(conn: psycopg.Connection) -> list[tuple[str, str]]:
    working = statements("inbound.projections", "progress")["locked_work"]
    return conn.execute(working, {"names": list(PROJECTIONS)}).fetchall()


def test_a_stopped_rebuild_keeps_what_it_has(
    opening: Callable[[], psycopg.Connection], conn: psycopg.Connection
) -> None:
    stopping = threading.Event()

    def stop(told: BuildProgress) -> None:
        if told.position == 600:
            stopping.set()

    with pytest.raises(BuildStopped):
        rebuild(opening, ALL, on_progress=stop, stopping=stopping)
    assert set(positions(conn, TableSchema.SHADOW).values()) == {600}
    rebuild(opening, [REQUESTS])
    assert positions(conn)["requests"] == last_position(conn)
    # The others were left at 600, and go on together with one that begins.
    told: list[BuildProgress] = []
    rebuild(opening, ALL, on_progress=told.append)
    assert [one.position for one in told[:4]] == [200, 400, 600, 800]
    assert [one.doing for one in told[2:4]] == [
        "events into requests",
        "events into requests, subscriptions, daily_counts, order_counts",
    ]
    followed = dumps(conn)
    rebuild(opening, ALL)
    assert dumps(conn) == followed


def test_what_was_begun_for_another_version_is_dropped(
    opening: Callable[[], psycopg.Connection], conn: psycopg.Connection
) -> None:
    begin_and_stop(opening, 600)
    next_version = replace(REQUESTS, version=2)
    told: list[BuildProgress] = []
    rebuild(opening, [next_version], on_progress=told.append)
    assert told[0].position == 200
    assert stored_progress(conn, TableSchema.LIVE)["requests"].version == 2
    with pytest.raises(SetupError, match="of version 2, made by a newer release"):
        rebuild(opening, [REQUESTS])


def test_from_zero_drops_what_was_begun(opening: Callable[[], psycopg.Connection]) -> None:
    begin_and_stop(opening, 600)
    told: list[BuildProgress] = []
    rebuild(opening, [REQUESTS], from_zero=True, on_progress=told.append)
    assert told[0].position == 200


def begin_and_stop(opening: Callable[[], psycopg.Connection], at: int) -> None:
    stopping = threading.Event()

    def stop(told: BuildProgress) -> None:
        if told.position >= at:
            stopping.set()

    with pytest.raises(BuildStopped):
        rebuild(opening, [REQUESTS], on_progress=stop, stopping=stopping)


def test_a_projection_is_rebuilt_by_one_at_a_time(
    opening: Callable[[], psycopg.Connection], conn: psycopg.Connection
) -> None:
    assert progress.try_lock(conn, "rebuild", "subscriptions")
    with pytest.raises(SetupError, match="subscriptions is being rebuilt already"):
        rebuild(opening, ALL)
    rebuild(opening, [REQUESTS])


def test_a_reader_that_stays_is_waited_for_and_holds_up_nobody(
    url: str, opening: Callable[[], psycopg.Connection], conn: psycopg.Connection
) -> None:
    catch_up(conn)
    swaps = threading.Semaphore(0)

    def tell(told: BuildProgress) -> None:
        if told.doing == "swapping requests":
            swaps.release()

    with connect(url, "slow reader") as slow, slow.transaction():
        slow.execute("SELECT count(*) FROM projections.requests")
        with background(lambda: rebuild(opening, [REQUESTS], on_progress=tell)) as failures:
            for _ in range(3):  # tries to swap
                assert swaps.acquire(timeout=PATIENCE_S)
                conn.execute("SELECT count(*) FROM projections.requests")
            assert positions(conn, TableSchema.SHADOW)
            slow.execute("ROLLBACK")
    assert not failures
    assert not positions(conn, TableSchema.SHADOW)


def test_a_reader_that_never_goes_is_named_and_the_work_is_kept(
    url: str,
    opening: Callable[[], psycopg.Connection],
    conn: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("inbound.projections.rebuild.SWAP_TRIES", 2)
    with connect(url, "slow reader") as slow, slow.transaction():
        slow.execute("SELECT count(*) FROM projections.requests")
        with pytest.raises(SwapBlocked, match="readers of the live table held locks"):
            rebuild(opening, [REQUESTS])
    told: list[BuildProgress] = []
    rebuild(opening, [REQUESTS], on_progress=told.append)
    assert not [one for one in told if one.doing.startswith("events")]
    assert positions(conn)["requests"] == last_position(conn)


@contextmanager
def background(work: Callable[[], Any]) -> Iterator[list[BaseException]]:
    """Work on a thread; at the end wait for it. Yields what it raised."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001  for the test to look at
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield failures
    finally:
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


async def test_swaps_under_readers_a_projector_and_new_events(
    url: str,
    opening: Callable[[], psycopg.Connection],
    conn: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Three rebuilds in a row while the log grows, and readers ask without a pause."""
    monkeypatch.setattr(builder, "BATCH", 20_000)
    catch_up(conn)
    known = {line[:36] for line in dumps(conn)["requests"]}
    queries = ProjectionQueries(url)
    found = 0
    with Running(url), growing_log(url) as done:

        def rebuild_often() -> None:
            try:
                for _ in range(3):
                    rebuild(opening, ALL)
            finally:
                done.set()

        with background(rebuild_often) as unbuilt:
            while not done.is_set() or found <= 3:
                assert len(await queries.search(limit=1000)) == len(known)
                found += 1
    await queries.close()
    assert not unbuilt
    catch_up(conn)
    live = dumps(conn)
    rebuild(opening, ALL)
    assert dumps(conn) == live
    assert len(live["subscriptions"]) > len(known)


def test_the_projector_rebuilds_a_table_of_an_older_version(
    url: str, conn: psycopg.Connection
) -> None:
    catch_up(conn)
    right = dumps(conn)
    spoil(conn)
    conn.execute("UPDATE projections.progress SET version = 0 WHERE name = 'requests'")
    conn.execute("DELETE FROM projections.progress WHERE name = 'subscriptions'")
    with Running(url) as running:
        running.until(
            lambda: (
                {name: one.version for name, one in stored_progress(conn, TableSchema.LIVE).items()}
                == {name: one.version for name, one in PROJECTIONS.items()}
            )
        )
        last = append_stop(conn, uuid4())
        running.until(lambda: set(positions(conn).values()) == {last})
        assert all(ok for ok, _ in running.reports)
    assert dumps(conn)["requests"] == right["requests"]


def test_the_projector_says_why_a_table_cannot_be_rebuilt(
    url: str, conn: psycopg.Connection
) -> None:
    conn.execute("UPDATE projections.progress SET version = 0 WHERE name = 'requests'")
    assert progress.try_lock(conn, "rebuild", "requests")
    with Running(url) as running:
        running.until(lambda: bool(running.reports) and not running.reports[-1][0])
        assert "requests: can't be rebuilt for version 1" in running.reports[-1][1]
        running.until(lambda: positions(conn)["daily_counts"] == last_position(conn))
