"""`scserv accounts` as it is typed, and that orders follow what it says."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner

from inbound.cli import scserv
from inbound.cli._os_user import os_user
from inbound.clock import utc_now
from inbound.errors import SetupError
from inbound.handlers.approvals import SenderApproval
from inbound.keys import SubjectHasher, VaultCipher
from inbound.orders.ports import Placed
from inbound.store.access.approval_rules import ApprovalRules, publish_rules
from inbound.store.transactions.postgres import PostgresStore
from schemas.orders import OrderKind, OrderState, RefusalReason
from tests.fix_orders import OTHER_CLIENT, STRANGER, intake_on, order

pytestmark = pytest.mark.usefixtures("settings_of_the_service")


def run(*arguments: str) -> str:
    result = CliRunner().invoke(scserv, ["accounts", *arguments])
    if isinstance(result.exception, SetupError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def shown(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run("show", name, "--json"))
    return found


def refused(*arguments: str) -> str:
    result = CliRunner().invoke(scserv, ["accounts", *arguments])
    assert result.exit_code != 0, result.output
    return str(result.exception) if isinstance(result.exception, SetupError) else result.output


@pytest.fixture
async def store(database_url: str, cipher: VaultCipher) -> AsyncIterator[PostgresStore]:
    made = PostgresStore(database_url, cipher)
    yield made
    await made.close()


async def place(store: PostgresStore, **fields: Any) -> Placed:
    (placed,) = await intake_on(store, clock=utc_now).place([order(**fields)])
    return placed


LIMITS = (
    *("--per-day", "5", "--per-week", "20", "--per-month", "50", "--zone", "Asia/Omsk"),
    *("--min-delay", "30s", "--repeat-within", "10m", "--max-parts", "2", "--rate", "7"),
    *("--price", "2.5", "--currency", "EUR", "--balance", "100", "--address", "203.0.113.7"),
    *("--pattern", r"Заявка \d+ выполнена\.", "--grant", "send", "--grant", "service"),
)


def test_what_is_created_is_shown(conn: psycopg.Connection) -> None:
    assert run("create", "shop", *LIMITS) == "created shop, rights: send, service\n"
    found = shown("shop")
    assert {key: found[key] for key in ("rights", "addresses", "patterns", "zone")} == {
        "rights": ["send", "service"],
        "addresses": ["203.0.113.7/32"],
        "patterns": [r"Заявка \d+ выполнена\."],
        "zone": "Asia/Omsk",
    }
    numbers = ("day_limit", "week_limit", "month_limit", "min_delay_s", "repeat_within_s")
    assert [found[key] for key in numbers] == [5, 20, 50, 30, 600]
    assert [found[key] for key in ("max_parts", "rate_per_s", "currency")] == [2, 7, "EUR"]
    assert [float(found[key]) for key in ("price_per_part", "balance")] == [2.5, 100]
    assert found["used"] == {"day": 0, "week": 0, "month": 0}
    text = run("show", "shop")
    assert "per day       0 of 5 used" in text
    assert "balance       100.00 EUR" in text
    assert [line.split()[0] for line in run("list").splitlines()] == ["default", "shop"]
    (entry,) = conn.execute("SELECT actor, action, reason FROM audit").fetchall()
    assert entry[:2] == (os_user(), "accounts.create")
    assert entry[2].startswith("shop: rights none -> send, service; addresses")


def test_a_new_account_may_notify_clients_and_nothing_else() -> None:
    run("create", "shop")
    assert shown("shop")["rights"] == ["send"]
    assert "strangers" not in shown("default")["rights"]


def test_what_is_not_named_stays_as_it_is() -> None:
    run("create", "shop", *LIMITS)
    before = shown("shop")
    changes = ("--per-day", "none", "--top-up", "0.25", "--revoke", "service", "--any-text")
    assert run("change", "shop", *changes) == "changed shop\n"
    after = shown("shop")
    assert float(after["balance"]) == 100.25
    assert (after["day_limit"], after["rights"], after["patterns"]) == (None, ["send"], [])
    same = before.keys() - {"day_limit", "rights", "patterns", "balance"}
    assert {key: after[key] for key in same} == {key: before[key] for key in same}
    assert run("change", "shop", "--per-day", "none") == "shop is like that already\n"


@pytest.mark.parametrize(
    ("option", "name"),
    [("--balance", "balance"), ("--per-day", "day_limit"), ("--price", "price_per_part")],
)
def test_zero_is_a_value(option: str, name: str) -> None:
    run("create", "shop", *LIMITS)
    assert run("change", "shop", option, "0") == "changed shop\n"
    assert float(shown("shop")[name]) == 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("create", "Shop"), "small Latin letters"),
        (("create", "a79161234567"), "no phone number"),
        (("create", "default"), "an account default exists"),
        (("change", "nobody", "--enable"), "there is no account 'nobody'"),
        (("show", "nobody"), "there is no account 'nobody'"),
        (("change", "default"), "say what to change"),
        (("change", "default", "--per-day", "-1"), "a whole number from 0"),
        (("change", "default", "--min-delay", "soon"), "a time like 30s"),
        (("change", "default", "--price", "1.23456"), "up to 4 decimals"),
        (("change", "default", "--balance", "NaN"), "an amount like 2.50"),
        (("change", "default", "--top-up", "5"), "the balance is unlimited"),
        (("change", "default", "--address", "here"), "write 203.0.113.7"),
        (("change", "default", "--pattern", "(?=a)"), "look-ahead"),
        (("change", "default", "--zone", "Mars"), "IANA name"),
        (("change", "default", "--currency", "rub"), "three letters"),
        (("change", "default", "--grant", "send", "--revoke", "send"), "give one of them"),
        (("change", "default", "--any-text", "--pattern", "a"), "exclude each other"),
        (("senders", "add", "default", "Магазин"), "Latin letters"),
        (("senders", "add", "default", "ElevenPlus12"), "up to 11"),
        (("senders", "add", "nobody", "Shop"), "there is no account"),
        (("senders", "approve", "default", "Shop", "--reason", "+79161234567"), "--reason"),
        (("senders", "remove", "default", "Shop"), "has none like it"),
    ],
)
def test_a_refusal_names_the_input_and_the_fix(arguments: tuple[str, ...], complaint: str) -> None:
    assert complaint in refused(*arguments)


async def test_a_sender_may_be_used_once_a_person_has_approved_it(
    store: PostgresStore, conn: psycopg.Connection
) -> None:
    await asyncio.to_thread(run, "senders", "add", "default", "Magazin")
    assert (await place(store, sender="Magazin")).reason is RefusalReason.SENDER_NOT_APPROVED
    waiting = await asyncio.to_thread(run, "senders", "list", "--waiting")
    assert waiting.startswith("default  Magazin (waits for approval since ")
    why = ("--reason", "contract 12")
    await asyncio.to_thread(run, "senders", "approve", "default", "Magazin", *why)
    assert (await place(store, sender="Magazin")).state is OrderState.QUEUED
    (sender,) = shown("default")["senders"]
    assert (sender["approved_by"], sender["requested_by"]) == (os_user(), os_user())
    last = conn.execute("SELECT actor, action, reason FROM audit ORDER BY id DESC").fetchone()
    assert last == (os_user(), "accounts.senders.approve", "default: Magazin: contract 12")
    await asyncio.to_thread(run, "senders", "remove", "default", "Magazin")
    assert (await place(store, sender="Magazin")).reason is RefusalReason.SENDER_NOT_APPROVED


def test_a_number_as_sender_is_masked_in_the_audit(conn: psycopg.Connection) -> None:
    run("senders", "add", "default", "79161234567")
    run("senders", "approve", "default", "79161234567")
    assert "approved for default already" in run("senders", "approve", "default", "79161234567")
    reasons = conn.execute("SELECT reason FROM audit").fetchall()
    assert reasons == [("default: 7916*****67",)] * 2


def test_a_sender_that_nobody_asked_for_is_not_approved(conn: psycopg.Connection) -> None:
    assert "nobody has asked for Shop" in refused("senders", "approve", "default", "Shop")
    assert conn.execute("SELECT count(*) FROM audit").fetchone() == (0,)


@pytest.mark.parametrize(
    ("rule", "others", "is_refused"),
    [
        (SenderApproval.AUTO, False, False),
        (SenderApproval.AUTO, True, True),
        (SenderApproval.SECOND, False, True),
        (SenderApproval.ANYONE, True, False),
    ],
)
def test_who_asked_for_a_sender_approves_it_only_when_working_alone(
    conn: psycopg.Connection, rule: SenderApproval, others: bool, is_refused: bool
) -> None:
    publish_rules(conn, ApprovalRules(senders=rule))
    run("senders", "add", "default", "Shop")
    conn.execute("INSERT INTO audit (actor, action, reason) VALUES ('token app', 'reveal', 'x')")
    if others:
        conn.execute("INSERT INTO audit (actor, action, reason) VALUES ('bob', 'reveal', 'x')")
    if is_refused:
        assert "somebody else" in refused("senders", "approve", "default", "Shop")
        conn.execute("UPDATE account_senders SET requested_by = 'bob'")
    assert "is approved" in run("senders", "approve", "default", "Shop")


async def test_orders_follow_the_account(
    store: PostgresStore, hasher: SubjectHasher, conn: psycopg.Connection
) -> None:
    not_a_client = RefusalReason.RECIPIENT_NOT_A_CLIENT
    assert (await place(store, phone=STRANGER)).reason is not_a_client
    await asyncio.to_thread(run, "change", "default", "--grant", "strangers")
    assert (await place(store, phone=STRANGER)).state is OrderState.QUEUED
    async with store.transaction() as tx:
        assert await tx.find_subjects([hasher.hash(STRANGER)])
    await asyncio.to_thread(run, "change", "default", "--pattern", r"Код \d{4}", "--per-day", "2")
    assert (await place(store)).reason is RefusalReason.TEXT_NOT_ALLOWED
    assert (await place(store, text="Код 1234")).state is OrderState.QUEUED
    assert (await place(store, text="Код 1235")).reason is RefusalReason.DAILY_LIMIT
    assert (await asyncio.to_thread(shown, "default"))["used"]["day"] == 2
    await asyncio.to_thread(run, "change", "default", "--per-day", "none", "--revoke", "service")
    service = OrderKind.SERVICE
    assert (await place(store, kind=service, text="Код 1")).reason is RefusalReason.RIGHT_MISSING
    await asyncio.to_thread(run, "change", "default", "--disable")
    assert (await place(store, phone=OTHER_CLIENT)).reason is RefusalReason.ACCOUNT_DISABLED


async def test_what_a_command_changes_and_orders_charge_adds_up(
    store: PostgresStore, conn: psycopg.Connection
) -> None:
    await asyncio.to_thread(run, "change", "default", "--price", "1", "--balance", "1000")
    others = [asyncio.to_thread(run, "change", "default", "--top-up", "10") for _ in range(10)]
    orders = [intake_on(store).place([order() for _ in range(4)]) for _ in range(10)]
    await asyncio.gather(*others, *orders)
    assert conn.execute("SELECT balance FROM accounts").fetchone() == (1000 + 100 - 40,)
