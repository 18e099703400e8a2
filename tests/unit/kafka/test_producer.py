"""The relay's producer: thrown away when it is stuck."""

import pytest
from kafka.errors import KafkaTimeoutError, UnknownError

from inbound.kafka.producer import FLUSH_WITHIN_S, RenewableProducer


class Stuck:
    """A producer whose flush ends with an error, and that notes how it was used."""

    def __init__(self, error: type[Exception]) -> None:
        self.error = error
        self.flushed_within: list[float] = []
        self.closed = False

    def send(self, topic: str, **_: object) -> str:
        return topic

    def flush(self, timeout: float) -> None:
        self.flushed_within.append(timeout)
        raise self.error

    def close(self, timeout: float) -> None:
        assert timeout == 0, "nobody waits for a stuck producer"
        self.closed = True


def test_stuck_producer_discarded() -> None:
    made = [Stuck(KafkaTimeoutError), Stuck(KafkaTimeoutError)]
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


def test_split_batch_is_no_failure() -> None:
    made = Stuck(UnknownError)
    producer = RenewableProducer(lambda: made)
    producer.send("first")
    producer.flush()
    assert not made.closed
