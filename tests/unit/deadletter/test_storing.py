"""What is parked of a record, in what pieces, and what happens when there is no room."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from inbound.deadletter import storing as parking
from inbound.deadletter.storing import Parking, as_parked, reason_of, whose
from inbound.errors import PoisonError
from inbound.kafka.decoding import TopicRecord
from inbound.ops.health import Health
from inbound.store.errors import ParkingFull
from inbound.store.memory import MemoryStore
from inbound.store.parked import RETRIED_HEADER, ParkingLimits
from inbound.store.rows import ParkedUsage

HASH = bytes(range(16))
RECORD = TopicRecord("t", 3, 7, HASH.hex().encode(), b"garbage", [("h", b"\xff")])


def records(how_many: int, value: bytes = b"garbage") -> list[tuple[TopicRecord, Exception]]:
    return [
        (replace(RECORD, offset=offset, value=value), PoisonError("no text"))
        for offset in range(how_many)
    ]


def parked_in(store: MemoryStore) -> Sequence[int]:
    return [place.kafka_offset for place in store.tables.parked]


# -- what is kept -------------------------------------------------------------------------


def test_key_and_headers_are_kept() -> None:
    parked = as_parked(RECORD, PoisonError("no text"))
    assert (parked.key, parked.headers) == (RECORD.key, (("h", b"\xff"),))
    assert parked.reason == "no text"
    assert parked.number_hash == HASH


def test_the_reason_says_where_and_quotes_nothing() -> None:
    try:
        whose(TopicRecord("t", 0, 0, b"", None))  # type: ignore[arg-type]  # what a bug does
    except TypeError as error:
        reason = reason_of(error)
    assert reason.startswith("TypeError in inbound/deadletter/storing.py:")
    assert reason.endswith(", _key_within")
    assert reason_of(ValueError("canary")) == "ValueError"


@pytest.mark.parametrize("name", ["results", "receipts"])
def test_a_single_result_or_receipt_tells_whose_it_is(name: str) -> None:
    one = {"key": HASH.hex()}
    assert whose(replace(RECORD, key=None, value=json.dumps({name: [one]}).encode())) == HASH
    assert whose(replace(RECORD, key=None, value=json.dumps({name: [one, one]}).encode())) is None


@pytest.mark.parametrize(
    "value",
    [b"", b"[]", b"1", b'{"results": 1}', b'{"results": [1]}', b'{"results": [{"key": 1}]}'],
)
def test_garbage_is_nobodys(value: bytes) -> None:
    assert whose(replace(RECORD, key=None, value=value)) is None
    assert whose(replace(RECORD, key=b"\xff" * 32, value=value)) is None


@pytest.mark.parametrize(
    ("told", "times"), [(b"2", 2), (b"", 0), (b"x", 0), (b"\xff", 0), (b"9" * 50, 0), (b"-1", 0)]
)
def test_a_record_tells_how_often_it_was_retried(told: bytes, times: int) -> None:
    record = replace(RECORD, headers=[(RETRIED_HEADER, told)])
    assert as_parked(record, PoisonError("x")).retried == times


# -- room ----------------------------------------------------------------------------------


async def test_large_batches_are_parked_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parking, "AT_ONCE_BYTES", 100)
    store = MemoryStore()
    await Parking(store, ParkingLimits(100, 10_000), Health())(records(12, b"x" * 45))
    assert parked_in(store) == list(range(12))


async def test_without_room_it_waits_and_loses_nothing() -> None:
    store, health = MemoryStore(), Health()
    waits: list[list[str]] = []

    async def sleep(_seconds: float) -> None:
        waits.append(health.ready().reasons)
        if len(waits) == 3:  # an operator has made room
            store.tables.parked.clear()

    park = Parking(store, ParkingLimits(4, 10_000), health, sleep=sleep)
    await park(records(4))
    assert health.ready().ok
    await park([(replace(RECORD, partition=9, offset=n), PoisonError("x")) for n in range(2)])
    assert parked_in(store) == [0, 1]
    assert len(waits) == 3
    assert waits[0] == waits[2]
    assert "4 of 4" in waits[0][0]
    assert health.ready().ok


async def test_nobody_made_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parking, "WAIT_FOR_ROOM_S", 0)
    store = MemoryStore()
    park = Parking(store, ParkingLimits(5, 10_000), Health())
    await park(records(6))
    with pytest.raises(ParkingFull):
        await park([(replace(RECORD, partition=9), PoisonError("x"))])
    assert parked_in(store) == list(range(6))


def test_rows_and_bytes_are_bounded() -> None:
    limits = ParkingLimits(10, 1000)
    some = [as_parked(record, error) for record, error in records(2, b"x" * 100)]
    limits.check(ParkedUsage(9, 999), some)
    for usage in (ParkedUsage(10, 0), ParkedUsage(0, 1000)):
        with pytest.raises(ParkingFull):
            limits.check(usage, some)
    assert limits.used(ParkedUsage(5, 900)) == 0.9
