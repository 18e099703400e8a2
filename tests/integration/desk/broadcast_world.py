"""Broadcasts at the desk: clients, tables and drafts for tests."""

from itertools import count
from typing import Final
from uuid import UUID

from tests.integration.api.world import import_clients
from tests.integration.desk.browser import Browser, Page
from tests.integration.desk.world import DeskWorld

NEW: Final = "/broadcasts/new"
TEXT: Final = "{name}, офис закрыт 9 мая."
_numbers = count(9_260_000_000)
_names = count(1)


def client_numbers(world: DeskWorld, how_many: int) -> list[str]:
    """Add clients to the directory; return their numbers."""
    numbers = [f"+7{next(_numbers)}" for _ in range(how_many)]
    import_clients(world.url, [(number, f"bc{number[2:]}") for number in numbers])
    return numbers


def table_of(rows: list[str], header: str = "msisdn,name") -> bytes:
    return "\n".join([header, *rows]).encode()


async def uploaded(browser: Browser, content: bytes, name: str = "people.csv") -> Page:
    """Upload a table; return the page with what was understood."""
    return await browser.upload(await browser.open(NEW), f"{NEW}/table", name, content)


async def drafted(browser: Browser, content: bytes, **typed: str) -> Page:
    """Make a draft for a table; return its page, or that of a refusal."""
    page = await uploaded(browser, content)
    fields = {"name": f"Spring {next(_names)}", "text": TEXT, **typed}
    return await browser.send(page, page.path, **fields)


async def draft_for(world: DeskWorld, browser: Browser, how_many: int = 2, **typed: str) -> Page:
    """Make a draft for clients who are in the directory."""
    rows = [f"{number},Анна" for number in client_numbers(world, how_many)]
    page = await drafted(browser, table_of(rows), **typed)
    assert page.status == 200, page.text
    return page


def id_of(page: Page) -> UUID:
    return UUID(page.path.rsplit("/", 1)[-1])


async def act(browser: Browser, page: Page, action: str, **typed: str) -> Page:
    return await browser.send(page, f"{page.path}/{action}", **typed)


def state_of(world: DeskWorld, page: Page) -> str:
    [(state,)] = world.rows("SELECT state FROM broadcasts WHERE broadcast_id = %s", id_of(page))
    return str(state)


def begin(world: DeskWorld, page: Page, **counts: int) -> None:
    """Let the scheduler have begun it, with orders in these states."""
    world.rows(
        "UPDATE broadcasts SET state = 'running', began_at = %s WHERE broadcast_id = %s",
        world.now,
        id_of(page),
    )
    for state, recipients in counts.items():
        world.rows(
            "INSERT INTO broadcast_progress (broadcast_id, state, recipients) VALUES (%s, %s, %s)",
            id_of(page),
            state,
            recipients,
        )
