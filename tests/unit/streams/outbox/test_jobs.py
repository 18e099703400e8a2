"""The queues of the sender: urgent lanes first, one message at a time for each person."""

from datetime import UTC, datetime
from uuid import UUID

from aiokafka import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from schemas.lanes import Lane
from schemas.messages import MobileTerminated, Purpose
from streams.outbox.jobs import Job, LaneQueues

URGENT, NORMAL, BULK = range(3)
CENTRES = ("near", "far")


def job(lane: int, key: str, number: int, partition: int = 0, centre: str = "near") -> Job:
    message = MobileTerminated(
        message_id=UUID(int=number),
        subject_id=UUID(int=1),
        purpose=Purpose.FULFILMENT,
        template="t",
        not_after=datetime(2026, 1, 1, tzinfo=UTC),
    )
    return Job(Lane(lane), TopicPartition("t", partition), number, key, message, centre)


def test_the_most_urgent_lane_goes_first() -> None:
    queues = LaneQueues(3, CENTRES)
    bulk, normal, urgent = job(BULK, "a", 1), job(NORMAL, "b", 2), job(URGENT, "c", 3)
    for each in (bulk, normal, urgent):
        queues.push(each)
    assert [queues.pop(CENTRES) for _ in range(4)] == [urgent, normal, bulk, None]


def test_the_next_of_a_person_waits_for_the_one_before() -> None:
    queues = LaneQueues(3, CENTRES)
    first, second, other = job(NORMAL, "a", 1), job(NORMAL, "a", 2), job(NORMAL, "b", 3)
    for each in (first, second, other):
        queues.push(each)
    assert [queues.pop(CENTRES), queues.pop(CENTRES), queues.pop(CENTRES)] == [first, other, None]
    queues.release(first)
    assert queues.pop(CENTRES) is second


def test_a_person_waiting_in_one_lane_does_not_wait_in_another() -> None:
    queues = LaneQueues(3, CENTRES)
    bulk, urgent = job(BULK, "a", 1), job(URGENT, "a", 2)
    queues.push(bulk)
    assert queues.pop(CENTRES) is bulk
    queues.push(urgent)
    assert queues.pop(CENTRES) is urgent


def test_what_goes_again_goes_before_what_came_later() -> None:
    queues = LaneQueues(3, CENTRES)
    first, second, other = job(NORMAL, "a", 1), job(NORMAL, "a", 2), job(NORMAL, "b", 3)
    for each in (first, second, other):
        queues.push(each)
    assert queues.pop(CENTRES) is first
    queues.push_back(first)
    assert [queues.pop(CENTRES), queues.pop(CENTRES)] == [first, other]


def test_releasing_what_was_never_handed_out_changes_nothing() -> None:
    queues = LaneQueues(3, CENTRES)
    first, second = job(NORMAL, "a", 1), job(NORMAL, "a", 2)
    queues.push(first)
    queues.push(second)
    assert queues.pop(CENTRES) is first
    queues.release(second)
    assert queues.pop(CENTRES) is None


def test_withdrawn_partitions_leave_the_others() -> None:
    queues = LaneQueues(3, CENTRES)
    mine = [job(NORMAL, "a", 1, 0), job(NORMAL, "a", 2, 0)]
    other = job(NORMAL, "b", 3, 1)
    for each in (*mine, other):
        queues.push(each)
    assert queues.remove({TopicPartition("t", 0)}) == mine
    assert len(queues) == 1
    assert [queues.pop(CENTRES), queues.pop(CENTRES)] == [other, None]
    again = job(NORMAL, "a", 4, 0)
    queues.push(again)
    assert queues.pop(CENTRES) is again


def test_what_is_in_flight_when_its_partition_goes_is_not_overtaken_when_it_comes_back() -> None:
    queues = LaneQueues(3, CENTRES)
    in_flight, behind = job(NORMAL, "a", 1, 0), job(NORMAL, "a", 2, 0)
    queues.push(in_flight)
    queues.push(behind)
    assert queues.pop(CENTRES) is in_flight
    assert queues.remove({TopicPartition("t", 0)}) == [behind]
    again, following = job(NORMAL, "a", 1, 0), job(NORMAL, "a", 2, 0)
    queues.push(again)
    queues.push(following)
    assert queues.pop(CENTRES) is None
    queues.release(in_flight)
    assert [queues.pop(CENTRES), queues.pop(CENTRES)] == [again, None]
    queues.release(in_flight)
    assert queues.pop(CENTRES) is None
    queues.release(again)
    assert queues.pop(CENTRES) is following
    assert len(queues) == 0


def test_a_bind_gets_what_its_centres_may_have() -> None:
    queues = LaneQueues(3, CENTRES)
    far, near = job(URGENT, "a", 1, centre="far"), job(BULK, "b", 2)
    queues.push(far)
    queues.push(near)
    assert queues.size(URGENT, "far") == queues.size(BULK, "near") == 1
    assert [queues.pop(["near"]), queues.pop(["near"])] == [near, None]
    assert queues.pop(["near", "far"]) is far
    assert len(queues) == 0


def test_a_stranded_centre_does_not_overtake_a_more_urgent_lane() -> None:
    queues = LaneQueues(3, CENTRES)
    stranded, own = job(URGENT, "a", 1, centre="far"), job(NORMAL, "b", 2)
    queues.push(own)
    queues.push(stranded)
    assert [queues.pop(CENTRES), queues.pop(CENTRES)] == [stranded, own]


def test_a_person_who_texts_two_centres_is_still_one_person() -> None:
    queues = LaneQueues(3, CENTRES)
    first, second = job(NORMAL, "a", 1), job(NORMAL, "a", 2, centre="far")
    queues.push(first)
    queues.push(second)
    assert [queues.pop(CENTRES), queues.pop(CENTRES)] == [first, None]
    queues.release(first)
    assert queues.pop(["far"]) is second


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from("abc")), max_size=40))
def test_everything_comes_out_once_and_each_persons_lane_in_order(
    pushed: list[tuple[int, str]],
) -> None:
    queues = LaneQueues(3, CENTRES)
    jobs = [job(lane, key, n) for n, (lane, key) in enumerate(pushed)]
    for each in jobs:
        queues.push(each)
    popped = []
    while (next_job := queues.pop(CENTRES)) is not None:
        popped.append(next_job)
        queues.release(next_job)
    assert sorted(each.offset for each in popped) == list(range(len(jobs)))
    assert len(queues) == 0
    for lane in range(3):
        for key in "abc":
            order = [each.offset for each in popped if (each.lane, each.key) == (lane, key)]
            assert order == sorted(order)
