"""The workers are far behind: what arrives stays with the SMS centre, and nothing is deleted."""

import asyncio
import logging
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError

from inbound.clock import utc_now
from inbound.gateway.arrival_storage import Storage
from inbound.gateway.arrivals import PAYLOAD_MAX, Arrivals, ArrivalSettings
from inbound.gateway.backlog import BacklogWatch, Behind, Lag
from inbound.gateway.receipts import ReceiptPublisher
from inbound.gateway.stalls import StallDetector
from inbound.keys import IndexKey, SubjectHasher
from inbound.ops import metrics
from inbound.ops.health import Health
from inbound.settings.quotas import QuotaSettings
from inbound.smpp.pdu import DeliverSm, ResponsePdu
from inbound.smpp.session import Session
from inbound.smpp.status import Status
from schemas.messages import MobileOriginated
from schemas.partitions import partition_of
from schemas.topics import PARTITION_BYTES, PARTITIONS, TopicNames
from tests.patience import PATIENCE_S
from tests.set_aside import SetAside

NAMES = TopicNames()
HASHER = SubjectHasher(IndexKey(bytes(32)))
CLIENT, OTHER = "+79161234567", "+79161234569"


def place_of(number: str, partitions: int = PARTITIONS) -> int:
    return partition_of(HASHER.hash(number).hex().encode(), partitions)


FULL = {(NAMES.mo, place_of(CLIENT)): Behind(10, 0)}


class Producer(AIOKafkaProducer):  # type: ignore[misc]  # untyped
    """Takes everything at once."""

    def __init__(self) -> None:
        self.stored: list[MobileOriginated] = []

    def __del__(self) -> None: ...

    async def send(self, topic: str, value: bytes, *_: Any, **__: Any) -> asyncio.Future[None]:
        self.stored.append(MobileOriginated.model_validate_json(value))
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        stored.set_result(None)
        return stored


class Line:
    def is_closed_by_peer(self) -> bool:
        return False


@pytest.fixture
def health() -> Health:
    return Health()


@pytest.fixture
def backlog(health: Health) -> BacklogWatch:
    return BacklogWatch({NAMES.mo: 10, NAMES.receipts: 5}, health)


def arrivals(producer: Producer, backlog: BacklogWatch) -> Arrivals:
    return Arrivals(
        Storage(producer, SetAside()),
        ReceiptPublisher(producer, NAMES.receipts, clock=utc_now, new_id=uuid4),
        HASHER,
        settings=ArrivalSettings(
            "gateway-1",
            "main",
            "main-1",
            NAMES.mo,
            receipts_topic=NAMES.receipts,
            is_full=backlog.is_full,
        ),
        stalls=StallDetector(),
        clock=utc_now,
        heard=lambda: None,
        new_id=uuid4,
    )


async def status(made: Arrivals, source: str = CLIENT, **fields: Any) -> int:
    values: dict[str, Any] = {
        "source_addr_ton": 1,
        "source_addr": source[1:],
        "short_message": b"CLIENT info",
    }
    answer = await made.on_request(DeliverSm(**(values | fields)), cast("Session", Line()))
    if isinstance(answer, asyncio.Future):
        async with asyncio.timeout(PATIENCE_S):
            answer = await answer
    assert isinstance(answer, ResponsePdu)
    return answer.status


async def test_a_text_for_a_full_partition_stays_with_the_centre(
    backlog: BacklogWatch, health: Health
) -> None:
    producer = Producer()
    made = arrivals(producer, backlog)
    assert place_of(OTHER) != place_of(CLIENT)
    backlog.note(dict.fromkeys(FULL, Behind(9, 0)))
    assert await status(made) == Status.ESME_ROK
    backlog.note(FULL)
    assert await status(made) == Status.ESME_RX_T_APPN
    assert await status(made, OTHER) == Status.ESME_ROK
    assert not health.ready().ok
    backlog.note(dict.fromkeys(FULL, Behind(0, 0)))
    assert await status(made) == Status.ESME_ROK
    assert health.ready().ok
    assert len(producer.stored) == 3


async def test_a_receipt_for_a_full_partition_stays_with_the_centre(backlog: BacklogWatch) -> None:
    made = arrivals(Producer(), backlog)
    backlog.note({(NAMES.receipts, n): Behind(5, 0) for n in range(8)})
    receipt = b"id:1 sub:001 dlvrd:001 submit date:2405171200 done date:2405171200 stat:DELIVRD"
    assert await status(made, esm_class=0x04, short_message=receipt) == Status.ESME_RX_T_APPN
    assert await status(made) == Status.ESME_ROK


async def test_the_last_measurement_counts_while_kafka_is_away(backlog: BacklogWatch) -> None:
    measured: Iterator[Lag | KafkaConnectionError] = iter([FULL, KafkaConnectionError()])
    done = asyncio.Event()

    async def measure() -> Lag:
        found = next(measured, None)
        if isinstance(found, KafkaConnectionError):
            raise found
        if found is None:
            done.set()
            await asyncio.Event().wait()
            raise AssertionError
        return found

    watching = asyncio.create_task(backlog.watch(measure, every_s=0))
    await done.wait()
    watching.cancel()
    assert backlog.is_full(NAMES.mo, HASHER.hash(CLIENT).hex())


def test_being_full_is_said_once(backlog: BacklogWatch, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        for lag in (FULL, FULL, {}, {}):
            backlog.note(lag)
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]


async def test_a_text_too_long_for_a_command_is_stored_without_its_payload(
    backlog: BacklogWatch,
) -> None:
    producer = Producer()
    made = arrivals(producer, backlog)
    for size in (PAYLOAD_MAX, PAYLOAD_MAX + 1, 60_000):
        # Part 1 of 2 by SAR parameters (SMPP 3.4, 5.3.2.22).
        tlvs = (0x0424, b"x" * size), (0x020C, b"\0\7"), (0x020E, b"\2"), (0x020F, b"\1")
        assert await status(made, short_message=b"", tlvs=tlvs) == Status.ESME_ROK
    assert [(len(mo.payload), mo.octets, mo.part is None) for mo in producer.stored] == [
        (PAYLOAD_MAX, None, False),
        (0, PAYLOAD_MAX + 1, True),
        (0, 60_000, True),
    ]


async def test_no_backlog_reaches_what_a_partition_keeps(backlog: BacklogWatch) -> None:
    """Kafka would delete texts that were accepted and not processed."""
    producer = Producer()
    made = arrivals(producer, backlog)
    payload = (0x0424, b"\xff" * PAYLOAD_MAX)
    await status(made, destination_addr="9" * 20, tlvs=(payload,), short_message=b"")
    record_bytes = len(producer.stored[0].to_json()) + 1_000  # headers and Kafka's own
    most = QuotaSettings.model_fields["mo_backlog"].metadata
    limit = next(bound.le for bound in most if hasattr(bound, "le"))
    assert limit * record_bytes < PARTITION_BYTES


def test_standing_counts_while_something_waits_and_nothing_is_processed(
    health: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, found = [0.0], []
    gauge = SimpleNamespace(
        set=lambda seconds, labels: found.append(seconds) if labels["topic"] == NAMES.mo else None
    )
    monkeypatch.setattr(metrics, "BACKLOG_STANDING", gauge)
    backlog = BacklogWatch({NAMES.mo: 10, NAMES.receipts: 5}, health, lambda: now[0])
    place, other = (NAMES.mo, 0), (NAMES.mo, 1)
    for lag in (
        {place: Behind(0, 7), other: Behind(0, 0)},
        {place: Behind(2, 7), other: Behind(0, 0)},  # they have just arrived
        {place: Behind(3, 7), other: Behind(5, 0)},
        {place: Behind(4, 7), other: Behind(5, 3)},  # the other partition moves
        {place: Behind(4, 8), other: Behind(5, 6)},
        {place: Behind(0, 12), other: Behind(5, 6)},
    ):
        backlog.note(lag)
        now[0] += 10
    assert found == [0, 0, 10, 20, 0, 10]
