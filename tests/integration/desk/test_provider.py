"""Signing in at an OpenID provider: who gets in, as whom, and what is refused."""

import json
import secrets
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pyotp
import pytest

from inbound.desk.identity import users
from inbound.desk.identity.failures import MOST_PER_ADDRESS
from inbound.desk.identity.users import AuditStamp, LastAdministratorError
from inbound.desk.provider.binding import assign
from inbound.desk.roles import Role
from inbound.store.connections import connect
from tests.integration.desk.browser import Page
from tests.integration.desk.openid_provider import (
    CLIENT_ID,
    OpenIdProvider,
    query_of,
)
from tests.integration.desk.provider_world import (
    DISCOVERY,
    STRANGER,
    address_in,
    at_provider,
    known,
    set_out,
    sign_in,
    world_of,
)
from tests.integration.desk.world import PASSWORD, DeskWorld


@pytest.fixture
async def world(desk_url: str, provider: OpenIdProvider) -> AsyncIterator[DeskWorld]:
    async with world_of(desk_url, provider) as made:
        yield made


async def test_who_is_known_gets_in_as_who_they_are(
    world: DeskWorld, provider: OpenIdProvider
) -> None:
    name = known(world, provider)
    browser = world.browser()
    page = await sign_in(browser, to="/clients")
    assert page.path == "/clients"
    page = await browser.open("/account")
    assert name in page.text
    assert "You have signed in with Keycloak" in page.text
    assert "scserv_journey" not in browser.client.cookies
    assert world.audit(f"user {name}") == ["desk.provider", "desk.sign_in"]


async def test_a_person_is_their_subject_from_then_on(
    world: DeskWorld, provider: OpenIdProvider
) -> None:
    name = known(world, provider)
    address = provider.person["email"]
    await sign_in(world.browser())
    provider.person["email"] = "married@x.org"
    assert name in (await sign_in(world.browser())).text
    provider.person = {"sub": "somebody else", "email": address, "email_verified": True}
    page = await sign_in(world.browser())
    assert page.status == 403
    assert STRANGER in page.text


async def test_an_administrator_binds_by_address_or_subject_and_unbinds(
    world: DeskWorld, provider: OpenIdProvider
) -> None:
    admin = await world.signed_in(Role.ADMINISTRATOR)
    world.desk.sign_in.sessions._factor_roles = frozenset()
    name, other = world.user(), world.user()
    page = await admin.open(f"/users/{name}")
    page = await admin.send(page, f"/users/{name}/provider", subject="sub-by-hand")
    assert "It was set" in page.text
    assert "sub-by-hand" in page.text
    page = await admin.open(f"/users/{other}")
    page = await admin.send(page, f"/users/{other}/provider", subject="sub-by-hand")
    assert page.status == 422
    assert "Another user is this person" in page.text
    provider.person = {"sub": "sub-by-hand"}
    browser = world.browser()
    assert name in (await sign_in(browser)).text
    page = await admin.open(f"/users/{name}")
    form = [form for form in page.forms if form.action.endswith("/provider")][-1]
    await admin.client.post(form.action, data=form.fields)
    assert (await browser.open("/account")).path == "/sign-in"
    assert STRANGER in (await sign_in(browser)).text


async def test_a_new_user_of_the_provider_is_shown_no_password(
    world: DeskWorld, provider: OpenIdProvider
) -> None:
    admin = await world.signed_in(Role.ADMINISTRATOR)
    world.desk.sign_in.sessions._factor_roles = frozenset()
    form = {"name": "fresh-oidc", "login": " Fresh@X.org ", "role-support": "1"}
    token = (await admin.open("/account")).form("/sign-out").fields["form"]
    page = Page(await admin.client.post("/users", data={"form": token, **form}))
    assert "The user was created" in page.text
    assert page.secrets == []
    provider.person = {"sub": "fresh", "email": "fresh@x.org", "email_verified": True}
    assert "fresh-oidc" in (await sign_in(world.browser())).text


async def test_the_provider_sees_to_the_second_factor(
    world: DeskWorld, provider: OpenIdProvider
) -> None:
    name = known(world, provider, Role.ADMINISTRATOR)
    page = await sign_in(world.browser(), to="/users")
    assert page.path == "/users"
    browser = world.browser()
    await browser.sign_in(name, PASSWORD)
    assert (await browser.open("/users")).status == 403


async def test_a_second_factor_that_a_role_needs_is_not_removed_from_a_session_of_the_provider(
    world: DeskWorld, provider: OpenIdProvider
) -> None:
    """Else somebody who has only the password could set up their own."""
    known(world, provider, Role.ADMINISTRATOR)
    browser = world.browser()
    page = await sign_in(browser)
    assert "Set it up below" not in page.text
    form = {"form": page.form("/sign-out").fields["form"], "current": PASSWORD}
    page = Page(await browser.client.post("/account/second-factor", data=form))
    [secret] = page.secrets
    code = pyotp.TOTP(secret).at(world.now)
    await browser.send(page, "/account/second-factor/confirm", code=code)
    page = Page(await browser.client.post("/account/second-factor/remove", data=form))
    assert page.status == 422
    assert "Your role needs a second factor" in page.text


async def test_roles_are_those_of_the_groups_at_each_sign_in(
    desk_url: str, provider: OpenIdProvider
) -> None:
    roles = "cn=support,o=x=support; it=operator,administrator"
    async with world_of(desk_url, provider, roles_claim="realm.groups", roles=roles) as world:
        name = known(world, provider, Role.EDITOR, realm={"groups": ["cn=support,o=x", "other"]})
        page = await sign_in(world.browser())
        assert "support" in page.text
        assert "editor" not in page.text
        provider.person["realm"]["groups"] = ["it"]
        browser = world.browser()
        assert "administrator" in (await sign_in(browser)).text
        for groups in ["other"], "other", None, [7]:
            provider.person["realm"]["groups"] = groups
            page = await sign_in(world.browser())
            assert page.status == 403
            assert "gives you no role" in page.text
            assert (await browser.open("/account")).path == "/sign-in"
        assert world.audit(f"user {name}").count("desk.change_roles") == 2


async def test_who_is_disabled_does_not_get_in(world: DeskWorld, provider: OpenIdProvider) -> None:
    name = known(world, provider)
    with connect(world.url, "tests") as conn:
        users.disable(conn, AuditStamp("tests", world.now), name)
    page = await sign_in(world.browser())
    assert page.status == 403
    assert "your user is disabled" in page.text


async def test_what_was_typed_is_kept_on_the_way(
    world: DeskWorld, provider: OpenIdProvider
) -> None:
    name = known(world, provider)
    browser = world.browser()
    await sign_in(browser)
    page = await browser.open("/people")
    form = {**page.form("/people/search").fields, "q": "Иванова " * 20}
    world.now += timedelta(hours=2)
    answer = await browser.client.post(
        "/people/search", data=form, headers={"Sec-Fetch-Site": "same-origin"}
    )
    page = Page(answer)
    assert page.status == 401
    provider.clock = world.now.timestamp
    back = await at_provider(address_in(await browser.send(page, "/sign-in/provider")))
    page = await browser.open(back.removeprefix("http://desk.test"))
    assert page.path == "/sign-in/continue"
    assert [one.fields["q"] for one in page.forms if one.action == "/people/search"][-1] == form[
        "q"
    ]
    assert "scserv_journey" not in browser.client.cookies
    assert name in (await browser.open("/account")).text


async def test_what_is_too_long_for_the_way_is_said_first(world: DeskWorld) -> None:
    browser = world.browser()
    page = await browser.open("/sign-in")
    fields = {"path": "/send", "fields": {"text": secrets.token_urlsafe(5000)}}
    form = {**page.form("/sign-in/provider").fields, "kept": json.dumps(fields)}
    page = Page(await browser.client.post("/sign-in/provider", data=form))
    assert "too long to be kept" in page.text
    assert fields["fields"]["text"] in page.text  # type: ignore[index]
    assert "http-equiv" not in page.answer.text


async def test_signing_out_of_the_desk_offers_to_sign_out_there(
    world: DeskWorld, provider: OpenIdProvider
) -> None:
    known(world, provider)
    browser = world.browser()
    page = await sign_in(browser)
    page = await browser.send(page, "/sign-out")
    assert "You have signed out of the desk" in page.text
    [link] = [link for link in page.links if link.startswith(provider.issuer)]
    assert query_of(link) == {
        "client_id": CLIENT_ID,
        "post_logout_redirect_uri": "http://desk.test/sign-in",
    }
    assert (await browser.open("/account")).path == "/sign-in"
    provider.stuck.add(DISCOVERY)
    page = await sign_in(browser)
    assert (await browser.send(page, "/sign-out")).status == 200


async def test_passwords_of_its_users_can_be_switched_off(
    desk_url: str, provider: OpenIdProvider
) -> None:
    async with world_of(desk_url, provider, passwords=False) as world:
        name = known(world, provider)
        assert (await world.browser().sign_in(name, PASSWORD)).status == 403
        assert name in (await sign_in(world.browser())).text
        rescuer = world.user(Role.ADMINISTRATOR)
        assert (await world.browser().sign_in(rescuer, PASSWORD)).path == "/account"


async def test_an_administrator_with_a_password_remains(
    own_desk_url: str, provider: OpenIdProvider
) -> None:
    async with world_of(own_desk_url, provider, passwords=False) as world:
        world.rows("DELETE FROM desk_users")
        first, second = world.user(Role.ADMINISTRATOR), world.user(Role.ADMINISTRATOR)
        change = AuditStamp("tests", world.now)
        with connect(world.url, "tests") as conn:
            assign(conn, change, second, login="second@x.org")
            refusals: list[Callable[[], object]] = [
                lambda: assign(conn, change, first, login="first@x.org"),
                lambda: users.disable(conn, change, first),
                lambda: users.change_roles(conn, change, first, [Role.VIEWER]),
            ]
            for refused in refusals:
                with pytest.raises(LastAdministratorError, match="with a password"):
                    refused()


async def test_guessing_answers_closes_the_address(
    world: DeskWorld, provider: OpenIdProvider
) -> None:
    browser = world.browser()
    address = await set_out(browser)
    state = query_of(address)["state"]
    path = f"/sign-in/back?code=guess&state={state}&iss={provider.issuer}"
    for _ in range(MOST_PER_ADDRESS):
        assert (await browser.open(path)).status == 403
    asked = len(provider.requests)
    page = await browser.open(path)
    assert page.status == 429
    assert len(provider.requests) == asked


async def test_without_a_provider_there_is_none_of_it(desk_url: str) -> None:
    world = DeskWorld(desk_url)
    browser = world.browser()
    page = await browser.open("/sign-in")
    assert len(page.forms) == 2
    token = page.form("/sign-in").fields["form"]
    answer = await browser.client.post("/sign-in/provider", data={"form": token})
    assert answer.status_code == 404
    assert (await browser.client.get("/sign-in/back")).status_code == 404
    await world.close()


async def test_no_token_of_the_provider_reaches_the_browser(
    world: DeskWorld, provider: OpenIdProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(world, provider)
    tokens: list[str] = []
    made = provider._id_token

    def noted(asked: dict[str, str]) -> str:
        tokens.append(made(asked))
        return tokens[-1]

    monkeypatch.setattr(provider, "_id_token", noted)
    browser = world.browser()
    page = await sign_in(browser)
    [token] = tokens
    seen = [page.answer, *page.answer.history]
    assert not any(token in f"{one.text}{one.headers}" for one in seen)
    rows = world.rows(
        "SELECT s::text, u::text FROM desk_sessions s JOIN desk_users u USING (user_id)"
    )
    assert not any(token in f"{row}" for row in rows)
