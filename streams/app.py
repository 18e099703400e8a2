"""The Faust app of `scserv worker`: two agents, each a batch at a time.

Agents only decode, call and ack: the decisions are pure and the transaction is in the
store. `noack_take`, because `take` acks a batch whose processing raised; a crashing
supervisor, because noack never delivers again until the process restarts. No table, no
web server, no exactly_once: nothing here is authoritative.
"""

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import faust
import mode

from inbound.deadletter.isolation import BatchProcessor
from inbound.kafka.decoding import TopicRecord
from inbound.settings import Settings
from schemas.topics import PARTITIONS, TopicNames
from streams.groups import HEARTBEAT_INTERVAL_S, METADATA_MAX_AGE_MS, SESSION_TIMEOUT_S
from streams.progress import Progress

log = logging.getLogger(__name__)

GROUP = "scserv-worker"

# What a record of results holds under load: fewer than it may.
RESULTS_PER_RECORD = 50


class _TablelessApp(faust.App):
    def _create_directories(self) -> None:
        """Make none: they are for tables, and there are none."""


def make_app(
    settings: Settings,
    commands: BatchProcessor,
    delivery: BatchProcessor,
    progress: Progress,
) -> faust.App:
    """Return the app, not started. Topics must exist; offsets are committed after acks."""
    names = TopicNames.prefixed(settings.topic_prefix)
    servers = settings.kafka_bootstrap_servers.split(",")
    app = _TablelessApp(
        settings.topic_prefix + GROUP,
        broker=[f"aiokafka://{server.strip()}" for server in servers],
        store="memory://",
        agent_supervisor=mode.CrashingSupervisor,
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        topic_partitions=PARTITIONS,
        consumer_auto_offset_reset="earliest",
        consumer_metadata_max_age_ms=METADATA_MAX_AGE_MS,
        broker_session_timeout=SESSION_TIMEOUT_S,
        broker_heartbeat_interval=HEARTBEAT_INTERVAL_S,
        broker_commit_interval=0.5,
        broker_max_poll_records=settings.batch_size,
        stream_buffer_maxsize=settings.batch_size,
        stream_wait_empty=False,
        producer_linger=0,
        loghandlers=[],
        worker_redirect_stdouts=False,
    )
    # A batch is one transaction, whether its results stand in many records or in few.
    results_at_once = max(1, settings.batch_size // RESULTS_PER_RECORD)
    agents = (
        (names.mo, commands, settings.batch_size),
        (names.receipts, delivery, results_at_once),
    )
    for name, processor, at_once in agents:
        topic = app.topic(name, key_type=bytes, key_serializer="raw", value_serializer="raw")
        app.agent(topic, name=name)(_agent(processor, at_once, settings.batch_wait_s, progress))
    return app


def _agent(
    processor: BatchProcessor, at_once: int, wait_s: float, progress: Progress
) -> Callable[[Any], Any]:
    async def process(stream: Any) -> AsyncIterator[None]:  # noqa: ANN401 — Faust has no types
        async for events in stream.noack_take(at_once, within=wait_s):
            await processor([_record(event) for event in events])
            for event in events:
                await stream.ack(event)
            progress.processed(_last_of_each_partition(events))
            yield

    return process


def _record(event: Any) -> TopicRecord:  # noqa: ANN401
    message = event.message
    return TopicRecord(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        key=message.key,
        value=message.value or b"",
        headers=_pairs(message.headers),
    )


def _pairs(headers: Any) -> Sequence[tuple[str, bytes]]:  # noqa: ANN401
    pairs = headers.items() if isinstance(headers, dict) else headers or ()
    return [(name, value or b"") for name, value in pairs]


def _last_of_each_partition(events: Sequence[Any]) -> dict[tuple[str, int], int]:
    return {
        (event.message.topic, event.message.partition): event.message.offset for event in events
    }
