"""Publishes delivery receipts to `sms.receipts.v1`, without the number they came from.

In batches, because a receipt comes for every part of every message, and a record costs the
worker as much as a hundred receipts in it. A receipt that Kafka does not take is refused with
a temporary error, so the SMS centre delivers it again.
"""

import asyncio
import re
from collections.abc import Callable
from datetime import datetime
from functools import partial
from uuid import UUID

from aiokafka import AIOKafkaProducer

from inbound.kafka.batching import BatchPolicy, BatchPublisher, OnFailure
from inbound.keys import SubjectHasher
from inbound.smpp.message_ids import without_quotes
from inbound.smpp.receipts import Receipt
from schemas.messages import ReceiptReceived, ReceiptsReceived, ReceiptState
from schemas.partitions import partition_of
from schemas.topics import PARTITIONS

LIMIT = 5000
"""The most receipts that may be unfinished; beyond that the bind's socket is not read."""

PER_RECORD = 500
"""The most receipts in one record: about 150 KB, well below what a broker accepts."""

LONGEST_ANSWER = 500
"""The most characters of the network's answer about a number; the rest is cut off."""

SealAnswer = Callable[[bytes, bytes], bytes]
"""Seals the network's answer about the number with this hash."""

_LIKE_A_NUMBER = re.compile("[0-9]{7}")


class ReceiptPublisher:
    """Publishes the receipts of one bind; `run` until cancelled."""

    def __init__(
        self,
        producer: AIOKafkaProducer,
        topic: str,
        *,
        partitions: int = PARTITIONS,
        clock: Callable[[], datetime],
        new_id: Callable[[], UUID],
    ) -> None:
        """`partitions` is how many the topic has."""
        self.topic = topic
        self._partitions = partitions
        self._batches: BatchPublisher[ReceiptReceived] = BatchPublisher(
            producer,
            BatchPolicy(topic, PER_RECORD, OnFailure.REPORT, LIMIT),
            lambda receipts: ReceiptsReceived(receipts=tuple(receipts)),
            clock=clock,
            new_id=new_id,
        )

    async def publish(self, receipt: ReceiptReceived) -> asyncio.Future[None]:
        """Queue a receipt; the future is done once Kafka has it, or fails as Kafka did.

        Blocks while the queue is full: then the bind's socket is not read.
        """
        await self._batches.room()
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        partition = partition_of(receipt.key.encode(), self._partitions)
        self._batches.add(partition, receipt, partial(_finish, stored))
        return stored

    async def run(self) -> None:
        """Publish until cancelled."""
        await self._batches.run()


def _finish(stored: asyncio.Future[None], failure: BaseException | None) -> None:
    if stored.done():  # its waiter has been cancelled
        return
    if failure is None:
        stored.set_result(None)
    else:
        stored.set_exception(failure)


def to_message(
    receipt: Receipt,
    number: str | None,
    hasher: SubjectHasher,
    *,
    centre: str,
    bind: str,
    per_message: bool,
    arrived_at: datetime,
    seal_answer: SealAnswer | None = None,
) -> ReceiptReceived | None:
    """Return the message to publish for a receipt, None when it can't be matched to an MT.

    `seal_answer` is set if the centre is asked about numbers; otherwise answers are discarded.

    Matching needs an id, a state and the `number` of the phone: the id alone might be that of a
    message to somebody else.
    """
    if number is None or receipt.state is None or not receipt.message_ids:
        return None
    error, number_hash = receipt.error, hasher.hash(number)
    answer = receipt.answer[:LONGEST_ANSWER].encode("ascii", "replace")
    return ReceiptReceived(
        key=number_hash.hex(),
        centre=centre,
        bind=bind,
        message_ids=tuple(without_quotes(id_, number) for id_ in receipt.message_ids),
        state=ReceiptState(receipt.state.name.lower()),
        final=receipt.final,
        per_message=per_message or None,
        # Events keep it for ever; a real network error code is shorter.
        error=None if error is None or _LIKE_A_NUMBER.search(error) else error,
        done_at=receipt.done_at,
        answer=seal_answer(answer, number_hash) if seal_answer and answer else None,
        arrived_at=arrived_at,
    )
