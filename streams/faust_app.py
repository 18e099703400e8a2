"""The Faust app of `scserv worker`, without tables and what a start would wait for them.

The only module that imports Faust; `TP` is its pair of topic and partition.
"""

import logging
from collections.abc import Callable
from typing import Any, Final

import faust
import mode
from faust.tables.manager import TableManager
from faust.types import TP

from inbound.kafka.connection import KafkaConnection
from inbound.settings import Settings
from schemas.topics import PARTITIONS
from streams.groups import (
    HEARTBEAT_INTERVAL_S,
    METADATA_MAX_AGE_MS,
    SESSION_TIMEOUT_S,
    WORKER_GROUP,
)

__all__ = ["TP", "TablelessApp", "make_app"]

POLL_SHARE: Final = 5
"""Faust stops fetching a partition when a buffer is four fifths full. What it has fetched by then
has to fit into the rest: at a full buffer it would stop the topics of the other agents, too."""


class TablelessApp(faust.App):
    """An app without tables, and without a folder for them."""

    logger = logging.getLogger("faust.app")  # a library's: by its module it would be ours

    def _create_directories(self) -> None:
        """Make none: they are for tables, and there are none."""

    def add_agent(self, name: str, topic: Any, process: Callable[[Any], Any]) -> None:  # noqa: ANN401
        """Add an agent as `agent` does, which looks through all modules for its source line."""
        self.agents[name] = faust.Agent(
            process, app=self, name=name, channel=topic, on_error=self._on_agent_error
        )


class _NoTables(TableManager):
    """Faust waits a second for tables that are added while the app starts: here come none."""

    logger = logging.getLogger("faust.tables")

    async def on_start(self) -> None:
        await self._update_channels()
        await self.recovery.start()


def make_app(settings: Settings) -> TablelessApp:
    """Return the app of the worker, without agents. It connects to nothing yet."""
    kafka = settings.kafka()
    return TablelessApp(
        settings.topic_prefix + WORKER_GROUP,
        broker=[f"aiokafka://{server}" for server in kafka.servers],
        broker_credentials=_credentials(kafka),
        store="memory://",
        TableManager=_NoTables,
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
        broker_max_poll_records=max(1, settings.batch_size // POLL_SHARE),
        stream_buffer_maxsize=settings.batch_size,
        stream_wait_empty=False,
        producer_linger=0,
        loghandlers=[],
        worker_redirect_stdouts=False,
    )


def _credentials(kafka: KafkaConnection) -> faust.types.auth.CredentialsT | None:
    context = kafka.tls_context() if kafka.uses_tls else None
    if kafka.uses_sasl:
        return faust.SASLCredentials(
            username=kafka.user,
            password=kafka.password,
            ssl_context=context,
            mechanism=kafka.sasl_mechanism,
        )
    return faust.SSLCredentials(context) if context else None
