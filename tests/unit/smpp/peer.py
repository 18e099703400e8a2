"""A peer that does only what the test says: reads and writes single PDUs over TCP."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from inbound.smpp.pdu import (
    BindPdu,
    BindTransceiver,
    DeliverSm,
    Pdu,
    RequestPdu,
    ResponsePdu,
    SubmitSm,
    decode,
    encode,
)
from inbound.smpp.session import OnLeniency, OnRequest, Session, SessionRole, SessionSettings
from tests.patience import PATIENCE_S

PduT = TypeVar("PduT", bound=Pdu)

FAST = SessionSettings(
    window=3, response_timeout_s=PATIENCE_S, bind_timeout_s=PATIENCE_S, enquire_link_s=0
)
BIND = BindTransceiver(system_id="scserv", password="sesame12", sequence=1)


class Peer:
    """One end of a connection in the hands of a test."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, *pdus: Pdu | bytes) -> None:
        octets = [pdu if isinstance(pdu, bytes) else encode(pdu) for pdu in pdus]
        self.writer.write(b"".join(octets))

    async def read(self, pdu_type: type[PduT]) -> PduT:
        """Read the next PDU; it has to be of this type."""
        async with asyncio.timeout(PATIENCE_S):
            header = await self.reader.readexactly(4)
            frame = header + await self.reader.readexactly(int.from_bytes(header, "big") - 4)
        pdu = decode(frame)
        assert isinstance(pdu, pdu_type), pdu
        return pdu

    async def ask(self, request: RequestPdu[Any]) -> ResponsePdu:
        self.send(request)
        return await self.read(ResponsePdu)

    async def at_end(self) -> bool:
        async with asyncio.timeout(PATIENCE_S):
            return not await self.reader.read()

    async def accept_bind(self) -> BindPdu:
        bind = await self.read(BindPdu)
        self.send(bind.answer())
        return bind

    def close(self) -> None:
        self.writer.close()


async def no_requests(request: RequestPdu[Any], _session: Session) -> ResponsePdu:
    answer: ResponsePdu = request.answer()
    return answer


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until a condition holds."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 — there is no event for what tests look at
            await asyncio.sleep(0)


@asynccontextmanager
async def peers() -> AsyncIterator[tuple[int, asyncio.Queue[Peer]]]:
    """Listen as a scripted centre; yield the port and the queue of connections."""
    connections: asyncio.Queue[Peer] = asyncio.Queue()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.put_nowait(Peer(reader, writer))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], connections
    finally:
        server.close()
        while not connections.empty():
            connections.get_nowait().close()


@asynccontextmanager
async def esme_session(
    on_request: OnRequest = no_requests,
    settings: SessionSettings = FAST,
    *,
    bound: bool = True,
    on_leniency: OnLeniency = lambda *_: None,
) -> AsyncIterator[tuple[Session, Peer]]:
    """Yield a session in the ESME's role and the scripted centre it is bound to."""
    async with peers() as (port, connections):
        loop = asyncio.get_running_loop()
        _, session = await loop.create_connection(
            lambda: Session(SessionRole.ESME, settings, on_request, on_leniency=on_leniency),
            "127.0.0.1",
            port,
        )
        peer = await connections.get()
        if bound:
            binding = asyncio.ensure_future(session.bind(BIND))
            await peer.accept_bind()
            await binding
        try:
            yield session, peer
        finally:
            session.abort("the test ends")
            await session.wait_closed()
            peer.close()


async def connect(port: int) -> Peer:
    return Peer(*await asyncio.open_connection("127.0.0.1", port))


def submit(number: int = 1) -> SubmitSm:
    return SubmitSm(destination_addr="79161234567", short_message=b"%d" % number, sequence=number)


def deliver(number: int = 1) -> DeliverSm:
    return DeliverSm(source_addr="79161234567", short_message=b"%d" % number, sequence=number)
