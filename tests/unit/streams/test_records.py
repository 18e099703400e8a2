"""What happens to a batch when something in it fails."""

from collections.abc import Sequence

import pytest

from inbound.errors import RetryableError
from streams import records
from streams.records import BatchProcessor, Record


def batch(*values: bytes) -> list[Record]:
    return [Record("t", 0, offset, "k", value) for offset, value in enumerate(values)]


class Sink:
    """Processes everything but poison; counts."""

    def __init__(self, fail_first: int = 0) -> None:
        self.done: list[bytes] = []
        self.parked: list[tuple[int, str]] = []
        self._failures = fail_first

    async def process(self, records: Sequence[Record]) -> None:
        if self._failures:
            self._failures -= 1
            raise RetryableError("not now")
        if any(record.value == b"poison" for record in records):
            raise ValueError("a bug or a bad message")
        self.done += [record.value for record in records]

    async def park(self, record: Record, error: Exception) -> None:
        self.parked.append((record.offset, type(error).__name__))


async def test_a_good_batch_is_one_call() -> None:
    sink = Sink()
    await BatchProcessor(sink.process, sink.park)(batch(b"a", b"b"))
    assert sink.done == [b"a", b"b"]


async def test_one_bad_message_is_parked_and_the_others_go_on_in_order() -> None:
    sink = Sink()
    await BatchProcessor(sink.process, sink.park)(batch(b"a", b"poison", b"b"))
    assert sink.done == [b"a", b"b"]
    assert sink.parked == [(1, "ValueError")]


async def test_infrastructure_that_comes_back_is_waited_for() -> None:
    sink = Sink(fail_first=2)
    await BatchProcessor(sink.process, sink.park)(batch(b"a"))
    assert sink.done == [b"a"]
    assert not sink.parked


async def test_infrastructure_that_stays_away_ends_the_worker_and_parks_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(records, "GIVE_UP_AFTER_S", 0)
    sink = Sink(fail_first=1000)
    with pytest.raises(RetryableError):
        await BatchProcessor(sink.process, sink.park)(batch(b"a", b"b"))
    assert not sink.parked
