"""The page of users: who gets in with which roles, what is shown once, what can't be undone."""

from collections.abc import Iterator

import pytest

from inbound.desk.identity import users
from inbound.desk.roles import Role
from inbound.store.connections import connect
from tests.integration.desk.browser import Browser, Page
from tests.integration.desk.world import PASSWORD, DeskWorld


@pytest.fixture
def alone(world: DeskWorld) -> Iterator[None]:
    """Other tests' administrators are disabled while this test runs."""
    rows = world.rows(
        "UPDATE desk_users SET disabled_at = now() WHERE disabled_at IS NULL"
        " AND 'administrator' = ANY(roles) RETURNING user_id"
    )
    yield
    for (user_id,) in rows:
        world.rows("UPDATE desk_users SET disabled_at = NULL WHERE user_id = %s", user_id)


def secret(page: Page) -> str:
    [text] = page.secrets
    return text


async def created(browser: Browser, name: str, **roles: str) -> Page:
    page = await browser.open("/users")
    chosen = roles or {"role-support": "1"}
    form = page.form("/users")
    return Page(await browser.client.post("/users", data={**form.fields, "name": name, **chosen}))


async def test_a_new_user_gets_in_with_the_password_that_is_shown_once(world: DeskWorld) -> None:
    browser = await world.signed_in(Role.ADMINISTRATOR)
    page = await created(browser, "nikitina", **{"role-support": "1", "role-editor": "1"})
    assert "The user was created" in page.text
    password = secret(page)
    assert password not in (await browser.open("/users/nikitina")).answer.text
    other = world.browser()
    assert (await other.sign_in("nikitina", password)).path == "/account"
    page = await browser.open("/users")
    assert "nikitina" in page.text
    assert "editor support active 17.05.2024 15:00 1" in page.text
    [(actor, reason)] = world.rows(
        "SELECT actor, reason FROM audit WHERE action = 'desk.create_user'"
        " AND reason LIKE 'nikitina:%%'"
    )
    assert actor.startswith("user user-")
    assert reason == "nikitina: editor, support"


@pytest.mark.parametrize(
    ("name", "roles", "said"),
    [
        ("Иванова", {"role-support": "1"}, "small Latin letters"),
        ("79161234567", {"role-support": "1"}, "no phone number"),
        ("orlova", {"role-none": "1"}, "at least one role"),
        ('"><script>', {"role-support": "1"}, "small Latin letters"),
    ],
)
async def test_a_user_that_is_refused_keeps_what_was_typed(
    world: DeskWorld, name: str, roles: dict[str, str], said: str
) -> None:
    browser = await world.signed_in(Role.ADMINISTRATOR)
    page = await created(browser, name, **roles)
    assert page.status == 422
    assert said in page.text
    assert page.form("/users").fields["name"] == name
    assert not page.secrets


async def test_a_name_is_taken_by_a_disabled_user_too(world: DeskWorld) -> None:
    browser = await world.signed_in(Role.ADMINISTRATOR)
    name = world.user()
    page = await browser.open(f"/users/{name}")
    page = await browser.send(page, f"/users/{name}/disable")
    assert "may not sign in any more" in page.text
    page = await created(browser, name)
    assert page.status == 422
    assert "Another user has this name" in page.text


async def test_roles_count_from_the_next_page_on(world: DeskWorld) -> None:
    browser = await world.signed_in(Role.ADMINISTRATOR)
    name = world.user(Role.VIEWER)
    other = world.browser()
    await other.sign_in(name, PASSWORD)
    assert (await other.open("/users")).status == 200
    page = await browser.open(f"/users/{name}")
    form = page.form(f"/users/{name}/roles")
    assert form.fields["role-viewer"] == "1"
    data = {"form": form.fields["form"], "role-support": "1"}
    page = Page(await browser.client.post(form.action, data=data))
    assert "The roles were changed" in page.text
    assert (await other.open("/users")).status == 403
    page = Page(await browser.client.post(form.action, data=data))
    assert "Nothing was changed" in page.text
    page = Page(await browser.client.post(form.action, data={"form": data["form"]}))
    assert page.status == 422


async def test_disabled_enabled_renewed_and_sent_out(world: DeskWorld) -> None:
    browser = await world.signed_in(Role.ADMINISTRATOR)
    name = world.user()
    other = world.browser()
    await other.sign_in(name, PASSWORD)
    page = await browser.open(f"/users/{name}")
    page = await browser.send(page, f"/users/{name}/sessions/end")
    assert "The sessions of the user have ended" in page.text
    assert (await other.open("/account")).path == "/sign-in"
    page = await browser.send(page, f"/users/{name}/disable")
    assert (await world.browser().sign_in(name, PASSWORD)).status == 403
    page = await browser.send(page, f"/users/{name}/enable")
    assert (await world.browser().sign_in(name, PASSWORD)).path == "/account"
    page = await browser.send(page, f"/users/{name}/password")
    assert (await world.browser().sign_in(name, PASSWORD)).status == 403
    assert (await world.browser().sign_in(name, secret(page))).path == "/account"
    [(actor,)] = world.rows(
        "SELECT DISTINCT actor FROM audit WHERE reason IN (%s, %s) AND action <> 'desk.sign_in'",
        name,
        f"of {name}: 1",
    )
    assert world.audit(actor)[-4:] == [
        "desk.end_session",
        "desk.disable_user",
        "desk.enable_user",
        "desk.reset_password",
    ]


async def test_nobody_gives_themselves_a_password_they_would_not_see(world: DeskWorld) -> None:
    name = world.user(Role.ADMINISTRATOR)
    browser = world.browser()
    page = await browser.sign_in(name, PASSWORD)
    token = page.form("/sign-out").fields["form"]
    page = Page(await browser.client.post(f"/users/{name}/password", data={"form": token}))
    assert page.status == 422
    assert (await browser.open("/account")).path == "/account"


async def test_the_last_administrator_stays(world: DeskWorld, alone: None) -> None:
    del alone
    name = world.user(Role.ADMINISTRATOR, Role.SUPPORT)
    browser = world.browser()
    await browser.sign_in(name, PASSWORD)
    page = await browser.open(f"/users/{name}")
    page = await browser.send(page, f"/users/{name}/disable")
    assert page.status == 422
    assert "the last administrator" in page.text
    form = page.form(f"/users/{name}/roles")
    data = {"form": form.fields["form"], "role-support": "1"}
    page = Page(await browser.client.post(form.action, data=data))
    assert page.status == 422
    assert "the last administrator" in page.text
    second = world.user(Role.ADMINISTRATOR)
    page = await browser.send(page, f"/users/{name}/disable")
    assert page.path == "/sign-in"
    with connect(world.url, "tests") as conn, pytest.raises(users.LastAdministratorError):
        users.disable(conn, users.AuditStamp("tests", world.now), second)


async def test_who_may_see_users_may_not_change_them(world: DeskWorld) -> None:
    browser = await world.signed_in(Role.VIEWER)
    page = await browser.open("/users")
    assert not [form for form in page.forms if form.action.startswith("/users")]
    name = world.user()
    page = await browser.open(f"/users/{name}")
    assert not [form for form in page.forms if form.action.startswith("/users")]
    assert (await browser.open("/users/nobody-at-all")).status == 404
