"""The gateway process: the binds to the SMS centres, what they deliver, and what they submit.

deliver_sm -> `Arrivals` -> sms.mo.v1, sms.receipts.v1
sms.mt.* -> `Lanes` -> `Sender` -> submit_sm -> `ResultPublisher` -> sms.receipts.v1

When a part fails for good the process ends and is restarted. Kafka delivers again what was
fetched and not finished.
"""

import asyncio
import logging
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaProducer

from inbound.clock import utc_now
from inbound.deadletter.writing import DeadLetterWriter
from inbound.gateway.ability import SendingAbility
from inbound.gateway.arrival_storage import Storage
from inbound.gateway.backlog import LagReader
from inbound.gateway.binds import Binds
from inbound.gateway.rate_sharing import REPORT_VALID_FOR
from inbound.gateway.result_watch import ResultWatch
from inbound.kafka.connection import KafkaConnection
from inbound.keys import SubjectHasher
from inbound.ops.health import Health
from inbound.ops.instance import new_instance_name
from inbound.settings import Settings
from inbound.store.bind_reports import BindReports
from inbound.store.claims.port import Claims
from inbound.store.receipts.overdue import OverdueReceipts
from inbound.store.transactions.port import Store
from inbound.templates.catalogue import Catalogue
from schemas.topics import TopicNames
from streams.groups import WORKER_GROUP
from streams.outbox.encoding import Encoder
from streams.outbox.lanes import Lanes, new_consumer
from streams.outbox.membership import LaneMembership
from streams.outbox.offsets import OffsetTracker
from streams.outbox.queues import Queues
from streams.outbox.recording import ResultRecorder
from streams.outbox.results import ResultPublisher
from streams.outbox.sender import Sender, SenderSettings
from streams.outbox.unreadable import UnreadableRecords

log = logging.getLogger(__name__)

REFUSE_AFTER_MS = 5_000
"""Longer than a broker needs to restart, and shorter than SMS centres wait for an answer."""

LEAVE_WITHIN_S = 2.0
"""How long the end of the process waits for the group of the gateways."""

_PRODUCER: dict[str, Any] = {
    "acks": "all",
    "linger_ms": 0,
    "retry_backoff_ms": 50,
    "max_batch_size": 131_072,
}


class Gateway:
    """Wires the parts; `run` until cancelled."""

    def __init__(
        self,
        settings: Settings,
        catalogue: Catalogue,
        store: Store,
        claims: Claims,
        reports: BindReports,
        overdue: OverdueReceipts,
        health: Health,
        *,
        hasher: SubjectHasher,
    ) -> None:
        self._settings = settings
        self._hasher = hasher
        self._catalogue = catalogue
        self._store = store
        self._claims = claims
        self._reports = reports
        self._overdue = overdue
        self._health = health
        self._name = new_instance_name()

    async def run(self) -> None:
        """Serve until cancelled, then finish what is in flight and unbind."""
        kafka = self._settings.kafka()
        producer, arriving = new_producer(kafka), new_arrivals_producer(kafka)
        try:
            await producer.start()
            await arriving.start()
            await self._serve(producer, arriving)
        finally:
            await producer.stop()
            await arriving.stop()
            await self._store.close()
            await self._claims.close()
            await self._reports.close()
            await self._overdue.close()

    async def _serve(self, producer: AIOKafkaProducer, arriving: AIOKafkaProducer) -> None:
        settings = self._settings
        names = TopicNames.prefixed(settings.topic_prefix)
        for topic in (names.mo, names.receipts):
            # Otherwise the first MO would wait for the metadata, and block its bind.
            await arriving.partitions_for(topic)
        lag = LagReader(
            settings.kafka(),
            settings.topic_prefix + WORKER_GROUP,
            (names.mo, names.receipts),
            settings.kafka_partitions,
        )
        offsets, queues = OffsetTracker(), Queues(utc_now)
        dead_letters = DeadLetterWriter(self._store, settings.dead_letter_limits(), self._health)
        binds = Binds(
            settings,
            Storage(arriving, dead_letters.store, settings.kafka_partitions),
            self._hasher,
            self._reports,
            self._overdue,
            self._health,
            gateway=self._name,
            oldest_waiting_s=queues.oldest_waiting_s,
        )
        outlets = binds.outlets
        recorder = ResultRecorder(self._claims, sum(bind.window for bind in outlets))
        results = ResultPublisher(
            producer,
            self._name,
            names.receipts,
            recorder,
            dead_letters.store,
            clock=utc_now,
            new_id=uuid4,
        )
        sender = Sender(
            outlets,
            queues,
            Encoder(self._catalogue, settings.sender),
            self._claims,
            results,
            offsets,
            SenderSettings(gateway=self._name, max_attempts=settings.max_attempts),
            clock=utc_now,
        )

        def new_lanes() -> Lanes:
            return Lanes(
                new_consumer(settings.kafka(), settings.topic_prefix),
                *(sender, offsets, names.lanes, self._health),
                UnreadableRecords(dead_letters, offsets),
            )

        ability = SendingAbility(
            binds.sending, lambda: self._reports.another_sends(self._name, REPORT_VALID_FOR)
        )
        lanes = LaneMembership(new_lanes, ability, self._health)
        # Not in the group: these outlive the others, so that messages in flight are still
        # finished and answered, and their results published.
        sending = asyncio.create_task(sender.run())
        binding = asyncio.create_task(binds.run())
        publishing = asyncio.create_task(results.run())
        await lag.start()
        measuring = asyncio.create_task(binds.backlog.watch(lag))
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(lanes.run())
                group.create_task(ResultWatch(results, self._health).run())
                group.create_task(_fail_with(sending))
                group.create_task(_fail_with(binding))
                group.create_task(_fail_with(publishing))
                group.create_task(_fail_with(measuring))
        finally:
            await lanes.stop(LEAVE_WITHIN_S)
            sending.cancel()
            await asyncio.wait([sending])
            await binds.close()
            await results.drain()
            for task in (binding, publishing, measuring):
                task.cancel()
            await lag.stop()


async def _fail_with(task: asyncio.Task[None]) -> None:
    """Raise what `task` raises, without cancelling it when the waiting is cancelled."""
    await asyncio.shield(task)


def new_producer(kafka: KafkaConnection) -> AIOKafkaProducer:
    """Return the producer of submit results, not started.

    Not idempotent: after one refused record aiokafka's idempotent producer leaves a gap in its
    sequence numbers, and the broker refuses everything that follows. Consumers recognise a record
    that is stored twice because of that.
    """
    return AIOKafkaProducer(**kafka.client_arguments(), request_timeout_ms=10_000, **_PRODUCER)


def new_arrivals_producer(kafka: KafkaConnection) -> AIOKafkaProducer:
    """Return the producer of MOs and receipts, not started: it stores them soon or fails.

    An MO that waited here through an outage would be stored after the centre had given up and
    delivered it again: a second request. aiokafka's idempotent producer never gives up, so this
    one isn't idempotent either. A record that its retries store twice has one id, by which
    consumers recognise it, and one request at a time keeps the order.
    """
    return AIOKafkaProducer(
        **kafka.client_arguments(),
        request_timeout_ms=REFUSE_AFTER_MS,
        **_PRODUCER,
    )
