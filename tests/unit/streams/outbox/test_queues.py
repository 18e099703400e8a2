"""The queues of the sender: urgent lanes first, one message at a time for each person."""

from datetime import UTC, datetime
from uuid import UUID

from aiokafka import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from schemas.lanes import Lane
from schemas.messages import MobileTerminated, Purpose
from streams.outbox.ledger import Entry
from streams.outbox.phases import DONE, Fetched
from streams.outbox.queues import ReadyQueue

URGENT, NORMAL, BULK, _CHANNELS = Lane
CENTRES = ("near", "far")


def entry(lane: int, key: str, number: int, partition: int = 0, centre: str = "near") -> Entry:
    message = MobileTerminated(
        message_id=UUID(int=number),
        subject_id=UUID(int=1),
        purpose=Purpose.FULFILMENT,
        template="t",
        not_after=datetime(2026, 1, 1, tzinfo=UTC),
    )
    topic = TopicPartition("t", partition)
    fetched = Fetched(Lane(lane), topic, number, key, message, centre)
    return Entry(fetched, fetched)


def end(*entries: Entry) -> None:
    for each in entries:
        each.phase = DONE


def test_the_most_urgent_lane_goes_first() -> None:
    queue = ReadyQueue()
    bulk, normal, urgent = entry(BULK, "a", 1), entry(NORMAL, "b", 2), entry(URGENT, "c", 3)
    for each in (bulk, normal, urgent):
        queue.push(each)
    assert [queue.pop(CENTRES) for _ in range(4)] == [urgent, normal, bulk, None]


def test_the_next_of_a_person_waits_for_the_one_before() -> None:
    queue = ReadyQueue()
    first, second, other = entry(NORMAL, "a", 1), entry(NORMAL, "a", 2), entry(NORMAL, "b", 3)
    for each in (first, second, other):
        queue.push(each)
    assert [queue.pop(CENTRES), queue.pop(CENTRES), queue.pop(CENTRES)] == [first, other, None]
    queue.release(first)
    assert queue.pop(CENTRES) is second


def test_a_person_waiting_in_one_lane_does_not_wait_in_another() -> None:
    queue = ReadyQueue()
    bulk, urgent = entry(BULK, "a", 1), entry(URGENT, "a", 2)
    queue.push(bulk)
    assert queue.pop(CENTRES) is bulk
    queue.push(urgent)
    assert queue.pop(CENTRES) is urgent


def test_what_goes_again_goes_before_what_came_later() -> None:
    queue = ReadyQueue()
    first, second, other = entry(NORMAL, "a", 1), entry(NORMAL, "a", 2), entry(NORMAL, "b", 3)
    for each in (first, second, other):
        queue.push(each)
    assert queue.pop(CENTRES) is first
    queue.push_front(first)
    assert [queue.pop(CENTRES), queue.pop(CENTRES)] == [first, other]


def test_releasing_what_was_never_handed_out_changes_nothing() -> None:
    queue = ReadyQueue()
    first, second = entry(NORMAL, "a", 1), entry(NORMAL, "a", 2)
    queue.push(first)
    queue.push(second)
    assert queue.pop(CENTRES) is first
    queue.release(second)
    assert queue.pop(CENTRES) is None


def test_withdrawn_partitions_leave_the_others() -> None:
    queue = ReadyQueue()
    mine = [entry(NORMAL, "a", 1, 0), entry(NORMAL, "a", 2, 0)]
    other = entry(NORMAL, "b", 3, 1)
    for each in (*mine, other):
        queue.push(each)
    end(*mine)
    queue.drop_done()
    assert len(queue) == 1
    assert [queue.pop(CENTRES), queue.pop(CENTRES)] == [other, None]
    again = entry(NORMAL, "a", 4, 0)
    queue.push(again)
    assert queue.pop(CENTRES) is again


def test_what_is_in_flight_when_its_partition_goes_is_not_overtaken_when_it_comes_back() -> None:
    queue = ReadyQueue()
    in_flight, behind = entry(NORMAL, "a", 1, 0), entry(NORMAL, "a", 2, 0)
    queue.push(in_flight)
    queue.push(behind)
    assert queue.pop(CENTRES) is in_flight
    end(behind)
    queue.drop_done()
    assert len(queue) == 0
    again, following = entry(NORMAL, "a", 1, 0), entry(NORMAL, "a", 2, 0)
    queue.push(again)
    queue.push(following)
    assert queue.pop(CENTRES) is None
    queue.release(in_flight)
    assert [queue.pop(CENTRES), queue.pop(CENTRES)] == [again, None]
    queue.release(in_flight)
    assert queue.pop(CENTRES) is None
    queue.release(again)
    assert queue.pop(CENTRES) is following
    assert len(queue) == 0


def test_a_bind_gets_what_its_centres_may_have() -> None:
    queue = ReadyQueue()
    far, near = entry(URGENT, "a", 1, centre="far"), entry(BULK, "b", 2)
    queue.push(far)
    queue.push(near)
    assert queue.size(Lane.URGENT, "far") == queue.size(Lane.BULK, "near") == 1
    assert [queue.pop(["near"]), queue.pop(["near"])] == [near, None]
    assert queue.pop(["near", "far"]) is far
    assert len(queue) == 0


def test_a_stranded_centre_does_not_overtake_a_more_urgent_lane() -> None:
    queue = ReadyQueue()
    stranded, own = entry(URGENT, "a", 1, centre="far"), entry(NORMAL, "b", 2)
    queue.push(own)
    queue.push(stranded)
    assert [queue.pop(CENTRES), queue.pop(CENTRES)] == [stranded, own]


def test_a_person_who_texts_two_centres_is_still_one_person() -> None:
    queue = ReadyQueue()
    first, second = entry(NORMAL, "a", 1), entry(NORMAL, "a", 2, centre="far")
    queue.push(first)
    queue.push(second)
    assert [queue.pop(CENTRES), queue.pop(CENTRES)] == [first, None]
    queue.release(first)
    assert queue.pop(["far"]) is second


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from("abc")), max_size=40))
def test_everything_comes_out_once_and_each_persons_lane_in_order(
    pushed: list[tuple[int, str]],
) -> None:
    queue = ReadyQueue()
    entries = [entry(lane, key, n) for n, (lane, key) in enumerate(pushed)]
    for each in entries:
        queue.push(each)
    popped = []
    while (following := queue.pop(CENTRES)) is not None:
        popped.append(following)
        queue.release(following)
    assert sorted(each.fetched.offset for each in popped) == list(range(len(entries)))
    assert len(queue) == 0
    for lane in range(3):
        for key in "abc":
            order = [
                each.fetched.offset
                for each in popped
                if (each.fetched.lane, each.fetched.key) == (lane, key)
            ]
            assert order == sorted(order)
