"""Messages that an SMS centre delivers to a bind, read as far as Kafka."""

import asyncio
from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import uuid4

from inbound.clock import utc_now
from inbound.gateway.arrival_storage import Storage
from inbound.gateway.arrivals import Arrivals, ArrivalSettings
from inbound.gateway.dialect import CentreDialect, Delivered
from inbound.gateway.receipts import ReceiptPublisher
from inbound.gateway.stalls import StallDetector
from inbound.kafka.decoding import TopicRecord
from inbound.keys import IndexKey, SubjectHasher
from inbound.parsers.commands import parse
from inbound.smpp.leniency import Leniency, Treatment
from inbound.smpp.pdu import DeliverSm, DeliverSmResp
from inbound.smpp.session import SessionSettings
from schemas.events import Command
from schemas.messages import ReceiptReceived, ReceiptsReceived
from schemas.topics import TopicNames
from streams.commands.texts import ReceivedText, read_text
from tests.set_aside import SetAside
from tests.unit.smpp.peer import esme_session

NAMES = TopicNames()
HASHER = SubjectHasher(IndexKey(bytes(32)))
NUMBER = "+79161234567"
INFO = b"CLIENT info"
DELIVER = 0x05


class Kafka:
    """Keeps what was stored, by topic."""

    def __init__(self) -> None:
        self.stored: list[tuple[str, bytes, Any]] = []

    async def send(
        self, topic: str, value: bytes, *_: Any, headers: Any, **__: Any
    ) -> asyncio.Future[None]:
        self.stored.append((topic, value, headers))
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        stored.set_result(None)
        return stored

    def texts(self) -> list[ReceivedText]:
        return [
            read_text(TopicRecord(topic, 0, number, b"", value, headers))
            for number, (topic, value, headers) in enumerate(self.stored)
            if topic == NAMES.mo
        ]

    def receipts(self) -> list[ReceiptReceived]:
        batches = [value for topic, value, _ in self.stored if topic == NAMES.receipts]
        return [
            receipt
            for value in batches
            for receipt in ReceiptsReceived.model_validate_json(value).receipts
        ]


class Read(NamedTuple):
    """What happened to some PDUs."""

    statuses: list[int]
    kafka: Kafka
    noted: list[Leniency]
    refused: list[Leniency]

    @property
    def text(self) -> ReceivedText:
        (text,) = self.kafka.texts()
        return text

    @property
    def command(self) -> Command | None:
        return parse(self.text.body) if self.text.body is not None else None


async def deliver(
    *pdus: DeliverSm | bytes,
    dialect: Mapping[str, Any] = {},
) -> Read:
    """Deliver PDUs over a socket to a gateway's bind, and wait for the answers."""
    kafka = Kafka()
    noted: dict[Treatment, list[Leniency]] = {treatment: [] for treatment in Treatment}

    def note(leniency: Leniency, _pdu: Delivered, treatment: Treatment) -> None:
        noted[treatment].append(leniency)

    made = CentreDialect(**dialect, note=note)
    receipts = ReceiptPublisher(kafka, NAMES.receipts, clock=utc_now, new_id=uuid4)
    arrivals = Arrivals(
        Storage(kafka, SetAside()),
        receipts,
        HASHER,
        settings=ArrivalSettings("gateway-1", "main", "main-1", NAMES.mo, made),
        stalls=StallDetector(),
        clock=utc_now,
        heard=lambda: None,
        new_id=uuid4,
    )
    publishing = asyncio.create_task(receipts.run())
    settings = SessionSettings(enquire_link_s=0, strict=made.strict)
    try:
        async with esme_session(arrivals.on_request, settings) as (_, peer):
            peer.send(*pdus)
            answers = [await peer.read(DeliverSmResp) for _ in pdus]
    finally:
        publishing.cancel()
        await asyncio.gather(publishing, return_exceptions=True)
    statuses = [answer.status for answer in answers]
    return Read(statuses, kafka, noted[Treatment.TOLERATED], noted[Treatment.REFUSED])


def text(octets: bytes = INFO, **fields: Any) -> DeliverSm:
    values: dict[str, Any] = {
        "source_addr_ton": 1,
        "source_addr": "79161234567",
        "short_message": octets,
    }
    return DeliverSm(**(values | fields))
