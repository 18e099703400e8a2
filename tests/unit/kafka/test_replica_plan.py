from collections import Counter

import pytest
from kafka import TopicPartition

from inbound.errors import SetupError
from inbound.kafka.replica_plan import plan, require_running

THREE = {1: None, 2: None, 3: None}


def partitions(replicas: tuple[int, ...], count: int = 8) -> dict[TopicPartition, list[int]]:
    return {TopicPartition("t", n): list(replicas) for n in range(count)}


def test_a_trial_on_one_broker_is_spread_over_three() -> None:
    planned = plan(partitions((1,)), THREE, 3)
    assert len(planned) == 8
    assert all(sorted(replicas) == [1, 2, 3] for replicas in planned.values())
    leaders = Counter(replicas[0] for replicas in planned.values())
    assert max(leaders.values()) - min(leaders.values()) <= 1


def test_brokers_with_the_fewest_copies_come_first() -> None:
    planned = plan(partitions((1,)), THREE | {4: None}, 2)
    copies = Counter(broker for replicas in planned.values() for broker in replicas)
    assert copies[1] == 8
    assert {copies[2], copies[3], copies[4]} == {2, 3}


def test_copies_go_to_other_racks() -> None:
    racks: dict[int, str | None] = {1: "a", 2: "a", 3: "b", 4: "c"}
    planned = plan(partitions((1,)), racks, 3)
    assert all(sorted(replicas) == [1, 3, 4] for replicas in planned.values())


@pytest.mark.parametrize("replicas", [(1, 2, 3), (3, 2, 1), (1, 2, 3, 4)])
def test_what_has_enough_stays(replicas: tuple[int, ...]) -> None:
    assert plan(partitions(replicas), THREE, 3) == {}


def test_what_is_there_is_kept() -> None:
    planned = plan(partitions((2, 3), 4), THREE | {4: None}, 3)
    assert all({2, 3} < set(replicas) for replicas in planned.values())


def test_a_broker_that_is_down_is_named() -> None:
    with pytest.raises(SetupError, match="partition 0 of t is on broker 9, which is down"):
        require_running(partitions((1, 9)), THREE, 3)
    require_running(partitions((1, 9)), THREE, 2)  # nothing is to be copied
