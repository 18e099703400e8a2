"""Drafts that take long to load: a page tells how far they are, and repetition makes no second."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest

from inbound.broadcasts.table_loading import load_table
from inbound.desk.broadcasts import broadcast_drafts
from inbound.desk.roles import Role
from inbound.store.errors import StoreUnavailable
from tests.integration.desk.broadcast_world import (
    NEW,
    TEXT,
    client_numbers,
    id_of,
    table_of,
    uploaded,
)
from tests.integration.desk.browser import Browser, Page
from tests.integration.desk.world import DeskWorld

PATIENCE_S = 60


_LETTERS = str.maketrans("0123456789", "ghijklmnop")


def named(name: str) -> str:
    """Return a name that no other test uses, without digits: ten would be like a number."""
    return f"{name} {uuid4().hex.translate(_LETTERS)}"


class SlowLoading:
    """Loading that waits in the middle until it is let go, or fails."""

    def __init__(self, load: Callable[..., Any]) -> None:
        self._load = load
        self.has_begun, self.may_go_on = threading.Event(), threading.Event()
        self.error: Exception | None = None
        self.begun = 0

    def __call__(self, *args: Any) -> Any:
        self.begun += 1
        advance = args[-1]
        advance(40, 100)
        self.has_begun.set()
        assert self.may_go_on.wait(PATIENCE_S)
        if self.error is not None:
            raise self.error
        return self._load(*args)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch, world: DeskWorld) -> Iterator[SlowLoading]:
    """Have each table load as long as the test likes, and no answer wait for it."""
    made = SlowLoading(load_table)
    monkeypatch.setattr(broadcast_drafts, "load_table", made)
    world.desk.broadcast_drafts.answer_within_s = 0.01
    yield made
    made.may_go_on.set()


@pytest.fixture
async def editor(world: DeskWorld) -> Browser:
    return await world.signed_in(Role.EDITOR)


async def reloaded(browser: Browser, page: Page, until: Callable[[Page], bool]) -> Page:
    """Reload a page as its browser does, until it is as wanted."""
    deadline = time.monotonic() + PATIENCE_S
    while not until(page):
        assert time.monotonic() < deadline, page.text
        await asyncio.sleep(0.05)
        page = Page(await browser.client.get(page.answer.url))
    return page


async def test_a_slow_draft_has_a_page_of_its_own_and_is_made_once(
    world: DeskWorld, editor: Browser, slow: SlowLoading
) -> None:
    form = await uploaded(editor, table_of([f"{client_numbers(world, 1)[0]},Анна"]))
    name = named("Slow")
    typed = {"name": name, "text": TEXT}
    page = await editor.send(form, form.path, **typed)
    assert page.status == 200
    assert page.path.startswith(f"{NEW}/loading/")
    page = await reloaded(editor, page, lambda page: "40 % is done" in page.text)
    assert ("meta", {"http-equiv": "refresh", "content": "2"}) in page.elements
    # The same from the same page, and from the table's page that was opened again.
    again = await editor.send(form, form.path, **typed)
    anew = await editor.send(await editor.open(form.path), form.path, **typed)
    assert again.path == anew.path == page.path
    slow.may_go_on.set()
    made = await reloaded(editor, page, lambda page: "/loading/" not in page.path)
    assert "The draft is made" in made.text
    assert "Recipients 1" in made.text
    later = await editor.send(await editor.open(form.path), form.path, **typed)
    later = await reloaded(editor, later, lambda page: "/loading/" not in page.path)
    assert id_of(later) == id_of(made)
    assert slow.begun == 1
    assert world.rows("SELECT count(*) FROM broadcasts WHERE name = %s", name) == [(1,)]


async def test_a_slow_draft_that_is_refused_or_breaks_off_says_so_and_keeps_what_was_typed(
    world: DeskWorld, editor: Browser, slow: SlowLoading
) -> None:
    form = await uploaded(editor, table_of([f"{client_numbers(world, 1)[0]},Анна"]))
    name = named("Broken")
    slow.error = StoreUnavailable("away")
    page = await editor.send(form, form.path, name=name, text=TEXT)
    slow.may_go_on.set()
    page = await reloaded(editor, page, lambda page: page.status != 200)
    assert page.status == 422
    assert "The database did not answer meanwhile. Nothing was stored" in page.text
    assert page.form(form.path).fields["name"] == name
    slow.error = None
    made = await reloaded(
        editor,
        await editor.send(page, form.path),
        lambda page: "/loading/" not in page.path,
    )
    assert "Recipients 1" in made.text
    assert world.rows("SELECT count(*) FROM broadcasts WHERE name = %s", name) == [(1,)]


async def test_a_table_that_was_used_leads_to_its_draft(world: DeskWorld, editor: Browser) -> None:
    form = await uploaded(editor, table_of([f"{client_numbers(world, 1)[0]},Анна"]))
    made = await editor.send(form, form.path, name=named("Used"), text=TEXT)
    assert made.path in (await editor.open(form.path)).links
    upload = next(world.uploads.glob("*.table"))
    upload.unlink()
    again = await editor.open(form.path)
    assert again.path == made.path
    assert "Your table was used for this draft" in again.text
    other = await world.signed_in(Role.EDITOR)
    assert (await other.open(form.path)).status == 404


async def test_a_draft_is_found_after_a_restart_or_said_not_to_be_made(
    world: DeskWorld, editor: Browser, slow: SlowLoading
) -> None:
    slow.may_go_on.set()
    form = await uploaded(editor, table_of([f"{client_numbers(world, 1)[0]},Анна"]))
    page = await editor.send(form, form.path, name=named("Restart"), text=TEXT)
    made = await reloaded(editor, page, lambda page: "/loading/" not in page.path)
    other = await world.signed_in(Role.EDITOR)
    assert (await other.open(f"{NEW}/loading/{id_of(made)}")).path == made.path
    upload = form.path.rsplit("/", 1)[-1]
    lost = await editor.open(f"{NEW}/loading/{uuid4()}?table={upload}")
    assert lost.status == 404
    assert "Nothing of it was stored" in lost.text
    assert form.path in lost.links
    russian = await world.signed_in(Role.EDITOR, language="ru")
    assert "Ничего не сохранено" in (await russian.open(f"{NEW}/loading/{uuid4()}")).text
