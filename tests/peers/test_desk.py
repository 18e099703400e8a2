"""The desk in a real Chromium: what scripts do, what axe-core finds, at three widths."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from inbound.api.server import HttpServer
from inbound.desk.roles import Role
from inbound.freshness.trouble import KafkaTrouble
from inbound.ops.health import Health
from inbound.settings import DeskSettings
from tests.bench import history
from tests.fix_store import migrated_template  # noqa: F401  fixture
from tests.integration.api.world import SUBJECTS, import_clients
from tests.integration.desk.conftest import desk_url, handset_world  # noqa: F401  fixtures
from tests.integration.desk.world import PASSWORD, DeskWorld
from tests.patience import PATIENCE_S
from tests.peers.chromium import Tab, chromium

WIDTHS = (360, 900, 1600)
REPORTED = (history.END - timedelta(days=1)).date()
PAGES = (
    *("/handset", "/people", f"/people/{SUBJECTS[2]}", "/account", "/nothing"),
    *("/status", "/status/dead-letters", "/status/report", f"/status/report?day={REPORTED}"),
    *("/users", "/tokens", "/audit", "/audit?until=2001-01-01"),
    *("/accounts", "/accounts/default", "/clients"),
    *("/send", "/send/sent", "/send/scheduled", "/templates", "/templates/_new"),
    *("/broadcasts", "/broadcasts?account=nobody", "/broadcasts/new", "/broadcasts/new/clients"),
)


@asynccontextmanager
async def served(world: DeskWorld) -> AsyncIterator[str]:
    """Serve a desk on loopback, and return its address."""
    server = HttpServer(world.app, DeskSettings(port=0), Health())
    running = asyncio.create_task(server.run())
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not server.port:  # noqa: ASYNC110  the loop's turn
                await asyncio.sleep(0)
        yield f"http://127.0.0.1:{server.port}"
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def sign_in(tab: Tab, base: str, name: str) -> None:
    await tab.open(f"{base}/sign-in")
    await tab.fill("[name=name]", name)
    await tab.fill("[name=password]", PASSWORD)
    await tab.press("button.primary")


async def test_the_desk_in_a_browser(
    handset_world: DeskWorld,  # noqa: F811
    node: list[str],
    tmp_path: Path,
) -> None:
    world = handset_world
    world.now = history.END
    name = world.user(Role.ADMINISTRATOR)
    filled = await some_messages(world)
    async with served(world) as base, chromium(node, tmp_path) as browser:
        for language in ("en", "ru"):
            tab = await browser.tab(language)
            await tab.open(f"{base}/sign-in", width=360)
            assert await tab.violations() == []
            await sign_in(tab, base, name)
            assert await tab.run("location.pathname") == "/handset"
            for path in (*PAGES, *filled, f"/users/{name}"):
                for width in WIDTHS:
                    await tab.open(base + path, width=width)
                    wide = await tab.run("document.documentElement.scrollWidth")
                    assert wide <= width, (path, width)
                assert await tab.violations() == [], (path, language)
        await a_conversation(tab, base, world)
        await a_search_by_keyboard(tab, base)
        await a_message(tab, base)
        await a_form_after_going_back(tab, base)
        await the_menu_by_keyboard(tab, base)
        await a_status_that_renews_itself(tab, base, world)
        await another_language(tab, base, tmp_path)
        assert [one for one in browser.complaints if "404" not in one] == []


async def a_conversation(tab: Tab, base: str, world: DeskWorld) -> None:
    """Text without leaving the page; a reply appears by itself; the field keeps the focus."""
    await tab.open(f"{base}/handset")
    await tab.run("window.stays = true; document.getElementById('text-0').focus()")
    await tab.fill("#text-0", "CLIENT info")
    await tab.click("#texting-0 button")
    await tab.until("document.querySelector('#messages-0 .sent') !== null")
    world.phones.receive(world.phones.numbers[0], "Принято", world.now + timedelta(seconds=1.5))
    await tab.until("document.querySelector('#messages-0 .received') !== null")
    assert "1,50" in await tab.run("document.querySelector('.received .meta').textContent")
    assert await tab.run("window.stays")
    assert await tab.run("document.activeElement.id") == "text-0"
    assert await tab.run("document.getElementById('text-0').value") == ""


async def some_messages(world: DeskWorld) -> list[str]:
    """Send, schedule, and write a template; return the pages that show it."""
    import_clients(world.url, [("+79037772001", "C-peers-1")])
    browser = await world.signed_in(Role.ADMINISTRATOR)
    name, path = "peers-1", "/templates/_new"
    form = (await browser.open(path)).form(path).fields
    form |= {"name": name, "ru": "Заявка {number} готова.", "type.number": "code"}
    await browser.client.post(path, data=form)
    form["base"], form["ru"] = "1", "Заявка {number} выполнена."
    await browser.client.post(f"/templates/{name}/change", data=form)
    page = await browser.open("/send")
    await browser.send(page, "/send", to="C-peers-1", text="Привет!")
    page = await browser.open("/send")
    later = {"to": "C-peers-1", "text": "Later.", "at": "2024-06-05T18:30"}
    order = await browser.send(page, "/send", **later)
    person = await browser.send(await browser.open("/people"), "/people/search", q="C-peers-1")
    template = f"/templates/{name}"
    return [
        *(order.path, person.path, f"/send?template={name}"),
        *(template, f"{template}/change", f"{template}/compare"),
    ]


async def another_language(tab: Tab, base: str, folder: Path) -> None:
    """What was typed, chosen and picked stays, also what a choice has brought; the page is new."""
    await tab.open(f"{base}/send")
    await tab.type("#to", "C-peers-1")
    await tab.choose("#template", "peers-1")
    await tab.until("document.querySelector('[name=\"f.number\"]') !== null")
    await tab.type("[name='f.number']", "4711")
    await tab.type("#at", "2024-06-05T18:30")
    await tab.click(".languages button")
    await tab.until("document.documentElement.lang === 'en'")
    await tab.until("document.querySelector('[name=\"f.number\"]')?.value === '4711'")
    assert await tab.run("document.querySelector('h1').textContent") == "Messages"
    assert await tab.run("document.getElementById('to').value") == "C-peers-1"
    assert await tab.run("document.getElementById('at').value") == "2024-06-05T18:30"
    await tab.until("document.querySelector('.handheld .message').textContent.includes('4711')")
    await tab.open(f"{base}/clients")
    table = folder / "clients.csv"
    table.write_text("msisdn\n", "utf-8")
    await tab.choose_file("[type=file]", table)
    await tab.fill("[name=password]", "a secret")
    await tab.click(".languages button")
    await tab.until("document.documentElement.lang === 'ru'")
    assert await tab.run("document.querySelector('[type=file]').files[0].name") == "clients.csv"
    assert await tab.run("document.querySelector('[name=password]').value") == "a secret"
    await a_language_that_can_not_change(tab)
    stored = await tab.run("JSON.stringify({...sessionStorage, ...localStorage})")
    assert "secret" not in stored
    assert "C-peers-1" not in stored
    await the_menu_by_keyboard(tab, base)


async def a_language_that_can_not_change(tab: Tab) -> None:
    """With the desk away, or renewed since: what was typed stays, and the page says so."""
    said = "document.querySelector('#language-problem [role=alert]')?.textContent"
    await tab.run("window.real = window.fetch; window.fetch = () => Promise.reject()")
    await tab.click(".languages button")
    await tab.until(f"{said}?.startsWith('Рабочее место не отвечает')")
    await tab.run(
        "window.fetch = window.real; document.head.append(document.createElement('script'))"
    )
    await tab.click(".languages button")
    await tab.until(f"{said}?.startsWith('При смене языка')")
    assert await tab.violations() == []
    assert await tab.run("document.querySelector('[name=password]').value") == "a secret"
    await tab.run("document.head.lastElementChild.remove()")
    await tab.click(".languages button")
    await tab.until("document.documentElement.lang === 'en'")
    assert await tab.run(f"{said} ?? null") is None
    await tab.click(".languages button")
    await tab.until("document.documentElement.lang === 'ru'")


async def a_message(tab: Tab, base: str) -> None:
    """Count while somebody types, and keep what is typed when a template comes and goes."""
    await tab.open(f"{base}/send")
    await tab.type("#text", "a" * 100 + "—" + "b" * 60)
    await tab.until("document.querySelector('#preview mark.foreign') !== null")
    assert "161" in await tab.run("document.querySelector('.counts').textContent")
    assert await tab.violations() == []
    await tab.type("#to", "C-peers-1")
    await tab.choose("#template", "peers-1")
    await tab.until("document.querySelector('[name=\"f.number\"]') !== null")
    assert await tab.run("document.getElementById('to').value") == "C-peers-1"
    await tab.choose("#template", "")
    await tab.until("document.getElementById('text') !== null")
    assert "—" in await tab.run("document.getElementById('text').value")
    await tab.press("#preview button.primary")
    assert "/send/orders/" in await tab.run("location.pathname")


async def a_form_after_going_back(tab: Tab, base: str) -> None:
    """The browser fills it in again, and preview and button are those of what is in it."""
    await tab.open(f"{base}/send")
    await tab.type("#text", "Напоминание")
    await tab.fill("#at", "2024-06-05T18:30")
    await tab.open(f"{base}/people")
    await tab.run("history.back()")
    await tab.until("document.getElementById('at')?.value === '2024-06-05T18:30'")
    await tab.until("document.querySelector('#preview .message').textContent === 'Напоминание'")
    label = await tab.run("document.querySelector('#preview button.primary').textContent")
    assert label.strip() in {"Schedule", "Запланировать"}


async def a_search_by_keyboard(tab: Tab, base: str) -> None:
    await tab.open(f"{base}/people")
    await tab.key("/")
    await tab.until("document.activeElement.id === 'q'")
    await tab.fill("#q", history.number_of(2))
    await tab.press(".search button")
    assert await tab.run("location.pathname") == f"/people/{SUBJECTS[2]}"


async def the_menu_by_keyboard(tab: Tab, base: str) -> None:
    """A narrow screen opens it with Enter, Escape closes it, wide ones show it as it is."""
    await tab.open(f"{base}/people", width=360)
    seen = "document.querySelector('#menu a').checkVisibility({contentVisibilityAuto: true})"
    assert not await tab.run(seen)
    await tab.run("document.querySelector('#menu summary').focus()")
    await tab.run("document.querySelector('#menu summary').click()")
    await tab.until(f"document.getElementById('menu').open && {seen}")
    assert await tab.run("document.documentElement.scrollWidth") <= 360
    assert await tab.violations() == []
    await tab.run("document.querySelector('#menu a').focus()")
    await tab.key("Escape")
    await tab.until("!document.getElementById('menu').open")
    assert await tab.run("document.activeElement.tagName") == "SUMMARY"
    await tab.open(f"{base}/people", width=1600)
    assert await tab.run("document.querySelector('#menu a').getClientRects().length") > 0
    await tab.run("document.querySelector('#menu a').focus()")
    assert await tab.run("document.activeElement.closest('#menu') !== null")


async def a_status_that_renews_itself(tab: Tab, base: str, world: DeskWorld) -> None:
    """What has changed appears without a reload; what was opened stays open."""
    await tab.open(f"{base}/status")
    assert "Kafka" not in await tab.run("document.querySelector('.alarms').textContent")
    world.oldest, world.trouble = None, KafkaTrouble("no answer")
    await tab.run("window.stays = true")
    await tab.run("htmx.ajax('GET', '/status/live', {target: '#live', swap: 'outerHTML'})")
    await tab.until("document.querySelector('.alarms').textContent.includes('Kafka')")
    assert await tab.run("window.stays")
    assert await tab.violations() == []
    world.oldest, world.trouble = {}, None
