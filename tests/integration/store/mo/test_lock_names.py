"""Transactions that name the same thing take turns, whichever process they are of."""

import asyncio
from collections.abc import Awaitable, Callable, Collection

import psycopg
import pytest

from inbound.keys import VaultCipher
from inbound.store.transactions.port import Transaction
from inbound.store.transactions.postgres import PostgresStore
from tests.fix_store import somebody_waits, until


async def lock(tx: Transaction, names: Collection[str]) -> None:
    await tx.lock_names(names)


async def lock_and_read(tx: Transaction, names: Collection[str]) -> None:
    await tx.known_recipients(names, [], [])


Locking = Callable[[Transaction, Collection[str]], Awaitable[None]]


@pytest.mark.parametrize("locking", [lock, lock_and_read])
async def test_a_name_is_held_until_the_commit(
    database_url: str, cipher: VaultCipher, conn: psycopg.Connection, locking: Locking
) -> None:
    one, other = PostgresStore(database_url, cipher), PostgresStore(database_url, cipher)
    order = []

    async def take(names: list[str]) -> None:
        async with other.transaction() as tx:
            await locking(tx, names)
            order.append("other")

    async with one.transaction() as tx:
        await locking(tx, ["receipts[1]", "receipts[2]"])
        await take(["receipts[3]"])
        waiting = asyncio.create_task(take(["receipts[0]", "receipts[2]"]))
        await until(lambda: somebody_waits(conn))
        order.append("one")
    await waiting
    assert order == ["other", "one", "other"]
    await one.close()
    await other.close()
