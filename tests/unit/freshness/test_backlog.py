"""The search for the time of a record, and who shares an answer of Kafka."""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError
from hypothesis import given
from hypothesis import strategies as st

from inbound.freshness import backlog as module
from inbound.freshness.backlog import BacklogReader, ask_settled
from inbound.freshness.model import Backlog, Oldest, PendingWork
from inbound.freshness.record_times import times_of
from inbound.kafka.connection import KafkaConnection
from schemas.partitions import partition_of
from schemas.topics import PARTITIONS

NOW = datetime(2024, 5, 17, 12, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
DAYS_MS = 10 * 86_400_000
HASH = bytes(32)


class Index:
    """The times of the records of partitions, as Kafka keeps them; the first has `begin`."""

    def __init__(self, times: Mapping[TopicPartition, list[int]], begin: int = 0) -> None:
        self.times, self.begin, self.asked = times, begin, 0

    async def first_since(
        self, times: Mapping[TopicPartition, int]
    ) -> dict[TopicPartition, tuple[int, int] | None]:
        self.asked += 1
        return {place: self._first(self.times[place], at) for place, at in times.items()}

    def _first(self, times: list[int], at: int) -> tuple[int, int] | None:
        found = ((self.begin + n, time) for n, time in enumerate(times) if time >= at)
        return next(found, None)


ages = st.lists(st.integers(-60_000, DAYS_MS), min_size=1, max_size=40)


@given(ages, ages, st.data())
async def test_a_record_is_at_most_a_second_younger_than_said(
    first: list[int], second: list[int], data: st.DataObject
) -> None:
    places = [TopicPartition("t", 0), TopicPartition("t", 1)]
    times = {
        place: sorted(NOW_MS - age for age in some)
        for place, some in zip(places, (first, second), strict=True)
    }
    index = Index(times, begin=7)
    offsets = {
        place: 7 + data.draw(st.integers(0, len(times[place]) - 1), "offset") for place in places
    }
    found = await times_of(index, offsets, NOW_MS)
    for place, offset in offsets.items():
        assert 0 <= times[place][offset - 7] - found[place] <= 1000
    assert index.asked <= 45


async def test_of_a_record_that_was_deleted_the_oldest_that_is_left_counts() -> None:
    place = TopicPartition("t", 0)
    times = [NOW_MS - 5000, NOW_MS - 4000]
    assert await times_of(Index({place: times}, begin=10), {place: 3}, NOW_MS) == {place: times[0]}


class Clients:
    """Stands for a connection. `committed` raises or hangs as long as `broken` says so."""

    def __init__(self) -> None:
        self.asked = 0
        self.calls: list[str] = []
        self.broken: Exception | None = None
        self.answering = asyncio.Event()
        self.answering.set()
        self.was_asked = asyncio.Event()
        self.done = 5

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def places(self, topics: Iterable[str]) -> list[TopicPartition]:
        return [TopicPartition(topic, n) for topic in topics for n in range(PARTITIONS)]

    async def ends(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        self.asked += 1
        self.calls.append("ends")
        self.was_asked.set()
        return dict.fromkeys(places, 5)

    async def begins(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(places, 0)

    async def committed(self) -> dict[TopicPartition, int]:
        self.calls.append("committed")
        await self.answering.wait()
        if self.broken is not None:
            raise self.broken
        return {TopicPartition("mo", n): self.done for n in range(8)}

    async def first_since(
        self, times: Mapping[TopicPartition, int]
    ) -> dict[TopicPartition, tuple[int, int] | None]:
        return dict.fromkeys(times, (self.done, NOW_MS - 60_000))


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Clients:
    made = Clients()
    monkeypatch.setattr(module, "OffsetClients", lambda *_: made)
    return made


@pytest.fixture
def reader(clients: Clients) -> BacklogReader:
    del clients
    topics = {PendingWork.TEXTS: "mo"}
    return BacklogReader(KafkaConnection("kafka:9092"), "workers", topics, lambda: NOW)


async def test_a_partition_that_is_committed_to_its_end_has_nothing(
    reader: BacklogReader, clients: Clients
) -> None:
    assert (await reader.ask()).oldest == {}
    clients.done = 4
    waiting = await reader.ask()
    assert {place for _, place in waiting.oldest or {}} == set(range(8))
    [pending] = waiting.pending(PendingWork.TEXTS, of=HASH)
    assert pending.since == datetime.fromtimestamp(NOW.timestamp() - 60, UTC)


async def test_ends_are_read_before_commits(reader: BacklogReader, clients: Clients) -> None:
    """So a record that arrives between the two is not taken for one that waits."""
    await reader.ask()
    assert clients.calls == ["ends", "committed"]


async def test_questions_share_an_answer_that_began_after_them(
    reader: BacklogReader, clients: Clients
) -> None:
    clients.answering.clear()
    first = asyncio.create_task(reader.ask())
    await clients.was_asked.wait()
    later = [asyncio.create_task(reader.ask()) for _ in range(50)]
    await asyncio.sleep(0)
    clients.answering.set()
    answers = await asyncio.gather(first, *later)
    assert clients.asked == 2
    assert len({id(answer) for answer in answers[1:]}) == 1


async def test_a_question_whose_asker_goes_away_is_answered_to_the_others(
    reader: BacklogReader, clients: Clients
) -> None:
    clients.answering.clear()
    goes, stays = (asyncio.create_task(reader.ask()) for _ in range(2))
    await asyncio.sleep(0)
    goes.cancel()
    clients.answering.set()
    assert (await stays).oldest == {}


async def test_a_failure_is_unknown_and_spares_the_next_questions(
    reader: BacklogReader, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients.broken = KafkaConnectionError("gone")
    assert (await reader.ask()).oldest is None
    clients.broken = None
    assert (await reader.ask()).oldest is None
    assert clients.asked == 1
    monkeypatch.setattr(module, "SILENT_FOR_S", 0.0)
    reader._silent_until = 0.0
    assert (await reader.ask()).oldest == {}


async def test_a_broker_that_hangs_is_unknown(
    reader: BacklogReader, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ANSWER_WITHIN_S", 0.01)
    clients.answering.clear()
    assert (await reader.ask()).oldest is None


class Source:
    """Gives one answer after the other."""

    def __init__(self, *oldest: Oldest | None) -> None:
        self.answers = [Backlog(NOW, one) for one in oldest]

    async def ask(self) -> Backlog:
        return self.answers.pop(0)

    async def close(self) -> None: ...


async def test_people_wait_a_moment_for_what_is_just_being_processed() -> None:
    texts = (PendingWork.TEXTS, partition_of(HASH.hex().encode(), PARTITIONS))
    recent = {texts: datetime.fromtimestamp(NOW.timestamp() - 1, UTC)}
    old = {texts: datetime.fromtimestamp(NOW.timestamp() - 60, UTC)}
    assert (await ask_settled(Source(recent, recent, {}), HASH)).oldest == {}
    assert (await ask_settled(Source(old), HASH)).oldest == old
    assert (await ask_settled(Source(None), HASH)).oldest is None


async def test_nobody_waits_for_what_arrives_after_the_question() -> None:
    texts = (PendingWork.TEXTS, partition_of(HASH.hex().encode(), PARTITIONS))
    recent = {texts: datetime.fromtimestamp(NOW.timestamp() - 1, UTC)}
    source = Source()
    # Each time one more record has arrived, and one more is processed.
    source.answers = [Backlog(NOW, recent, {texts: 12 + n}, {texts: 10 + n}) for n in range(9)]
    backlog = await ask_settled(source, HASH)
    assert (backlog.oldest, backlog.asked_at) == ({}, NOW)
    assert len(source.answers) == 6, "it asks until the two that waited are processed"


async def test_what_still_waits_is_said_with_its_time() -> None:
    place = (PendingWork.ORDERS, 3)
    first = Backlog(NOW, {place: NOW}, {place: 12}, {place: 10})
    later = Backlog(NOW, {place: datetime.fromtimestamp(NOW.timestamp() + 1, UTC)}, {}, {place: 11})
    assert first.still_waiting(later).oldest == later.oldest
    assert first.still_waiting(Backlog(NOW, None)).oldest is None
