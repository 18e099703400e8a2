"""What watching the disks of Kafka leaves behind."""

import gc
import threading
import weakref

import pytest

from inbound.kafka import disks
from inbound.kafka.connection import KafkaConnection
from tests.patience import PATIENCE_S


class _Client:
    """In a cycle with itself, as clients of kafka-python are with their metrics."""

    def __init__(self) -> None:
        self.myself = self


def test_no_client_outlives_its_question(monkeypatch: pytest.MonkeyPatch) -> None:
    is_gone = threading.Event()

    def measure(_: KafkaConnection) -> None:
        weakref.finalize(_Client(), is_gone.set)

    monkeypatch.setattr(disks, "measure", measure)
    gc.disable()
    try:
        disks.watch(KafkaConnection("127.0.0.1:1"), every_s=10 * PATIENCE_S)
        assert is_gone.wait(PATIENCE_S)
    finally:
        gc.enable()
