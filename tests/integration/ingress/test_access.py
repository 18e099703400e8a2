"""Credentials as `scserv accounts` makes them, and who is let in with them."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner

from inbound.cli import scserv
from inbound.ingress.access import Access, Caller, Denial, DeniedError
from inbound.ingress.credentials import md5_of
from inbound.ingress.failures import OF_ACCOUNT, OF_ADDRESS
from inbound.ingress.numbers import MessageNumbers
from inbound.ingress.parts import access_on
from inbound.store.access.account_credentials import MOST_CLIENTS, take_numbers
from inbound.store.connection_pool import ConnectionPool
from tests.fix_store import SUBJECT_KEY

pytestmark = pytest.mark.usefixtures("settings_of_the_service")

HERE = "192.0.2.1"


def run(*arguments: str) -> str:
    result = CliRunner().invoke(scserv, ["accounts", *arguments])
    assert result.exit_code == 0, result.output + str(result.exception)
    return result.output


def made(*arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(*arguments, "--json"))
    return found


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[ConnectionPool]:
    opened = ConnectionPool(database_url, "tests")
    yield opened
    await opened.close()


@pytest.fixture
def access(pool: ConnectionPool) -> Access:
    return access_on(pool, SUBJECT_KEY, ban_s=900)


async def denial(trying: Awaitable[Caller]) -> Denial:
    with pytest.raises(DeniedError) as raised:
        await trying
    return raised.value.denial


async def test_an_account_is_created_with_credentials_that_let_it_in(
    access: Access, conn: psycopg.Connection
) -> None:
    shop = made("create", "shop")
    assert shop["account"] == "shop"
    number, password = str(shop["id"]), shop["password"]
    (changed_at,) = conn.execute("SELECT changed_at FROM account_credentials").fetchone() or ()
    expected = Caller("shop", shop["id"], "shop", enabled=True, changed_at=changed_at)
    assert await access.by_key(number, shop["key"], HERE) == expected
    assert await access.by_key_alone(shop["key"], HERE) == expected
    assert await access.by_service(number, str(shop["service_id"]), HERE) == expected
    for given in (password, md5_of(password)):
        assert await access.by_password(shop["login"], given, HERE) == expected


async def test_new_credentials_replace_earlier_ones(
    access: Access, conn: psycopg.Connection
) -> None:
    run("create", "shop")
    first, second = made("credentials", "shop"), made("credentials", "shop")
    assert await denial(access.by_password("shop", first["password"], HERE)) is Denial.WRONG
    assert (await access.by_password("shop", second["password"], HERE)).account == "shop"
    query = "SELECT action, reason FROM audit ORDER BY id DESC LIMIT 2"
    assert conn.execute(query).fetchall() == [("accounts.credentials", "shop")] * 2


async def test_nothing_stored_is_a_secret(conn: psycopg.Connection) -> None:
    shop = made("create", "shop")
    (row,) = (
        conn.execute("SELECT account_credentials::text FROM account_credentials").fetchone() or ()
    )
    for secret in ("password", "key", "service_id"):
        assert str(shop[secret]) not in row
        assert md5_of(str(shop[secret])) not in row


async def test_secrets_of_others_and_of_other_kinds_are_wrong(access: Access) -> None:
    shop, bank = made("create", "shop"), made("create", "bank")
    number = str(shop["id"])
    for trying in (
        access.by_key(number, bank["key"], HERE),
        access.by_key(number, shop["password"], "192.0.2.2"),
        access.by_key("", shop["key"], "192.0.2.3"),
        access.by_service(number, shop["key"], "192.0.2.4"),
        access.by_password("", shop["password"], "192.0.2.5"),
        access.by_password("shop\0", shop["password"], "192.0.2.6"),
        access.by_password("shop", "\ud800", "192.0.2.7"),
        access.by_key("9" * 40, shop["key"], "192.0.2.8"),
    ):
        assert await denial(trying) is Denial.WRONG


async def test_addresses_of_the_account_count(access: Access) -> None:
    shop = made("create", "shop", "--address", "203.0.113.0/24")
    trying = (shop["login"], shop["password"])
    assert await denial(access.by_password(*trying, HERE)) is Denial.FOREIGN_ADDRESS
    assert await denial(access.by_password(*trying, None)) is Denial.FOREIGN_ADDRESS
    assert (await access.by_password(*trying, "203.0.113.7")).account == "shop"


async def test_a_ban_is_audited_once_and_keeps_right_credentials_out(
    access: Access, conn: psycopg.Connection
) -> None:
    shop = made("create", "shop")
    for _ in range(OF_ADDRESS):
        assert await denial(access.by_password("shop", "wrong", HERE)) is Denial.WRONG
    for _ in range(3):
        trying = access.by_password("shop", shop["password"], HERE)
        assert await denial(trying) is Denial.BANNED
    assert (await access.by_password("shop", shop["password"], "192.0.2.2")).account == "shop"
    bans = conn.execute("SELECT actor, reason FROM audit WHERE action = 'ingress.ban'").fetchall()
    assert bans == [("ingress", "192.0.2.1: too many wrong credentials")]


async def test_an_account_is_throttled_whichever_of_its_credentials_is_guessed_at(
    access: Access,
) -> None:
    shop = made("create", "shop")
    number, login = str(shop["id"]), shop["login"]
    wrong: tuple[Callable[[str], Awaitable[Caller]], ...] = (
        lambda address: access.by_key(number, "0" * 32, address),
        lambda address: access.by_password(login, "wrong", address),
        lambda address: access.by_service(number, "1" * 15, address),
    )
    for n in range(OF_ACCOUNT):
        assert await denial(wrong[n % len(wrong)](f"198.51.100.{n}")) is Denial.WRONG
    for guess in wrong:
        assert await denial(guess("203.0.113.1")) is Denial.THROTTLED
    # What is right is not told, not even of the key that names its account by itself.
    assert await denial(access.by_password(login, shop["password"], HERE)) is Denial.THROTTLED
    assert await denial(access.by_key_alone(shop["key"], HERE)) is Denial.THROTTLED


async def test_an_address_that_guesses_at_a_throttled_account_is_banned(access: Access) -> None:
    shop = made("create", "shop")
    for n in range(OF_ACCOUNT):
        await denial(access.by_password("shop", "wrong", f"198.51.100.{n}"))
    for _ in range(OF_ADDRESS):
        assert await denial(access.by_password("shop", "wrong", HERE)) is Denial.THROTTLED
    assert await denial(access.by_password("shop", "wrong", HERE)) is Denial.BANNED
    for _ in range(2 * OF_ADDRESS):  # its own program is not banned for asking again
        right = access.by_password("shop", shop["password"], "203.0.113.1")
        assert await denial(right) is Denial.THROTTLED


async def test_guesses_at_no_account_close_none(access: Access) -> None:
    shop = made("create", "a-shop-with-a-long-name")
    for n in range(OF_ACCOUNT + 1):
        guess = access.by_password("a-shop-with-a-long-name", "wrong", f"198.51.100.{n}")
        await denial(guess)
    caller = await access.by_password(shop["login"], shop["password"], HERE)
    assert caller.account == "a-shop-with-a-long-name"


async def test_a_foreign_address_is_none_that_the_account_signs_in_from(access: Access) -> None:
    shop = made("create", "shop", "--address", "203.0.113.0/24")
    right = access.by_password("shop", shop["password"], HERE)
    assert await denial(right) is Denial.FOREIGN_ADDRESS
    for n in range(OF_ACCOUNT):
        await denial(access.by_password("shop", "wrong", f"198.51.100.{n}"))
    right = access.by_password("shop", shop["password"], HERE)
    assert await denial(right) is Denial.THROTTLED


async def test_a_process_that_has_just_started_knows_where_programs_sign_in_from(
    pool: ConnectionPool,
) -> None:
    shop, before = made("create", "shop"), access_on(pool, SUBJECT_KEY, ban_s=900)
    right = (shop["login"], shop["password"])
    for address in (HERE, "2001:db8::1"):
        await before.by_password(*right, address)
    access = access_on(pool, SUBJECT_KEY, ban_s=900)
    for n in range(OF_ACCOUNT):
        await denial(access.by_password("shop", "wrong", f"198.51.100.{n}"))
    for address in (HERE, "2001:db8::2"):
        assert (await access.by_password(*right, address)).account == "shop"
    assert await denial(access.by_password(*right, "203.0.113.1")) is Denial.THROTTLED
    # Somebody who guesses there is a stranger.
    assert await denial(access.by_password("shop", "wrong", HERE)) is Denial.WRONG
    assert await denial(access.by_password(*right, HERE)) is Denial.THROTTLED


async def test_new_credentials_forget_where_programs_signed_in_from(pool: ConnectionPool) -> None:
    shop, before = made("create", "shop"), access_on(pool, SUBJECT_KEY, ban_s=900)
    await before.by_password(shop["login"], shop["password"], HERE)
    shop = made("credentials", "shop")
    access = access_on(pool, SUBJECT_KEY, ban_s=900)
    for n in range(OF_ACCOUNT):
        await denial(access.by_password("shop", "wrong", f"198.51.100.{n}"))
    right = access.by_password(shop["login"], shop["password"], HERE)
    assert await denial(right) is Denial.THROTTLED


async def test_of_an_account_the_latest_clients_are_remembered(
    access: Access, conn: psycopg.Connection
) -> None:
    shop = made("create", "shop")
    for n in range(MOST_CLIENTS + 3):
        await access.by_password(shop["login"], shop["password"], f"198.51.100.{n}")
    query = "SELECT host(client) FROM account_clients ORDER BY seen_at"
    kept = [client for (client,) in conn.execute(query)]
    assert kept == [f"198.51.100.{n}" for n in range(3, MOST_CLIENTS + 3)]


async def test_no_number_is_given_out_twice(pool: ConnectionPool) -> None:
    one, other = (MessageNumbers(lambda: pool.run(take_numbers)) for _ in range(2))
    taken = [await numbers.next() for _ in range(150) for numbers in (one, other)]
    assert len(set(taken)) == 300
