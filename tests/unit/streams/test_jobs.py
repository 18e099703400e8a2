"""The queues of the sender: urgent lanes first, one message at a time for each person."""

from datetime import UTC, datetime
from uuid import UUID

from aiokafka import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from schemas.messages import MobileTerminated, Purpose
from streams.jobs import Job, LaneQueues

URGENT, NORMAL, BULK = range(3)


def job(lane: int, key: str, number: int, partition: int = 0) -> Job:
    message = MobileTerminated(
        message_id=UUID(int=number),
        subject_id=UUID(int=1),
        purpose=Purpose.FULFILMENT,
        template="t",
        not_after=datetime(2026, 1, 1, tzinfo=UTC),
    )
    return Job(lane, TopicPartition("t", partition), number, key, message)


def test_the_most_urgent_lane_goes_first() -> None:
    queues = LaneQueues(3)
    bulk, normal, urgent = job(BULK, "a", 1), job(NORMAL, "b", 2), job(URGENT, "c", 3)
    for each in (bulk, normal, urgent):
        queues.push(each)
    assert [queues.pop() for _ in range(4)] == [urgent, normal, bulk, None]


def test_the_next_of_a_person_waits_for_the_one_before() -> None:
    queues = LaneQueues(3)
    first, second, other = job(NORMAL, "a", 1), job(NORMAL, "a", 2), job(NORMAL, "b", 3)
    for each in (first, second, other):
        queues.push(each)
    assert [queues.pop(), queues.pop(), queues.pop()] == [first, other, None]
    queues.release(first)
    assert queues.pop() is second


def test_a_person_waiting_in_one_lane_does_not_wait_in_another() -> None:
    queues = LaneQueues(3)
    bulk, urgent = job(BULK, "a", 1), job(URGENT, "a", 2)
    queues.push(bulk)
    assert queues.pop() is bulk
    queues.push(urgent)
    assert queues.pop() is urgent


def test_what_goes_again_goes_before_what_came_later() -> None:
    queues = LaneQueues(3)
    first, second, other = job(NORMAL, "a", 1), job(NORMAL, "a", 2), job(NORMAL, "b", 3)
    for each in (first, second, other):
        queues.push(each)
    assert queues.pop() is first
    queues.push_back(first)
    assert [queues.pop(), queues.pop()] == [first, other]


def test_releasing_what_was_never_handed_out_changes_nothing() -> None:
    queues = LaneQueues(3)
    first, second = job(NORMAL, "a", 1), job(NORMAL, "a", 2)
    queues.push(first)
    queues.push(second)
    assert queues.pop() is first
    queues.release(second)
    assert queues.pop() is None


def test_withdrawn_partitions_leave_the_others() -> None:
    queues = LaneQueues(3)
    mine = [job(NORMAL, "a", 1, 0), job(NORMAL, "a", 2, 0)]
    other = job(NORMAL, "b", 3, 1)
    for each in (*mine, other):
        queues.push(each)
    assert queues.remove({TopicPartition("t", 0)}) == mine
    assert len(queues) == 1
    assert [queues.pop(), queues.pop()] == [other, None]
    again = job(NORMAL, "a", 4, 0)
    queues.push(again)
    assert queues.pop() is again


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from("abc")), max_size=40))
def test_everything_comes_out_once_and_each_persons_lane_in_order(
    pushed: list[tuple[int, str]],
) -> None:
    queues = LaneQueues(3)
    jobs = [job(lane, key, n) for n, (lane, key) in enumerate(pushed)]
    for each in jobs:
        queues.push(each)
    popped = []
    while (next_job := queues.pop()) is not None:
        popped.append(next_job)
        queues.release(next_job)
    assert sorted(each.offset for each in popped) == list(range(len(jobs)))
    assert len(queues) == 0
    for lane in range(3):
        for key in "abc":
            order = [each.offset for each in popped if (each.lane, each.key) == (lane, key)]
            assert order == sorted(order)
