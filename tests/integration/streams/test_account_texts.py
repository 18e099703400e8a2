"""Texts that belong to accounts: stored once, sealed, bounded, and never answered."""

from dataclasses import astuple
from uuid import UUID

import psycopg
import pytest

from inbound.keys import VaultCipher
from inbound.parsers.text_routes import RouteKey
from inbound.store.mo import text_routes
from inbound.store.mo.account_texts import TextContent
from inbound.store.orders.account_records import AccountSettings, create_account
from inbound.store.sealing import Sealer
from streams.commands import account_texts
from tests.fix_store import VAULT_KEY, erase
from tests.integration.streams.world import (
    NUMBER,
    STRANGER,
    Backend,
    MemoryBackend,
    PostgresBackend,
    World,
)

Stored = list[tuple[str, UUID, TextContent]]
SHOP = RouteKey("", "shop")
CRM = RouteKey("9086228779", "")


def assign(backend: Backend, account: str, key: RouteKey) -> None:
    if isinstance(backend, MemoryBackend):
        backend.store.tables.text_routes[key] = account
        return
    assert isinstance(backend, PostgresBackend)
    with psycopg.connect(backend.url, autocommit=True) as conn:
        create_account(conn, account, AccountSettings(), actor="tests")
        text_routes.assign(conn, account, key, actor="tests")


def stored(backend: Backend) -> Stored:
    if isinstance(backend, MemoryBackend):
        rows = backend.store.tables.account_texts.values()
        return [(one.account, one.text_id, one.content) for one in rows]
    assert isinstance(backend, PostgresBackend)
    sealer = Sealer(VaultCipher(VAULT_KEY))
    with psycopg.connect(backend.url) as conn:
        found = conn.execute("SELECT account, text_id, sealed FROM account_texts ORDER BY id")
        return [
            (account, id_, TextContent.open(sealer, sealed, id_)) for account, id_, sealed in found
        ]


def kinds(backend: Backend) -> dict[str, int]:
    return {one.key.kind: one.count for one in backend.rejected_mos()}


async def test_a_text_goes_to_its_account_and_a_command_never(
    world: World, backend: Backend
) -> None:
    assign(backend, "shop", SHOP)
    assign(backend, "crm", CRM)
    batch = [
        world.text("SHOP order 7"),
        world.text("hello", STRANGER),
        world.text("hello", destination="1234"),
        world.text("CLIENT sms stop"),
        world.text("shop", None),
    ]
    await world.commands(batch)
    assert [(account, *astuple(content)) for account, _, content in stored(backend)] == [
        ("crm", NUMBER, "79086228779", "SHOP order 7"),
        ("crm", STRANGER, "79086228779", "hello"),
    ]
    assert kinds(backend) == {"account_text": 1, "unknown": 1} | {"account_text": 1}
    assert len(world.owed()) == 1, "only the command is answered"


async def test_a_text_that_comes_again_from_kafka_is_stored_once(
    world: World, backend: Backend
) -> None:
    assign(backend, "shop", SHOP)
    batch = [world.text("shop 1"), world.text("shop 2")]
    world.store.failures = 1
    for _ in range(2):
        await world.commands([*batch, batch[0]])
    assert [content.text for _, _, content in stored(backend)] == ["shop 1", "shop 2"]
    await world.commands([world.text("shop 1")])
    assert len(stored(backend)) == 3, "the person texted it again"


async def test_what_may_wait_is_limited(
    world: World, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_texts, "MOST_OF_SENDER", 2)
    monkeypatch.setattr(account_texts, "MOST_OF_ACCOUNT", 3)
    assign(backend, "shop", SHOP)
    await world.commands([world.text("shop") for _ in range(3)])
    await world.commands([world.text("shop", STRANGER) for _ in range(2)])
    await world.commands([world.text("shop " + "a" * account_texts.LONGEST, "+79161112233")])
    assert [content.source for _, _, content in stored(backend)] == [NUMBER, NUMBER, STRANGER]
    assert kinds(backend)["account_text_limit"] >= 1


async def test_a_long_text_is_passed_on_whole(world: World, backend: Backend) -> None:
    assign(backend, "shop", SHOP)
    parts = [("shop one ", 1), ("and two", 2)]
    records = [
        world.text(text, part={"reference": 7, "total": 2, "sequence": number})
        for text, number in parts
    ]
    await world.commands(records[1:])
    await world.commands(records[:1])
    assert [content.text for _, _, content in stored(backend)] == ["shop one and two"]


async def test_the_texts_of_an_erased_person_are_deleted(world: World, backend: Backend) -> None:
    assign(backend, "shop", SHOP)
    await world.commands([world.text("shop"), world.text("shop", STRANGER)])
    async with backend.store.transaction() as transaction:
        assert (await erase(transaction, NUMBER)).account_texts == 1
    assert [content.source for _, _, content in stored(backend)] == [STRANGER]
    if isinstance(backend, PostgresBackend):
        with psycopg.connect(backend.url) as conn:
            assert conn.execute("SELECT count(*) FROM smpp_deliveries").fetchone() == (1,)


async def test_numbers_and_texts_are_sealed(
    world: World, backend: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    if not isinstance(backend, PostgresBackend):
        pytest.skip("sealed in PostgreSQL only")
    assign(backend, "shop", SHOP)
    await world.commands([world.text("shop canary-text")])
    with psycopg.connect(backend.url, autocommit=True) as conn:
        text_routes.set_way(conn, "shop", "http", actor="tests")
        rows = [
            str(row)
            for query in ("SELECT * FROM account_texts", "SELECT * FROM callbacks")
            for row in conn.execute(query.encode())
        ]
    assert len(rows) == 2
    for secret in ("canary", NUMBER[1:]):
        assert not any(secret in row for row in rows)
        assert secret not in caplog.text
