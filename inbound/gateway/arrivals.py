"""Publishes what an SMS centre delivers: MOs to `sms.mo.v1`, receipts to `sms.receipts.v1`.

The centre is answered once Kafka has decided: positively after all replicas acknowledged, with a
temporary error if the message was not stored, so that the centre delivers it again. A message that
Kafka will never accept becomes a dead letter, because the centre would deliver it for ever.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from aiokafka.errors import KafkaError

from inbound.errors import RetryableError
from inbound.gateway.arrival_storage import ArrivalRecord, Storage
from inbound.gateway.dialect import CentreDialect
from inbound.gateway.receipts import ReceiptPublisher, SealAnswer, to_message
from inbound.gateway.stalls import StallDetector
from inbound.kafka.batching import is_refusal
from inbound.keys import SubjectHasher
from inbound.ops import metrics, telemetry
from inbound.reasons import in_words
from inbound.smpp import receipts
from inbound.smpp.pdu import DataSm, DeliverSm, RequestPdu, ResponsePdu
from inbound.smpp.session import Answer, Session
from inbound.smpp.status import Status
from schemas.cloudevents import Attributes, to_headers
from schemas.messages import MobileOriginated, Part, ReceiptReceived, ReceiptsReceived

log = logging.getLogger(__name__)

PAYLOAD_MAX = 8_192
"""The most octets of a text.

A command padded to more than fifty messages is no command; without this limit a text could have 64
KB (SMPP 3.4, 5.3.2.32), and a backlog of them would fill Kafka's disk, or reach what a partition
keeps: Kafka would then delete accepted texts (`schemas.topics`). So it is no setting.
"""


class ArrivalSettings(NamedTuple):
    """What one bind delivers, and where it goes.

    `topic` is for MOs, `receipts_topic` for receipts; `per_message` says that one receipt stands
    for all parts of a message. `is_full` says, for a topic and a key, whether the workers are too
    far behind.
    """

    gateway: str
    centre: str
    bind: str
    topic: str
    dialect: CentreDialect = CentreDialect()
    per_message: bool = False
    receipts_topic: str = ""
    seal_answer: SealAnswer | None = None
    is_full: Callable[[str, str], bool] = lambda _topic, _key: False


class BacklogFullError(Exception):
    """The workers are too far behind: the SMS centre has to keep what it delivers."""


class Arrivals:
    """Handles the messages that one bind delivers.

    `heard` reads the clock that all gateways share.
    """

    def __init__(
        self,
        storage: Storage,
        receipts: ReceiptPublisher,
        hasher: SubjectHasher,
        *,
        settings: ArrivalSettings,
        stalls: StallDetector,
        clock: Callable[[], datetime],
        heard: Callable[[], datetime | None],
        new_id: Callable[[], UUID],
    ) -> None:
        self._storage = storage
        self._hasher = hasher
        self._receipts = receipts
        self._settings = settings
        self._dialect = settings.dialect
        self._stalls = stalls
        self._is_full = settings.is_full
        self._topic = settings.topic
        self._setting_aside: set[asyncio.Task[None]] = set()
        self._clock = clock
        self._heard = heard
        self._new_id = new_id

    async def on_request(self, pdu: RequestPdu[Any], session: Session) -> Answer:
        """Store a deliver_sm or data_sm and return the answer to come.

        Blocks while too many wait for Kafka, so the session stops reading. A message that is
        neither a text nor a readable receipt is answered and dropped. A text from a connection
        that the centre has closed is dropped: the centre delivers it again, and may have already.
        """
        if not isinstance(pdu, DeliverSm | DataSm):
            refusal: ResponsePdu = pdu.answer(Status.ESME_RINVCMDID)
            return refusal
        if receipts.message_type_of(pdu) is receipts.MessageType.TEXT:
            # Before the check: a stall between the two would make an old text look new.
            heard_at = self._heard()
            if self._stalls.just_stalled():
                return pdu.answer(Status.ESME_RX_T_APPN)
            return None if session.is_closed_by_peer() else await self._store_text(pdu, heard_at)
        receipt = self._dialect.read_receipt(pdu)
        return pdu.answer() if receipt is None else await self._store_receipt(pdu, receipt)

    async def _store_receipt(self, pdu: DeliverSm | DataSm, receipt: receipts.Receipt) -> Answer:
        message = to_message(
            receipt,
            self._dialect.phone_of(pdu),
            self._hasher,
            centre=self._settings.centre,
            bind=self._settings.bind,
            per_message=self._settings.per_message,
            seal_answer=self._settings.seal_answer,
            arrived_at=self._clock(),
        )
        if message is None:
            metrics.RECEIPTS.add(1, {"state": "unreadable"})
            return pdu.answer()
        if self._is_full(self._settings.receipts_topic, message.key):
            return self._refuse(pdu, BacklogFullError())
        metrics.RECEIPTS.add(1, {"state": message.state.value})
        stored = await self._receipts.publish(message)
        return self._answer_to(pdu, stored, lambda: self._receipt_record(message))

    async def _store_text(self, pdu: DeliverSm | DataSm, heard_at: datetime | None) -> Answer:
        mo = self._to_message(pdu, heard_at)
        key = self._key(mo)
        if self._is_full(self._topic, key):
            return self._refuse(pdu, BacklogFullError())
        traceparent = telemetry.span(
            "deliver_sm",
            None,
            mo.arrived_at,
            mo.arrived_at,
            attributes=[("bind", self._settings.bind)],
        )
        attributes = Attributes(
            id=str(mo.mo_id),
            type=MobileOriginated.TYPE,
            time=mo.arrived_at,
            traceparent=traceparent,
        )
        record = ArrivalRecord(
            mo.mo_id, self._topic, key.encode(), mo.to_json(), to_headers(attributes)
        )
        try:
            stored = await self._storage.send(record)
        except KafkaError as error:
            stored = asyncio.get_running_loop().create_future()
            stored.set_exception(error)
        return self._answer_to(pdu, stored, lambda: record)

    def _receipt_record(self, receipt: ReceiptReceived) -> ArrivalRecord:
        """Return the record of a receipt that Kafka has refused alone."""
        id_, content = self._new_id(), ReceiptsReceived(receipts=(receipt,))
        attributes = Attributes(id=str(id_), type=content.TYPE, time=receipt.arrived_at)
        key, value = receipt.key.encode(), content.to_json()
        return ArrivalRecord(
            id_, self._receipts.topic, key, value, to_headers(attributes), is_alone=True
        )

    def _key(self, mo: MobileOriginated) -> str:
        # Without a sender there is no order to keep, and no number to hash.
        return (self._hasher.hash(mo.source) if mo.source else mo.mo_id.bytes).hex()

    def _answer_to(
        self,
        pdu: DeliverSm | DataSm,
        stored: asyncio.Future[Any],
        record_of: Callable[[], ArrivalRecord],
    ) -> asyncio.Future[ResponsePdu]:
        """Return the answer, which follows from the outcome of `stored`."""
        answer: asyncio.Future[ResponsePdu] = asyncio.get_running_loop().create_future()
        stored.add_done_callback(lambda stored: self._answer(pdu, stored, record_of, answer))
        return answer

    def _answer(
        self,
        pdu: DeliverSm | DataSm,
        stored: asyncio.Future[Any],
        record_of: Callable[[], ArrivalRecord],
        answer: asyncio.Future[ResponsePdu],
    ) -> None:
        """Answer a message now that it is stored or not."""
        error = asyncio.CancelledError() if stored.cancelled() else stored.exception()
        if error is not None and is_refusal(error):
            task = asyncio.create_task(self._keep(pdu, record_of(), error, answer))
            self._setting_aside.add(task)
            task.add_done_callback(self._setting_aside.discard)
        elif not answer.done():
            answer.set_result(pdu.answer() if error is None else self._refuse(pdu, error))

    async def _keep(
        self,
        pdu: DeliverSm | DataSm,
        record: ArrivalRecord,
        refusal: BaseException,
        answer: asyncio.Future[ResponsePdu],
    ) -> None:
        """Store a message that Kafka has refused: alone, or else as a dead letter; answer it."""
        try:
            await self._storage.keep(record, refusal)
            response: ResponsePdu = pdu.answer()
        except (RetryableError, KafkaError, TimeoutError) as error:
            response = self._refuse(pdu, error)
        if not answer.done():
            answer.set_result(response)

    def _refuse(self, pdu: DeliverSm | DataSm, error: BaseException) -> ResponsePdu:
        log.warning(
            "bind %s: %s could not be stored (%s); the centre keeps it",
            self._settings.bind,
            "a text" if receipts.message_type_of(pdu) is receipts.MessageType.TEXT else "a receipt",
            in_words(error),
        )
        return pdu.answer(Status.ESME_RX_T_APPN)

    def _to_message(self, pdu: DeliverSm | DataSm, heard_at: datetime | None) -> MobileOriginated:
        text = self._dialect.read_text(pdu)
        is_too_long = len(text.payload) > PAYLOAD_MAX
        part = None if is_too_long else text.part
        return MobileOriginated(
            mo_id=self._new_id(),
            centre=self._settings.centre,
            bind=self._settings.bind,
            gateway=self._settings.gateway,
            source=text.source,
            destination=pdu.destination_addr,
            data_coding=text.data_coding,
            esm_class=pdu.esm_class,
            alphabet=self._dialect.alphabet,
            payload=b"" if is_too_long else text.payload,
            octets=len(text.payload) if is_too_long else None,
            part=Part(
                reference=part.reference,
                width=part.width,
                total=part.total,
                sequence=part.sequence,
            )
            if part
            else None,
            arrived_at=self._clock(),
            heard_at=heard_at,
        )
