"""The page of tokens: made, shown once, and refused after they were revoked."""

import pytest

from inbound.api.tokens import digest_of, parse_bearer
from inbound.desk.roles import Role
from inbound.store.access.api_tokens import use_token
from inbound.store.connections import connect
from tests.integration.desk.browser import Browser, Page
from tests.integration.desk.world import DeskWorld


async def made(browser: Browser, **fields: str) -> Page:
    page = await browser.open("/tokens")
    form = page.form("/tokens")
    return Page(await browser.client.post("/tokens", data={**form.fields, **fields}))


def valid(world: DeskWorld, token: str) -> object:
    with connect(world.url, "tests") as conn:
        return use_token(conn, digest_of(token), world.now, "192.0.2.1")


async def test_a_token_is_shown_once_works_and_is_revoked(world: DeskWorld) -> None:
    browser = await world.signed_in(Role.ADMINISTRATOR)
    page = await made(browser, name="crm", **{"scope-read": "1", "scope-send": "1"})
    [token] = page.secrets
    assert parse_bearer(f"Bearer {token}") == token
    found = valid(world, token)
    assert getattr(found, "account", "") == "default"
    assert list(getattr(found, "scopes", ())) == ["read", "send"]
    page = await browser.open("/tokens")
    assert token not in page.answer.text
    assert "until 15.08.2024 15:00" in page.text
    page = await browser.send(page, "/tokens/revoke", name="crm")
    assert "The token was revoked" in page.text
    assert valid(world, token) is None
    [(actor,)] = world.rows("SELECT actor FROM audit WHERE action = 'tokens.revoke'")
    assert world.audit(actor)[-2:] == ["tokens.create", "tokens.revoke"]
    data = {"form": page.form("/tokens").fields["form"], "name": "crm"}
    page = Page(await browser.client.post("/tokens/revoke", data=data))
    assert "Nothing was changed" in page.text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "8 916 123", "scope-read": "1"}, "no phone number"),
        ({"name": "billing"}, "Choose what the token allows"),
        ({"name": "billing", "scope-send": "1", "account": "gone"}, "no such account"),
        ({"name": "taken", "scope-read": "1"}, "A valid token has this name"),
    ],
)
async def test_a_token_that_is_refused_keeps_what_was_typed(
    world: DeskWorld, fields: dict[str, str], said: str
) -> None:
    browser = await world.signed_in(Role.ADMINISTRATOR)
    await made(browser, name="taken", **{"scope-read": "1"})
    page = await made(browser, **fields)
    assert page.status == 422
    assert said in page.text
    assert page.form("/tokens").fields["name"] == fields["name"]
    assert page.form("/tokens").fields.get("scope-send", "") == fields.get("scope-send", "")
    assert not page.secrets


async def test_who_may_see_tokens_may_not_make_them(world: DeskWorld) -> None:
    page = await (await world.signed_in(Role.OPERATOR)).open("/tokens")
    assert page.status == 200
    assert not [form for form in page.forms if form.action.startswith("/tokens")]
