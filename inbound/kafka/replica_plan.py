"""Which brokers get the copies of partitions that have too few. Pure."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from kafka import TopicPartition

from inbound.errors import SetupError


def require_running(
    current: Mapping[TopicPartition, Sequence[int]], brokers: Collection[int], wanted: int
) -> None:
    """Raise `SetupError` if a broker is down that has a partition with too few replicas.

    Kafka would wait for that broker: it ends a copy when every replica of the partition is in sync.
    """
    for place, replicas in sorted(current.items()):
        down = [broker for broker in replicas if broker not in brokers]
        if down and len(replicas) < wanted:
            raise SetupError(
                f"partition {place.partition} of {place.topic} is on broker {down[0]}, which is"
                " down: start it, or replace it there with kafka-reassign-partitions.sh."
                " Nothing was changed"
            )


def plan(
    current: Mapping[TopicPartition, Sequence[int]],
    brokers: Mapping[int, str | None],
    wanted: int,
) -> dict[TopicPartition, tuple[int, ...]]:
    """Return the new replicas of the partitions that have fewer than `wanted`.

    `brokers` has the rack of each broker; those of partitions with too few have to be among them.
    Each partition keeps what it has and gets the brokers with the fewest replicas, in other racks
    if there are any. The first replica is the preferred leader; leaders are spread.
    """
    copies = Counter(broker for replicas in current.values() for broker in replicas)
    leaders = Counter(replicas[0] for replicas in current.values() if len(replicas) >= wanted)
    planned: dict[TopicPartition, tuple[int, ...]] = {}
    for place, before in sorted(current.items()):
        if len(before) >= wanted:
            continue
        replicas = list(before)
        while len(replicas) < wanted:
            racks = {brokers[broker] for broker in replicas}
            chosen = min(
                (broker for broker in brokers if broker not in replicas),
                key=lambda broker: (brokers[broker] in racks, copies[broker], broker),
            )
            replicas.append(chosen)
            copies[chosen] += 1
        leader = min(replicas, key=lambda broker: (leaders[broker], broker))
        leaders[leader] += 1
        planned[place] = (leader, *(broker for broker in replicas if broker != leader))
    return planned
