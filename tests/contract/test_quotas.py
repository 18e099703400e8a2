"""What every adapter of the store drops when a quota is exceeded: the oldest, and says so."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from inbound.keys import VaultCipher
from inbound.store.mo.rows import DroppedParts, MessagePart, PartChanges, PartsKey
from inbound.store.quotas import Quota, Quotas
from inbound.store.receipts.rows import EarlyKey, EarlyReceipt
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.memory import MemoryStore
from inbound.store.transactions.port import Store
from inbound.store.transactions.postgres import PostgresStore
from tests.fix_store import NOON, dead_letter

QUOTAS = Quotas(
    parts=Quota(rows=20, bytes=10_000, sender_rows=4, sender_bytes=1_000),
    early_receipts=Quota(rows=20, bytes=1_000, sender_rows=4, sender_bytes=200),
)


@pytest.fixture(params=["postgres", "memory"])
async def store(request: pytest.FixtureRequest, cipher: VaultCipher) -> AsyncIterator[Store]:
    """A store with small quotas."""
    made: Store = MemoryStore(quotas=QUOTAS)
    if request.param == "postgres":
        url = request.getfixturevalue("database_url")
        made = PostgresStore(url, cipher, quotas=QUOTAS)
    yield made
    await made.close()


def part(sender: int, reference: int, sequence: int = 1, size: int = 1) -> MessagePart:
    """A part that arrives a second after that of the reference before."""
    key = PartsKey("main", bytes([sender]) * 16, "9086228779", reference, 255)
    at = NOON + timedelta(seconds=reference)
    return MessagePart(key, sequence, b"x" * size, b"{}", at)


async def stored(store: Store, *parts: MessagePart) -> list[DroppedParts]:
    async with store.transaction() as tx:
        return await tx.store_parts(PartChanges(waiting=list(parts)))


async def waiting(store: Store, *parts: MessagePart) -> set[tuple[PartsKey, int]]:
    async with store.transaction() as tx:
        return set(await tx.waiting_parts({part.key for part in parts}))


def identities(*parts: MessagePart) -> set[tuple[PartsKey, int]]:
    return {(part.key, part.sequence) for part in parts}


async def test_a_sender_loses_the_oldest_text_beyond_its_rows(store: Store) -> None:
    old, other = [part(1, 1, 1), part(1, 1, 2)], part(2, 1)
    assert await stored(store, *old, other) == []
    new = [part(1, 2, n) for n in (1, 2, 3)]
    [dropped] = await stored(store, *new)
    assert dropped == (
        old[0].key.number_hash,
        "sender",
        2,
        1,
        NOON + timedelta(seconds=1),
        NOON + timedelta(seconds=1),
    )
    assert await waiting(store, *old, *new, other) == identities(*new, other)


async def test_a_sender_loses_the_oldest_text_beyond_its_bytes(store: Store) -> None:
    old, new = part(1, 1, size=500), part(1, 2, size=600)
    assert await stored(store, old) == []
    [dropped] = await stored(store, new)
    assert (dropped.quota, dropped.parts) == ("sender", 1)
    assert await waiting(store, old, new) == identities(new)


async def test_a_text_larger_than_the_quota_is_not_kept(store: Store) -> None:
    small, large = part(1, 1), part(1, 2, size=2_000)
    await stored(store, small)
    assert sum(one.parts for one in await stored(store, large)) == 2
    assert await waiting(store, small, large) == set()


async def test_whole_texts_that_are_kept_count_too(store: Store) -> None:
    whole = [part(1, 1, n) for n in (1, 2, 3)]
    async with store.transaction() as tx:
        assert await tx.store_parts(PartChanges(whole=whole)) == []
    [dropped] = await stored(store, part(1, 2, 1), part(1, 2, 2))
    assert (dropped.parts, dropped.texts) == (3, 0)  # nobody waits for an answer to it


@pytest.mark.parametrize("size", [1, 700])
async def test_many_senders_lose_the_oldest_texts(store: Store, size: int) -> None:
    """Each is within its own quota."""
    flood = [part(sender, sender, size=size) for sender in range(1, 31)]
    dropped = [one for each in flood for one in await stored(store, each)]
    assert {one.quota for one in dropped} == {"overall"}
    left = await waiting(store, *flood)
    assert left == identities(*flood[-len(left) :])
    rows, bytes_ = (20, 10_000)
    assert len(left) <= rows
    assert len(left) * size <= bytes_
    assert len(left) + sum(one.parts for one in dropped) == len(flood)
    assert len(left) * 2 > min(rows, bytes_ // size)  # and not many more than needed


async def test_what_was_deleted_makes_room(store: Store) -> None:
    for turn in range(10):
        await stored(store, *(part(sender, turn) for sender in range(1, 6)))
        async with store.transaction() as tx:
            keys = [part(sender, turn).key for sender in range(1, 6)]
            removed = await tx.waiting_parts(keys)
            assert len(removed) == 5
            assert await tx.store_parts(PartChanges(removed=removed)) == []


def early(subject_id: UUID, second: int, size: int = 10) -> EarlyReceipt:
    key = EarlyKey(subject_id, "main", f"a{second}", "delivered")
    value = b'"%s"' % (b"x" * (size - 2))
    return EarlyReceipt(key, value, NOON + timedelta(seconds=second))


@pytest.mark.parametrize(("size", "kept"), [(10, 4), (60, 3)])
async def test_a_person_loses_the_oldest_receipts(store: Store, size: int, kept: int) -> None:
    person, other = uuid4(), uuid4()
    flood = [early(person, second, size) for second in range(6)]
    async with store.transaction() as tx:
        assert await tx.store_early_receipts([flood[0], early(other, 0)]) == 0
    async with store.transaction() as tx:
        assert await tx.store_early_receipts(flood[1:]) == 6 - kept
        assert await tx.early_receipts([person]) == flood[-kept:]
        assert len(await tx.early_receipts([other])) == 1


@pytest.mark.parametrize("size", [10, 200])
async def test_many_people_lose_the_oldest_receipts(store: Store, size: int) -> None:
    flood = [early(uuid4(), second, size) for second in range(30)]
    dropped = 0
    for receipt in flood:
        async with store.transaction() as tx:
            dropped += await tx.store_early_receipts([receipt])
    async with store.transaction() as tx:
        left = await tx.early_receipts([each.key.subject_id for each in flood])
    assert left == flood[-len(left) :]
    assert len(left) + dropped == len(flood)
    assert len(left) <= min(20, 1_000 // size)
    assert len(left) * 2 > min(20, 1_000 // size)


async def test_dead_letters_are_counted_by_sender(store: Store) -> None:
    mine, other = b"m" * 16, b"o" * 16
    rows = [replace(dead_letter(offset), number_hash=mine) for offset in range(3)]
    rows += [replace(dead_letter(3), number_hash=other), replace(dead_letter(4), number_hash=None)]
    async with store.transaction() as tx:
        assert await tx.dead_letters_by_sender([mine]) == {}
        await tx.write(Changes(dead_letters=rows))
    async with store.transaction() as tx:
        found = await tx.dead_letters_by_sender([mine, b"n" * 16])
    assert found.keys() == {mine}
    assert found[mine].rows == 3
    assert found[mine].bytes >= 3 * len(rows[0].payload)
