"""What every adapter of `inbound.store.claims.port.Claims` does."""

from collections.abc import AsyncIterator
from typing import NamedTuple
from uuid import UUID, uuid4

import pytest

from inbound.keys import SubjectHasher, VaultCipher
from inbound.store.claims.memory import MemoryClaims
from inbound.store.claims.port import Claims
from inbound.store.claims.postgres import PostgresClaims
from inbound.store.claims.rows import ClaimRow, RecordedResult, ToClaim
from inbound.store.log.rows import NewState, StoredState
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.memory import MemoryStore
from inbound.store.transactions.port import Store
from inbound.store.transactions.postgres import PostgresStore
from tests.fix_store import erase, secret

NUMBER = "+79161234567"


class Gateway(NamedTuple):
    store: Store
    claims: Claims


@pytest.fixture(params=["postgres", "memory"])
async def gateway(request: pytest.FixtureRequest, cipher: VaultCipher) -> AsyncIterator[Gateway]:
    memory = MemoryStore()
    made = Gateway(memory, MemoryClaims(memory))
    if request.param == "postgres":
        url = request.getfixturevalue("database_url")
        made = Gateway(PostgresStore(url, cipher), PostgresClaims(url, cipher))
    yield made
    await made.store.close()
    await made.claims.close()


@pytest.fixture
async def subject_id(gateway: Gateway, hasher: SubjectHasher) -> UUID:
    async with gateway.store.transaction() as tx:
        (found,) = (await tx.subjects({hasher.hash(NUMBER): NUMBER})).values()
    return found


async def test_first_claim_brings_number_and_secret(gateway: Gateway, subject_id: UUID) -> None:
    with_secret, without = uuid4(), uuid4()
    async with gateway.store.transaction() as tx:
        await tx.write(Changes(vault=[secret(with_secret, b"1a2b3c4d")]))
    pairs = [ToClaim(with_secret, subject_id), ToClaim(without, subject_id)]
    assert await gateway.claims.claim(pairs, "gateway-1") == [
        ClaimRow(with_secret, True, 1, NUMBER, b"1a2b3c4d"),
        ClaimRow(without, True, 1, NUMBER, None),
    ]


async def test_only_one_claim_of_a_message_is_first(gateway: Gateway, subject_id: UUID) -> None:
    message_id, new = uuid4(), uuid4()
    pairs = [ToClaim(message_id, subject_id), ToClaim(message_id, subject_id)]
    assert [c.first for c in await gateway.claims.claim(pairs, "gateway-1")] == [True, False]
    pairs = [ToClaim(new, subject_id), ToClaim(message_id, subject_id)]
    claimed = await gateway.claims.claim(pairs, "gateway-2")
    assert [(c.message_id, c.first, c.attempt) for c in claimed] == [
        (new, True, 1),
        (message_id, False, 1),
    ]


async def test_reclaim_counts_attempts(gateway: Gateway, subject_id: UUID) -> None:
    message_id = uuid4()
    await gateway.claims.claim([ToClaim(message_id, subject_id)], "gateway-1")
    again = await gateway.claims.reclaim(ToClaim(message_id, subject_id), "gateway-2", per_hour=9)
    assert again == ClaimRow(message_id, False, 2, NUMBER, None)
    third = await gateway.claims.reclaim(ToClaim(message_id, subject_id), "gateway-2", per_hour=9)
    assert third == ClaimRow(message_id, False, 3, NUMBER, None)
    (seen,) = await gateway.claims.claim([ToClaim(message_id, subject_id)], "gateway-1")
    assert (seen.first, seen.attempt) == (False, 3)


async def test_reclaim_of_a_lost_claim_is_the_first(gateway: Gateway, subject_id: UUID) -> None:
    message_id = uuid4()
    claimed = await gateway.claims.reclaim(ToClaim(message_id, subject_id), "gateway-1", per_hour=9)
    assert claimed == ClaimRow(message_id, True, 1, NUMBER, None)


async def test_a_message_has_so_many_attempts_in_an_hour_and_no_more(
    gateway: Gateway, subject_id: UUID
) -> None:
    message_id = uuid4()
    await gateway.claims.claim([ToClaim(message_id, subject_id)], "gateway-1")
    claimed = [
        await gateway.claims.reclaim(ToClaim(message_id, subject_id), f"gateway-{n}", per_hour=3)
        for n in range(4)
    ]
    assert [row and row.attempt for row in claimed] == [2, 3, None, None]
    (seen,) = await gateway.claims.claim([ToClaim(message_id, subject_id)], "gateway-1")
    assert seen.attempt == 3


async def test_a_recorded_result_comes_with_the_claim(gateway: Gateway, subject_id: UUID) -> None:
    done, open_ = uuid4(), uuid4()
    pairs = [ToClaim(done, subject_id), ToClaim(open_, subject_id)]
    await gateway.claims.claim(pairs, "gateway-1")
    results = [RecordedResult(done, 1, '{"n": 1}'), RecordedResult(uuid4(), 1, "{}")]
    await gateway.claims.record(results)
    await gateway.claims.record([RecordedResult(done, 1, '{"n": 2}')])
    assert [c.result for c in await gateway.claims.claim(pairs, "gateway-2")] == ['{"n": 1}', None]
    assert await gateway.claims.recorded(done) == '{"n": 1}'
    assert await gateway.claims.recorded(open_) is None


async def test_a_result_belongs_to_the_claimed_attempt(gateway: Gateway, subject_id: UUID) -> None:
    message_id = uuid4()
    await gateway.claims.claim([ToClaim(message_id, subject_id)], "gateway-1")
    await gateway.claims.reclaim(ToClaim(message_id, subject_id), "gateway-2", per_hour=9)
    await gateway.claims.record([RecordedResult(message_id, 1, "{}")])
    assert await gateway.claims.recorded(message_id) is None


async def test_a_recorded_message_is_not_claimed_again(gateway: Gateway, subject_id: UUID) -> None:
    message_id = uuid4()
    await gateway.claims.claim([ToClaim(message_id, subject_id)], "gateway-1")
    await gateway.claims.record([RecordedResult(message_id, 1, "{}")])
    again = await gateway.claims.reclaim(ToClaim(message_id, subject_id), "gateway-2", per_hour=9)
    assert again is None
    assert await gateway.claims.recorded(message_id) == "{}"


async def test_a_released_claim_is_as_if_nobody_had_claimed(
    gateway: Gateway, subject_id: UUID
) -> None:
    unsent, sent, again = uuid4(), uuid4(), uuid4()
    pairs = [ToClaim(unsent, subject_id), ToClaim(sent, subject_id), ToClaim(again, subject_id)]
    await gateway.claims.claim(pairs, "gateway-1")
    await gateway.claims.reclaim(ToClaim(again, subject_id), "gateway-1", per_hour=9)
    await gateway.claims.release([unsent, again], "gateway-1")
    await gateway.claims.release([sent], "gateway-2")
    claimed = await gateway.claims.claim(pairs, "gateway-2")
    assert [c.first for c in claimed] == [True, False, False]


async def test_the_state_of_a_subject_is_what_was_written(
    gateway: Gateway, subject_id: UUID
) -> None:
    assert await gateway.claims.states([subject_id]) == {}
    async with gateway.store.transaction() as tx:
        await tx.write(Changes(states=[NewState(subject_id, 0, 1, 7, b'{"open":{}}')]))
    stored = StoredState(1, 7, b'{"open":{}}')
    assert await gateway.claims.states([uuid4(), subject_id]) == {subject_id: stored}


async def test_claim_stands_whatever_becomes_of_a_transaction(
    gateway: Gateway, subject_id: UUID
) -> None:
    pairs = [ToClaim(uuid4(), subject_id)]
    async with gateway.store.transaction():
        await gateway.claims.claim(pairs, "gateway-1")
    assert [c.first for c in await gateway.claims.claim(pairs, "gateway-1")] == [False]


async def test_erased_person_has_no_number(gateway: Gateway, subject_id: UUID) -> None:
    async with gateway.store.transaction() as tx:
        await erase(tx, NUMBER)
    (claimed,) = await gateway.claims.claim([ToClaim(uuid4(), subject_id)], "gateway-1")
    assert (claimed.first, claimed.number) == (True, None)


async def test_no_messages_no_claims(gateway: Gateway) -> None:
    assert await gateway.claims.claim([], "gateway-1") == []


def test_claim_shows_neither_number_nor_secret() -> None:
    shown = repr(ClaimRow(uuid4(), True, 1, NUMBER, b"1a2b3c4d"))
    assert NUMBER not in shown
    assert "1a2b3c4d" not in shown
