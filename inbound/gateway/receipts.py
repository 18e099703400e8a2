"""Delivery receipts on their way to `sms.receipts.v1`: what a receipt says, without whose it is.

Receipts gather while the previous record is on its way, so that the load itself sets the
batch size: a receipt comes for every part of every message, and each record costs the
worker as much as a hundred receipts in it.
"""

import asyncio
import re
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import DefaultPartitioner

from inbound.keys import SubjectHasher
from inbound.smpp.address import parse_subscriber
from inbound.smpp.pdu import DataSm, DeliverSm
from inbound.smpp.receipts import Receipt
from schemas.cloudevents import Attributes, to_headers
from schemas.messages import ReceiptReceived, ReceiptsReceived, ReceiptState
from schemas.topics import PARTITIONS

LIMIT = 5000
"""Receipts that may wait for Kafka; beyond them the socket is read no more."""

PER_RECORD = 500
"""Receipts in one record at most: about 150 KB, well below what a broker accepts."""

_PARTITIONS = list(range(PARTITIONS))
_partition_of = DefaultPartitioner()
_LIKE_A_NUMBER = re.compile("[0-9]{7}")

_Waiting = tuple[ReceiptReceived, asyncio.Future[None]]


class ReceiptPublisher:
    """Publishes the receipts of one bind. Works by itself while there is something to do."""

    def __init__(
        self,
        producer: AIOKafkaProducer,
        topic: str,
        *,
        clock: Callable[[], datetime],
        new_id: Callable[[], UUID],
    ) -> None:
        self._producer = producer
        self._topic = topic
        self._clock = clock
        self._new_id = new_id
        self._waiting: list[_Waiting] = []
        self._publishing: asyncio.Task[None] | None = None
        self._room = asyncio.Event()
        self._room.set()

    async def publish(self, receipt: ReceiptReceived) -> asyncio.Future[None]:
        """Queue a receipt; the future is done once Kafka has it, or fails as Kafka did.

        Blocks while `LIMIT` receipts wait.
        """
        await self._room.wait()
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((receipt, stored))
        if len(self._waiting) >= LIMIT:
            self._room.clear()
        if self._publishing is None:
            self._publishing = asyncio.create_task(self._publish_all())
        return stored

    async def _publish_all(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                self._room.set()
                by_partition: defaultdict[int, list[_Waiting]] = defaultdict(list)
                for one in batch:
                    by_partition[_partition(one[0].key)].append(one)
                await asyncio.gather(
                    *(
                        self._store(partition, waiting[start : start + PER_RECORD])
                        for partition, waiting in by_partition.items()
                        for start in range(0, len(waiting), PER_RECORD)
                    )
                )
        finally:
            self._publishing = None

    async def _store(self, partition: int, waiting: list[_Waiting]) -> None:
        receipts = ReceiptsReceived(receipts=tuple(receipt for receipt, _ in waiting))
        attributes = Attributes(id=str(self._new_id()), type=receipts.TYPE, time=self._clock())
        failure: Exception | None = None
        try:
            await self._producer.send_and_wait(
                self._topic,
                receipts.to_json(),
                partition=partition,
                headers=to_headers(attributes),
            )
        except Exception as error:  # noqa: BLE001 — whatever it is, the centre keeps them
            failure = error
        for _, stored in waiting:
            if stored.done():
                continue
            if failure is None:
                stored.set_result(None)
            else:
                stored.set_exception(failure)


def to_message(
    pdu: DeliverSm | DataSm,
    receipt: Receipt,
    hasher: SubjectHasher,
    *,
    centre: str,
    bind: str,
    per_message: bool,
    arrived_at: datetime,
) -> ReceiptReceived | None:
    """Return what is published of a receipt; None when it can't lead to a message.

    It can't without an id, a state, and the number of the phone: an id alone might be that
    of a message to somebody else.
    """
    number = _phone(pdu)
    if number is None or receipt.state is None or not receipt.message_ids:
        return None
    error = receipt.error
    return ReceiptReceived(
        key=hasher.hash(number).hex(),
        centre=centre,
        bind=bind,
        message_ids=receipt.message_ids,
        state=ReceiptState(receipt.state.name.lower()),
        final=receipt.final,
        per_message=per_message or None,
        # It goes into events for ever, and no code of a network is so long.
        error=None if error is None or _LIKE_A_NUMBER.search(error) else error,
        done_at=receipt.done_at,
        arrived_at=arrived_at,
    )


def _phone(pdu: DeliverSm | DataSm) -> str | None:
    """Return the phone's number: the source, or the destination where a centre swaps none."""
    return parse_subscriber(pdu.source_addr_ton, pdu.source_addr) or parse_subscriber(
        pdu.dest_addr_ton, pdu.destination_addr
    )


def _partition(key: str) -> int:
    """Return the partition that Kafka's own partitioner gives the person's other records."""
    partition: int = _partition_of(key.encode(), _PARTITIONS, _PARTITIONS)
    return partition
