"""Binds that share an account learn of each other, and of the dead ones."""

from collections.abc import AsyncIterator
from datetime import timedelta

import psycopg
import pytest

from inbound.store.bind_reports import (
    BindReport,
    BindReports,
    list_binds,
    shared_names,
    without_replaced,
)

ALIVE = timedelta(seconds=60)
GONE = timedelta(0)


@pytest.fixture
async def presence(database_url: str) -> AsyncIterator[BindReports]:
    made = BindReports(database_url)
    yield made
    await made.close()


def report(gateway: str, bind: str = "main-1", *, sends: bool = True) -> BindReport:
    return BindReport("main/scserv", bind, gateway, sends, {"state": "bound"})


async def test_only_other_binds_that_send_count(presence: BindReports) -> None:
    assert await presence.report(report("g1"), ALIVE) == 0
    assert await presence.report(report("g2", sends=False), ALIVE) == 1
    assert await presence.report(report("g1"), ALIVE) == 0
    assert await presence.report(report("g2"), ALIVE) == 1
    assert await presence.report(report("g1", "main-2"), ALIVE) == 2


async def test_another_account_does_not_count(presence: BindReports) -> None:
    await presence.report(report("g1"), ALIVE)
    other = BindReport("south/scserv", "south-1", "g2", True, {})
    assert await presence.report(other, ALIVE) == 0


async def test_who_is_silent_too_long_counts_no_more(presence: BindReports) -> None:
    await presence.report(report("g1"), ALIVE)
    assert await presence.report(report("g2"), GONE) == 0


async def test_who_says_goodbye_counts_no_more_at_once(presence: BindReports) -> None:
    await presence.report(report("g1"), ALIVE)
    await presence.withdraw("g1")
    assert await presence.report(report("g2"), ALIVE) == 0


async def test_who_says_goodbye_takes_along_those_who_were_killed(
    presence: BindReports, conn: psycopg.Connection
) -> None:
    await presence.report(report("killed"), ALIVE)
    conn.execute("UPDATE bind_presence SET seen_at = seen_at - interval '1 minute'")
    await presence.report(report("ends"), ALIVE)
    await presence.report(report("stays"), ALIVE)
    await presence.withdraw("ends")
    assert [bind.gateway for bind in list_binds(conn)] == ["stays"]


async def test_a_gateway_that_was_killed_and_restarted_leaves_no_bind_in_the_list(
    presence: BindReports, conn: psycopg.Connection
) -> None:
    await presence.report(report("killed"), ALIVE)
    await presence.report(report("killed", "main-2"), ALIVE)
    conn.execute("UPDATE bind_presence SET seen_at = seen_at - interval '1 minute'")
    await presence.report(report("restarted"), ALIVE)
    left = without_replaced(list_binds(conn))
    assert [(bind.bind, bind.gateway, bind.shown_state) for bind in left] == [
        ("main-1", "restarted", "bound"),
        ("main-2", "killed", "gone"),
    ]
    assert shared_names(list_binds(conn)) == {}


async def test_two_gateways_with_a_bind_of_the_same_name_are_found(
    presence: BindReports, conn: psycopg.Connection
) -> None:
    await presence.report(report("g2"), ALIVE)
    await presence.report(report("g1"), ALIVE)
    await presence.report(report("g1", "main-2"), ALIVE)
    assert shared_names(list_binds(conn)) == {"main-1": ("g1", "g2")}
    assert await presence.names_elsewhere("g2", ALIVE) == {"main-1": "g1", "main-2": "g1"}


async def test_all_binds_can_be_listed(presence: BindReports, conn: psycopg.Connection) -> None:
    await presence.report(report("g2"), ALIVE)
    await presence.report(report("g1"), ALIVE)
    seen = list_binds(conn)
    assert [bind.gateway for bind in seen] == ["g1", "g2"]
    assert seen[0].details == {"state": "bound"}
    assert 0 <= seen[0].age_s < 60
