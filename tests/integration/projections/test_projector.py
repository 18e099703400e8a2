"""The live tables follow the log: all of it, once, by one projector at a time."""

import json
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from inbound.projections import projector, status
from inbound.projections.catalogue import PROJECTIONS
from inbound.projections.progress import ProgressConflict, TableSchema
from inbound.projections.projector import LiveTables
from inbound.projections.reader import StoredRow, fold_batch, read_batch
from inbound.projections.rebuild import rebuild
from inbound.projections.subscriptions import SUBSCRIPTIONS
from inbound.projections.writer import DuplicateRowError, ProjectionWriter
from inbound.store.connections import connect
from inbound.store.log.positions import last_position
from inbound.store.outbox import feeds
from tests.integration.projections.conftest import REQUESTS
from tests.integration.projections.lines import (
    ALL,
    append,
    append_every_type,
    append_results_told_twice,
    append_stop,
    catch_up,
    dumps,
    positions,
)
from tests.integration.projections.running import Running
from tests.patience import PATIENCE_S


def test_all_of_the_log_is_shown(conn: psycopg.Connection) -> None:
    problems = catch_up(conn)
    assert not problems
    last = last_position(conn)
    assert set(positions(conn).values()) == {last}
    [total] = conn.execute("SELECT sum(count) FROM projections.daily_counts").fetchall()
    assert total == (last,)
    [count] = conn.execute("SELECT count(*) FROM projections.requests").fetchall()
    assert count == (REQUESTS,)
    open_ = "SELECT count(*) FROM projections.requests WHERE completed_at IS NULL"
    assert conn.execute(open_).fetchall() == [(0,)]
    assert {lag.events for lag in status.lags(conn).values()} == {0}


@pytest.mark.parametrize("batch", [13, 500])
def test_rows_do_not_depend_on_the_size_of_the_stretches(
    conn: psycopg.Connection, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    catch_up(conn)
    at_once = dumps(conn)
    begin_again(conn)
    monkeypatch.setattr(projector, "BATCH", batch)
    catch_up(conn)
    assert dumps(conn) == at_once


def test_rows_are_the_same_event_by_event(
    conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that an event may change, and after it the next in a transaction of its own."""
    before = last_position(conn)
    append_every_type(conn)
    append_results_told_twice(conn)
    catch_up(conn)
    at_once = dumps(conn)
    begin_again(conn)
    monkeypatch.setattr(projector, "BATCH", before)
    following = projector.LiveTables(conn, {})
    following.lock_free(ALL)
    following.round()
    monkeypatch.setattr(projector, "BATCH", 1)
    while following.round():
        pass
    assert dumps(conn) == at_once


def begin_again(conn: psycopg.Connection) -> None:
    conn.execute(
        "TRUNCATE projections.requests, projections.subscriptions, projections.daily_counts, "
        "projections.order_counts"
    )
    conn.execute("UPDATE projections.progress SET position = 0")


def test_a_stretch_that_is_written_again_changes_nothing(conn: psycopg.Connection) -> None:
    until = last_position(conn)
    stored = read_batch(conn, after=0, until=until, limit=until)
    writer = ProjectionWriter(conn, TableSchema.LIVE)
    writer.write(ALL, fold_batch(stored, ALL), after=0, until=until)
    before = dumps(conn)
    with pytest.raises(ProgressConflict):
        writer.write(ALL, fold_batch(stored, ALL), after=0, until=until)
    assert dumps(conn) == before


def test_rows_and_place_are_one(conn: psycopg.Connection) -> None:
    """What the process was killed over leaves neither."""
    until = last_position(conn)
    stored = read_batch(conn, after=0, until=until, limit=until)
    twice = fold_batch(stored, ALL)
    twice[0].new = [*twice[0].new, twice[0].new[0]]
    with pytest.raises(DuplicateRowError, match="requests: two events create the same row"):
        ProjectionWriter(conn, TableSchema.LIVE).write(ALL, twice, after=0, until=until)
    assert set(positions(conn).values()) == {0}
    assert not any(dumps(conn).values())


def test_one_that_is_behind_catches_up_with_the_others(conn: psycopg.Connection) -> None:
    catch_up(conn)
    expected = dumps(conn)
    conn.execute("TRUNCATE projections.subscriptions")
    conn.execute("UPDATE projections.progress SET position = 0 WHERE name = 'subscriptions'")
    catch_up(conn)
    assert dumps(conn) == expected


def test_a_projection_stops_before_an_event_that_nobody_knows(conn: psycopg.Connection) -> None:
    last = last_position(conn)
    good = append_stop(conn, uuid4())
    append(conn, "subscription.paused", "{}")
    append_stop(conn, uuid4())
    problems = catch_up(conn)
    assert set(positions(conn).values()) == {good} == {last + 1}
    assert set(problems) == set(PROJECTIONS)
    assert "no event type 'subscription.paused'" in problems["requests"]


def test_the_others_go_on_when_one_stops(conn: psycopg.Connection) -> None:
    bad = append(conn, "subscription.stopped", "{}")
    after = append_stop(conn, uuid4())
    problems = catch_up(conn)
    assert list(problems) == ["subscriptions"]
    assert f"event {bad}: " in problems["subscriptions"]
    assert positions(conn) == dict.fromkeys(PROJECTIONS, after) | {"subscriptions": bad - 1}


@pytest.mark.parametrize("batch", [1, 10])
def test_a_request_that_was_accepted_twice_stops_its_projection(
    conn: psycopg.Connection, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    catch_up(conn)
    first = "SELECT data FROM events WHERE type = 'request.accepted' LIMIT 1"
    [(data,)] = conn.execute(first).fetchall()
    again = data.decode().replace(json.loads(data)["request_id"], str(uuid4()))
    before = last_position(conn)
    last = [append(conn, "request.accepted", again) for _ in range(2)][-1]
    monkeypatch.setattr(projector, "BATCH", batch)
    assert list(catch_up(conn)) == ["requests"]
    assert positions(conn) == dict.fromkeys(PROJECTIONS, last) | {"requests": before + 1}


def test_a_table_of_another_version_is_left_alone(conn: psycopg.Connection) -> None:
    conn.execute("UPDATE projections.progress SET version = 9 WHERE name = 'requests'")
    problems = catch_up(conn)
    assert positions(conn)["requests"] == 0
    assert "version 9" in problems["requests"]
    assert positions(conn)["subscriptions"] == last_position(conn)


def test_a_stretch_that_was_read_before_a_swap_is_left(
    url: str, conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its reading and its writing the rebuilt table took the place of the old one."""

    def read_slowly(*args: Any, **kwargs: Any) -> list[StoredRow]:
        stored = read_batch(*args, **kwargs)
        rebuild(lambda: connect(url, "tests", long=True), ALL)
        return stored

    following = LiveTables(conn, {})
    following.lock_free(ALL)
    with monkeypatch.context() as patch:
        patch.setattr(projector, "read_batch", read_slowly)
        following.round()
    before = dumps(conn)
    assert following.round() == 0
    assert dumps(conn) == before
    assert set(positions(conn).values()) == {last_position(conn)}


def test_a_projection_has_one_projector_until_that_is_gone(url: str) -> None:
    with connect(url, "first") as first, connect(url, "second") as second:
        one, other = LiveTables(first, {}), LiveTables(second, {})
        one.lock_free(ALL)
        other.lock_free(ALL)
        assert (len(one.held), len(other.held)) == (len(ALL), 0)
        assert other.round() == 0
        first.close()
        while len(other.held) < len(ALL):  # until the server has noticed
            other.lock_free(ALL)
        assert other.round() > 0


def test_what_is_committed_while_it_waits_is_shown(url: str, conn: psycopg.Connection) -> None:
    with Running(url) as running:
        running.until(lambda: set(positions(conn).values()) == {last_position(conn)})
        subject = uuid4()
        append_stop(conn, subject)
        conn.execute("NOTIFY scserv_outbox")
        shown = "SELECT may_be_texted FROM projections.subscriptions WHERE subject_id = %s"
        running.until(lambda: conn.execute(shown, [subject]).fetchall() == [(False,)])
        assert running.reports[-1] == (True, f"holds {len(ALL)} of {len(ALL)} projections")


def test_it_survives_its_connection(url: str, conn: psycopg.Connection) -> None:
    with Running(url, "tests victim") as running:
        running.until(lambda: set(positions(conn).values()) == {last_position(conn)})
        conn.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'tests victim' AND datname = current_database()"
        )
        running.until(lambda: not all(ok for ok, _ in running.reports))
        last = append_stop(conn, uuid4())
        running.until(lambda: running.reports[-1][0] and set(positions(conn).values()) == {last})


def test_nothing_is_missed_between_looking_and_listening(conn: psycopg.Connection) -> None:
    waiting = projector.CommitListener(conn)
    waiting.wait(PATIENCE_S)  # the first time it only begins to listen
    conn.execute("NOTIFY scserv_outbox")
    waiting.wait(PATIENCE_S)  # and now it is called at once
    waiting.unlisten()
    conn.execute("NOTIFY scserv_outbox")
    assert not feeds.wait_for_rows(conn, 0)


def test_a_subject_may_be_in_the_log_for_other_reasons(conn: psycopg.Connection) -> None:
    assert SUBSCRIPTIONS.reads == {
        "subscription.stopped",
        "subscription.started",
        "subscription.restored",
    }
    catch_up(conn)
    [(count,)] = conn.execute("SELECT count(*) FROM projections.subscriptions").fetchall()
    asked = "SELECT count(DISTINCT stream_id) FROM events WHERE type ~ '^subscription'"
    assert [(count,)] == conn.execute(asked).fetchall()
