"""What happens to a batch when something in it fails."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from pydantic import BaseModel, ValidationError

from inbound.deadletter import isolation as records
from inbound.deadletter.isolation import BatchProcessor, Bisection, FailedRecord, read_all
from inbound.errors import PoisonError, RetryableError, SetupError
from inbound.faults import faults
from inbound.kafka.decoding import TopicRecord
from inbound.store.errors import Conflict, StoreDefect, StoreFault


def batch(*values: bytes) -> list[TopicRecord]:
    return [TopicRecord("t", 0, offset, b"k", value) for offset, value in enumerate(values)]


def bisected(items: Sequence[int], bad: set[int]) -> tuple[list[int], list[int], int]:
    """Return the items that went through, those that were blamed, and the number of attempts."""
    done: list[int] = []
    attempts = 0
    bisection = Bisection(items)
    for group in bisection:
        attempts += 1
        if bad.isdisjoint(group):
            done += group
        else:
            bisection.failed(group, ValueError())
    return done, [item for item, _ in bisection.culprits], attempts


@pytest.mark.parametrize("bad", [set(), {0}, {99}, {3, 4, 50}, set(range(100))], ids=len)
def test_a_bisection_blames_exactly_the_bad_items_and_keeps_the_order(bad: set[int]) -> None:
    items = range(100)
    done, blamed, _ = bisected(items, bad)
    assert done == [n for n in items if n not in bad]
    assert blamed == sorted(bad)


def test_a_bisection_needs_few_attempts_for_one_bad_item() -> None:
    assert bisected(range(1024), {700})[2] == 21


def test_what_is_already_done_of_a_group_is_not_tried_again() -> None:
    bisection, groups = Bisection(range(8)), []
    for group in bisection:
        groups.append(list(group))
        if len(groups) == 1:
            bisection.try_halves(group[5:])
    assert groups == [list(range(8)), [5, 6], [7]]


class Sink:
    """Processes everything but poison; counts."""

    def __init__(self, fail_first: int = 0, error: type[Exception] = RetryableError) -> None:
        self.calls = 0
        self.done: list[bytes] = []
        self.failed: list[tuple[int, str]] = []
        self._failures = fail_first
        self._error = error

    async def process(self, records: Sequence[TopicRecord]) -> None:
        self.calls += 1
        if self._failures:
            self._failures -= 1
            raise self._error("not now")
        values = read_all(records, readable)
        if b"poison" in values:
            raise ValueError("a bug or a bad message")
        self.done += values

    async def set_aside(self, records: Sequence[FailedRecord]) -> None:
        self.failed += [(record.offset, type(error).__name__) for record, error in records]


def readable(record: TopicRecord) -> bytes:
    if record.value == b"garbage":
        raise PoisonError("no JSON")
    return record.value


async def test_a_good_batch_is_one_call() -> None:
    sink = Sink()
    await BatchProcessor(sink.process, sink.set_aside)(batch(b"a", b"b"))
    assert sink.done == [b"a", b"b"]
    assert sink.calls == 1


async def test_one_bad_message_is_set_aside_and_the_others_go_on_in_order() -> None:
    sink = Sink()
    values = [b"%d" % n for n in range(1000)]
    await BatchProcessor(sink.process, sink.set_aside)(
        batch(*values[:700], b"poison", *values[700:])
    )
    assert sink.done == values
    assert sink.failed == [(700, "ValueError")]
    assert sink.calls < 25, "one bad message makes transactions of single ones"


async def test_all_that_can_not_be_read_costs_one_more_call() -> None:
    sink = Sink()
    await BatchProcessor(sink.process, sink.set_aside)(batch(b"garbage", b"a", b"garbage", b"b"))
    assert sink.done == [b"a", b"b"]
    assert sink.failed == [(0, "PoisonError"), (2, "PoisonError")]
    assert sink.calls == 2


async def test_nothing_but_poison_of_both_kinds() -> None:
    sink = Sink()
    await BatchProcessor(sink.process, sink.set_aside)(batch(b"poison", b"garbage", b"poison"))
    assert sink.done == []
    assert sorted(sink.failed) == [(0, "ValueError"), (1, "PoisonError"), (2, "ValueError")]


async def test_a_record_of_many_loses_the_bad_ones_alone() -> None:
    def split(record: TopicRecord) -> list[TopicRecord]:
        values = record.value.split(b",")
        return [replace(record, value=value, part=n) for n, value in enumerate(values, 1)]

    async def process(records: Sequence[TopicRecord]) -> None:
        if any(b"poison" in record.value for record in records):
            raise ValueError("one of them")
        sink.done += [record.value for record in records]

    async def set_aside(records: Sequence[FailedRecord]) -> None:
        failed.extend((record.part, record.value) for record, _ in records)

    sink = Sink()
    failed: list[tuple[int, bytes]] = []
    await BatchProcessor(process, set_aside, split)(batch(b"a", b"b,poison,c,poison", b"d"))
    assert sink.done == [b"a", b"b", b"c", b"d"]
    assert failed == [(2, b"poison"), (4, b"poison")]


async def test_infrastructure_that_comes_back_is_waited_for() -> None:
    sink = Sink(fail_first=2)
    await BatchProcessor(sink.process, sink.set_aside)(batch(b"a"))
    assert sink.done == [b"a"]
    assert not sink.failed


async def test_why_it_waits_is_told_and_that_it_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "inbound.deadletter")
    told: list[str | None] = []
    sink = Sink(fail_first=2)
    processor = BatchProcessor(sink.process, sink.set_aside, report=told.append)
    await processor(batch(b"a"))
    assert told == ["not now", "not now", None]
    await processor(batch(b"b"))
    assert len(told) == 3
    assert [line for line in caplog.messages if "continues" in line] == ["processing continues"]


async def test_a_race_with_another_worker_is_no_news() -> None:
    told: list[str | None] = []
    sink = Sink(fail_first=2, error=Conflict)
    await BatchProcessor(sink.process, sink.set_aside, report=told.append)(batch(b"a"))
    assert told == []


async def test_a_batch_that_loses_for_ever_is_tried_in_halves_and_keeps_the_order() -> None:
    """It is slow and has many people, so others are always first; a single one gets through."""

    async def process(records: Sequence[TopicRecord]) -> None:
        sizes.append(len(records))
        if len(records) > 1:
            raise Conflict("others were first")
        done.extend(record.value for record in records)

    sizes: list[int] = []
    done: list[bytes] = []
    values = [b"a", b"b", b"c", b"d"]
    await BatchProcessor(process, Sink().set_aside)(batch(*values))
    assert done == values
    assert sizes == [*[4] * 3, *[2] * 3, 1, 1, *[2] * 3, 1, 1]


async def test_a_single_message_that_loses_is_tried_for_longer() -> None:
    sink = Sink(fail_first=2 * records.LOSES_AT_MOST, error=Conflict)
    await BatchProcessor(sink.process, sink.set_aside)(batch(b"a"))
    assert sink.done == [b"a"]
    assert not sink.failed


@pytest.mark.parametrize("error", [RetryableError, SetupError, StoreFault, OSError, MemoryError])
async def test_infrastructure_that_stays_away_ends_the_worker_and_sets_nothing_aside(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    monkeypatch.setattr(records, "GIVE_UP_AFTER_S", 0)
    sink = Sink(fail_first=1000, error=error)
    with pytest.raises(error):
        await BatchProcessor(sink.process, sink.set_aside)(batch(b"a", b"b"))
    assert not sink.failed


async def test_what_the_database_refuses_of_a_message_is_poison() -> None:
    sink = Sink(fail_first=2, error=StoreDefect)
    await BatchProcessor(sink.process, sink.set_aside)(batch(b"a", b"b"))
    assert sink.failed == [(0, "StoreDefect")]
    assert sink.done == [b"b"]


def test_a_reason_names_fields_and_quotes_nothing() -> None:
    class Model(BaseModel):
        one: int
        two: dict[str, int]

    with pytest.raises(ValidationError) as caught:
        Model.model_validate_json(b'{"one": "canary", "two": {"canary": "canary"}}')
    assert faults(caught.value, depth=1) == [
        "one has to be a whole number",
        "two has to be a whole number",
    ]
    with pytest.raises(ValidationError) as caught:
        Model.model_validate_json(b"canary")
    assert faults(caught.value) == ["is not valid JSON"]
