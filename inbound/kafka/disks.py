"""How full the disks of Kafka's brokers are, as reported by the brokers (KIP-827)."""

import gc
import logging
import threading
from collections.abc import Iterable, Mapping
from typing import Any, Final

from inbound.errors import SetupError
from inbound.kafka.connection import KafkaConnection
from inbound.ops import metrics

log = logging.getLogger(__name__)

EVERY_S: Final = 60.0


def watch(kafka: KafkaConnection, every_s: float = EVERY_S) -> None:
    """Export the free share of each broker's fullest disk every `every_s`, in a daemon thread."""

    def look_forever() -> None:
        pause, was_refused = threading.Event(), False
        while True:
            try:
                measure(kafka)
                was_refused = False
            except SetupError as error:
                if not was_refused:
                    log.info("the disks of Kafka are not watched: %s", error)
                was_refused = True
            # A closed client is thousands of objects in cycles. The collector, which runs rarely
            # in a role, would leave them for more than an hour.
            gc.collect()
            pause.wait(every_s)

    threading.Thread(target=look_forever, name="watch disks of Kafka", daemon=True).start()


def measure(kafka: KafkaConnection) -> None:
    """Ask each broker once. Blocks for some seconds at most; raises `SetupError`."""
    # Imported here: it imports all of kafka-python.
    from inbound.kafka import admin

    for one in admin.describe_disks(kafka):
        free = free_share(one["log_dirs"])
        if free is not None:
            metrics.DISK_FREE.set(free, {"server": f"kafka {one['broker']}"})


def free_share(folders: Iterable[Mapping[str, Any]]) -> float | None:
    """Return the free share of the fullest disk, None if the broker does not say it.

    A disk that has failed counts as full: its folder has an error and no size.
    """
    shares = [
        0.0 if one["error_code"] else one["usable_bytes"] / one["total_bytes"]
        for one in folders
        if one["error_code"] or one["total_bytes"] > 0
    ]
    return min(shares, default=None)
