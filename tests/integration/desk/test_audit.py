"""The page of the audit: every entry is found by who, what and when, once, and downloaded."""

import csv
import io
from datetime import timedelta
from uuid import uuid4

from inbound.desk.audit.audit_routes import SHOWN
from inbound.desk.roles import Role
from tests.integration.desk.browser import Page
from tests.integration.desk.world import NOW, DeskWorld


def new_actor() -> str:
    """Return a name without digits: a run of them would be taken for a phone number."""
    return "user " + uuid4().hex.translate(str.maketrans("0123456789", "ghijklmnop"))


def enter(world: DeskWorld, actor: str, action: str, reason: str, minutes: int = 0) -> None:
    world.rows(
        "INSERT INTO audit (at, actor, action, reason, subject_id) VALUES (%s, %s, %s, %s, %s)",
        NOW + timedelta(minutes=minutes),
        actor,
        action,
        reason,
        uuid4(),
    )


async def test_entries_are_found_by_who_what_and_when(world: DeskWorld) -> None:
    who = new_actor()
    enter(world, who, "reveal", "called about a bill")
    enter(world, who, "tokens.create", "crm: read", 60)
    enter(world, who, "reveal", "called again", 24 * 60)
    enter(world, "somebody else", "reveal", "their own business")
    browser = await world.signed_in(Role.OPERATOR)
    page = await browser.open(f"/audit?actor={who}")
    assert page.text.index("called again") < page.text.index("crm: read")
    assert page.text.index("crm: read") < page.text.index("called about a bill")
    assert "18.05.2024 15:00:00" in page.text
    assert "their own business" not in page.text
    page = await browser.open(f"/audit?actor={who}&action=reveal")
    assert "called again" in page.text
    assert "crm: read" not in page.text
    page = await browser.open(f"/audit?actor={who}&since=2024-05-18&until=2024-05-18")
    assert "called again" in page.text
    assert "called about" not in page.text
    page = await browser.open("/audit?action=tokens.create&since=2024-05-17&until=2024-05-17")
    assert "crm: read" in page.text
    assert "called" not in page.text
    page = await browser.open("/audit?until=2001-01-01")
    assert "No entry is like this" in page.text


async def test_what_the_service_recorded_is_russian_on_a_russian_page(world: DeskWorld) -> None:
    browser = await world.signed_in(Role.ADMINISTRATOR, language="ru")
    name = new_actor().removeprefix("user ")[:20]
    users = (await browser.open("/users")).form("/users").fields
    await browser.client.post("/users", data={**users, "name": name, "role-support": "1"})
    page = await browser.open(f"/users/{name}")
    roles = {**page.form(f"/users/{name}/roles").fields, "role-editor": "1"}
    await browser.client.post(f"/users/{name}/roles", data=roles)
    enter(world, f"user {name}", "reveal", "account of a person")
    page = await browser.open("/audit")
    assert f"{name}: поддержка" in page.text
    assert f"{name}: поддержка -> редактор, поддержка" in page.text
    theirs = await browser.open(f"/audit?actor=user {name}")
    assert "account of a person" in theirs.text
    english = await (await world.signed_in(Role.VIEWER)).open("/audit")
    assert f"{name}: support -> editor, support" in english.text


async def test_pages_have_every_entry_once(world: DeskWorld) -> None:
    who = new_actor()
    for n in range(2 * SHOWN + 1):
        enter(world, who, "reveal", f"reason {n:03}", n // 10)
    browser = await world.signed_in(Role.VIEWER)
    page, found = await browser.open(f"/audit?actor={who}"), []
    while True:
        found += [one for one in page.answer.text.split("<bdi>") if one.startswith("reason ")]
        older = [link for link in page.links if "before=" in link]
        if not older:
            break
        page = await browser.open(older[0])
    assert [one[:10] for one in found] == [f"reason {n:03}" for n in reversed(range(2 * SHOWN + 1))]


async def test_a_download_has_what_was_filtered_and_runs_nowhere(world: DeskWorld) -> None:
    who = new_actor()
    enter(world, who, "reveal", '=HYPERLINK("http://evil.example")')
    enter(world, who, "reveal", "@SUM(A1), with a comma", 1)
    enter(world, "somebody else", "reveal", "their own business")
    browser = await world.signed_in(Role.VIEWER)
    page = await browser.open(f"/audit?actor={who}")
    answer = await browser.client.post("/audit/download", data=page.form("/audit/download").fields)
    assert answer.headers["content-disposition"] == 'attachment; filename="audit-2024-05-17.csv"'
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    head, *rows = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert head[:3] == ["at", "actor", "action"]
    assert [row[-1] for row in rows] == [
        "'@SUM(A1), with a comma",
        '\'=HYPERLINK("http://evil.example")',
    ]
    [(reason,)] = world.rows(
        "SELECT reason FROM audit WHERE action = 'desk.download_audit' AND reason LIKE %s",
        f"%{who}",
    )
    assert reason == f"actor {who}"


async def test_a_filter_that_makes_no_sense_breaks_nothing(world: DeskWorld) -> None:
    browser = await world.signed_in(Role.VIEWER)
    for query in (
        "since=yesterday",
        "before=x",
        "before=2024-05-17 1",
        "since=0001-01-01",
    ):
        assert (await browser.open(f"/audit?{query}")).status == 200
    page = await browser.open("/audit?actor=8 916 123 45 67")
    assert "No entry is like this" in page.text
    token = page.form("/sign-out").fields["form"]
    data = {"form": token, "actor": "8 916 123 45 67"}
    assert (await browser.client.post("/audit/download", data=data)).status_code == 200
    assert not world.rows("SELECT FROM audit WHERE reason LIKE '%%916%%123%%45%%'")


async def test_markup_in_an_entry_stays_text(world: DeskWorld) -> None:
    enter(world, "<b>who</b>", "<i>what</i>", "<script>alert(1)</script>")
    page: Page = await (await world.signed_in(Role.VIEWER)).open("/audit?actor=<b>who</b>")
    assert "<script>alert" not in page.answer.text
    assert "<script>alert(1)</script>" in page.text
    assert page.form("/audit/download").fields["actor"] == "<b>who</b>"
