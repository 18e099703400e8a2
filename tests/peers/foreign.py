"""What all peers need: a process that speaks in lines of JSON, and our end of the link."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Any

import pytest

from inbound.smpp.bind_settings import BindSettings
from inbound.smpp.listener import Listener, listen
from inbound.smpp.pdu import BindPdu, DataSm, DeliverSm, RequestPdu, ResponsePdu, SubmitSm
from inbound.smpp.segmentation import split, text_of
from inbound.smpp.session import Session, SessionSettings, SessionState
from inbound.smpp.status import Status
from inbound.smpp.user_data import ConcatenatedPart, MessagePdu, body_of, part_of

PASSWORD = "sesame12"
NUMBER, SERVICE = "79161234567", "79086228779"
LIMIT_S = 20

GSM = "CLIENT info @ {100 €} [äñØ]"
UCS_2 = "Ваша заявка принята. 🙂"
LONG_GSM = "Nobody cuts {an} escaped character in two. " * 8
LONG_UCS_2 = "Дождитесь СМС-уведомления об исполнении запроса 🙂 " * 4
TEXTS = {"gsm": GSM, "ucs-2": UCS_2, "long gsm": LONG_GSM, "long ucs-2": LONG_UCS_2}

every_text = pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)

Facts = dict[str, Any]


class Foreign:
    """A running program; `say` writes a line to it, `hear` waits for one of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self._lines: list[Facts] = []
        self._more = asyncio.Condition()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            async with self._more:
                self._lines.append(json.loads(line))
                self._more.notify_all()
        async with self._more:
            self._lines.append({"event": "ended"})
            self._more.notify_all()

    def say(self, **line: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(line).encode() + b"\n")

    async def hear(self, event: str | None = None, **wanted: Any) -> Facts:
        """Take the first line, past or to come, that has all these facts."""
        if event is not None:
            wanted["event"] = event

        def fits() -> Facts | None:
            return next((line for line in self._lines if wanted.items() <= line.items()), None)

        async with asyncio.timeout(LIMIT_S), self._more:
            await self._more.wait_for(lambda: fits() or self._lines[-1:] == [{"event": "ended"}])
        found = fits()
        assert found is not None, f"the program ended and never said {wanted}"
        self._lines.remove(found)
        return found

    async def ask(self, **line: Any) -> Facts:
        self.say(**line)
        return await self.hear()

    async def end(self) -> None:
        if self.process.returncode is None:
            self.process.terminate()
        await self.process.wait()
        await self._reading


@asynccontextmanager
async def running(
    *arguments: str, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Foreign]:
    process = await asyncio.create_subprocess_exec(
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **(environment or {})},
        limit=1 << 20,
    )
    foreign = Foreign(process)
    try:
        yield foreign
    finally:
        await foreign.end()


@dataclass
class Taken:
    """What our end was sent: messages by their order, and whole texts."""

    messages: asyncio.Queue[MessagePdu] = field(default_factory=asyncio.Queue)
    others: list[RequestPdu[Any]] = field(default_factory=list)
    answer: Callable[[RequestPdu[Any]], ResponsePdu] = lambda request: request.answer()

    async def on_request(self, request: RequestPdu[Any], _session: Session) -> ResponsePdu:
        if isinstance(request, SubmitSm | DeliverSm | DataSm):
            self.messages.put_nowait(request)
        else:
            self.others.append(request)
        return self.answer(request)

    async def message(self) -> MessagePdu:
        async with asyncio.timeout(LIMIT_S):
            return await self.messages.get()

    async def text(self) -> str | None:
        """Take one text, of as many messages as it needs."""
        parts: list[ConcatenatedPart] = []
        while not parts or len(parts) < parts[0].total:
            message = await self.message()
            part = part_of(message)
            if part is None:
                return text_of(
                    [ConcatenatedPart(0, 8, 1, 1, body_of(message), message.data_coding)]
                )
            parts.append(part)
        return text_of(parts)


@dataclass
class OurCentre:
    """Our session in the centre's role, and what comes to it."""

    listener: Listener
    taken: Taken
    binds: asyncio.Queue[tuple[BindPdu, int]]
    changes: asyncio.Queue[tuple[Session, SessionState]]

    async def state(self, wanted: SessionState) -> Session:
        async with asyncio.timeout(LIMIT_S):
            while True:
                session, state = await self.changes.get()
                if state is wanted:
                    return session

    async def bound(self) -> Session:
        return await self.state(SessionState.BOUND)

    async def closed(self) -> str:
        return (await self.state(SessionState.CLOSED)).reason


@asynccontextmanager
async def our_centre(
    ssl: SSLContext | None = None, settings: SessionSettings | None = None
) -> AsyncIterator[OurCentre]:
    binds: asyncio.Queue[tuple[BindPdu, int]] = asyncio.Queue()
    changes: asyncio.Queue[tuple[Session, SessionState]] = asyncio.Queue()
    taken, numbers = Taken(), iter(range(0xABCDEF, 1 << 31))

    async def on_bind(bind: BindPdu, _session: Session) -> int:
        status = Status.ESME_ROK if bind.password == PASSWORD else Status.ESME_RINVPASWD
        binds.put_nowait((bind, status))
        return status

    def answer(request: RequestPdu[Any]) -> ResponsePdu:
        response: ResponsePdu = request.answer()
        if isinstance(request, SubmitSm | DataSm):
            response.message_id = f"{next(numbers):08X}"  # type: ignore[attr-defined]  # a MessageResp
        return response

    taken.answer = answer
    listener = await listen(
        "127.0.0.1",
        0,
        on_bind=on_bind,
        on_request=taken.on_request,
        on_change=lambda session: changes.put_nowait((session, session.state)),
        settings=settings or SessionSettings(system_id="ours", enquire_link_s=0),
        ssl=ssl,
    )
    try:
        yield OurCentre(listener, taken, binds, changes)
    finally:
        for session in list(listener.sessions):
            session.abort("the test ends")
        await listener.close()


def bind_settings(port: int, **changes: Any) -> BindSettings:
    settings: dict[str, Any] = {"enquire_link_s": 0, "window": 50, "reconnect_min_s": 0.01}
    settings |= changes
    return BindSettings("127.0.0.1", port, "scserv", settings.pop("password", PASSWORD), **settings)


def deliveries(text: str, reference: int = 7) -> list[DeliverSm]:
    """Return a person's text as the centre delivers it."""
    return [
        DeliverSm(
            source_addr_ton=1,
            source_addr_npi=1,
            source_addr=NUMBER,
            destination_addr=SERVICE,
            short_message=segment.short_message,
            data_coding=segment.data_coding,
            esm_class=segment.esm_class,
        )
        for segment in split(text, reference)
    ]


def submissions(text: str, reference: int = 7) -> list[SubmitSm]:
    """Return a reply as the service submits it."""
    return [
        SubmitSm(
            source_addr_ton=5,
            source_addr="SCSERV",
            dest_addr_ton=1,
            dest_addr_npi=1,
            destination_addr=NUMBER,
            short_message=segment.short_message,
            data_coding=segment.data_coding,
            esm_class=segment.esm_class,
        )
        for segment in split(text, reference)
    ]
