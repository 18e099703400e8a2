"""One's own account: the password and the sessions."""

import pytest

from inbound.desk.identity.failures import MOST_PER_ACCOUNT
from tests.integration.desk.world import PASSWORD, DeskWorld

ACCOUNT = "/account"
NEW = "nine yellow bicycles"


async def test_a_new_password_ends_other_sessions_and_is_the_one_that_counts(
    world: DeskWorld,
) -> None:
    name = world.user()
    here, elsewhere = world.browser(), world.browser()
    await here.sign_in(name, PASSWORD)
    await elsewhere.sign_in(name, PASSWORD)
    page = await here.send(
        await here.open(ACCOUNT), "/account/password", current=PASSWORD, new=NEW, again=NEW
    )
    assert "The password was changed" in page.text
    assert (await here.open(ACCOUNT)).path == ACCOUNT
    assert (await elsewhere.open(ACCOUNT)).path == "/sign-in"
    assert (await world.browser().sign_in(name, PASSWORD)).status == 403
    assert (await world.browser().sign_in(name, NEW)).path == ACCOUNT
    assert world.audit(f"user {name}")[2:3] == ["desk.change_password"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"current": "wrong", "new": NEW, "again": NEW}, "The current password is wrong"),
        ({"current": PASSWORD, "new": NEW, "again": "other"}, "The two new passwords differ"),
        ({"current": PASSWORD, "new": "short", "again": "short"}, "at least 12 characters"),
        ({"current": PASSWORD, "new": "qwertyuiop12", "again": "qwertyuiop12"}, "guessed first"),
        ({"current": PASSWORD, "new": PASSWORD, "again": PASSWORD}, "is the present one"),
    ],
)
async def test_a_password_that_is_not_accepted_is_not_changed(
    world: DeskWorld, fields: dict[str, str], said: str
) -> None:
    name = world.user()
    browser = world.browser()
    await browser.sign_in(name, PASSWORD)
    page = await browser.send(await browser.open(ACCOUNT), "/account/password", **fields)
    assert page.status == 422
    assert said in page.text
    assert not any(value in page.answer.text for value in fields.values() if len(value) > 7)
    assert (await world.browser().sign_in(name, PASSWORD)).path == ACCOUNT


async def test_an_open_session_is_no_way_to_guess_the_password(world: DeskWorld) -> None:
    browser = await world.signed_in()
    for _ in range(MOST_PER_ACCOUNT):
        page = await browser.open(ACCOUNT)
        await browser.send(page, "/account/password", current="wrong", new=NEW, again=NEW)
    page = await browser.open(ACCOUNT)
    page = await browser.send(page, "/account/password", current=PASSWORD, new=NEW, again=NEW)
    assert "Too many failed attempts" in page.text


async def test_sessions_are_shown_and_ended(world: DeskWorld) -> None:
    name = world.user()
    here, second, third = world.browser(), world.browser(), world.browser()
    for browser in (here, second, third):
        await browser.sign_in(name, PASSWORD)
    page = await here.open(ACCOUNT)
    assert page.text.count("Another browser") == 2
    assert "17.05.2024 15:00" in page.text
    [(_, session), _] = [
        button
        for form in page.forms
        if form.action == "/account/sessions/end"
        for button in form.buttons
    ]
    page = await here.send(page, "/account/sessions/end", session=session)
    assert page.text.count("Another browser") == 1
    page = await here.send(page, "/account/sessions/end", session=str(session))
    assert page.text.count("Another browser") == 1


async def test_all_other_sessions_are_ended(world: DeskWorld) -> None:
    name = world.user()
    here, second, third = world.browser(), world.browser(), world.browser()
    for browser in (here, second, third):
        await browser.sign_in(name, PASSWORD)
    page = await here.send(await here.open(ACCOUNT), "/account/sessions/end-others")
    assert "All other sessions were ended" in page.text
    assert (await second.open(ACCOUNT)).path == (await third.open(ACCOUNT)).path == "/sign-in"


async def test_nobody_ends_a_session_of_somebody_else(world: DeskWorld) -> None:
    name = world.user()
    mine, theirs, more = await world.signed_in(), world.browser(), world.browser()
    for browser in (theirs, more):
        await browser.sign_in(name, PASSWORD)
    [(session,)] = world.rows(
        "SELECT min(session_id::text) FROM desk_sessions JOIN desk_users USING (user_id)"
        " WHERE name = %s",
        name,
    )
    token = (await mine.open(ACCOUNT)).form("/sign-out").fields["form"]
    await mine.client.post("/account/sessions/end", data={"form": token, "session": session})
    assert (await theirs.open(ACCOUNT)).path == (await more.open(ACCOUNT)).path == ACCOUNT
