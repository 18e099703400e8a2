"""The second factor: set up, asked for, used once, lost, required."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pyotp
import pytest

from inbound.desk.identity.failures import MOST_PER_ACCOUNT
from inbound.desk.identity.sign_in_tickets import LASTS
from inbound.desk.roles import Role
from tests.integration.desk.browser import Browser, Page
from tests.integration.desk.world import LIMITS, PASSWORD, DeskWorld

ACCOUNT = "/account"
BEGIN = "/account/second-factor"
CONFIRM = "/account/second-factor/confirm"
CODE = "/sign-in/code"


@pytest.fixture
async def strict_world(desk_url: str) -> AsyncIterator[DeskWorld]:
    """A desk whose operators need a second factor."""
    made = DeskWorld(desk_url, factor_roles={Role.OPERATOR})
    yield made
    await made.close()


def code_of(world: DeskWorld, secret: str) -> str:
    return pyotp.TOTP(secret).at(world.now)


async def enrolled(
    world: DeskWorld, *roles: Role, name: str = ""
) -> tuple[str, str, list[str], Browser]:
    """Return a user with a second factor: name, secret, recovery codes, and their browser."""
    name = name or world.user(*roles)
    browser = world.browser()
    page = await browser.sign_in(name, PASSWORD)
    page = await browser.send(await browser.open(ACCOUNT), BEGIN, current=PASSWORD)
    [secret] = page.secrets
    page = await browser.send(page, CONFIRM, code=code_of(world, secret))
    assert "The second factor is set up" in page.text
    return name, secret, page.secrets, browser


async def asked(world: DeskWorld, name: str, **how: str) -> tuple[Browser, Page]:
    """Give the password and return the page that asks for a code."""
    browser = world.browser(**how)
    page = await browser.sign_in(name, PASSWORD)
    assert page.path == "/sign-in"
    assert "One more step" in page.text
    assert (await browser.open(ACCOUNT)).path == "/sign-in"
    return browser, page


async def test_a_password_alone_does_not_sign_in_any_more(world: DeskWorld) -> None:
    name, secret, _, first = await enrolled(world)
    assert (await first.open(ACCOUNT)).path == ACCOUNT
    browser, page = await asked(world, name)
    world.now += timedelta(seconds=30)
    code = code_of(world, secret)
    page = await browser.send(page, CODE, code=f"{code[:3]} {code[3:]}")
    assert page.path == ACCOUNT
    assert "Recovery codes left 10" in page.text
    assert world.audit(f"user {name}") == ["desk.sign_in", "desk.second_factor", "desk.sign_in"]


async def test_a_code_is_accepted_once(world: DeskWorld) -> None:
    name, secret, _, _ = await enrolled(world)
    # The code that has set it up counts as used.
    browser, page = await asked(world, name)
    page = await browser.send(page, CODE, code=code_of(world, secret))
    assert page.status == 403
    assert "was used before" in page.text
    world.now += timedelta(seconds=30)
    used = code_of(world, secret)
    assert (await browser.send(page, CODE, code=used)).path == ACCOUNT
    browser, page = await asked(world, name)
    assert (await browser.send(page, CODE, code=used)).status == 403
    earlier = pyotp.TOTP(secret).at(world.now - timedelta(seconds=30))
    assert (await browser.send(page, CODE, code=earlier)).status == 403


async def test_a_recovery_code_signs_in_once(world: DeskWorld) -> None:
    name, _, codes, _ = await enrolled(world)
    browser, page = await asked(world, name)
    page = await browser.send(page, CODE, code=codes[3].lower())
    assert "Recovery codes left 9" in page.text
    browser, page = await asked(world, name)
    assert (await browser.send(page, CODE, code=codes[3])).status == 403
    assert world.audit(f"user {name}")[2:4] == ["desk.second_factor", "desk.sign_in"]


async def test_codes_are_not_guessed(world: DeskWorld) -> None:
    name, secret, codes, _ = await enrolled(world)
    browser, page = await asked(world, name, address="203.0.113.1")
    for _ in range(MOST_PER_ACCOUNT):
        page = await browser.send(page, CODE, code="000000")
        assert page.status == 403
    world.now += timedelta(seconds=30)
    page = await browser.send(page, CODE, code=code_of(world, secret))
    assert page.status == 429
    assert page.answer.headers["retry-after"]
    # Neither does the right password forget the failures, nor is a recovery code used up.
    assert (await world.browser().sign_in(name, PASSWORD)).status == 429
    world.now += timedelta(minutes=15)
    browser, page = await asked(world, name)
    assert (await browser.send(page, CODE, code=codes[0])).path == ACCOUNT


async def test_the_right_password_does_not_forget_wrong_codes(world: DeskWorld) -> None:
    name, _, _, _ = await enrolled(world)
    for n in range(MOST_PER_ACCOUNT):
        browser, page = await asked(world, name, address=f"203.0.113.{n + 2}")
        await browser.send(page, CODE, code="000000")
    assert (await world.browser().sign_in(name, PASSWORD)).status == 429


async def test_a_ticket_is_of_one_browser_and_a_few_minutes(world: DeskWorld) -> None:
    name, _, codes, _ = await enrolled(world)
    browser, page = await asked(world, name)
    ticket = page.form(CODE).fields["ticket"]
    thief = world.browser(agent="another browser")
    form = (await thief.open("/sign-in")).form("/sign-in").fields["form"]
    data = {"form": form, "ticket": ticket, "code": codes[0]}
    stolen = Page(await thief.client.post(CODE, data=data))
    assert stolen.status == 403
    assert "Sign in again" in stolen.text
    for odd in ("", "nobody:1:x", f"{name}:99999999999:00", "\0:1:x"):
        data = {"form": page.form(CODE).fields["form"], "ticket": odd, "code": codes[0]}
        assert (await browser.client.post(CODE, data=data)).status_code == 403
    world.now += LASTS
    page = await browser.send(page, CODE, code=codes[0])
    assert "That took too long" in page.text
    world.now -= LASTS
    world.rows("UPDATE desk_users SET disabled_at = now() WHERE name = %s", name)
    data = {"form": form, "ticket": ticket, "code": codes[0]}
    assert (await browser.client.post(CODE, data=data)).status_code == 403


async def test_setting_it_up_needs_the_password_and_a_right_code(world: DeskWorld) -> None:
    name = world.user()
    browser, other = world.browser(), world.browser()
    for one in (browser, other):
        await one.sign_in(name, PASSWORD)
    page = await browser.send(await browser.open(ACCOUNT), BEGIN, current="wrong")
    assert page.status == 422
    assert "The current password is wrong" in page.text
    page = await browser.send(await browser.open(ACCOUNT), BEGIN, current=PASSWORD)
    [secret] = page.secrets
    page = await browser.send(page, CONFIRM, code="000000")
    assert page.status == 422
    assert page.secrets == [secret]
    sealed = page.form(CONFIRM).fields["sealed"]
    assert secret not in sealed
    assert (await other.open(ACCOUNT)).path == ACCOUNT
    page = await browser.send(page, CONFIRM, code=code_of(world, secret))
    assert (await other.open(ACCOUNT)).path == "/sign-in"
    token = page.form("/sign-out").fields["form"]
    data = {"form": token, "sealed": sealed, "code": code_of(world, secret)}
    assert "Nothing was changed" in (await browser.client.post(CONFIRM, data=data)).text


async def test_a_form_of_another_user_or_of_yesterday_sets_nothing_up(world: DeskWorld) -> None:
    mine, theirs = await world.signed_in(), await world.signed_in()
    page = await mine.send(await mine.open(ACCOUNT), BEGIN, current=PASSWORD)
    [secret], sealed = page.secrets, page.form(CONFIRM).fields["sealed"]
    token = (await theirs.open(ACCOUNT)).form("/sign-out").fields["form"]
    data = {"form": token, "sealed": sealed, "code": code_of(world, secret)}
    assert (await theirs.client.post(CONFIRM, data=data)).status_code == 422
    for odd in ("", "zz", "00"):
        assert (await theirs.client.post(CONFIRM, data={**data, "sealed": odd})).status_code == 422
    world.now += timedelta(minutes=16)
    page = await mine.send(page, CONFIRM, code=code_of(world, secret))
    assert page.status == 422
    assert "That took too long" in page.text


async def test_it_is_removed_and_codes_are_renewed_by_their_user(world: DeskWorld) -> None:
    name, _, codes, browser = await enrolled(world)
    page = await browser.open(ACCOUNT)
    page = await browser.send(page, "/account/second-factor/codes", current=PASSWORD)
    assert len(page.secrets) == 10
    assert not set(page.secrets) & set(codes)
    other, asking = await asked(world, name)
    assert (await other.send(asking, CODE, code=codes[0])).status == 403
    assert (await other.send(asking, CODE, code=page.secrets[0])).path == ACCOUNT
    token = page.form("/sign-out").fields["form"]
    path = "/account/second-factor/remove"
    wrong = await browser.client.post(path, data={"form": token, "current": "wrong"})
    assert wrong.status_code == 422
    page = Page(await browser.client.post(path, data={"form": token, "current": PASSWORD}))
    assert "The second factor was removed" in page.text
    assert (await world.browser().sign_in(name, PASSWORD)).path == ACCOUNT


async def test_an_administrator_resets_it_for_somebody_who_lost_the_phone(world: DeskWorld) -> None:
    name, _, _, browser = await enrolled(world)
    admin = await world.signed_in(Role.ADMINISTRATOR)
    page = await admin.open(f"/users/{name}")
    page = await admin.send(page, f"/users/{name}/second-factor/reset")
    assert "The user signs in with the password alone" in page.text
    assert (await browser.open(ACCOUNT)).path == "/sign-in"
    assert (await world.browser().sign_in(name, PASSWORD)).path == ACCOUNT


async def test_a_role_that_needs_it_opens_nothing_else_before(strict_world: DeskWorld) -> None:
    world = strict_world
    name = world.user(Role.OPERATOR, Role.SUPPORT)
    browser = world.browser()
    page = await browser.sign_in(name, PASSWORD, to="/people")
    assert page.status == 403
    assert "Your role needs a second factor" in page.text
    assert "/people" not in page.links
    page = await browser.open("/")
    assert page.path == ACCOUNT
    assert "Set it up below" in page.text
    page = await browser.send(page, BEGIN, current=PASSWORD)
    [secret] = page.secrets
    page = await browser.send(page, CONFIRM, code=code_of(world, secret))
    assert (await browser.open("/people")).status == 200
    page = await browser.open(ACCOUNT)
    assert "formaction" not in page.answer.text
    token = page.form("/sign-out").fields["form"]
    data = {"form": token, "current": PASSWORD}
    refused = await browser.client.post("/account/second-factor/remove", data=data)
    assert refused.status_code == 422
    assert (await (await world.signed_in(Role.SUPPORT)).open("/people")).status == 200


async def test_what_was_typed_survives_a_session_and_the_code(world: DeskWorld) -> None:
    name, secret, _, browser = await enrolled(world)
    page = await browser.open(ACCOUNT)
    world.now += LIMITS.idle
    page = await browser.send(page, "/sign-out")  # ends nothing that is over; then as a form
    page = await browser.sign_in(name, PASSWORD)
    page = await browser.send(page, CODE, code=code_of(world, secret))
    token = page.form("/sign-out").fields["form"]
    world.now += LIMITS.idle
    data = {"form": token, "q": "typed before"}
    page = Page(await browser.client.post("/people/search", data=data))
    assert page.status == 401
    page = await browser.send(page, "/sign-in", name=name, password=PASSWORD)
    assert "One more step" in page.text
    page = await browser.send(page, CODE, code=code_of(world, secret))
    assert "Search for “typed before”" in page.text


async def test_nothing_of_a_secret_or_code_is_stored_as_it_is(world: DeskWorld) -> None:
    _, secret, codes, _ = await enrolled(world)
    [(stored,)] = world.rows(
        "SELECT string_agg(factors::text || codes::text, '')"
        " FROM desk_second_factors AS factors JOIN desk_recovery_codes AS codes USING (user_id)"
    )
    for text in (secret, *codes, *(code.replace("-", "") for code in codes)):
        assert text not in stored
        assert text.encode().hex() not in stored
