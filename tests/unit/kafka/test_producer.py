"""A producer that can't store what it has is thrown away, and the next record gets a new one."""

import pytest
from kafka.errors import KafkaTimeoutError

from inbound.kafka.producer import FLUSH_WITHIN_S, RenewableProducer


class Stuck:
    """A producer that stores nothing, and notes how it was used."""

    def __init__(self) -> None:
        self.flushed_within: list[float] = []
        self.closed = False

    def send(self, topic: str, **_: object) -> str:
        return topic

    def flush(self, timeout: float) -> None:
        self.flushed_within.append(timeout)
        raise KafkaTimeoutError

    def close(self, within_s: float) -> None:
        assert within_s == 0, "nobody waits for a stuck producer"
        self.closed = True


def test_stuck_producer_discarded() -> None:
    made = [Stuck(), Stuck()]
    waiting = iter(made)
    producer = RenewableProducer(lambda: next(waiting))
    producer.send("first")
    with pytest.raises(KafkaTimeoutError):
        producer.flush()
    assert made[0].closed
    assert made[0].flushed_within == [FLUSH_WITHIN_S], "a flush must not wait for ever"
    producer.send("second")
    with pytest.raises(KafkaTimeoutError):
        producer.flush()
    assert made[1].closed, "the second record took a new producer"
