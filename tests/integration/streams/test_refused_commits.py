"""A commit that Kafka refuses is made again, on a real Kafka with a real Faust app.

Faust takes it for made. Without another record its partition would be called pending for ever,
although all its records were processed.
"""

import asyncio
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any

import pytest
from aiokafka.errors import CommitFailedError

from inbound.deadletter.isolation import BatchProcessor, FailedRecord
from inbound.freshness.backlog import BacklogReader
from inbound.freshness.model import PendingWork
from inbound.gateway.process import new_producer
from inbound.kafka import admin
from inbound.kafka.connection import KafkaConnection
from inbound.kafka.decoding import TopicRecord
from inbound.settings import Settings
from schemas.topics import PARTITIONS, TopicNames
from streams.app import WorkerApp
from streams.groups import WORKER_GROUP
from streams.progress import PartitionProgress
from tests.fix_servers import SharedKafka
from tests.patience import PATIENCE_S

PARTITION = 3


def refuse_once(app: WorkerApp) -> asyncio.Event:
    """Have the next commit fail as in a rebalance; the event says that it did."""
    consumer: Any = app._app.consumer
    inner = consumer._thread._ensure_consumer()
    commit, refused = inner.commit, asyncio.Event()
    loop = asyncio.get_running_loop()

    async def refusing(offsets: object) -> None:
        inner.commit = commit
        loop.call_soon_threadsafe(refused.set)
        raise CommitFailedError("the group has already rebalanced")  # as aiokafka says it

    inner.commit = refusing
    return refused


async def test_a_refused_commit_is_made_again(kafka_server: SharedKafka) -> None:
    names = TopicNames.prefixed(prefix := f"refused-{token_hex(4)}.")
    broker = KafkaConnection(kafka_server.bootstrap)
    await asyncio.to_thread(admin.apply, broker, names.specs(), replication_factor=1)
    got: asyncio.Queue[TopicRecord] = asyncio.Queue()

    async def process(records: Iterable[TopicRecord]) -> None:
        for record in records:
            got.put_nowait(record)

    async def set_aside(failed: Iterable[FailedRecord]) -> None:
        pytest.fail(f"set aside {failed}")

    processor = BatchProcessor(process, set_aside)
    settings = Settings(kafka_bootstrap_servers=kafka_server.bootstrap, topic_prefix=prefix)
    app = WorkerApp(settings, processor, processor, processor, PartitionProgress(time.monotonic))
    topics = {PendingWork.RESULTS: names.receipts}
    backlog = BacklogReader(broker, prefix + WORKER_GROUP, topics, lambda: datetime.now(UTC))
    producer = new_producer(broker)
    await producer.start()
    await app.start()
    try:
        async with asyncio.timeout(PATIENCE_S):
            while len(await app.partition_ends() or ()) < 3 * PARTITIONS:  # noqa: ASYNC110 — no signal
                await asyncio.sleep(0.05)
            refused = refuse_once(app)
            await producer.send_and_wait(names.receipts, b"a result", partition=PARTITION)
            assert (await got.get()).partition == PARTITION
            await refused.wait()
            while (await backlog.ask()).oldest != {}:  # noqa: ASYNC110 — no signal
                await asyncio.sleep(0.1)
    finally:
        await app.stop()
        await producer.stop()
        await backlog.close()
