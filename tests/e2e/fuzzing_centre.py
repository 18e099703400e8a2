"""An SMS centre over a socket: it binds and answers, and any field of its PDUs may be hostile.

It answers each submit_sm with status 0 and the right sequence_number, so that a message sent to it
is submitted, and everything else about the answer is hostile.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from inbound.smpp._wire import Framer
from inbound.smpp.errors import PduError
from inbound.smpp.pdu import BindPdu, EnquireLink, QuerySm, SubmitSm, Unbind, decode, encode
from tests.unit.smpp.hostile_frames import LAYOUTS, RESPONSE, hostile_frame

_ENDING: Final = {0x06, 0x06 | RESPONSE}
_FIRST_SEQUENCE: Final = 0x7F000000


class FuzzingCentre:
    """Hostile towards each link. Use `open_fuzzing_centre`."""

    def __init__(self, seed: int) -> None:
        self.port = 0
        self.submitted = 0
        self.bound = asyncio.Event()
        self._rng = random.Random(seed)
        self._writers: list[asyncio.StreamWriter] = []

    def send(self, octets: bytes) -> None:
        """Send octets on the newest link."""
        self._writers[-1].write(octets)

    async def attack(self, rounds: int) -> int:
        """Send each PDU that an SMS centre may send with each field hostile; return how many."""
        sent = 0
        for _ in range(rounds):
            for command in LAYOUTS.keys() - _ENDING:
                for at in range(len(LAYOUTS[command]) + 1):
                    sequence = _FIRST_SEQUENCE + sent
                    self.send(hostile_frame(self._rng, command, at=at, sequence=sequence))
                    await self._writers[-1].drain()
                    sent += 1
        return sent

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one link until it ends."""
        self._writers.append(writer)
        framer = Framer()
        with suppress(ConnectionResetError):
            while octets := await reader.read(65_536):
                for frame in framer.feed(octets):
                    writer.write(self._answer(frame))
        writer.close()

    def _answer(self, frame: bytes) -> bytes:
        try:
            pdu = decode(frame)
        except PduError:
            return b""
        match pdu:
            case EnquireLink() | Unbind():
                return encode(pdu.answer())
            case BindPdu():
                self.bound.set()
            case SubmitSm():
                self.submitted += 1
            case QuerySm():
                pass
            case _:
                return b""
        command = pdu.command_id | RESPONSE
        at = self._rng.randrange(len(LAYOUTS[command]) + 1)
        return hostile_frame(self._rng, command, at=at, sequence=pdu.sequence)


@asynccontextmanager
async def open_fuzzing_centre(seed: int) -> AsyncIterator[FuzzingCentre]:
    """Listen on a free port."""
    centre = FuzzingCentre(seed)
    server = await asyncio.start_server(centre.serve, "127.0.0.1", 0)
    centre.port = server.sockets[0].getsockname()[1]
    try:
        yield centre
    finally:
        server.close()
        for writer in centre._writers:
            writer.close()
