"""The built-in centre with real phones and a real bind of the service."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from inbound.local.simulator.faults import NoFaults, Proceed
from inbound.local.simulator.phone import Phone, RefusedError
from inbound.local.simulator.server import Simulator, SimulatorAccount, SimulatorSettings
from inbound.smpp.errors import BindRefusedError, LinkError
from inbound.smpp.pdu import (
    BindPdu,
    BindReceiver,
    BindTransceiver,
    BindTransmitter,
    DeliverSm,
    DeliverSmResp,
    RequestPdu,
    ResponsePdu,
    SubmitSm,
)
from inbound.smpp.segmentation import split
from inbound.smpp.session import Answer, Session, SessionRole, SessionSettings
from inbound.smpp.status import Status
from tests.patience import PATIENCE_S

FEDERAL = "+79086228779"
NUMBER = "+79161234567"
ACCOUNT = SimulatorAccount("scserv", "sesame12", FEDERAL)
SETTINGS = SimulatorSettings(port=0, accounts=(ACCOUNT,), retry_s=0.01)
LONG = "Очень длинный ответ, который никак не поместится в одну часть сообщения. " * 3

Handler = Callable[[RequestPdu[Any], Session], Awaitable[Answer]]


class Service:
    """What the service's bind received, and how it answers."""

    def __init__(self) -> None:
        self.got: asyncio.Queue[DeliverSm] = asyncio.Queue()
        self.statuses: list[int] = []

    async def on_request(self, request: RequestPdu[Any], _session: Session) -> ResponsePdu:
        assert isinstance(request, DeliverSm)
        status = self.statuses.pop(0) if self.statuses else 0
        self.got.put_nowait(request)
        answer: DeliverSmResp = request.answer(status)
        return answer

    async def next(self) -> DeliverSm:
        async with asyncio.timeout(PATIENCE_S):
            return await self.got.get()


@asynccontextmanager
async def bound(
    port: int,
    handler: Handler,
    bind_type: type[BindPdu] = BindTransceiver,
    system_id: str = "scserv",
    password: str = ACCOUNT.password,
) -> AsyncIterator[Session]:
    loop = asyncio.get_running_loop()
    settings = SessionSettings(enquire_link_s=0, window=100)
    _, session = await loop.create_connection(
        lambda: Session(SessionRole.ESME, settings, handler), "127.0.0.1", port
    )
    await session.bind(bind_type(system_id=system_id, password=password))
    try:
        yield session
    finally:
        await session.unbind()


@pytest.fixture
async def centre() -> AsyncIterator[Simulator]:
    async with Simulator(SETTINGS) as centre:
        yield centre


def reply(text: str, to: str = NUMBER, reference: int = 7, **fields: Any) -> list[SubmitSm]:
    return [
        SubmitSm(
            source_addr_ton=5,
            source_addr="SCSERV",
            dest_addr_ton=1,
            dest_addr_npi=1,
            destination_addr=to[1:],
            esm_class=segment.esm_class,
            data_coding=segment.data_coding,
            short_message=segment.short_message,
            **fields,
        )
        for segment in split(text, reference)
    ]


async def test_a_text_reaches_the_service_and_the_reply_the_phone(centre: Simulator) -> None:
    service = Service()
    async with (
        bound(centre.port, service.on_request) as session,
        Phone("127.0.0.1", centre.port, NUMBER) as phone,
    ):
        (message_id,) = await phone.text("CLIENT info")
        assert message_id
        got = await service.next()
        assert (got.source_addr_ton, got.source_addr) == (1, NUMBER[1:])
        assert got.destination_addr == FEDERAL[1:]
        assert got.short_message == b"CLIENT info"
        for pdu in reply(LONG):
            assert (await session.send(pdu)).status == 0
        message = await phone.receive()
        assert (message.sender, message.text, message.parts) == ("SCSERV", LONG, 4)
        assert LONG not in repr(message)


async def test_parts_reach_the_service_untouched(centre: Simulator) -> None:
    service = Service()
    async with (
        bound(centre.port, service.on_request),
        Phone("127.0.0.1", centre.port, NUMBER) as phone,
    ):
        ids = await phone.text(LONG)
        got = [await service.next() for _ in ids]
        assert [pdu.short_message for pdu in got] == [
            segment.short_message for segment in split(LONG, 1)
        ]
        assert {(pdu.esm_class, pdu.data_coding) for pdu in got} == {(0x40, 8)}


async def test_parts_of_two_messages_do_not_mix(centre: Simulator) -> None:
    async with (
        bound(centre.port, Service().on_request) as session,
        Phone("127.0.0.1", centre.port, NUMBER) as phone,
    ):
        first, second = reply("а" * 100), reply("б" * 100)
        for pdu in second:
            pdu.source_addr = "OTHER"
        for pdu in itertools.chain.from_iterable(zip(first, reversed(second), strict=True)):
            await session.send(pdu)
        texts = {(message := await phone.receive()).sender: message.text for _ in range(2)}
        assert texts == {"SCSERV": "а" * 100, "OTHER": "б" * 100}


async def test_parts_of_two_messages_from_one_sender_do_not_mix(centre: Simulator) -> None:
    async with (
        bound(centre.port, Service().on_request) as session,
        Phone("127.0.0.1", centre.port, NUMBER) as phone,
    ):
        messages = reply("а" * 100, reference=7), reply("б" * 100, reference=8)
        for pdu in itertools.chain.from_iterable(zip(*messages, strict=True)):
            await session.send(pdu)
        assert [(await phone.receive()).text for _ in range(2)] == ["а" * 100, "б" * 100]


async def test_a_temporary_error_is_tried_again_in_order(centre: Simulator) -> None:
    service = Service()
    service.statuses = [Status.ESME_RX_T_APPN, Status.ESME_RX_T_APPN]
    async with (
        bound(centre.port, service.on_request),
        Phone("127.0.0.1", centre.port, NUMBER) as phone,
    ):
        for number in range(3):
            await phone.text(f"{number}")
        got = [(await service.next()).short_message for _ in range(5)]
        assert got == [b"0", b"0", b"0", b"1", b"2"]


async def test_a_refused_message_does_not_hold_up_the_next(centre: Simulator) -> None:
    service = Service()
    service.statuses = [Status.ESME_RX_P_APPN]
    async with (
        bound(centre.port, service.on_request),
        Phone("127.0.0.1", centre.port, NUMBER) as phone,
    ):
        await phone.text("0")
        await phone.text("1")
        assert [(await service.next()).short_message for _ in range(2)] == [b"0", b"1"]
    stats = centre.queue("scserv").stats
    assert (stats.refused, stats.delivered, stats.retried) == (1, 1, 0)


async def test_messages_wait_for_the_service_and_survive_its_loss(centre: Simulator) -> None:
    async with Phone("127.0.0.1", centre.port, NUMBER) as phone:
        for number in range(3):
            await phone.text(f"{number}")
        assert centre.queue("scserv").size == 3
        taken = asyncio.Event()

        async def take_and_say_nothing(_request: RequestPdu[Any], _session: Session) -> None:
            taken.set()

        async with bound(centre.port, take_and_say_nothing) as session:
            await taken.wait()
            session.abort("killed")
        service = Service()
        async with bound(centre.port, service.on_request):
            got = [(await service.next()).short_message for _ in range(3)]
        assert got == [b"0", b"1", b"2"]


async def test_unreachable_phone_does_not_delay_others(centre: Simulator) -> None:
    got: asyncio.Queue[bytes] = asyncio.Queue()

    async def handler(request: RequestPdu[Any], _session: Session) -> Answer:
        assert isinstance(request, DeliverSm)
        got.put_nowait(request.short_message)
        return None if request.source_addr == NUMBER[1:] else request.answer()

    async with (
        bound(centre.port, handler) as session,
        Phone("127.0.0.1", centre.port, NUMBER) as silent,
        Phone("127.0.0.1", centre.port, "+79160000000") as other,
    ):
        await silent.text("first")
        await silent.text("held back: the first is not answered")
        await other.text("other")
        assert [await got.get(), await got.get()] == [b"first", b"other"]
        session.abort("the test ends")


async def test_several_binds_share_and_directions_are_kept(centre: Simulator) -> None:
    receiver, transmitter = Service(), Service()
    async with (
        bound(centre.port, transmitter.on_request, BindTransmitter) as sending,
        bound(centre.port, receiver.on_request, BindReceiver),
        Phone("127.0.0.1", centre.port, NUMBER) as phone,
    ):
        await phone.text("CLIENT info")
        await receiver.next()
        assert (await sending.send(reply("ok")[0])).status == 0
        assert (await phone.receive()).text == "ok"
        assert transmitter.got.empty()


async def test_full_delivery_queue_refuses() -> None:
    async with (
        Simulator(SimulatorSettings(port=0, accounts=(ACCOUNT,), delivery_queue_limit=2)) as centre,
        Phone("127.0.0.1", centre.port, NUMBER) as phone,
    ):
        await phone.text("1")
        await phone.text("2")
        with pytest.raises(RefusedError) as caught:
            await phone.text("3")
        assert caught.value.status == Status.ESME_RMSGQFUL


async def test_what_is_sent_to_a_phone_that_is_off_waits_within_a_limit() -> None:
    settings = SimulatorSettings(port=0, accounts=(ACCOUNT,), kept_limit=2)
    async with (
        Simulator(settings) as centre,
        bound(centre.port, Service().on_request) as session,
    ):
        for text in ("1", "2", "3"):
            assert (await session.send(reply(text)[0])).message_id
        assert centre.stats.dropped == 1
        async with Phone("127.0.0.1", centre.port, NUMBER) as phone:
            assert [(await phone.receive()).text for _ in range(2)] == ["2", "3"]


async def test_a_range_stands_for_many_phones(centre: Simulator) -> None:
    service = Service()
    async with (
        bound(centre.port, service.on_request) as session,
        Phone("127.0.0.1", centre.port, "+7900*") as phones,
    ):
        await phones.text("CLIENT info", source="+79001112233")
        assert (await service.next()).source_addr == "79001112233"
        await session.send(reply("ok", to="+79001112233")[0])
        assert (await phones.receive()).recipient == "79001112233"
        with pytest.raises(RefusedError, match="ESME_RINVSRCADR"):
            await phones.text("CLIENT info", source="+79161112233")


async def test_phone_can_only_send_from_its_own_number(centre: Simulator) -> None:
    async with Phone("127.0.0.1", centre.port, NUMBER) as phone:
        with pytest.raises(RefusedError, match="ESME_RINVSRCADR"):
            await phone.text("CLIENT info", source="+79160000000")


@pytest.mark.parametrize(
    ("system_id", "password", "status"),
    [
        ("scserv", "wrong", Status.ESME_RINVPASWD),
        ("nobody", "sesame12", Status.ESME_RINVSYSID),
        ("phone", "", Status.ESME_RBINDFAIL),
    ],
)
async def test_invalid_binds_are_refused(
    centre: Simulator, system_id: str, password: str, status: int
) -> None:
    with pytest.raises(BindRefusedError) as caught:
        async with bound(centre.port, Service().on_request, system_id=system_id, password=password):
            pass
    assert caught.value.status == status
    assert "sesame12" not in repr(centre.settings)


async def test_a_rate_throttles() -> None:
    account = SimulatorAccount("scserv", "sesame12", FEDERAL, rate=0.001)
    async with (
        Simulator(SimulatorSettings(port=0, accounts=(account,))) as centre,
        bound(centre.port, Service().on_request) as session,
    ):
        assert (await session.send(reply("1")[0])).status == 0
        assert (await session.send(reply("2")[0])).status == Status.ESME_RTHROTTLED
        assert centre.stats.throttled == 1


async def test_a_receipt_comes_when_it_was_asked_for() -> None:
    service = Service()
    async with (
        Simulator(SETTINGS, ids=iter(["00a1", "00a2", "00a3"]), wall_clock=lambda: 0.0) as centre,
        bound(centre.port, service.on_request) as session,
        Phone("127.0.0.1", centre.port, NUMBER) as phone,
    ):
        await session.send(reply("without")[0])
        await session.send(reply("with", registered_delivery=1)[0])
        assert [(await phone.receive()).text for _ in range(2)] == ["without", "with"]
        receipt = await service.next()
        assert receipt.esm_class == 0x04
        assert (receipt.source_addr, receipt.destination_addr) == (NUMBER[1:], "SCSERV")
        assert dict(receipt.tlvs) == {0x001E: b"00a2\0", 0x0427: b"\2"}
        assert receipt.short_message == (
            b"id:00a2 sub:001 dlvrd:001 submit date:7001010000"
            b" done date:7001010000 stat:DELIVRD err:000 text:"
        )


async def test_fault_object_sees_every_message() -> None:
    class Throttle(NoFaults):
        async def on_submit(self, pdu: SubmitSm, session: Session, proceed: Proceed) -> Answer:
            if pdu.short_message == b"no":
                return pdu.answer(Status.ESME_RTHROTTLED)
            return await proceed(pdu, session)

        def on_deliver(self, pdu: DeliverSm, session: Session) -> None:
            if pdu.short_message == b"cut":
                session.abort("a fault script cut the link")

    async with (
        Simulator(SETTINGS, faults=Throttle()) as centre,
        bound(centre.port, Service().on_request) as session,
        Phone("127.0.0.1", centre.port, NUMBER) as phone,
    ):
        with pytest.raises(RefusedError, match="ESME_RTHROTTLED"):
            await phone.text("no")
        await phone.text("cut")
        await session.wait_closed()
        assert centre.queue("scserv").size == 1


async def test_a_phone_notices_the_end_of_the_centre() -> None:
    async with Simulator(SETTINGS) as centre:
        phone = await Phone("127.0.0.1", centre.port, NUMBER).__aenter__()
        listening = asyncio.ensure_future(_all(phone))
    assert await listening == []
    with pytest.raises(LinkError, match="the peer unbound"):
        await phone.receive()
    await phone.__aexit__()


async def _all(phone: Phone) -> list[str]:
    return [message.text async for message in phone.received()]
