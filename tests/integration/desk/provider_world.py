"""A desk whose users sign in with an OpenID provider."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import unescape
from re import search
from typing import Any
from urllib.parse import urlsplit

from inbound.desk.identity.users import AuditStamp
from inbound.desk.provider.binding import assign
from inbound.desk.roles import Role
from inbound.settings import OidcSettings
from inbound.store.connections import connect
from tests.integration.desk.browser import Browser, Page
from tests.integration.desk.openid_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    OpenIdProvider,
)
from tests.integration.desk.world import DeskWorld
from tests.plain_http import plain_client

STRANGER = "Keycloak knows you, the desk does not"
NOT_VALID = "The answer of Keycloak is not valid"
AWAY = "Keycloak does not answer as it should"
DISCOVERY = "openid-configuration"


@asynccontextmanager
async def world_of(url: str, provider: OpenIdProvider, **settings: Any) -> AsyncIterator[DeskWorld]:
    given = {
        "issuer": provider.issuer,
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "title": "Keycloak",
    }
    world = DeskWorld(
        url,
        oidc=OidcSettings.model_validate({**given, **settings}),
        factor_roles=[Role.ADMINISTRATOR],
    )
    yield world
    await world.close()


def known(world: DeskWorld, provider: OpenIdProvider, *roles: Role, **person: Any) -> str:
    """Make a user whom the provider knows by a verified address, and let them sign in there."""
    name = world.user(*roles)
    provider.person = {"sub": f"sub-{name}", "email": f"{name}@x.org", "email_verified": True}
    provider.person |= person
    with connect(world.url, "tests") as conn:
        assign(conn, AuditStamp("tests", world.now), name, login=f"{name}@x.org")
    return name


async def set_out(browser: Browser, to: str = "/account") -> str:
    """Ask for the provider from the sign-in page; return where that leads."""
    page = await browser.open(to)
    return address_in(await browser.send(page, "/sign-in/provider"))


def address_in(page: Page) -> str:
    found = search(r'http-equiv="refresh" content="0;url=([^"]+)"', page.answer.text)
    assert found, page.text
    return unescape(found[1])


async def at_provider(address: str) -> str:
    """Sign in at the provider, as the browser would; return where it leads back to."""
    async with plain_client() as outside:
        answer = await outside.get(address)
    return str(answer.headers["location"])


async def sign_in(browser: Browser, to: str = "/account") -> Page:
    back = await at_provider(await set_out(browser, to))
    parts = urlsplit(back)
    return await browser.open(f"{parts.path}?{parts.query}")
