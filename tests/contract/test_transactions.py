"""What every adapter of `inbound.store.transactions.port.Store` does."""

import asyncio
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from inbound.keys import SubjectHasher
from inbound.store.dead_letters.rows import DeadLetterUsage
from inbound.store.errors import Conflict
from inbound.store.log.rows import StoredState
from inbound.store.mo.rows import (
    MessagePart,
    PartChanges,
    PartsKey,
    RejectedMo,
    RejectedMoKey,
    StoredPart,
)
from inbound.store.people.rows import ErasedRows, KnownSenders
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.port import Store
from tests.fix_store import (
    NOON,
    add_parts,
    dead_letter,
    erase,
    event,
    inbox_row,
    outbox_row,
    secret,
    state,
)

NUMBERS = ("+79160000001", "+79160000002", "+79160000003")


@pytest.fixture
def numbers(hasher: SubjectHasher) -> dict[bytes, str]:
    return {hasher.hash(number): number for number in NUMBERS}


async def written(store: Store, changes: Changes) -> None:
    async with store.transaction() as tx:
        await tx.write(changes)


async def test_message_is_seen_once_its_transaction_has_committed(store: Store) -> None:
    mine, other = inbox_row(), uuid4()
    await written(store, Changes(inbox=[mine]))
    async with store.transaction() as tx:
        assert await tx.seen([mine.mo_id, other]) == {mine.mo_id}


async def test_message_dealt_with_twice_is_a_conflict_and_writes_nothing(store: Store) -> None:
    row, stream_id = inbox_row(), uuid4()
    await written(store, Changes(inbox=[row]))
    with pytest.raises(Conflict):
        await written(store, Changes(inbox=[row], events=[event(stream_id)]))
    async with store.transaction() as tx:
        assert (await tx.load_streams([stream_id])).get(stream_id, []) == []


async def test_number_has_one_subject_for_good(store: Store, numbers: dict[bytes, str]) -> None:
    some = dict(list(numbers.items())[:2])
    async with store.transaction() as tx:
        first = await tx.subjects(some)
    async with store.transaction() as tx:
        again = await tx.add_subjects(numbers)
    async with store.transaction() as tx:
        assert await tx.subjects(numbers) == again
    assert first.keys() == some.keys()
    assert again.keys() == numbers.keys()
    assert first.items() <= again.items()
    assert len(set(again.values())) == len(numbers)


async def test_senders_are_known_with_what_was_processed_and_their_states(
    store: Store, numbers: dict[bytes, str]
) -> None:
    row = inbox_row()
    with_state, without, stranger = list(numbers)[:3]
    async with store.transaction() as tx:
        made = await tx.subjects({one: numbers[one] for one in (with_state, without)})
        stored = state(made[with_state], 0, 3)
        await tx.write(Changes(inbox=[row], states=[stored]))
    async with store.transaction() as tx:
        found = await tx.known_senders([row.mo_id, uuid4()], [with_state, without, stranger])
    assert found == KnownSenders(
        {row.mo_id},
        made,
        {made[with_state]: StoredState(3, stored.state_version, stored.state)},
    )


async def test_looking_for_a_subject_makes_none(store: Store, numbers: dict[bytes, str]) -> None:
    async with store.transaction() as tx:
        assert await tx.find_subjects(list(numbers)) == {}
    async with store.transaction() as tx:
        made = await tx.subjects(numbers)
        assert await tx.find_subjects(list(numbers)) == made


async def test_erased_subject_comes_back_as_another_person(
    store: Store, numbers: dict[bytes, str]
) -> None:
    number_hash = next(iter(numbers))
    key = PartsKey("main", number_hash, "+79086228779", 1, 2)
    async with store.transaction() as tx:
        before = (await tx.subjects(numbers))[number_hash]
        await add_parts(tx, MessagePart(key, 1, b"CLI", b"{}", NOON))
        await tx.write(Changes(events=[event(before)]))
    async with store.transaction() as tx:
        assert await erase(tx, numbers[number_hash]) == ErasedRows(subjects=1, parts=1)
        assert await erase(tx, numbers[number_hash]) == ErasedRows()
    async with store.transaction() as tx:
        assert await tx.find_subjects([number_hash]) == {}
        assert (await tx.subjects(numbers))[number_hash] != before
        assert len((await tx.load_streams([before])).get(before, [])) == 1


async def test_what_is_kept_of_a_number_goes_with_it(
    store: Store, numbers: dict[bytes, str]
) -> None:
    client, stranger, other = numbers
    rejected_mos = [
        RejectedMo(RejectedMoKey(number_hash, NOON, kind), NOON, NOON)
        for number_hash in numbers
        for kind in ("spacing", "unknown")
    ]
    async with store.transaction() as tx:
        await tx.subjects({client: numbers[client]})
        await tx.write(Changes(rejected_mos=rejected_mos))
    async with store.transaction() as tx:
        await tx.write(Changes(rejected_mos=rejected_mos[:1]))
        assert await erase(tx, numbers[client]) == ErasedRows(subjects=1, rejected_mos=2)
        key = PartsKey("m", stranger, "8779", 1, 2)
        await add_parts(tx, MessagePart(key, 1, b"", b"{}", NOON))
        assert await erase(tx, numbers[stranger]) == ErasedRows(parts=1, rejected_mos=2)
        assert await erase(tx, numbers[stranger]) == ErasedRows()
    async with store.transaction() as tx:
        assert await erase(tx, numbers[other]) == ErasedRows(rejected_mos=2)


async def test_events_come_back_as_they_were_given(store: Store) -> None:
    stream_id = uuid4()
    given = [
        event(stream_id, 1, b'{"b": 1,  "a":[ 1.0,1e2 ]}'),
        event(stream_id, 2, '{"text": "\\u041f Привет"}'.encode()),
    ]
    await written(store, Changes(events=[event(uuid4()), *given]))
    async with store.transaction() as tx:
        stream = (await tx.load_streams([stream_id])).get(stream_id, [])
        log = await tx.read_events(0, 10)
    assert [e.data for e in stream] == [e.data for e in given]
    assert [e.metadata for e in stream] == [e.metadata for e in given]
    assert [(e.version, e.type, e.schema_version) for e in stream] == [
        (1, "test.happened", 1),
        (2, "test.happened", 1),
    ]
    assert [e.position for e in log] == [1, 2, 3]
    assert log[1:] == stream
    assert stream[0].recorded_at.utcoffset() is not None


async def test_log_is_read_on_from_a_position(store: Store) -> None:
    for _ in range(3):
        await written(store, Changes(events=[event(uuid4()), event(uuid4())]))
    async with store.transaction() as tx:
        assert [e.position for e in await tx.read_events(1, 3)] == [2, 3, 4]
        assert [e.position for e in await tx.read_events(4, 3)] == [5, 6]
        assert await tx.read_events(6, 3) == []


async def test_second_append_at_the_same_version_is_a_conflict(store: Store) -> None:
    stream_id, other = uuid4(), uuid4()
    await written(store, Changes(events=[event(stream_id, 1)]))
    with pytest.raises(Conflict):
        await written(store, Changes(events=[event(other, 1), event(stream_id, 1)]))
    async with store.transaction() as tx:
        assert len(await tx.read_events(0, 10)) == 1


async def test_state_is_replaced_only_at_the_expected_version(store: Store) -> None:
    stream_id = uuid4()
    await written(store, Changes(states=[state(stream_id, 0, 2, b'{"a":  1}')]))
    await written(store, Changes(states=[state(stream_id, 2, 5, b'{"a":  2}')]))
    with pytest.raises(Conflict):
        await written(store, Changes(states=[state(stream_id, 2, 6), state(uuid4(), 0, 1)]))
    async with store.transaction() as tx:
        assert await tx.states([stream_id, uuid4()]) == {stream_id: StoredState(5, 1, b'{"a":  2}')}


async def test_lost_state_is_written_again(store: Store) -> None:
    stream_id = uuid4()
    await written(store, Changes(events=[event(stream_id, 1), event(stream_id, 2)]))
    await written(store, Changes(events=[event(stream_id, 3)], states=[state(stream_id, 2, 3)]))
    async with store.transaction() as tx:
        assert (await tx.states([stream_id]))[stream_id].version == 3


async def test_error_in_the_block_leaves_nothing(store: Store, numbers: dict[bytes, str]) -> None:
    row, stream_id = inbox_row(), uuid4()

    async def fail() -> None:
        async with store.transaction() as tx:
            await tx.subjects(numbers)
            await tx.write(
                Changes(
                    inbox=[row],
                    events=[event(stream_id)],
                    states=[state(stream_id, 0, 1)],
                    outbox=[outbox_row()],
                    vault=[secret()],
                    dead_letters=[dead_letter()],
                )
            )
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    async with store.transaction() as tx:
        assert await tx.seen([row.mo_id]) == set()
        assert await tx.read_events(0, 10) == []
        assert await tx.states([stream_id]) == {}
        assert await tx.find_subjects(list(numbers)) == {}


async def test_a_dead_letter_that_comes_again_is_no_error(store: Store) -> None:
    await written(store, Changes(dead_letters=[dead_letter()]))
    await written(store, Changes(dead_letters=[dead_letter(), dead_letter(8)]))


async def test_a_dead_letter_is_counted_once(store: Store) -> None:
    async with store.transaction() as tx:
        assert await tx.dead_letter_usage() == DeadLetterUsage(0, 0)
    await written(store, Changes(dead_letters=[dead_letter()]))
    one_of_many = replace(dead_letter(), part=2)
    await written(store, Changes(dead_letters=[dead_letter(), dead_letter(8), one_of_many]))
    async with store.transaction() as tx:
        rows, size = await tx.dead_letter_usage()
    assert rows == 3
    assert size >= 3 * len(dead_letter().payload)


async def test_secret_written_twice_is_a_conflict_until_erased(store: Store) -> None:
    message_id = uuid4()
    await written(store, Changes(vault=[secret(message_id)]))
    with pytest.raises(Conflict):
        await written(store, Changes(vault=[secret(message_id)]))
    await written(store, Changes(erase_vault=[message_id, uuid4()]))
    await written(store, Changes(vault=[secret(message_id)]))


async def test_parts_wait_for_each_other_in_any_order(store: Store) -> None:
    key = PartsKey("main", b"h" * 16, "+79086228779", 513, 3)
    parts = [MessagePart(key, n, f"part {n}".encode(), b'{"dcs":  8}', NOON) for n in (1, 2, 3)]
    stranger = MessagePart(key._replace(reference=514), 1, b"other", b"{}", NOON)
    async with store.transaction() as tx:
        assert await tx.waiting_parts([key]) == []
        await add_parts(tx, parts[2], stranger)
    async with store.transaction() as tx:
        assert await tx.waiting_parts([key]) == [StoredPart(key, 3)]
        await add_parts(tx, parts[0])
    async with store.transaction() as tx:
        keys = [key, stranger.key]
        waiting = {StoredPart(key, 1), StoredPart(key, 3), StoredPart(stranger.key, 1)}
        assert set(await tx.waiting_parts(keys)) == waiting
        assert await tx.parts_of_text(key) == ((parts[0], parts[2]), ())


async def test_a_whole_text_is_kept_beside_what_waits_until_the_next(store: Store) -> None:
    key = PartsKey("main", b"h" * 16, "+79086228779", 513, 2)
    old = [MessagePart(key, n, f"old {n}".encode(), b'{"a":1}', NOON) for n in (1, 2)]
    new = [MessagePart(key, n, f"new {n}".encode(), b'{"b":2}', NOON) for n in (1, 2)]
    async with store.transaction() as tx:
        await add_parts(tx, old[0])
    async with store.transaction() as tx:
        changes = PartChanges(removed=[StoredPart(key, 1)], waiting=[new[1]], whole=old)
        assert await tx.store_parts(changes) == []
    async with store.transaction() as tx:
        assert await tx.waiting_parts([key]) == [StoredPart(key, 2)]
        assert await tx.parts_of_text(key) == ((new[1],), tuple(old))
        await tx.store_parts(PartChanges(removed=[StoredPart(key, 2)], whole=new))
    async with store.transaction() as tx:
        assert await tx.parts_of_text(key) == ((), tuple(new))


async def test_a_part_of_another_text_takes_the_place_of_one_that_waits(store: Store) -> None:
    key = PartsKey("main", b"h" * 16, "+79086228779", 513, 2)
    old, new = (MessagePart(key, 1, words, b"{}", NOON) for words in (b"old", b"new"))
    async with store.transaction() as tx:
        await add_parts(tx, old)
    async with store.transaction() as tx:
        await tx.store_parts(PartChanges(removed=[StoredPart(key, 1)], waiting=[new]))
    async with store.transaction() as tx:
        assert await tx.parts_of_text(key) == ((new,), ())


async def test_transactions_of_one_store_take_turns(store: Store) -> None:
    """A counter in a state is read and written by many tasks: no update is lost."""
    stream_id = uuid4()

    async def count_on() -> None:
        async with store.transaction() as tx:
            stored = (await tx.states([stream_id])).get(stream_id)
            version = stored.version if stored else 0
            await tx.write(Changes(states=[state(stream_id, version, version + 1)]))

    await asyncio.gather(*(count_on() for _ in range(10)))
    async with store.transaction() as tx:
        assert (await tx.states([stream_id]))[stream_id].version == 10


async def test_empty_batch_is_nothing(store: Store) -> None:
    await written(store, Changes())
    async with store.transaction() as tx:
        assert await tx.seen([]) == set()
        assert await tx.subjects({}) == {}
        assert await tx.states([]) == {}
        assert (await tx.load_streams([UUID(int=1)])).get(UUID(int=1), []) == []


async def test_closed_store_opens_again(store: Store) -> None:
    row = inbox_row()
    await written(store, Changes(inbox=[row]))
    await store.close()
    async with store.transaction() as tx:
        assert await tx.seen([row.mo_id]) == {row.mo_id}
