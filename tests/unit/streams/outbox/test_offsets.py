"""Only what is finished without a gap may be committed."""

from aiokafka import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from streams.outbox.offsets import OffsetTracker

P0, P1 = TopicPartition("t", 0), TopicPartition("t", 1)


def test_a_gap_holds_the_commit_back() -> None:
    offsets = OffsetTracker()
    for offset in (5, 6, 8):  # 7 was compacted away
        offsets.begin(P0, offset)
    offsets.finish(P0, 6)
    assert offsets.take_committable() == {}
    offsets.finish(P0, 5)
    assert offsets.take_committable() == {P0: 7}
    assert offsets.take_committable() == {}
    offsets.finish(P0, 8)
    assert offsets.take_committable() == {P0: 9}
    assert offsets.open_count() == 0


def test_a_partition_that_was_given_up_is_never_committed() -> None:
    offsets = OffsetTracker()
    offsets.begin(P0, 1)
    offsets.begin(P1, 1)
    offsets.drop([P0])
    offsets.finish(P0, 1)
    offsets.finish(P1, 1)
    assert offsets.take_committable() == {P1: 2}


@given(st.permutations(range(20)), st.integers(0, 20))
def test_never_past_an_unfinished_offset(order: list[int], finished: int) -> None:
    offsets = OffsetTracker()
    for offset in range(20):
        offsets.begin(P0, offset)
    done = set(order[:finished])
    for offset in order[:finished]:
        offsets.finish(P0, offset)
    first_open = next((offset for offset in range(20) if offset not in done), 20)
    assert offsets.take_committable().get(P0, 0) == first_open
