"""A simulated phone: sends MO texts through the simulator and receives MT messages."""

import asyncio
import itertools
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Final, Self

from inbound.local.simulator.server import PHONE
from inbound.smpp import alphabet
from inbound.smpp.address import number_to_address
from inbound.smpp.errors import LinkError, NotSentError, SmppError
from inbound.smpp.pdu import BindTransceiver, DeliverSm, RequestPdu, SubmitSm
from inbound.smpp.segmentation import split, text_of
from inbound.smpp.session import Answer, Session, SessionRole, SessionSettings
from inbound.smpp.status import Status, name_of
from inbound.smpp.user_data import ConcatenatedPart, body_of, part_of

FEDERAL_NUMBER: Final = "+79086228779"
# Long messages that may be incomplete at one time; beyond it the oldest is dropped.
_MAX_INCOMPLETE: Final = 1000


class RefusedError(SmppError):
    """The simulator refused a text; `status` is the command_status."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the SMS centre refused the text: {name_of(status)}")
        self.status = status


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """A whole message. `at` is when its last part arrived, in seconds since 1970."""

    sender: str
    text: str = field(repr=False)
    at: float
    parts: int
    recipient: str = field(default="", repr=False)


class Phone:
    """One number, bound for the `async with` block. It does not reconnect."""

    def __init__(
        self,
        host: str,
        port: int,
        number: str,
        *,
        federal: str = FEDERAL_NUMBER,
        password: str = "",
        settings: SessionSettings | None = None,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """Take the simulator's address, the phone's number and the number it texts to.

        `password` is that of the simulator's phones, if they have one.
        """
        self.number = number
        self._password = password
        self._address = (host, port)
        self._federal = number_to_address(federal)
        self._settings = settings or SessionSettings()
        self._wall_clock = wall_clock
        self._references = itertools.count(1)
        self._incomplete: OrderedDict[tuple[str, str, int, int, int], dict[int, ConcatenatedPart]]
        self._incomplete = OrderedDict()
        self._messages: asyncio.Queue[ReceivedMessage | None] = asyncio.Queue()
        self._session: Session | None = None

    async def __aenter__(self) -> Self:
        """Connect and bind. Raises `OSError`, `BindRefusedError` or `LinkError`."""
        loop = asyncio.get_running_loop()
        host, port = self._address
        _, session = await loop.create_connection(
            lambda: Session(
                SessionRole.ESME, self._settings, self._on_request, on_change=self._on_change
            ),
            host,
            port,
        )
        bind = BindTransceiver(system_id=PHONE, password=self._password, address_range=self.number)
        await session.bind(bind)
        self._session = session
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.unbind()

    async def text(self, text: str, *, source: str = "") -> tuple[str, ...]:
        """Send a text to the federal number; return the message id of each part.

        Waits until every part is accepted. `source` is the sender's number, for a phone that
        stands for a range of numbers. Raises `RefusedError`, `NotSentError` or
        `UnansweredError`.
        """
        session = self._bound()
        number = number_to_address(source) if source else None
        answers = []
        for segment in split(text, next(self._references)):
            await session.slot()
            pdu = SubmitSm(
                dest_addr_ton=self._federal.ton,
                dest_addr_npi=self._federal.npi,
                destination_addr=self._federal.addr,
                esm_class=segment.esm_class,
                data_coding=segment.data_coding,
                short_message=segment.short_message,
            )
            if number is not None:
                pdu.source_addr_ton, pdu.source_addr_npi, pdu.source_addr = number
            answers.append(session.send(pdu))
        ids = []
        for answer in await asyncio.gather(*answers):
            if answer.status:
                raise RefusedError(answer.status)
            ids.append(answer.message_id)
        return tuple(ids)

    async def receive(self) -> ReceivedMessage:
        """Wait for the next message. Raises `LinkError` when the connection has ended."""
        message = await self._messages.get()
        if message is None:
            self._messages.put_nowait(None)
            raise LinkError(self._session.reason if self._session else "the phone is off")
        return message

    async def received(self) -> AsyncIterator[ReceivedMessage]:
        """Yield messages as they arrive, until the connection ends."""
        while True:
            try:
                yield await self.receive()
            except LinkError:
                return

    def _bound(self) -> Session:
        if self._session is None:
            raise NotSentError("the phone is off")
        return self._session

    def _on_change(self, session: Session) -> None:
        if session.reason:
            self._messages.put_nowait(None)

    async def _on_request(self, request: RequestPdu[Any], _session: Session) -> Answer:
        answer: Answer
        if not isinstance(request, DeliverSm):
            answer = request.answer(Status.ESME_RINVCMDID)
            return answer
        answer = request.answer()
        part = part_of(request)
        if part is None:
            text = alphabet.decode(body_of(request), request.data_coding)
            self._show(request, text, 1)
        elif parts := self._completed(request, part):
            self._show(request, text_of(parts), part.total)
        return answer

    def _completed(self, pdu: DeliverSm, part: ConcatenatedPart) -> list[ConcatenatedPart] | None:
        """Add a part; return all parts of the message if it is complete now."""
        key = (pdu.source_addr, pdu.destination_addr, part.reference, part.width, part.total)
        parts = self._incomplete.setdefault(key, {})
        parts[part.sequence] = part
        if len(parts) == part.total:
            return list(self._incomplete.pop(key).values())
        if len(self._incomplete) > _MAX_INCOMPLETE:
            self._incomplete.popitem(last=False)
        return None

    def _show(self, pdu: DeliverSm, text: str | None, parts: int) -> None:
        self._messages.put_nowait(
            ReceivedMessage(
                sender=pdu.source_addr,
                text="\N{REPLACEMENT CHARACTER}" if text is None else text,
                at=self._wall_clock(),
                parts=parts,
                recipient=pdu.destination_addr,
            )
        )
