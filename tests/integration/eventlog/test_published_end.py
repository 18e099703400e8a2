"""A log that ends before a published event has lost its end."""

from dataclasses import replace

import psycopg
import pytest

from inbound.errors import SetupError
from inbound.eventlog.published_end import LostEnd, find_lost_end, require_complete_log
from inbound.kafka.connection import KafkaConnection
from schemas.topics import TopicNames
from tests.integration.eventlog.tampering import events
from tests.integration.eventlog.test_published_heads import producer, published
from tests.integration.eventlog.test_recovery import BACKUP, go_back

__all__ = ["producer", "published"]


def found(kafka: str, names: TopicNames, url: str) -> LostEnd | None:
    return find_lost_end(KafkaConnection(kafka), names, url, "tests")


def test_a_restored_backup_is_noticed_by_events_and_by_heads(
    conn: psycopg.Connection, url: str, published: TopicNames, kafka_bootstrap: str
) -> None:
    last = len(events(conn))
    assert found(kafka_bootstrap, published, url) is None
    go_back(conn)
    assert found(kafka_bootstrap, published, url) == LostEnd(BACKUP, last)
    without_events = replace(published, events=published.log_heads)
    assert found(kafka_bootstrap, without_events, url) == LostEnd(BACKUP, last)
    with pytest.raises(
        SetupError, match=rf"ends with event {BACKUP}, and event {last} is on Kafka"
    ):
        require_complete_log(KafkaConnection(kafka_bootstrap), published, url)


def test_topics_without_records_and_missing_ones_prove_nothing(
    url: str, topics: TopicNames, topic_names: TopicNames, kafka_bootstrap: str
) -> None:
    assert found(kafka_bootstrap, topics, url) is None
    missing = replace(topics, events="never-created", log_heads="never-created-either")
    assert found(kafka_bootstrap, missing, url) is None
