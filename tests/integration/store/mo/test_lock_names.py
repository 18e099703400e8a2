"""Transactions that name the same thing take turns, whichever process they are of."""

import asyncio

import psycopg

from inbound.keys import VaultCipher
from inbound.store.transactions.postgres import PostgresStore
from tests.fix_store import somebody_waits, until


async def test_a_name_is_held_until_the_commit(
    database_url: str, cipher: VaultCipher, conn: psycopg.Connection
) -> None:
    one, other = PostgresStore(database_url, cipher), PostgresStore(database_url, cipher)
    order = []

    async def take(names: list[str]) -> None:
        async with other.transaction() as tx:
            await tx.lock_names(names)
            order.append("other")

    async with one.transaction() as tx:
        await tx.lock_names(["receipts[1]", "receipts[2]"])
        await take(["receipts[3]"])
        waiting = asyncio.create_task(take(["receipts[0]", "receipts[2]"]))
        await until(lambda: somebody_waits(conn))
        order.append("one")
    await waiting
    assert order == ["other", "one", "other"]
    await one.close()
    await other.close()
