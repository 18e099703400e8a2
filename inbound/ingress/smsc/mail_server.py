"""The listener of SMSC over SMTP: takes a mail, sends its message, and forwards nothing.

The answer to DATA is SMSC's sentence. aiosmtpd logs commands and addresses; its log is off.
"""

import asyncio
import logging
from typing import Any, AnyStr, Final

from aiosmtpd.smtp import SMTP, Envelope, Session
from typing_extensions import override

from inbound.api.accepting import Accepting
from inbound.api.connections import ConnectionLimits, Slot
from inbound.api.server import listen, tls_context
from inbound.errors import RetryableError
from inbound.ingress.access import Denial, DeniedError
from inbound.ingress.parts import Parts
from inbound.ingress.smsc.answers import Answers, SmscError
from inbound.ingress.smsc.codes import ErrorCode
from inbound.ingress.smsc.mail import fields_of
from inbound.ingress.smsc.sending import send
from inbound.orders.batching import TooManyWaitingError
from inbound.settings import SmtpServerSettings

MOST_BYTES: Final = 256 * 1024
MOST_CONNECTIONS: Final = 100
MOST_OF_ADDRESS: Final = 20
IDLE_S: Final = 60.0

_BUSY: Final = "451 4.3.2 too many messages; try again"
_UNAVAILABLE: Final = "451 4.3.0 service is not available"

log = logging.getLogger(__name__)


class SmtpServer:
    """Serves until cancelled; `port` is the port in use once it listens."""

    def __init__(self, parts: Parts, settings: SmtpServerSettings) -> None:
        """Raises SetupError for a bad certificate."""
        self._parts = parts
        self._settings = settings
        limits = ConnectionLimits(MOST_CONNECTIONS, MOST_OF_ADDRESS)
        self._accepting = Accepting(limits, self._protocol, tls_context(settings))
        self.port = 0
        logging.getLogger("mail.log").disabled = True

    async def run(self) -> None:
        """Serve until cancelled. Raises SetupError."""
        listening = listen(self._settings)
        self.port = listening.getsockname()[1]
        log.info("listening on smtp://%s:%d", self._settings.host, self.port)
        try:
            await self._accepting.run(listening)
        finally:
            self._accepting.close()
            listening.close()

    def _protocol(self, slot: Slot) -> SMTP:
        handler = Handler(self._parts)
        return _Connection(
            slot,
            handler,
            data_size_limit=MOST_BYTES,
            timeout=IDLE_S,
            hostname="scserv",
            ident="SCSERV",
            loop=asyncio.get_running_loop(),
        )


class Handler:
    """What aiosmtpd calls for a mail of one connection. `is_working`: one is not answered yet."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.is_working = False

    async def handle_DATA(self, _: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 — its name
        """Send the message of a mail; return the answer."""
        peer: Any = session.peer
        content: Any = envelope.content
        self.is_working = True
        try:
            return f"250 {await self._send(content, peer[0] if peer else None)}"
        except SmscError as error:
            sentence = bytes(Answers().error(error).body).decode()
            return f"550 5.7.0 {sentence}"
        except TooManyWaitingError:
            return _BUSY
        except RetryableError:
            return _UNAVAILABLE
        finally:
            self.is_working = False

    async def handle_exception(self, error: Exception) -> str:
        """Answer a defect; its text could quote the mail."""
        log.error("defect: %s", type(error).__name__)
        return _UNAVAILABLE

    async def _send(self, content: bytes, address: str | None) -> str:
        fields = fields_of(content)
        try:
            caller = await self._parts.access.by_password(fields["login"], fields["psw"], address)
        except DeniedError as error:
            is_banned = error.denial is Denial.BANNED
            code = ErrorCode.ADDRESS_BLOCKED if is_banned else ErrorCode.AUTHORISE
            raise SmscError(code) from None
        answer = await send(self._parts, caller, fields, Answers())
        return bytes(answer.body).decode()


class _Connection(SMTP):
    """One connection. Only a TLS handshake makes room for others; a mail is never cut off."""

    def __init__(self, slot: Slot, handler: Handler, **named: Any) -> None:  # noqa: ANN401
        super().__init__(handler, **named)
        self._slot = slot
        self._handler = handler
        self._has_ended = False

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._slot.work()
        super().connection_made(transport)

    @override
    async def _handle_client(self) -> None:
        try:
            await super()._handle_client()
        except (RuntimeError, OSError):
            # A client that is gone before it is greeted; aiosmtpd has nobody who would catch this.
            if self.transport is not None and not self.transport.is_closing():
                raise

    @override
    def eof_received(self) -> bool | None:
        """End; but answer a mail first, because a client may end its direction alone."""
        is_half_closed = self.transport is not None and not self.transport.get_extra_info(
            "ssl_object"
        )
        if not (self._handler.is_working and is_half_closed):
            return super().eof_received()
        self._has_ended = True
        return True

    @override
    async def push(self, status: AnyStr) -> None:
        """Send an answer; the last one if the client has ended."""
        await super().push(status)
        if self._has_ended and self.transport is not None:
            self.transport.close()

    @override
    def connection_lost(self, error: Exception | None) -> None:
        self._slot.release()
        super().connection_lost(error)
