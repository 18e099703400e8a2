"""What every adapter of `inbound.store.transactions.port.Store` keeps for delivery receipts."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from inbound.handlers.receipts import PartReceipt, SentPart
from inbound.keys import SubjectHasher
from inbound.store.errors import Conflict
from inbound.store.log.rows import StoredState
from inbound.store.people.rows import ErasedRows, KnownRecipients
from inbound.store.receipts.rows import EarlyKey, EarlyReceipt
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.port import Store
from schemas.messages import Purpose, ReceiptState
from tests.fix_store import NOON, erase, state

# A centre names no zone.
DONE_AT = NOON.replace(tzinfo=None) + timedelta(hours=3)
DELIVERED = PartReceipt(ReceiptState.DELIVERED, final=True, error="000", done_at=DONE_AT)


def sent(subject_id: UUID, *ids: str, request_id: UUID | None = None) -> list[SentPart]:
    """One message in as many parts as there are ids."""
    message_id = uuid4()
    return [
        SentPart(
            subject_id=subject_id,
            message_id=message_id,
            part=number,
            parts=len(ids),
            request_id=request_id,
            purpose=Purpose.FULFILMENT,
            template="registration",
            centre="main",
            smsc_message_id=id_,
            submitted_at=NOON,
            traceparent=None if request_id is None else "00-1-2-00",
            written_id=None if request_id is None else f"00{id_}",
        )
        for number, id_ in enumerate(ids, 1)
    ]


def early(subject_id: UUID, id_: str = "a1", minutes: int = 0) -> EarlyReceipt:
    key = EarlyKey(subject_id, "main", id_, "delivered")
    return EarlyReceipt(key, b'{"id":  1}', NOON + timedelta(minutes=minutes))


async def written(store: Store, changes: Changes) -> None:
    async with store.transaction() as tx:
        await tx.write(changes)


async def stored_early(store: Store, *receipts: EarlyReceipt) -> int:
    async with store.transaction() as tx:
        return await tx.store_early_receipts(receipts)


async def test_one_id_brings_the_whole_message(store: Store) -> None:
    subject_id = uuid4()
    message = sent(subject_id, "a1", "a2", "a3", request_id=uuid4())
    other = sent(subject_id, "b1")
    await written(store, Changes(sent=[*other, *reversed(message)]))
    async with store.transaction() as tx:
        assert await tx.sent_parts([subject_id], ["a2", "nobody's"]) == message
        assert await tx.sent_parts([subject_id], ["b1"]) == other
        assert len(await tx.sent_parts([subject_id], ["b1", "a1"])) == 4


async def test_an_id_of_another_person_brings_nothing(store: Store) -> None:
    message = sent(uuid4(), "a1")
    await written(store, Changes(sent=message))
    async with store.transaction() as tx:
        assert await tx.sent_parts([uuid4()], ["a1"]) == []
        assert await tx.sent_parts([], ["a1"]) == []
        assert await tx.sent_parts([message[0].subject_id], []) == []


async def test_parts_without_a_request_or_with_one_id_in_common(store: Store) -> None:
    message = sent(uuid4(), "same", "same")
    await written(store, Changes(sent=message))
    async with store.transaction() as tx:
        assert await tx.sent_parts([message[0].subject_id], ["same"]) == message


async def test_what_a_receipt_says_is_kept(store: Store) -> None:
    first, second = sent(uuid4(), "a1", "a2")
    enroute = PartReceipt(ReceiptState.ENROUTE, final=False)
    await written(store, Changes(sent=[first, second], receipts=[replace(first, receipt=enroute)]))
    async with store.transaction() as tx:
        found = await tx.sent_parts([first.subject_id], ["a1"])
        assert found == [replace(first, receipt=enroute), second]
        await tx.write(Changes(receipts=[replace(part, receipt=DELIVERED) for part in found]))
    async with store.transaction() as tx:
        found = await tx.sent_parts([first.subject_id], ["a2"])
    assert [part.receipt for part in found] == [DELIVERED, DELIVERED]


async def test_a_receipt_for_a_part_that_was_swept_writes_nothing(store: Store) -> None:
    [part] = sent(uuid4(), "a1")
    await written(store, Changes(receipts=[replace(part, receipt=DELIVERED)]))
    async with store.transaction() as tx:
        assert await tx.sent_parts([part.subject_id], ["a1"]) == []


async def test_a_part_sent_twice_is_a_conflict(store: Store) -> None:
    message = sent(uuid4(), "a1")
    await written(store, Changes(sent=message))
    with pytest.raises(Conflict):
        await written(store, Changes(sent=message))


async def test_early_receipts_wait_in_their_order(store: Store) -> None:
    subject_id = uuid4()
    late, soon = early(subject_id, "a1", minutes=2), early(subject_id, "a2", minutes=1)
    await stored_early(store, late, early(uuid4()), soon)
    async with store.transaction() as tx:
        assert await tx.early_receipts([subject_id]) == [soon, late]
        assert await tx.early_receipts([]) == []
        await tx.write(Changes(no_longer_early=[soon.key, early(subject_id, "gone").key]))
    async with store.transaction() as tx:
        assert await tx.early_receipts([subject_id]) == [late]


async def test_recipients_are_known_with_their_states_and_early_receipts(
    store: Store, hasher: SubjectHasher
) -> None:
    numbers = {
        hasher.hash(number): number for number in ("+79160000001", "+79160000002", "+79160000003")
    }
    of_result, of_receipt, stateless = numbers
    stranger = hasher.hash("+79160000004")
    async with store.transaction() as tx:
        made = await tx.subjects(numbers)
        stored = [state(made[of_result], 0, 2), state(made[of_receipt], 0, 3)]
        await tx.write(Changes(states=stored))
    waiting = early(made[of_result])
    await stored_early(store, waiting, early(made[of_receipt]))
    async with store.transaction() as tx:
        found = await tx.known_recipients(
            {"receipts[1]"}, {made[of_result]}, {of_receipt, stateless, stranger}
        )
    assert found == KnownRecipients(
        {one: made[one] for one in (of_receipt, stateless)},
        {one.stream_id: StoredState(one.version, one.state_version, one.state) for one in stored},
        [waiting],
    )


async def test_an_early_receipt_that_comes_again_is_one(store: Store) -> None:
    subject_id = uuid4()
    first, again = early(subject_id), early(subject_id, minutes=5)
    await stored_early(store, first)
    await stored_early(store, again, again)
    async with store.transaction() as tx:
        assert await tx.early_receipts([subject_id]) == [first]


async def test_erasing_a_person_leaves_no_id_of_a_message(
    store: Store, hasher: SubjectHasher
) -> None:
    number = "+79160000001"
    async with store.transaction() as tx:
        (subject_id,) = (await tx.subjects({hasher.hash(number): number})).values()
        others = sent(uuid4(), "a1")
        mine = sent(subject_id, "a1")
        await tx.store_early_receipts([early(subject_id)])
        await tx.write(Changes(sent=[*others, *mine]))
    async with store.transaction() as tx:
        assert await erase(tx, number) == ErasedRows(subjects=1, sent=len(mine), early=1)
    async with store.transaction() as tx:
        assert await tx.sent_parts([subject_id], ["a1"]) == []
        assert await tx.early_receipts([subject_id]) == []
        assert await tx.sent_parts([others[0].subject_id], ["a1"]) == others
