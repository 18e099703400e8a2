"""Signing in at the desk with a certified OpenID provider, in a real Chromium."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from socket import create_server

from inbound.api.server import HttpServer
from inbound.clock import utc_now
from inbound.desk.identity.users import AuditStamp
from inbound.desk.provider.binding import assign
from inbound.desk.roles import Role
from inbound.ops.health import Health
from inbound.settings import DeskSettings, OidcSettings
from inbound.store.connections import connect
from tests.fix_store import migrated_template  # noqa: F401  fixture
from tests.integration.desk.conftest import desk_url  # noqa: F401  fixture
from tests.integration.desk.world import PASSWORD, DeskWorld
from tests.patience import PATIENCE_S
from tests.peers.chromium import Tab, chromium
from tests.peers.conftest import CACHE

PROGRAM = Path(__file__).parent / "programs" / "openid.mjs"


@asynccontextmanager
async def provider(node: list[str], back: str) -> AsyncIterator[str]:
    """Run the provider; yield its issuer."""
    process = await asyncio.create_subprocess_exec(
        *(*node, str(PROGRAM), f"{CACHE / 'node_modules'}/", back),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE_S):
            issuer = (await process.stdout.readline()).decode().strip()
        assert issuer, "the provider has ended"
        yield issuer
    finally:
        process.kill()
        await process.communicate()


async def test_somebody_signs_in_and_out_with_the_provider(
    desk_url: str,  # noqa: F811
    node: list[str],
    tmp_path: Path,
) -> None:
    with closing(create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    async with provider(node, f"{base}/sign-in/back") as issuer:
        oidc = OidcSettings.model_validate(
            {
                "issuer": issuer,
                "client_id": "scserv-desk",
                "client_secret": "a secret of the client",
                "title": "Keycloak",
                "roles_claim": "groups",
                "roles": "texts-support=support",
            }
        )
        world = DeskWorld(desk_url, oidc=oidc, address=base, now=utc_now())
        name = world.user(Role.VIEWER)
        with connect(world.url, "tests") as conn:
            assign(conn, AuditStamp("tests", world.now), name, login=f"{name}@example.org")
        server = HttpServer(world.app, DeskSettings(port=port), Health())
        running = asyncio.create_task(server.run())
        try:
            async with chromium(node, tmp_path) as browser:
                tab = await browser.tab("en")
                await signs_in(tab, base, name)
                assert await tab.run("location.pathname") == "/account"
                seen = await tab.run("document.querySelector('main').textContent")
                assert name in seen
                assert "support" in seen
                assert "viewer" not in seen
                await signs_out(tab, issuer)
                for language in ("en", "ru"):
                    admin = await browser.tab(language)
                    await an_administrator_looks(admin, base, world.user(Role.ADMINISTRATOR), name)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await world.close()


async def signs_in(tab: Tab, base: str, name: str) -> None:
    """Go to the provider and back; the policy of the desk lets the browser."""
    await tab.open(f"{base}/account", width=360)
    assert await tab.violations() == []
    await tab.press("form[action='/sign-in/provider'] button")
    await tab.until("document.querySelector('[name=login]') !== null")
    await tab.fill("[name=login]", name)
    await tab.fill("[name=password]", "any")
    await tab.press("button[type=submit]")
    await tab.until("document.querySelector('button[autofocus], button[type=submit]') !== null")
    await tab.press("button[type=submit]")  # consent
    await tab.until("location.pathname === '/account'")


async def an_administrator_looks(tab: Tab, base: str, administrator: str, name: str) -> None:
    """The pages of users say who they are at the provider; the password is another way in."""
    await tab.open(f"{base}/sign-in")
    await tab.fill("[name=name]", administrator)
    await tab.fill("[name=password]", PASSWORD)
    await tab.press("form[action='/sign-in'] button")
    for path in ("/users", f"/users/{name}"):
        for width in (360, 1600):
            await tab.open(base + path, width=width)
            assert await tab.run("document.documentElement.scrollWidth") <= width
            assert await tab.violations() == []
    assert f"{name}@example.org" in await tab.run("document.querySelector('[name=login]').value")


async def signs_out(tab: Tab, issuer: str) -> None:
    await tab.press("form[action='/sign-out'] button")
    assert await tab.violations() == []
    assert "signed out of the desk" in await tab.run("document.querySelector('h1').textContent")
    await tab.press("a.button.primary")
    assert (await tab.run("location.href")).startswith(f"{issuer}/session/end")
