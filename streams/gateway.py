"""The gateway process: one bind to the SMS centre, and all that hangs on it.

deliver_sm -> `Arrivals` -> sms.mo.v1; lanes -> `Sender` -> submit_sm -> `ResultPublisher`
-> sms.receipts.v1. When a part of it fails for good the process ends and is restarted:
what was taken and not finished comes again from Kafka.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Callable
from datetime import datetime
from uuid import uuid4

from aiokafka import AIOKafkaProducer

from inbound.keys import SubjectHasher
from inbound.ops.health import Health
from inbound.settings import Settings
from inbound.smpp.esme import BindSettings, Esme, EsmeState
from inbound.smpp.esme import Health as BindHealth
from inbound.store.port import Claims
from inbound.templates.catalogue import Catalogue
from schemas.topics import TopicNames
from streams.arrivals import Arrivals
from streams.clock import utc_now
from streams.encoding import Encoder
from streams.lanes import Lanes, new_consumer
from streams.offsets import OffsetTracker
from streams.results import ResultPublisher
from streams.sender import Sender, SenderSettings

log = logging.getLogger(__name__)


class Gateway:
    """Wires the parts; `run` until cancelled."""

    def __init__(
        self,
        settings: Settings,
        catalogue: Catalogue,
        claims: Claims,
        health: Health,
        *,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._settings = settings
        self._catalogue = catalogue
        self._claims = claims
        self._health = health
        self._clock = clock
        self._name = f"{socket.gethostname()}-{os.getpid()}"

    async def run(self) -> None:
        """Serve until cancelled, then finish what is in flight and unbind."""
        producer = new_producer(self._settings.kafka_bootstrap_servers)
        await producer.start()
        try:
            await self._serve(producer)
        finally:
            await producer.stop()
            await self._claims.close()

    async def _serve(self, producer: AIOKafkaProducer) -> None:
        settings = self._settings
        names = TopicNames.prefixed(settings.topic_prefix)
        offsets = OffsetTracker()
        results = ResultPublisher(
            producer, self._name, names.receipts, clock=self._clock, new_id=uuid4
        )
        esme = Esme(
            _bind_settings(settings),
            self._arrivals(producer, names).on_request,
            on_change=self._on_bind,
        )
        sender = Sender(
            esme,
            self._claims,
            Encoder(self._catalogue, settings.sender, settings.smpp.alphabet),
            results,
            offsets,
            SenderSettings(
                centre=settings.smpp.centre,
                bind=settings.smpp.bind,
                gateway=self._name,
                window=settings.smpp.window,
                max_attempts=settings.max_attempts,
            ),
            clock=self._clock,
        )
        consumer = new_consumer(settings.kafka_bootstrap_servers, settings.topic_prefix)
        lanes = Lanes(consumer, sender, offsets, names.lanes, self._health)
        # Not in the group: these outlive the others, so that what was sent before the end
        # still gets its answer, and its result is still published.
        links = asyncio.create_task(esme.run())
        publishing = asyncio.create_task(results.run())
        try:
            await consumer.start()
            async with asyncio.TaskGroup() as group:
                group.create_task(sender.run())
                group.create_task(lanes.run())
                group.create_task(_fail_with(links))
                group.create_task(_fail_with(publishing))
        finally:
            await lanes.stop()
            await esme.close()
            await results.drain()
            for task in (links, publishing):
                task.cancel()

    def _arrivals(self, producer: AIOKafkaProducer, names: TopicNames) -> Arrivals:
        smpp = self._settings.smpp
        return Arrivals(
            producer,
            SubjectHasher(self._settings.subject_key_bytes()),
            centre=smpp.centre,
            bind=smpp.bind,
            alphabet=smpp.alphabet,
            topic=names.mo,
            clock=self._clock,
            new_id=uuid4,
        )

    def _on_bind(self, bind: BindHealth) -> None:
        smpp = self._settings.smpp
        reason = f"{smpp.bind} to {smpp.host}:{smpp.port}: {bind.reason}"
        self._health.set("bind", bind.state is EsmeState.BOUND, reason)


async def _fail_with(task: asyncio.Task[None]) -> None:
    """Raise what `task` raises, without cancelling it when the waiting is cancelled."""
    await asyncio.shield(task)


def new_producer(bootstrap: str) -> AIOKafkaProducer:
    """Return the producer of texts and results, not started: idempotent, all replicas."""
    return AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        acks="all",
        enable_idempotence=True,
        linger_ms=0,
        request_timeout_ms=10_000,
        retry_backoff_ms=50,
        max_batch_size=131_072,
    )


def _bind_settings(settings: Settings) -> BindSettings:
    smpp = settings.smpp
    return BindSettings(
        smpp.host,
        smpp.port,
        smpp.system_id,
        smpp.password.get_secret_value(),
        system_type=smpp.system_type,
        window=smpp.window,
        rate=smpp.rate,
        enquire_link_s=smpp.enquire_link_s,
        response_timeout_s=smpp.response_timeout_s,
        reconnect_min_s=smpp.reconnect_min_s,
        reconnect_max_s=smpp.reconnect_max_s,
    )
