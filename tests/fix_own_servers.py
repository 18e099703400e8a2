"""Servers of one module alone, for tests that kill them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from inbound.local.servers.postgres import PostgresServer
from tests.ram_disk import server_folder

# kafka-python is imported when the first test needs it: that takes a while, and it warns.
if TYPE_CHECKING:
    from inbound.local.servers.kafka import KafkaServer


@dataclass(frozen=True, slots=True)
class OwnServers:
    """Servers of one module alone, because it kills them."""

    postgres: PostgresServer
    kafka: KafkaServer


@pytest.fixture(scope="module")
def own_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnServers]:
    """Servers that the tests of a module may kill."""
    from inbound.local.servers.kafka import KafkaServer
    from inbound.local.servers.kafka_listeners import OPEN

    with (
        server_folder("own", tmp_path_factory.mktemp("own-servers")) as folder,
        ExitStack() as stack,
        ThreadPoolExecutor(2) as threads,
    ):
        postgres = PostgresServer(folder / "postgres", settings={"fsync": "off"})
        kafka = KafkaServer(folder / "kafka", heap_mb=256, listener=OPEN)
        for server in (postgres, kafka):
            stack.callback(server.stop)
        for started in (threads.submit(postgres.start), threads.submit(kafka.start)):
            started.result()
        yield OwnServers(postgres, kafka)
