"""Programs of other services as the benchmark needs them: they send a message and read the answer.

Each is one connection. They do little else, because the load generator runs on the same machine.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import urlencode

from inbound.ingress.credentials import Credentials
from inbound.smpp.errors import SmppError
from inbound.smpp.pdu import BindTransceiver, RequestPdu, ResponsePdu, SubmitSm
from inbound.smpp.session import Session, SessionRole, SessionSettings

TEXT: Final = "Заявка 4711 выполнена."
UNANSWERED_S: Final = 60.0
"""A request without an answer for so long has none."""

_UCS_2: Final = 8


class Client(Protocol):
    """One connection of a program."""

    async def send(self, phone: str) -> bool | None:
        """Send a message to a number without its +; return whether it was taken.

        None: there was no answer, so nobody knows.
        """
        ...

    def close(self) -> None:
        """End the connection."""
        ...


@dataclass(frozen=True, slots=True)
class Spoken:
    """A dialect over HTTP: the request that sends a message, and what success looks like."""

    request: Callable[[Credentials, str], bytes]
    accepted: Callable[[bytes], bool]


def _get(path: str, fields: dict[str, Any]) -> bytes:
    return f"GET {path}?{urlencode(fields)} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


def _post(path: str, media_type: str, body: bytes, *headers: str) -> bytes:
    head = [f"POST {path} HTTP/1.1", "Host: x", *headers, f"Content-Type: {media_type}"]
    return "\r\n".join([*head, f"Content-Length: {len(body)}", "", ""]).encode() + body


def _smsc(one: Credentials, phone: str) -> bytes:
    fields = {"login": one.login, "psw": one.password, "fmt": 3, "charset": "utf-8"}
    body = urlencode(fields | {"phones": phone, "mes": TEXT}).encode()
    return _post("/sys/send.php", "application/x-www-form-urlencoded", body)


def _bytehand(one: Credentials, phone: str) -> bytes:
    return _get("/send", {"id": one.id, "key": one.key, "to": phone, "text": TEXT})


def _bytehand_2(one: Credentials, phone: str) -> bytes:
    body = json.dumps({"receiver": phone, "text": TEXT}).encode()
    return _post("/v2/sms/messages", "application/json", body, f"X-Service-Key: {one.key}")


def _smspay(one: Credentials, phone: str) -> bytes:
    signed = {"user_id": one.id, "service_id": one.service_id}
    return _get("/users/send_bulk.php", signed | {"msisdn": phone, "text": TEXT})


SPOKEN: Final = {
    "smsc": Spoken(_smsc, lambda body: b'"cnt"' in body),
    "bytehand": Spoken(_bytehand, lambda body: b'"status":0' in body),
    "bytehand_2": Spoken(_bytehand_2, lambda body: b'"created"' in body),
    "smspay": Spoken(_smspay, lambda body: body == b"MSG_OK"),
}


class HttpClient(Client):
    """A connection over HTTP that is kept; a new one is made when it ends."""

    def __init__(
        self, port: int, request: Callable[[str], bytes], accepted: Callable[[bytes], bool]
    ) -> None:
        self._port = port
        self._request = request
        self._accepted = accepted
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, phone: str) -> bool | None:
        """Send a message. None if the connection ended, or `UNANSWERED_S`, without an answer."""
        try:
            async with asyncio.timeout(UNANSWERED_S):
                if self._streams is None:
                    self._streams = await asyncio.open_connection("127.0.0.1", self._port)
                reader, writer = self._streams
                writer.write(self._request(phone))
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
                return self._accepted(await reader.readexactly(length))
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            self.close()
            return None

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


class SmppClient(Client):
    """A link over SMPP. Several messages may be sent at once, as many as `window`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @staticmethod
    async def bind(port: int, one: Credentials, window: int, options: str = "") -> "SmppClient":
        """Bind as a transceiver; `options` is the system_type."""
        settings = SessionSettings(
            window=window,
            response_timeout_s=UNANSWERED_S,
            bind_timeout_s=UNANSWERED_S,
            enquire_link_s=30,
        )
        loop = asyncio.get_running_loop()
        _, session = await loop.create_connection(
            lambda: Session(SessionRole.ESME, settings, _acknowledge), "127.0.0.1", port
        )
        bind = BindTransceiver(
            system_id=one.login, password=one.password, system_type=options, interface_version=0x34
        )
        await session.bind(bind)
        return SmppClient(session)

    async def send(self, phone: str) -> bool | None:
        """Submit a message. None if the link ended, or for `UNANSWERED_S`, without an answer."""
        submit = SubmitSm(
            dest_addr_ton=1,
            dest_addr_npi=1,
            destination_addr=phone,
            data_coding=_UCS_2,
            short_message=TEXT.encode("utf-16-be"),
        )
        try:
            return not (await self._session.send(submit)).status
        except SmppError:
            return None

    def close(self) -> None:
        self._session.close("the benchmark ends")


async def _acknowledge(request: RequestPdu[Any], _session: Session) -> ResponsePdu:
    answer: ResponsePdu = request.answer()
    return answer
