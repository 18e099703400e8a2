"""What a broker is asked while Java notes which classes that takes."""

import pytest

from inbound.errors import SetupError
from inbound.kafka.connection import KafkaConnection
from inbound.local.servers.class_archive import read_one
from schemas.topics import TopicNames


def test_a_text_that_does_not_come_ends_the_setup(kafka_bootstrap: str, topics: TopicNames) -> None:
    with pytest.raises(SetupError, match="Kafka gives a text to no reader within"):
        read_one(KafkaConnection(kafka_bootstrap), topics.mo, within_s=2.0)
