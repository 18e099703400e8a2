"""Dead letters are stored in pieces, and wait while there is no room."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from inbound.deadletter import writing
from inbound.deadletter.letters import to_dead_letter
from inbound.deadletter.writing import DeadLetterWriter
from inbound.errors import PoisonError
from inbound.kafka.decoding import TopicRecord
from inbound.ops.health import Health
from inbound.store.dead_letters.limits import DeadLetterLimits
from inbound.store.dead_letters.rows import DeadLetterUsage
from inbound.store.errors import DeadLettersFull
from inbound.store.transactions.memory import MemoryStore

RECORD = TopicRecord("t", 3, 7, bytes(range(16)).hex().encode(), b"garbage")


def records(how_many: int, value: bytes = b"garbage") -> list[tuple[TopicRecord, Exception]]:
    return [
        (replace(RECORD, offset=offset, value=value), PoisonError("no text"))
        for offset in range(how_many)
    ]


def stored_in(store: MemoryStore) -> Sequence[int]:
    return [place.kafka_offset for place in store.tables.dead_letters]


async def test_large_batches_are_stored_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "PIECE_BYTES", 100)
    store = MemoryStore()
    await DeadLetterWriter(store, DeadLetterLimits(100, 10_000), Health())(records(12, b"x" * 45))
    assert stored_in(store) == list(range(12))


async def test_without_room_it_waits_and_loses_nothing() -> None:
    store, health = MemoryStore(), Health()
    waits: list[list[str]] = []

    async def sleep(_seconds: float) -> None:
        waits.append(health.ready().reasons)
        if len(waits) == 3:  # an operator has made room
            store.tables.dead_letters.clear()

    write = DeadLetterWriter(store, DeadLetterLimits(4, 10_000), health, sleep=sleep)
    await write(records(4))
    assert health.ready().ok
    await write([(replace(RECORD, partition=9, offset=n), PoisonError("x")) for n in range(2)])
    assert stored_in(store) == [0, 1]
    assert len(waits) == 3
    assert waits[0] == waits[2]
    assert "4 of 4" in waits[0][0]
    assert health.ready().ok


async def test_nobody_made_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "WAIT_FOR_ROOM_S", 0)
    store = MemoryStore()
    write = DeadLetterWriter(store, DeadLetterLimits(5, 10_000), Health())
    await write(records(6))
    with pytest.raises(DeadLettersFull):
        await write([(replace(RECORD, partition=9), PoisonError("x"))])
    assert stored_in(store) == list(range(6))


def test_rows_and_bytes_are_bounded() -> None:
    limits = DeadLetterLimits(10, 1000)
    some = [to_dead_letter(record, error) for record, error in records(2, b"x" * 100)]
    limits.check(DeadLetterUsage(9, 999), some)
    for usage in (DeadLetterUsage(10, 0), DeadLetterUsage(0, 1000)):
        with pytest.raises(DeadLettersFull):
            limits.check(usage, some)
    assert limits.used(DeadLetterUsage(5, 900)) == 0.9


@pytest.mark.parametrize(
    "limits",
    [
        DeadLetterLimits(100, 10_000, sender_rows=3),
        DeadLetterLimits(100, 10_000, sender_bytes=21),  # three are 21 bytes
    ],
)
async def test_one_sender_takes_no_room_from_the_others(limits: DeadLetterLimits) -> None:
    store = MemoryStore()
    write = DeadLetterWriter(store, limits, Health())
    await write(records(2))
    await write(records(6)[2:])
    other = replace(RECORD, offset=7, key=bytes(range(1, 17)).hex().encode())
    unknown = [replace(RECORD, offset=offset, key=None) for offset in range(8, 16)]
    await write([(record, PoisonError("no text")) for record in (other, *unknown)])
    assert stored_in(store) == [0, 1, 2, *range(7, 16)]
