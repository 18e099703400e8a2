"""From deliver_sm to `sms.mo.v1`: the centre gets its answer once Kafka has the text.

Positive only after all replicas acknowledged; a temporary error when the text could not
be stored, so that the centre keeps it and comes again.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from inbound.keys import SubjectHasher
from inbound.ops import telemetry
from inbound.smpp import segmentation
from inbound.smpp.address import subscriber
from inbound.smpp.pdu import DataSm, DeliverSm, Request, Response
from inbound.smpp.session import Answer, Session
from inbound.smpp.status import Status
from schemas.cloudevents import Attributes, to_headers
from schemas.messages import MobileOriginated, Part

log = logging.getLogger(__name__)

TYPE = "mo.received.v1"

# SMPP 3.4, 5.2.12: bits 5-2 of esm_class in a deliver_sm say what it is; 0 is a text.
_MESSAGE_TYPE = 0x3C


class Arrivals:
    """Stores what one bind delivers. `clock` and `new_id` are passed in for tests."""

    def __init__(
        self,
        producer: AIOKafkaProducer,
        hasher: SubjectHasher,
        *,
        centre: str,
        bind: str,
        alphabet: str,
        topic: str,
        clock: Callable[[], datetime],
        new_id: Callable[[], UUID],
    ) -> None:
        self._producer = producer
        self._hasher = hasher
        self._centre = centre
        self._bind = bind
        self._alphabet = alphabet
        self._topic = topic
        self._clock = clock
        self._new_id = new_id

    async def on_request(self, pdu: Request[Any], session: Session) -> Answer:
        """Store a deliver_sm or data_sm and return the answer to come.

        Blocks while the producer's buffer is full, which makes the session stop reading.
        A receipt (none is asked for) or another report is answered and left.
        """
        del session
        if not isinstance(pdu, DeliverSm | DataSm):
            refusal: Response = pdu.answer(Status.ESME_RINVCMDID)
            return refusal
        if pdu.esm_class & _MESSAGE_TYPE:
            return pdu.answer()
        mo = self._to_message(pdu)
        traceparent = telemetry.span(
            "deliver_sm", None, mo.arrived_at, mo.arrived_at, attributes=[("bind", self._bind)]
        )
        attributes = Attributes(
            id=str(mo.mo_id), type=TYPE, time=mo.arrived_at, traceparent=traceparent
        )
        try:
            stored = await self._producer.send(
                self._topic,
                mo.to_json(),
                self._key(mo),
                headers=to_headers(attributes),
            )
        except KafkaError as error:
            return self._refuse(pdu, error)
        answer: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        stored.add_done_callback(lambda done: self._answer(pdu, done, answer))
        return answer

    def _key(self, mo: MobileOriginated) -> bytes:
        # What can't be answered has no order to keep, and its key must not tell the sender.
        return (self._hasher.hash(mo.source) if mo.source else mo.mo_id.bytes).hex().encode()

    def _answer(
        self,
        pdu: DeliverSm | DataSm,
        stored: asyncio.Future[object],
        answer: asyncio.Future[Response],
    ) -> None:
        if answer.done():
            return
        error = asyncio.CancelledError() if stored.cancelled() else stored.exception()
        answer.set_result(pdu.answer() if error is None else self._refuse(pdu, error))

    def _refuse(self, pdu: DeliverSm | DataSm, error: BaseException) -> Response:
        log.warning(
            "bind %s: a text could not be stored (%s); the centre keeps it",
            self._bind,
            type(error).__name__,
        )
        return pdu.answer(Status.ESME_RX_T_APPN)

    def _to_message(self, pdu: DeliverSm | DataSm) -> MobileOriginated:
        part = segmentation.part_of(pdu)
        return MobileOriginated(
            mo_id=self._new_id(),
            centre=self._centre,
            bind=self._bind,
            source=subscriber(pdu.source_addr_ton, pdu.source_addr),
            destination=pdu.destination_addr,
            data_coding=pdu.data_coding,
            esm_class=pdu.esm_class,
            alphabet=self._alphabet,
            payload=part.body if part else segmentation.body_of(pdu),
            part=Part(
                reference=part.reference,
                width=part.width,
                total=part.total,
                sequence=part.sequence,
            )
            if part
            else None,
            arrived_at=self._clock(),
        )
