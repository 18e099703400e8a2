"""How far the clocks of brokers are off, judged by the times at which they stored records.

Records have the broker's time (`schemas.topics`), by which it deletes them. A broker whose clock is
ahead deletes texts that nobody has processed. Kafka has no request for its time, but the answer to
a record contains it. If the broker's clock is right, it lies between sending and the answer.
"""

import logging
import time
from typing import Any, Final

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, KafkaException

from inbound.clock import certain, database_clock
from inbound.ops import metrics

log = logging.getLogger(__name__)

EXPORT_EVERY_S: Final = 15.0
LEADERS_WITHIN_S: Final = 2.0

TopicAndPartition = tuple[str, int]


class BrokerClocks:
    """Compares brokers' clocks with the database's, for one producer."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._began_s: float | None = None
        self._stored_s: dict[TopicAndPartition, float] = {}
        self._skews_s: dict[TopicAndPartition, float] = {}
        self._exported_at = time.monotonic() - EXPORT_EVERY_S

    def sending(self) -> None:
        """Note that a record is about to be sent."""
        if self._began_s is None:
            there = database_clock.epoch()
            self._began_s = None if there is None else there.s

    def stored(self, record: Any) -> None:  # noqa: ANN401 - a record of librdkafka
        """Note the time of a record that a broker has stored."""
        kind, ms = record.timestamp()
        if kind == TIMESTAMP_LOG_APPEND_TIME:
            self._stored_s[record.topic(), record.partition()] = ms / 1000

    def answered(self, producer: Any) -> None:  # noqa: ANN401 - librdkafka's producer
        """Compare the times of records stored since `sending`; export by broker now and then.

        Blocks for `LEADERS_WITHIN_S` at most when it exports.
        """
        there, began_s = database_clock.epoch(), self._began_s
        if there is not None and began_s is not None:
            middle_s = (began_s + there.s) / 2
            error_s = (there.s - began_s) / 2 + there.error_s
            for place, at_s in self._stored_s.items():
                self._skews_s[place] = certain(at_s - middle_s, error_s)
        self._began_s = None
        self._stored_s.clear()
        if self._skews_s and time.monotonic() >= self._exported_at + EXPORT_EVERY_S:
            self._exported_at = time.monotonic()
            self._export(producer)

    def _export(self, producer: Any) -> None:  # noqa: ANN401 - librdkafka's producer
        try:
            topics = producer.list_topics(timeout=LEADERS_WITHIN_S).topics
        except KafkaException:
            return
        worst: dict[int, float] = {}
        for (topic, number), skew_s in self._skews_s.items():
            partition = topics[topic].partitions.get(number) if topic in topics else None
            if partition is not None and abs(skew_s) >= abs(worst.get(partition.leader, 0.0)):
                worst[partition.leader] = skew_s
        self._skews_s.clear()
        for broker, skew_s in worst.items():
            metrics.CLOCK_SKEW.set(skew_s, {"clock": f"broker {broker}"})
