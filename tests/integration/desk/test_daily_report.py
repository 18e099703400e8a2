"""The daily report: its figures, its zone, its file."""

import csv
import io
from collections.abc import AsyncIterator
from datetime import date, timedelta

import pytest

from inbound.desk.roles import Role
from inbound.projections.queries import DailyCount, DailyOrders
from inbound.store.connections import connect
from tests.bench import history
from tests.integration.desk.browser import Browser
from tests.integration.desk.world import DeskWorld
from tests.integration.projections.lines import catch_up

REPORT = "/status/report"
DAY = history.END.date()


@pytest.fixture
async def report_world(own_desk_url: str) -> AsyncIterator[DeskWorld]:
    """A desk on a database whose events are counted."""
    with connect(own_desk_url, "tests") as conn:
        catch_up(conn)
    made = DeskWorld(own_desk_url)
    made.now = history.END + timedelta(days=2)
    yield made
    await made.close()


@pytest.fixture
async def viewer(report_world: DeskWorld) -> Browser:
    return await report_world.signed_in(Role.VIEWER)


def counted(world: DeskWorld, type_: str, day: date) -> int:
    [(count,)] = world.rows(
        "SELECT coalesce(sum(count), 0)::bigint FROM projections.daily_counts"
        " WHERE day = %s AND type = %s",
        day,
        type_,
    )
    return int(count)


async def rows(browser: Browser, day: date) -> list[dict[str, str]]:
    answer = await browser.client.get(f"{REPORT}.csv?day={day}")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/csv")
    assert f"scserv-report-{day}-UTC.csv" in answer.headers["content-disposition"]
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


async def test_the_figures_are_those_of_the_counts(
    report_world: DeskWorld, viewer: Browser
) -> None:
    world = report_world
    [(day,)] = world.rows("SELECT max(day) FROM projections.daily_counts")
    accepted = counted(world, "request.accepted", day)
    assert accepted > 0
    page = await viewer.open(f"{REPORT}?day={day}")
    assert f"Accepted {accepted}" in page.text.replace("\u00a0", "")
    assert f"{day:%d.%m.%Y} UTC" in page.text
    assert "CLIENT info" in page.text
    found = await rows(viewer, day)
    assert {row["zone"] for row in found} == {"UTC"}
    [total] = [row for row in found if (row["what"], row["kind"]) == ("requests accepted", "")]
    assert int(total["count"]) == accepted
    delivered = sum(int(row["count"]) for row in found if row["what"] == "messages delivered")
    assert delivered == counted(world, "message.delivered", day)


async def test_the_last_day_with_anything_is_the_default_and_days_lead_to_each_other(
    report_world: DeskWorld, viewer: Browser
) -> None:
    world = report_world
    page = await viewer.open(REPORT)
    [(last,)] = world.rows("SELECT max(day) FROM projections.daily_counts")
    assert f"{last:%d.%m.%Y} UTC" in page.text
    assert "Nothing was received" not in page.text
    yesterday = world.now.date() - timedelta(days=1)
    page = await viewer.open(f"{REPORT}?day={yesterday}")
    assert f"{yesterday:%d.%m.%Y} UTC" in page.text
    assert "Nothing was received, ordered or sent on this day." in page.text
    assert f"{REPORT}?day={yesterday - timedelta(days=1)}" in page.links
    today = await viewer.open(f"{REPORT}?day={world.now.date()}")
    assert "still being counted" in today.text
    assert not [
        one for one in today.links if one.endswith(f"day={world.now.date() + timedelta(1)}")
    ]


@pytest.mark.parametrize("day", ["x", "0001-01-01", "9999-12-31", "2024-02-30", "<b>"])
async def test_a_day_that_has_no_report_says_which_have(viewer: Browser, day: str) -> None:
    page = await viewer.open(f"{REPORT}?day={day}")
    assert page.status == 404
    assert "There is no report of this day." in page.text


async def test_names_stay_text_in_the_page_and_start_no_formula_in_the_file(
    report_world: DeskWorld, viewer: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def daily_orders(since: date, until: date) -> list[DailyOrders]:
        del until
        return [
            DailyOrders(since, "=cmd|' /C calc'!A0", "notification", "accepted", 4, 5),
            DailyOrders(since, "<script>x", "notification", "opted_out", 2, 2),
        ]

    async def daily(since: date, until: date) -> list[DailyCount]:
        del until
        return [DailyCount(since, "request.completed", "", "", "fulfilled", 7)]

    monkeypatch.setattr(report_world.sources.slow, "daily_orders", daily_orders)
    monkeypatch.setattr(report_world.sources.slow, "daily", daily)
    page = await viewer.open(f"{REPORT}?day={DAY}")
    assert "<script>x Notification 0 0 2 opted out: 2" in page.text
    assert "<script>" not in page.answer.text.replace("<script src", "")
    russian = await report_world.signed_in(Role.VIEWER, language="ru")
    page = await russian.open(f"{REPORT}?day={DAY}")
    assert "<script>x Уведомление 0 0 2 получатель отключил уведомления: 2" in page.text
    page = await viewer.open(f"{REPORT}?day={DAY}")
    assert "Fulfilled 7" in page.text
    cells = [row["kind"] for row in await rows(viewer, DAY)]
    assert "'=cmd|' /C calc'!A0 notification" in cells
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
