"""What differs from the log is named, and nothing else is ever said to."""

import threading
from collections.abc import Callable
from uuid import uuid4

import psycopg
import pytest

from inbound.errors import SetupError
from inbound.projections import builder, projector
from inbound.projections.builder import BuildProgress, BuildStopped
from inbound.projections.dump import digest, dump
from inbound.projections.progress import TableSchema, stored_progress
from inbound.projections.subscriptions import SUBSCRIPTIONS
from inbound.projections.verification import verify
from inbound.store.connections import connect
from inbound.store.log.positions import last_position
from tests.integration.projections.lines import ALL, append_stop, catch_up, dumps
from tests.integration.projections.running import Running, growing_log

TABLES = "SELECT relname FROM pg_class WHERE relnamespace::regnamespace::text = %s"


@pytest.fixture
def opening(url: str) -> Callable[[], psycopg.Connection]:
    return lambda: connect(url, "tests verify", long=True)


def differences(opening: Callable[[], psycopg.Connection]) -> list[str]:
    return [one.difference for one in verify(opening, ALL) if one.difference]


def test_what_the_projector_made_is_right(
    opening: Callable[[], psycopg.Connection], conn: psycopg.Connection
) -> None:
    catch_up(conn)
    live = dumps(conn)
    found = list(verify(opening, ALL))
    assert [one.difference for one in found] == [None] * len(ALL)
    assert [(one.name, one.rows) for one in found] == [(n, len(rows)) for n, rows in live.items()]
    assert {one.position for one in found} == {last_position(conn)}
    assert dumps(conn) == live
    assert not conn.execute(TABLES, ["projections_shadow"]).fetchall()


def test_a_projection_that_is_behind_is_right_too(
    opening: Callable[[], psycopg.Connection],
    conn: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(projector, "BATCH", 333)
    following = projector.LiveTables(conn, {})
    following.lock_free(ALL)
    following.round()
    following.held.remove(ALL[0])
    following.round()
    monkeypatch.setattr(builder, "BATCH", 200)
    found = list(verify(opening, ALL))
    assert [(one.difference, one.position) for one in found] == [
        (None, 333),
        *[(None, 666)] * (len(ALL) - 1),
    ]


@pytest.mark.parametrize(
    ("spoil", "complaints"),
    [
        (
            (
                "UPDATE projections.requests SET state = 'refused' WHERE request_id ="
                " (SELECT max(request_id::text)::uuid FROM projections.requests"
                "  WHERE state = 'fulfilled')"
            ),
            ["state is refused, by the log it is fulfilled"],
        ),
        (
            (
                "UPDATE projections.requests SET acknowledged_at = NULL WHERE request_id ="
                " (SELECT request_id FROM projections.requests WHERE acknowledged_at IS NOT NULL"
                "  LIMIT 1)"
            ),
            [r"acknowledged_at is \N, by the log it is 2024-"],
        ),
        (
            (
                "DELETE FROM projections.subscriptions WHERE subject_id ="
                " (SELECT max(subject_id::text)::uuid FROM projections.subscriptions)"
            ),
            ["subscriptions: the row with subject_id", "is missing from the live table"],
        ),
        (
            "INSERT INTO projections.daily_counts VALUES ('2024-05-05', 'a', 'b', '', '', 3)",
            ["daily_counts: the row with day 2024-05-05, type a, command b, ", "does not follow"],
        ),
    ],
)
def test_the_first_difference_is_named(
    opening: Callable[[], psycopg.Connection],
    conn: psycopg.Connection,
    spoil: str,
    complaints: list[str],
) -> None:
    catch_up(conn)
    assert conn.execute(spoil.encode()).rowcount == 1
    [found] = differences(opening)
    for complaint in complaints:
        assert complaint in found


def test_each_projection_has_its_own_first_difference(
    opening: Callable[[], psycopg.Connection], conn: psycopg.Connection
) -> None:
    """A comparison that ends early leaves the connections fit for the next."""
    catch_up(conn)
    conn.execute("UPDATE projections.requests SET bind = 'another'")
    conn.execute("UPDATE projections.subscriptions SET version = version + 1")
    conn.execute("DELETE FROM projections.daily_counts")
    found = differences(opening)
    assert [one.split(":")[0] for one in found] == ["requests", "subscriptions", "daily_counts"]


def test_it_is_right_while_the_log_grows(
    url: str, opening: Callable[[], psycopg.Connection], conn: psycopg.Connection
) -> None:
    catch_up(conn)
    positions = []
    with Running(url), growing_log(url):
        for _ in range(3):
            found = list(verify(opening, ALL))
            assert [one.difference for one in found] == [None] * len(ALL)
            positions.append(found[-1].position)
    assert positions == sorted(positions)


def test_what_the_projector_writes_meanwhile_does_not_show(
    opening: Callable[[], psycopg.Connection], conn: psycopg.Connection
) -> None:
    """The last moment: the other one is built, and the comparison is about to begin."""
    following = projector.LiveTables(conn, {})
    following.lock_free(ALL)
    following.round()
    before = last_position(conn)

    def write(told: BuildProgress) -> None:
        if told.doing == "comparing subscriptions":
            append_stop(conn, uuid4())
            assert following.round()

    found = list(verify(opening, [SUBSCRIPTIONS], on_progress=write))
    assert [(one.difference, one.position) for one in found] == [(None, before)]
    assert stored_progress(conn, TableSchema.LIVE)["subscriptions"].position == before + 1


def test_another_version_is_not_compared(
    opening: Callable[[], psycopg.Connection], conn: psycopg.Connection
) -> None:
    conn.execute("UPDATE projections.progress SET version = 9 WHERE name = 'requests'")
    with pytest.raises(SetupError, match="requests is of version 9, this release needs version 1"):
        differences(opening)


def test_it_stops_when_it_is_asked_to(
    opening: Callable[[], psycopg.Connection], conn: psycopg.Connection
) -> None:
    catch_up(conn)
    stopping = threading.Event()
    stopping.set()
    with pytest.raises(BuildStopped):
        list(verify(opening, ALL, stopping=stopping))


def test_the_same_log_elsewhere_makes_the_same_bytes(
    conn: psycopg.Connection,
    new_database: Callable[[str], str],
    filled_template: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    catch_up(conn)
    monkeypatch.setattr(projector, "BATCH", 77)
    with connect(new_database(filled_template), "elsewhere") as other:
        catch_up(other)
        for one in ALL:
            assert digest(other, one.name) == digest(conn, one.name)
        other.execute("UPDATE projections.requests SET late = NOT late")
        assert digest(other, "requests") != digest(conn, "requests")


def test_a_dump_that_is_left_early_leaves_the_connection_usable(conn: psycopg.Connection) -> None:
    catch_up(conn)
    lines = dump(conn, "requests", TableSchema.LIVE)
    assert next(lines).endswith(b"\n")
    lines.close()
    assert last_position(conn)
