"""Why something failed, in words and without the name of a class."""

import re
from typing import Any

import aiokafka.errors
import kafka.errors
import pytest

from inbound import reasons
from inbound.kafka.producer import NotStoredError
from inbound.reasons import in_words
from inbound.store.errors import StoreUnavailable

CLASS_NAME = re.compile(r"[a-z][A-Z]|Error|Exception")


def every_kafka_error() -> list[BaseException]:
    modules = (kafka.errors, aiokafka.errors)
    kinds: set[Any] = {
        kind
        for module in modules
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, module.KafkaError)
    }
    return [kind.__new__(kind) for kind in kinds]


def test_no_reason_names_a_class() -> None:
    others = [TimeoutError(), ConnectionRefusedError(111, "Connection refused"), OSError(), None]
    for error in [*every_kafka_error(), *others, KeyError("+79161234567")]:
        words = in_words(error)
        assert words
        assert not CLASS_NAME.search(words), words
        assert "+7916" not in words


def test_every_error_that_is_told_exists() -> None:
    known = {type(error).__name__ for error in every_kafka_error()}
    assert not set(reasons._OF_KAFKA) - known


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (kafka.errors.KafkaTimeoutError("x"), "Kafka did not answer in time"),
        (aiokafka.errors.NodeNotReadyError("x"), "no broker of Kafka can be reached"),
        (kafka.errors.InvalidTopicError("x"), "Kafka refuses it (INVALID_TOPIC)"),
        (
            NotStoredError("Kafka did not store it within 30 s", "y"),
            "Kafka did not store it within",
        ),
        (StoreUnavailable("PostgreSQL is away"), "PostgreSQL is away"),
        (ConnectionRefusedError(111, "Connection refused"), "connection refused"),
    ],
)
def test_the_words(error: BaseException, words: str) -> None:
    assert in_words(error).startswith(words)
