"""Many tabs that ask by themselves: the database is asked once, and pages are never old."""

from collections.abc import AsyncIterator
from typing import Final
from uuid import UUID

import pytest

from inbound.desk.roles import Role
from tests.integration.desk.broadcast_world import act, begin, draft_for, id_of
from tests.integration.desk.browser import Browser, Page
from tests.integration.desk.world import PASSWORD, DeskWorld

LONG_S: Final = 3600.0


@pytest.fixture
async def shared(desk_url: str) -> AsyncIterator[DeskWorld]:
    """A desk that shares what tabs ask for, for as long as a test lasts."""
    made = DeskWorld(desk_url, shared_s=LONG_S)
    yield made
    await made.close()


class Reads:
    """Counts the functions that run on the desk's connections."""

    def __init__(self, world: DeskWorld, monkeypatch: pytest.MonkeyPatch) -> None:
        self.names: list[str] = []
        run = world.sources.pool.run

        async def count(function: object, *args: object, **kwargs: object) -> object:
            self.names.append(getattr(function, "__name__", ""))
            return await run(function, *args, **kwargs)  # type: ignore[arg-type]

        monkeypatch.setattr(world.sources.pool, "run", count)


async def poll(browser: Browser, path: str) -> Page:
    return await browser.open(path, HX_Request="true")


async def broadcast(world: DeskWorld, editor: Browser) -> tuple[Page, UUID, str]:
    """Return a running broadcast and what its page asks again and again."""
    page = await act(editor, await draft_for(world, editor), "start")
    begin(world, page)
    page = await editor.open(page.path)
    [live] = [given["hx-get"] for _, given in page.elements if given.get("id") == "live"]
    return page, id_of(page), live


async def test_many_tabs_cost_one_reading_of_broadcast_and_session(
    shared: DeskWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor = await shared.signed_in(Role.EDITOR)
    _, _, live = await broadcast(shared, editor)
    reads = Reads(shared, monkeypatch)
    answers = [await poll(editor, live) for _ in range(20)]
    assert {page.status for page in answers} == {200}
    assert sorted(reads.names) == ["_live", "use_session"]
    viewers = [await shared.signed_in(Role.VIEWER) for _ in range(3)]
    reads.names.clear()
    for viewer in viewers:
        assert (await poll(viewer, live)).text == answers[0].text
    assert reads.names == ["use_session"] * 3  # each has a session of their own


async def test_many_tabs_cost_one_reading_of_the_status(
    shared: DeskWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = await shared.signed_in(Role.VIEWER)
    await poll(viewer, "/status/live")
    reads = Reads(shared, monkeypatch)
    for _ in range(20):
        assert (await poll(viewer, "/status/live")).status == 200
    assert reads.names == []


async def test_a_page_that_is_opened_and_a_change_are_never_shown_old(shared: DeskWorld) -> None:
    editor = await shared.signed_in(Role.EDITOR)
    page, broadcast_id, live = await broadcast(shared, editor)
    running = await poll(editor, live)
    paused = await act(editor, page, "pause")
    assert "The broadcast is paused" in paused.text
    [live] = [given["hx-get"] for _, given in paused.elements if given.get("id") == "live"]
    # What is shared is older than this page, so it is not taken.
    after = await poll(editor, live)
    assert "Paused" in after.text
    assert "Paused" not in running.text
    shared.rows(
        "INSERT INTO broadcast_progress (broadcast_id, state, recipients)"
        " VALUES (%s, 'delivered', 1)",
        broadcast_id,
    )
    assert "1 of 2 recipients" in (await editor.open(page.path)).text


async def test_an_ended_session_opens_nothing_although_tabs_share_it(shared: DeskWorld) -> None:
    name = shared.user(Role.VIEWER)
    first, second = shared.browser(), shared.browser()
    for browser in (first, second):
        await browser.sign_in(name, PASSWORD)
    await poll(first, "/status/live")
    await second.send(await second.open("/account"), "/account/sessions/end-others")
    assert (await first.open("/status")).path == "/sign-in"


async def test_a_tab_without_a_session_leads_back_to_its_page_after_signing_in(
    world: DeskWorld,
) -> None:
    browser = world.browser()
    for shown, to in (
        ("http://desk.test/status", "%2Fstatus"),
        ("http://desk.test//evil.example/", "%2F"),
        ("", "%2F"),
    ):
        answer = await browser.client.get(
            "/status/live", headers={"HX-Request": "true", "HX-Current-URL": shown}
        )
        assert answer.status_code == 401
        assert answer.headers["HX-Redirect"] == f"/sign-in?to={to}"
