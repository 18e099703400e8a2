"""A sign-in, or a change of one's own, that a change of the same user overtakes.

The other change is not committed yet when the request reads the user, and is before it ends.
"""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from inbound.desk.identity import users
from inbound.desk.identity.own_sessions import OvertakenError
from inbound.desk.identity.users import AuditStamp
from inbound.desk.provider.binding import ProviderIdentity, assign, recognise
from inbound.store.access.desk_sessions import lock_user
from inbound.store.access.desk_users import find_user
from inbound.store.access.second_factors import set_factor
from inbound.store.connections import connect
from tests.fix_store import SUBJECT_KEY, somebody_waits, until
from tests.integration.desk.browser import Page
from tests.integration.desk.test_second_factor import BEGIN, CONFIRM, asked, code_of, enrolled
from tests.integration.desk.world import PASSWORD, QUICK_HASHER, DeskWorld

ACCOUNT = "/account"
NEW = "nine yellow bicycles"
NEWER = "four orange ladders"
ISSUER = "https://id.example.org"

Change = Callable[[psycopg.Connection, DeskWorld, str], object]


def stamp(world: DeskWorld) -> AuditStamp:
    return AuditStamp("tests", world.now + timedelta(seconds=1))


def new_password(conn: psycopg.Connection, world: DeskWorld, name: str) -> None:
    users.reset_password(conn, stamp(world), name, QUICK_HASHER.hash(NEWER), SUBJECT_KEY)


def disabled(conn: psycopg.Connection, world: DeskWorld, name: str) -> None:
    users.disable(conn, stamp(world), name)


def disabled_for_a_moment(conn: psycopg.Connection, world: DeskWorld, name: str) -> None:
    disabled(conn, world, name)
    new_password(conn, world, name)
    users.enable(conn, stamp(world), name)


def factor_reset(conn: psycopg.Connection, world: DeskWorld, name: str) -> None:
    users.reset_factor(conn, stamp(world), name)


def sessions_ended(conn: psycopg.Connection, world: DeskWorld, name: str) -> None:
    users.end_all_sessions(conn, stamp(world), name)


async def overtaken(
    world: DeskWorld, name: str, change: Change, request: Coroutine[Any, Any, Page]
) -> Page:
    """Return the answer to a request that began before a change and ends after it."""
    with connect(world.url, "tests") as conn, connect(world.url, "tests") as looking:
        with conn.transaction():
            change(conn, world, name)
            asking = asyncio.create_task(request)
            await until(lambda: asking.done() or somebody_waits(looking))
        return await asking


@pytest.mark.parametrize("change", [new_password, disabled, disabled_for_a_moment])
async def test_an_old_password_begins_no_session_after_the_change(
    world: DeskWorld, change: Change
) -> None:
    name = world.user()
    browser = world.browser()
    page = await overtaken(world, name, change, browser.sign_in(name, PASSWORD))
    assert page.status == 403
    assert (await browser.open(ACCOUNT)).path == "/sign-in"
    query = "SELECT FROM desk_sessions JOIN desk_users USING (user_id) WHERE name = %s"
    assert world.rows(query, name) == []


async def test_a_password_alone_is_not_enough_once_a_second_factor_is_set(
    world: DeskWorld,
) -> None:
    def set_up(conn: psycopg.Connection, world: DeskWorld, name: str) -> None:
        user = find_user(conn, name)
        assert user is not None
        lock_user(conn, user.user_id)
        set_factor(conn, user.user_id, b"sealed", 1, world.now)

    name = world.user()
    browser = world.browser()
    page = await overtaken(world, name, set_up, browser.sign_in(name, PASSWORD))
    assert "One more step" in page.text
    assert (await browser.open(ACCOUNT)).path == "/sign-in"


@pytest.mark.parametrize("change", [new_password, disabled, factor_reset])
async def test_a_code_begins_no_session_after_the_change(world: DeskWorld, change: Change) -> None:
    name, secret, _, _ = await enrolled(world)
    browser, page = await asked(world, name)
    world.now += timedelta(seconds=30)
    typed = browser.send(page, "/sign-in/code", code=code_of(world, secret))
    page = await overtaken(world, name, change, typed)
    assert page.path.startswith("/sign-in")
    assert (await browser.open(ACCOUNT)).path == "/sign-in"


async def test_a_session_that_was_ended_changes_no_password(world: DeskWorld) -> None:
    """Else somebody who knew the old one could replace the one that an administrator gave."""
    name = world.user()
    browser = world.browser()
    page = await browser.sign_in(name, PASSWORD)
    sent = browser.send(page, "/account/password", current=PASSWORD, new=NEW, again=NEW)
    page = await overtaken(world, name, new_password, sent)
    assert "The current password is wrong" in page.text
    assert (await world.browser().sign_in(name, NEW)).status == 403
    assert (await world.browser().sign_in(name, NEWER)).path == ACCOUNT


@pytest.mark.parametrize("change", [new_password, sessions_ended])
async def test_a_session_that_was_ended_sets_no_second_factor_up(
    world: DeskWorld, change: Change
) -> None:
    name = world.user()
    browser = world.browser()
    page = await browser.send(await browser.sign_in(name, PASSWORD), BEGIN, current=PASSWORD)
    [secret] = page.secrets
    sent = browser.send(page, CONFIRM, code=code_of(world, secret))
    assert (await overtaken(world, name, change, sent)).path == "/sign-in"
    query = "SELECT FROM desk_second_factors JOIN desk_users USING (user_id) WHERE name = %s"
    assert world.rows(query, name) == []


async def test_a_user_who_is_bound_to_somebody_else_gets_no_session(world: DeskWorld) -> None:
    name = world.user()
    sessions = world.desk.sign_in.sessions
    with connect(world.url, "tests") as conn:
        assign(conn, stamp(world), name, login=f"{name}@example.org")
        first = ProviderIdentity(ISSUER, f"first {name}", f"{name}@example.org")
        user = recognise(conn, first)
        assert await sessions.begin(user, "", None, by_provider=True)
        assign(conn, stamp(world), name, login=None, issuer=ISSUER, subject=f"second {name}")
    with pytest.raises(OvertakenError):
        await sessions.begin(user, "", None, by_provider=True)
