import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import cast
from uuid import uuid4

import pytest

from inbound.clock import utc_now
from inbound.gateway.arrival_storage import Storage
from inbound.gateway.arrivals import Arrivals, ArrivalSettings
from inbound.gateway.receipts import ReceiptPublisher
from inbound.gateway.stalls import REFUSE_S, STALL_S, StallDetector
from inbound.keys import IndexKey, SubjectHasher
from inbound.smpp.pdu import DeliverSm, ResponsePdu
from inbound.smpp.session import Session
from inbound.smpp.status import Status
from schemas.topics import TopicNames
from tests.set_aside import SetAside
from tests.unit.streams.outbox.line import Line


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Producer:
    """Takes everything at once."""

    def __init__(self) -> None:
        self.stored: list[object] = []

    async def send(self, *record: object, **_: object) -> "asyncio.Future[None]":
        self.stored.append(record)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_an_idle_process_that_is_watched_stands_not_still(clock: Clock) -> None:
    detector = StallDetector(clock)
    for _ in range(100):
        clock.now += STALL_S * 0.9
        assert not detector.just_stalled()


def test_it_is_over_once_the_sockets_have_been_read(clock: Clock) -> None:
    detector = StallDetector(clock)
    clock.now += STALL_S + 1
    assert detector.just_stalled()
    clock.now += REFUSE_S / 2
    assert detector.just_stalled()
    clock.now += REFUSE_S
    assert not detector.just_stalled()


def _arrivals(
    producer: Producer, clock: Clock, heard: Callable[[], datetime | None] = lambda: None
) -> Arrivals:
    return Arrivals(
        Storage(producer, SetAside()),
        ReceiptPublisher(producer, "receipts", clock=utc_now, new_id=uuid4),
        SubjectHasher(IndexKey(bytes(32))),
        settings=ArrivalSettings("gateway-1", "main", "main-1", TopicNames().mo),
        stalls=StallDetector(clock),
        clock=utc_now,
        heard=heard,
        new_id=uuid4,
    )


async def test_a_stall_while_the_time_of_a_text_is_read_is_noticed(clock: Clock) -> None:
    producer = Producer()

    def stall() -> None:
        clock.now += STALL_S + 1

    arrivals = _arrivals(producer, clock, stall)
    text = DeliverSm(source_addr_ton=1, source_addr="79161234567", short_message=b"CLIENT info")
    answer = await arrivals.on_request(text, cast("Session", Line()))
    assert isinstance(answer, ResponsePdu)
    assert answer.status == Status.ESME_RX_T_APPN
    assert not producer.stored


async def test_a_text_that_lay_there_is_left_to_the_centre(clock: Clock) -> None:
    producer = Producer()
    arrivals = _arrivals(producer, clock)
    line = Line()

    async def status() -> int | None:
        text = DeliverSm(source_addr_ton=1, source_addr="79161234567", short_message=b"CLIENT info")
        answer = await arrivals.on_request(text, cast("Session", line))
        if isinstance(answer, asyncio.Future):
            answer = await answer
        assert answer is None or isinstance(answer, ResponsePdu)
        return answer.status if answer else None

    clock.now += STALL_S + 1
    assert await status() == Status.ESME_RX_T_APPN
    assert not producer.stored
    clock.now += REFUSE_S + 0.1
    assert await status() == Status.ESME_ROK
    assert len(producer.stored) == 1
    line.left = True
    assert await status() is None, "the centre sees no answer, and delivers it again"
    assert len(producer.stored) == 1
