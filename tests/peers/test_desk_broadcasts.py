"""A broadcast in a real Chromium: from the upload to its end, by two people."""

from pathlib import Path

from inbound.desk.roles import Role
from inbound.store.access.approval_rules import ApprovalRules, publish_rules
from inbound.store.connections import connect
from tests.fix_store import migrated_template  # noqa: F401  fixture
from tests.integration.desk.broadcast_world import client_numbers, table_of
from tests.integration.desk.conftest import desk_url, world  # noqa: F401  fixtures
from tests.integration.desk.world import DeskWorld
from tests.peers.chromium import Tab, chromium
from tests.peers.test_desk import served, sign_in


async def test_a_broadcast_from_upload_to_end(
    world: DeskWorld,  # noqa: F811
    node: list[str],
    tmp_path: Path,
) -> None:
    table = tmp_path / "people.csv"
    table.write_bytes(table_of([f"{number},Анна" for number in client_numbers(world, 3)]))
    with connect(world.url, "tests") as conn:
        publish_rules(conn, ApprovalRules(2))
    async with served(world) as base, chromium(node, tmp_path / "profile") as browser:
        editor, approver = await browser.tab("en"), await browser.tab("ru")
        await sign_in(editor, base, world.user(Role.EDITOR))
        await sign_in(approver, base, world.user(Role.APPROVER))
        path = await a_draft(editor, base, table)
        await editor.press("#actions button.primary")
        assert "Awaiting approval" in await text_of(editor, "#live")
        await approver.open(base + path, width=360)
        assert await approver.violations() == []
        await approver.press("#actions button.primary")
        # The page of the editor follows by itself, with its actions.
        await editor.until("document.querySelector('#live').textContent.includes('Waits for')")
        await editor.until("document.querySelector('#actions form[action$=\"/pause\"]') !== null")
        begin(world, path, "running", open=3)
        await editor.until("document.querySelector('#live').textContent.includes('0 of 3')")
        begin(world, path, "running", open=-2, delivered=2)
        await editor.until("document.querySelector('#live').textContent.includes('2 of 3')")
        assert await editor.violations() == []
        await editor.press('#actions form[action$="/pause"] button')
        assert "Paused" in await text_of(editor, "#live")
        await editor.press('#actions form[action$="/resume"] button')
        begin(world, path, "done", open=-1, delivered=1)
        await editor.until("document.querySelector('#live').textContent.includes('3 of 3')")
        await editor.until("document.querySelector('#live').textContent.includes('Done')")
        assert browser.complaints == []


async def a_draft(tab: Tab, base: str, table: Path) -> str:
    """Make a draft from a table; return its path."""
    await tab.open(f"{base}/broadcasts/new")
    await tab.choose_file("[type=file]", table)
    await tab.press("main button.primary")
    assert "+7926" in await text_of(tab, "table")
    assert await tab.violations() == []
    await tab.fill("[name=name]", "Весна")
    await tab.fill("[name=text]", "{name}, офис закрыт 9 мая.")
    await tab.press("main form:last-of-type button.primary")
    assert "Анна, офис закрыт 9 мая." in await text_of(tab, ".previews")
    assert await tab.violations() == []
    path: str = await tab.run("location.pathname")
    return path


async def text_of(tab: Tab, selector: str) -> str:
    text: str = await tab.run(f"document.querySelector('{selector}').textContent")
    return text


def begin(world: DeskWorld, path: str, state: str, **counts: int) -> None:  # noqa: F811
    """Let the scheduler have brought it into a state, with these changes of its counts."""
    broadcast_id = path.rsplit("/", 1)[-1]
    for counted, recipients in counts.items():
        world.rows(
            "INSERT INTO broadcast_progress (broadcast_id, state, recipients) VALUES (%s, %s, %s)",
            broadcast_id,
            counted,
            recipients,
        )
    world.rows(
        "UPDATE broadcasts SET state = %s, began_at = coalesce(began_at, %s)"
        " WHERE broadcast_id = %s",
        state,
        world.now,
        broadcast_id,
    )
