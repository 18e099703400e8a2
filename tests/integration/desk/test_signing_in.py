"""Signing in: who gets in, what is said to the others, and how long it lasts."""

import json
from datetime import timedelta

import pytest

from inbound.desk.identity import users
from inbound.desk.identity.failures import MOST_PER_ACCOUNT, MOST_PER_ADDRESS, WINDOW
from inbound.desk.roles import Role
from inbound.store.connections import connect
from tests.integration.desk.browser import Page
from tests.integration.desk.world import LIMITS, PASSWORD, DeskWorld

ACCOUNT = "/account"
WRONG = "The name or the password is wrong."


def is_asked_to_sign_in(page: Page) -> bool:
    return page.path == "/sign-in"


async def test_the_first_address_leads_to_the_sign_in_page(world: DeskWorld) -> None:
    page = await world.browser().open("/")
    assert is_asked_to_sign_in(page)
    assert page.status == 200
    assert page.form("/sign-in").fields.keys() >= {"name", "password"}


async def test_who_signs_in_gets_to_the_page_that_was_wanted(world: DeskWorld) -> None:
    name = world.user()
    browser = world.browser()
    page = await browser.sign_in(f" {name.upper()} ", PASSWORD, to=ACCOUNT)
    assert page.path == ACCOUNT
    assert name in page.text
    assert (await browser.open("/sign-in")).path == "/people"
    assert world.audit(f"user {name}") == ["desk.sign_in"]


@pytest.mark.parametrize("to", ["//evil.example", "https://evil.example/", "/\\evil.example"])
async def test_nobody_is_led_to_another_host(world: DeskWorld, to: str) -> None:
    browser = world.browser()
    page = await browser.open(f"/sign-in?to={to}")
    page = await browser.send(page, "/sign-in", name=world.user(), password=PASSWORD, to=to)
    assert page.answer.url.host == "desk.test"
    assert page.path == "/people"


async def test_a_wrong_password_an_unknown_and_a_disabled_user_are_one_answer(
    world: DeskWorld,
) -> None:
    known, disabled = world.user(), world.user()
    with connect(world.url, "tests") as conn:
        users.disable(conn, users.AuditStamp("tests", world.now), disabled)
    texts = set()
    for name, password in (
        (known, "not the password"),
        (f"{known}x", PASSWORD),
        (disabled, PASSWORD),
    ):
        browser = world.browser()
        page = await browser.sign_in(name, password)
        assert page.status == 403
        assert page.form("/sign-in").fields["name"] == name
        assert "password" not in page.form("/sign-in").fields["password"]
        texts.add(page.text)
        assert is_asked_to_sign_in(await browser.open(ACCOUNT))
    assert len(texts) == 1
    assert WRONG in texts.pop()


async def test_an_account_is_closed_for_a_while_after_many_failures(world: DeskWorld) -> None:
    name = world.user()
    for n in range(MOST_PER_ACCOUNT):
        page = await world.browser(address=f"192.0.2.{n + 10}").sign_in(name, "wrong")
        assert WRONG in page.text
    page = await world.browser().sign_in(name, PASSWORD)
    assert page.status == 429
    assert "Try again in 15 min" in page.text
    assert page.answer.headers["retry-after"] == "900"
    failures = ["desk.sign_in_failed"] * MOST_PER_ACCOUNT
    assert sorted(world.audit(f"user {name}")) == [*failures, "desk.sign_in_throttled"]
    world.now += WINDOW
    assert (await world.browser().sign_in(name, PASSWORD)).path == ACCOUNT


async def test_an_address_is_closed_whatever_names_it_tries(
    world: DeskWorld, caplog: pytest.LogCaptureFixture
) -> None:
    address = "198.51.100.7"
    browser = world.browser(address=address)
    for n in range(MOST_PER_ADDRESS):
        await browser.sign_in(f"guess-{n}", "wrong")
    [line] = [one for one in caplog.messages if address in one]
    assert line.startswith(f"no sign-in from {address} is accepted")
    name = world.user()
    assert (await browser.sign_in(name, PASSWORD)).status == 429
    assert (await world.browser().sign_in(name, PASSWORD)).path == ACCOUNT


async def test_a_success_forgets_the_failures_of_the_account_alone(world: DeskWorld) -> None:
    address, name = "198.51.100.8", world.user()
    browser = world.browser(address=address)
    for _ in range(MOST_PER_ADDRESS // 5):
        for _ in range(4):
            await browser.sign_in(name, "wrong")
        await browser.sign_in(name, PASSWORD)
        page = await browser.open(ACCOUNT)
        await browser.send(page, "/sign-out")
        await browser.sign_in("nobody", "wrong")
    assert (await browser.sign_in(name, PASSWORD)).status == 429


async def test_a_new_password_of_an_administrator_opens_a_closed_account(world: DeskWorld) -> None:
    from tests.fix_store import SUBJECT_KEY
    from tests.integration.desk.world import HASH

    name = world.user()
    for _ in range(MOST_PER_ACCOUNT):
        await world.browser().sign_in(name, "wrong")
    with connect(world.url, "tests") as conn:
        change = users.AuditStamp("tests", world.now)
        users.reset_password(conn, change, name, HASH, SUBJECT_KEY)
    assert (await world.browser().sign_in(name, PASSWORD)).path == ACCOUNT


async def test_a_session_ends_when_it_is_idle_and_when_it_is_old(world: DeskWorld) -> None:
    browser = await world.signed_in()
    for _ in range(11):
        world.now += timedelta(minutes=59)
        assert (await browser.open(ACCOUNT)).path == ACCOUNT
    world.now += LIMITS.idle
    assert is_asked_to_sign_in(await browser.open(ACCOUNT))
    browser = await world.signed_in()
    begun = world.now
    while world.now < begun + LIMITS.absolute - timedelta(minutes=50):
        world.now += timedelta(minutes=50)
        assert (await browser.open(ACCOUNT)).path == ACCOUNT
    world.now += timedelta(minutes=50)
    assert is_asked_to_sign_in(await browser.open(ACCOUNT))


async def test_a_page_that_asks_by_itself_keeps_no_session_alive(world: DeskWorld) -> None:
    browser = await world.signed_in()
    for _ in range(3):
        world.now += timedelta(minutes=25)
        answer = await browser.client.get(ACCOUNT, headers={"HX-Request": "true"})
    assert answer.status_code == 401
    assert answer.headers["hx-redirect"] == "/sign-in?to=%2F"


async def test_a_session_belongs_to_its_browser(world: DeskWorld) -> None:
    browser = await world.signed_in()
    thief = world.browser(agent="another browser")
    thief.client.cookies = browser.client.cookies
    assert is_asked_to_sign_in(await thief.open(ACCOUNT))
    assert (await browser.open(ACCOUNT)).path == ACCOUNT


async def test_who_is_disabled_is_out_at_once(world: DeskWorld) -> None:
    name = world.user(Role.ADMINISTRATOR)
    browser = world.browser()
    await browser.sign_in(name, PASSWORD)
    world.rows("UPDATE desk_users SET disabled_at = now() WHERE name = %s", name)
    assert is_asked_to_sign_in(await browser.open(ACCOUNT))


async def test_signing_out_ends_the_session_itself(world: DeskWorld) -> None:
    browser = await world.signed_in()
    cookies = dict(browser.client.cookies)
    page = await browser.send(await browser.open(ACCOUNT), "/sign-out")
    assert is_asked_to_sign_in(page)
    browser.client.cookies.update(cookies)
    assert is_asked_to_sign_in(await browser.open(ACCOUNT))


async def test_nothing_of_a_cookie_and_a_password_is_stored(world: DeskWorld) -> None:
    browser = await world.signed_in()
    cookie = browser.client.cookies["scserv_session"]
    [(stored,)] = world.rows(
        "SELECT string_agg(sessions::text || users::text, '')"
        " FROM desk_sessions AS sessions, desk_users AS users"
    )
    assert cookie not in stored
    assert PASSWORD not in stored
    assert "$argon2id$" in stored


async def test_cookies_are_out_of_reach_of_scripts_and_other_sites(world: DeskWorld) -> None:
    browser = world.browser()
    page = await browser.open("/sign-in")
    answer = await browser.client.post(
        "/sign-in",
        data={**page.form("/sign-in").fields, "name": world.user(), "password": PASSWORD},
        follow_redirects=False,
    )
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "secure" not in cookie


async def test_over_tls_cookies_are_secure_and_bound_to_the_host(desk_url: str) -> None:
    world = DeskWorld(desk_url, is_secure=True)
    browser = world.browser()
    answer = await browser.client.get("/sign-in")
    assert answer.headers["set-cookie"].startswith("__Host-scserv_form=")
    assert "secure" in answer.headers["set-cookie"].lower()
    assert "max-age=31536000" in answer.headers["strict-transport-security"]
    await world.close()


async def test_what_was_typed_survives_the_end_of_a_session(world: DeskWorld) -> None:
    name = world.user()
    browser, other = world.browser(), world.browser()
    for one in (browser, other):
        await one.sign_in(name, PASSWORD)
    page = await browser.open("/people")
    world.now += LIMITS.idle
    page = await browser.send(page, "/people/search", q="typed before")
    assert page.status == 401
    assert "what you typed is kept" in page.text
    page = await browser.send(page, "/sign-in", name=name, password="wrong")
    page = await browser.send(page, "/sign-in", name=name, password=PASSWORD)
    assert "Nothing was changed yet" in page.text
    assert "Search for “typed before”" in page.text
    form = [one for one in page.forms if one.action == "/people/search"][-1]
    assert form.fields["q"] == "typed before"


@pytest.mark.parametrize(
    ("language", "named"),
    [
        ("en", "Switch notifications to +7916*****67 off"),
        ("ru", "Отключить уведомления для номера +7916*****67"),
    ],
)
async def test_a_button_of_an_ended_session_is_offered_by_its_name(
    world: DeskWorld, language: str, named: str
) -> None:
    name = world.user(Role.SUPPORT)
    browser = world.browser(language=language)
    await browser.sign_in(name, PASSWORD)
    page = await browser.send(await browser.open("/people"), "/people/search", q="+79161234567")
    form = {**page.form(f"{page.path}/switch").fields, "reason": "by phone", "to": "off"}
    world.now += LIMITS.idle
    headers = {"Sec-Fetch-Site": "same-origin"}
    page = Page(await browser.client.post(f"{page.path}/switch", data=form, headers=headers))
    page = await browser.send(page, "/sign-in", name=name, password=PASSWORD)
    assert named in page.text
    assert "by phone" in page.text


async def test_what_can_not_be_named_is_not_offered(world: DeskWorld) -> None:
    name = world.user()
    browser = world.browser()
    await browser.sign_in(name, PASSWORD)
    page = await browser.open(ACCOUNT)
    world.now += LIMITS.idle
    page = await browser.send(page, "/account/password", current=PASSWORD, new="x", again="x")
    page = await browser.send(page, "/sign-in", name=name, password=PASSWORD)
    assert "Send it now" not in page.text
    assert "/account/password" not in {one.action for one in page.forms}
    assert ACCOUNT in page.links


async def test_nothing_is_named_to_a_user_without_the_right(world: DeskWorld) -> None:
    browser, name = world.browser(), world.user(Role.VIEWER)
    kept = json.dumps({"path": "/people/x/switch", "fields": {"to": "off"}})
    page = await browser.open("/sign-in")
    typed = {"name": name, "password": PASSWORD, "kept": kept}
    form = {**page.form("/sign-in").fields, **typed}
    page = Page(await browser.client.post("/sign-in", data=form))
    assert "Send it now" not in page.text


async def test_what_was_typed_survives_signing_out_in_another_tab(world: DeskWorld) -> None:
    name = world.user(Role.SUPPORT)
    browser = world.browser()
    await browser.sign_in(name, PASSWORD)
    written = (await browser.open("/send")).form("/send")
    typed = {**written.fields, "to": "C-1002", "text": "Ваш заказ готов", "f.code": "K-7"}
    await browser.send(await browser.open(ACCOUNT), "/sign-out")
    page = Page(await browser.client.post("/send", data=typed))
    assert page.status == 403, "without a word of the browser it may be another site's"
    from_desk = {"Sec-Fetch-Site": "same-origin"}
    page = Page(await browser.client.post("/send", data=typed, headers=from_desk))
    assert page.status == 401
    assert "what you typed is kept" in page.text
    page = await browser.send(page, "/sign-in", name=name, password=PASSWORD)
    for shown in ("Text: Ваш заказ готов", "To: C-1002", "code: K-7"):
        assert shown in page.text
    for internal in (typed["once"], typed["account"], typed["kind"]):
        assert internal not in page.text
    assert page.form("/send").fields["text"] == "Ваш заказ готов"


async def test_passwords_are_not_kept_with_what_was_typed(world: DeskWorld) -> None:
    browser = await world.signed_in()
    page = await browser.open(ACCOUNT)
    world.now += LIMITS.idle
    page = await browser.send(
        page, "/account/password", current=PASSWORD, new="another fine secret", again="x"
    )
    assert page.status == 401
    assert PASSWORD not in page.answer.text
    assert "another fine secret" not in page.answer.text
