"""What a receipt says goes to Kafka in batches, without whose it is."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, cast
from uuid import uuid4

import pytest
from aiokafka.errors import KafkaTimeoutError, MessageSizeTooLargeError

from inbound.gateway import arrival_storage, receipts
from inbound.gateway.arrival_storage import Storage
from inbound.gateway.arrivals import Arrivals, ArrivalSettings
from inbound.gateway.dialect import CentreDialect
from inbound.gateway.receipts import ReceiptPublisher
from inbound.gateway.stalls import StallDetector
from inbound.keys import IndexKey, SubjectHasher
from inbound.smpp.message_ids import IdForm
from inbound.smpp.pdu import DataSm, DataSmResp, DeliverSm, ResponsePdu
from inbound.smpp.receipts import TLV_MESSAGE_STATE, TLV_RECEIPTED_MESSAGE_ID
from inbound.smpp.session import Session
from inbound.smpp.status import Status
from inbound.smpp.user_data import TLV_MESSAGE_PAYLOAD
from schemas.cloudevents import TYPE_PREFIX, header
from schemas.messages import MobileOriginated, ReceiptReceived, ReceiptsReceived, ReceiptState
from schemas.topics import TopicNames
from tests.set_aside import SetAside
from tests.unit.streams.outbox.line import Line

NOON = datetime(2024, 5, 17, 12, tzinfo=UTC)
NUMBER = "79161234567"
NAMES = TopicNames()
PLACE = ArrivalSettings("gateway-1", "main", "main-1", NAMES.mo)
HASHER = SubjectHasher(IndexKey(bytes(32)))
SESSION = cast("Session", Line())
TEXT = b"id:0A1 sub:001 dlvrd:001 submit date:2405171200 done date:2405171501 stat:DELIVRD err:000"


class Kafka:
    """Keeps records; `gate` holds them up, `failure` refuses them."""

    def __init__(self) -> None:
        self.records: list[tuple[str, int | None, bytes, Any]] = []
        self.failure: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.publishing: list[asyncio.Task[None]] = []
        self.set_aside = SetAside()

    async def send(
        self,
        topic: str,
        value: bytes,
        _key: bytes = b"",
        *,
        headers: Any,
        partition: int | None = None,
    ) -> "asyncio.Task[None]":
        self.records.append((topic, partition, value, headers))
        return asyncio.create_task(self._store())

    async def _store(self) -> None:
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure

    def receipts(self) -> list[ReceiptReceived]:
        assert {topic for topic, *_ in self.records} <= {NAMES.receipts}
        batches = [ReceiptsReceived.model_validate_json(value) for _, _, value, _ in self.records]
        return [one for batch in batches for one in batch.receipts]


@pytest.fixture
async def kafka() -> AsyncIterator[Kafka]:
    kafka = Kafka()
    yield kafka
    for task in kafka.publishing:
        task.cancel()
    await asyncio.gather(*kafka.publishing, return_exceptions=True)


@pytest.fixture
async def arrivals(kafka: Kafka) -> Arrivals:
    return arrivals_at(kafka, PLACE)


def arrivals_at(kafka: Kafka, place: ArrivalSettings) -> Arrivals:
    publisher = ReceiptPublisher(kafka, NAMES.receipts, clock=lambda: NOON, new_id=uuid4)
    kafka.publishing.append(asyncio.create_task(publisher.run()))
    return Arrivals(
        Storage(kafka, kafka.set_aside),
        publisher,
        HASHER,
        settings=place,
        stalls=StallDetector(),
        clock=lambda: NOON,
        heard=lambda: None,
        new_id=uuid4,
    )


def receipt(**fields: Any) -> DeliverSm:
    values: dict[str, Any] = {
        "source_addr_ton": 1,
        "source_addr": NUMBER,
        "dest_addr_ton": 5,
        "destination_addr": "SCSERV",
        "esm_class": 0x04,
        "short_message": TEXT,
    }
    return DeliverSm(**(values | fields))


async def answer(arrivals: Arrivals, pdu: DeliverSm | DataSm) -> ResponsePdu:
    given = await arrivals.on_request(pdu, SESSION)
    return await given if isinstance(given, asyncio.Future) else given  # type: ignore[return-value]


async def test_what_a_receipt_says_without_whose_it_is(arrivals: Arrivals, kafka: Kafka) -> None:
    assert (await answer(arrivals, receipt())).status == Status.ESME_ROK
    [one] = kafka.receipts()
    assert one.key == HASHER.hash(f"+{NUMBER}").hex()
    assert one.message_ids[:2] == ("0A1", "a1")
    assert (one.state, one.final, one.error) == (ReceiptState.DELIVERED, True, "000")
    assert one.done_at == datetime(2024, 5, 17, 15, 1)  # noqa: DTZ001 — centres name no zone
    assert (one.centre, one.bind, one.arrived_at) == ("main", "main-1", NOON)
    [(_, _, value, headers)] = kafka.records
    assert NUMBER.encode() not in value
    assert header(headers, "ce_type") == TYPE_PREFIX + ReceiptsReceived.TYPE


async def test_it_is_read_as_this_centre_writes_it(kafka: Kafka) -> None:
    place = PLACE._replace(dialect=CentreDialect(receipt_ids=IdForm.HEXADECIMAL), per_message=True)
    [one] = await published(kafka, place)
    assert (one.message_ids, one.per_message) == (("161",), True)
    kafka.records.clear()
    [one] = await published(kafka, PLACE)
    assert ("161" in one.message_ids, one.per_message) == (True, None)


async def test_a_text_may_come_by_data_sm_among_tlvs_that_nobody_knows(kafka: Kafka) -> None:
    pdu = DataSm(
        source_addr_ton=1,
        source_addr=NUMBER,
        data_coding=8,
        tlvs=((0x1402, b"vendor"), (TLV_MESSAGE_PAYLOAD, b"\x04\x16"), (0x3FFF, b"")),
    )
    assert isinstance(await answer(arrivals_at(kafka, PLACE), pdu), DataSmResp)
    [(_, _, value, _)] = kafka.records
    text = MobileOriginated.model_validate_json(value)
    assert (text.source, text.payload, text.data_coding) == (f"+{NUMBER}", b"\x04\x16", 8)


async def test_a_data_coding_means_what_the_bind_says(kafka: Kafka) -> None:
    place = PLACE._replace(dialect=CentreDialect(data_codings={4: 3}))
    for data_coding in 4, 8:
        await answer(arrivals_at(kafka, place), receipt(esm_class=0, data_coding=data_coding))
    texts = [MobileOriginated.model_validate_json(value) for _, _, value, _ in kafka.records]
    assert [text.data_coding for text in texts] == [3, 8]


async def published(kafka: Kafka, place: ArrivalSettings) -> list[ReceiptReceived]:
    await answer(arrivals_at(kafka, place), receipt())
    return kafka.receipts()


@pytest.mark.parametrize(
    "pdu",
    [
        receipt(
            source_addr_ton=5,
            source_addr="SCSERV",
            dest_addr_ton=1,
            destination_addr=NUMBER,
        ),
        receipt(
            esm_class=0,
            short_message=b"",
            tlvs=((TLV_RECEIPTED_MESSAGE_ID, b"0A1\0"), (TLV_MESSAGE_STATE, b"\x02")),
        ),
        DataSm(
            source_addr_ton=1,
            source_addr=NUMBER,
            esm_class=0x04,
            tlvs=((TLV_RECEIPTED_MESSAGE_ID, b"0A1\0"), (TLV_MESSAGE_STATE, b"\x02")),
        ),
    ],
    ids=["addresses not swapped", "TLVs alone", "data_sm"],
)
async def test_receipts_of_other_shapes(
    arrivals: Arrivals, kafka: Kafka, pdu: DeliverSm | DataSm
) -> None:
    assert (await answer(arrivals, pdu)).status == Status.ESME_ROK
    [one] = kafka.receipts()
    assert one.key == HASHER.hash(f"+{NUMBER}").hex()
    assert one.message_ids[0] == "0A1"


async def test_an_intermediate_notification_is_not_final(arrivals: Arrivals, kafka: Kafka) -> None:
    await answer(arrivals, receipt(esm_class=0x20))
    assert [one.final for one in kafka.receipts()] == [False]


@pytest.mark.parametrize(
    "pdu",
    [
        receipt(short_message=b"CLIENT info"),
        receipt(short_message=b"id:1 stat:WONDERFUL"),
        receipt(short_message=b"stat:DELIVRD"),
        receipt(source_addr_ton=5, source_addr="BANK"),
        receipt(esm_class=0x08),
        receipt(esm_class=0x10),
    ],
    ids=["a text", "no state", "no id", "no number", "by the phone", "by its user"],
)
async def test_what_leads_to_no_message_is_answered_and_left(
    arrivals: Arrivals, kafka: Kafka, pdu: DeliverSm
) -> None:
    assert (await answer(arrivals, pdu)).status == Status.ESME_ROK
    assert kafka.records == []


async def test_an_error_that_looks_like_a_number_is_left_out(
    arrivals: Arrivals, kafka: Kafka
) -> None:
    await answer(arrivals, receipt(short_message=TEXT.replace(b"err:000", b"err:" + b"79161234")))
    assert kafka.receipts()[0].error is None


async def test_the_answer_waits_for_kafka_and_receipts_gather(
    arrivals: Arrivals, kafka: Kafka
) -> None:
    kafka.gate.clear()
    answers = [await arrivals.on_request(receipt(), SESSION) for _ in range(100)]
    await asyncio.sleep(0)
    assert not any(isinstance(one, asyncio.Future) and one.done() for one in answers)
    kafka.gate.set()
    await asyncio.gather(*(one for one in answers if isinstance(one, asyncio.Future)))
    assert len(kafka.receipts()) == 100
    assert len(kafka.records) <= 2
    await answer(arrivals, receipt())
    assert len(kafka.receipts()) == 101


async def test_receipts_of_one_person_stand_in_one_partition(
    arrivals: Arrivals, kafka: Kafka
) -> None:
    for n in range(40):
        await answer(arrivals, receipt(source_addr=f"791612345{n:02d}"))
        await answer(arrivals, receipt(source_addr=f"791612345{n:02d}"))
    partitions = [partition for _, partition, _, _ in kafka.records]
    assert partitions[::2] == partitions[1::2]
    assert len(set(partitions)) > 4


async def test_what_kafka_does_not_take_the_centre_keeps(arrivals: Arrivals, kafka: Kafka) -> None:
    kafka.failure = KafkaTimeoutError()
    assert (await answer(arrivals, receipt())).status == Status.ESME_RX_T_APPN
    kafka.failure = None
    assert (await answer(arrivals, receipt())).status == Status.ESME_ROK


async def test_a_full_queue_stops_the_reading(
    arrivals: Arrivals, kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receipts, "LIMIT", 2)
    arrivals = arrivals_at(kafka, PLACE)
    kafka.gate.clear()
    for _ in range(2):
        await arrivals.on_request(receipt(), SESSION)
    third = asyncio.ensure_future(arrivals.on_request(receipt(), SESSION))
    await asyncio.sleep(0)
    assert not third.done(), "two are in flight"
    kafka.gate.set()
    given = await third
    assert isinstance(given, asyncio.Future)
    assert (await given).status == Status.ESME_ROK
    assert len(kafka.receipts()) == 3


TEXT_MO = DeliverSm(source_addr_ton=1, source_addr=NUMBER, short_message=b"CLIENT info")


async def answer_to(arrivals: Arrivals, pdu: DeliverSm) -> int:
    answer = await arrivals.on_request(pdu, SESSION)
    assert isinstance(answer, asyncio.Future)
    return int((await answer).status)


@pytest.mark.parametrize("pdu", [TEXT_MO, receipt()], ids=["text", "receipt"])
async def test_what_kafka_never_takes_is_set_aside_and_answered(
    arrivals: Arrivals, kafka: Kafka, pdu: DeliverSm
) -> None:
    kafka.failure = MessageSizeTooLargeError()
    assert await answer_to(arrivals, pdu) == Status.ESME_ROK
    [letter] = kafka.set_aside.letters
    assert letter.payload == kafka.records[-1][2]
    assert letter.key == HASHER.hash(f"+{NUMBER}").hex().encode()
    assert letter.number_hash == HASHER.hash(f"+{NUMBER}")
    assert [name for name, _ in letter.headers if name == "ce_id"]


async def test_a_text_that_was_refused_with_others_is_stored_alone(
    arrivals: Arrivals, kafka: Kafka
) -> None:
    kafka.failure = MessageSizeTooLargeError()
    kafka.gate.clear()
    answer = await arrivals.on_request(TEXT_MO, SESSION)
    assert isinstance(answer, asyncio.Future)
    kafka.gate.set()
    while len(kafka.records) < 2:
        await asyncio.sleep(0)
        if len(kafka.records) == 2:
            kafka.failure = None
    assert (await answer).status == Status.ESME_ROK
    assert not kafka.set_aside.letters
    assert kafka.records[0] == kafka.records[1]


@pytest.mark.parametrize("pdu", [TEXT_MO, receipt()], ids=["text", "receipt"])
async def test_the_centre_keeps_it_while_nothing_can_store_it(
    arrivals: Arrivals, kafka: Kafka, pdu: DeliverSm
) -> None:
    kafka.failure, kafka.set_aside.away = MessageSizeTooLargeError(), True
    assert await answer_to(arrivals, pdu) == Status.ESME_RX_T_APPN


async def test_the_centre_is_answered_in_time(
    kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(arrival_storage, "SET_ASIDE_WITHIN_S", 0.001)
    monkeypatch.setattr(kafka, "set_aside", hang)
    kafka.failure = MessageSizeTooLargeError()
    assert await answer_to(arrivals_at(kafka, PLACE), TEXT_MO) == Status.ESME_RX_T_APPN
