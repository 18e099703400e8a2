"""Daily counts: what the projections hold, by day, and until when it is complete."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from inbound.store.connections import connect
from tests.integration.api.world import NOW, World, assert_problem
from tests.integration.projections.lines import append, catch_up

PATH = "/v1/daily-counts"


async def count(client: httpx.AsyncClient, **query: Any) -> dict[str, Any]:
    response = await client.get(PATH, params=query)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def last_day(world: World) -> date:
    [(day,)] = world.rows("SELECT max(day) FROM projections.daily_counts")
    assert isinstance(day, date)
    return day


async def test_days_add_up_to_the_log(world: World) -> None:
    until = last_day(world)
    since = until - timedelta(days=59)
    answer = await count(world.scoped("read"), since=since, until=until)
    expected = world.rows(
        "SELECT type, count(*) FROM events WHERE (recorded_at AT TIME ZONE 'UTC')::date"
        " BETWEEN %s AND %s GROUP BY type",
        since,
        until,
    )
    found: Counter[str] = Counter()
    for one in answer["events"]:
        found[one["type"]] += one["count"]
        assert since.isoformat() <= one["day"] <= until.isoformat()
    assert found == dict(expected)
    assert (answer["zone"], answer["since"]) == ("UTC", since.isoformat())
    outcomes = {one["outcome"] for one in answer["events"] if one["type"] == "request.completed"}
    assert outcomes == {"fulfilled", "refused", "undelivered"}


async def test_the_last_seven_days_unless_told_otherwise(world: World) -> None:
    answer = await count(world.scoped("read"))
    assert answer["until"] == NOW.date().isoformat()
    assert answer["since"] == (NOW.date() - timedelta(days=6)).isoformat()


async def test_an_answer_tells_until_when_it_is_complete(lone_world: World) -> None:
    world = lone_world
    client = world.scoped("read")
    before = datetime.now(UTC)
    assert datetime.fromisoformat((await count(client))["as_of"]) >= before
    with connect(world.url, "tests") as conn:
        append(conn, "person.erased", '{"at": "2024-05-17T12:00:00Z"}')
        [(recorded_at,)] = world.rows("SELECT recorded_at FROM events")
        today = {"since": recorded_at.date(), "until": recorded_at.date()}
        answer = await count(client, **today)
        assert datetime.fromisoformat(answer["as_of"]) == recorded_at
        assert answer["events"] == []
        catch_up(conn)
    answer = await count(client, **today)
    assert datetime.fromisoformat(answer["as_of"]) > recorded_at
    assert answer["events"] == [
        {
            "day": recorded_at.date().isoformat(),
            "type": "person.erased",
            "command": "",
            "purpose": "",
            "outcome": "",
            "count": 1,
        }
    ]


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ({"since": "2024-05-17T00:00:00Z"}, "query.since"),
        ({"since": "1715904000"}, "query.since"),
        ({"until": "17.05.2024"}, "query.until"),
        ({"until": "2024-02-30"}, "query.until"),
        ({"since": "2024-05-18", "until": "2024-05-17"}, "query.until"),
        ({"since": "2024-01-01", "until": "2024-05-17"}, "query.since"),
    ],
)
async def test_other_days_are_refused(world: World, query: dict[str, str], where: str) -> None:
    response = await world.scoped("read").get(PATH, params=query)
    [error] = assert_problem(response, 422, "invalid")["errors"]
    assert error["where"] == where
    assert "day" in error["problem"]


async def test_it_takes_the_scope_read(world: World) -> None:
    assert_problem(await world.scoped("resolve", "send").get(PATH), 403, "forbidden")
