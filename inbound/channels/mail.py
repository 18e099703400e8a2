"""E-mail over SMTP (RFC 5321): one connection for each message, to the operator's mail server.

Until the server has been asked for the text (DATA) it can't have taken the message. From then on a
connection that breaks, or no answer in time, leaves the outcome unknown (RFC 5321, 6.1): the server
may deliver what it never confirmed.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from typing import Final, Literal

import aiosmtplib
from typing_extensions import override

from inbound.channels.port import Accepted, ChannelAdapter, Outgoing, Refused, UnavailableError
from inbound.parsers.channel_texts import ChannelTextError, parse_channel_text
from inbound.smpp.errors import UnansweredError, UnencodableError
from inbound.smpp.status import Status
from inbound.tls_faults import TlsFault, tls_words

Security = Literal["none", "starttls", "tls"]

_PERMANENT: Final = 500
_SERVICE_NOT_AVAILABLE: Final = 421
_CHECKS: Final[Mapping[TlsFault, str]] = {
    TlsFault.OTHER_HOST: "check host",
    TlsFault.UNTRUSTED: "check tls_ca",
    TlsFault.NO_TLS: "check security and port",
    TlsFault.BROKEN_OFF: "check security and port",
}
_ALL_ASCII_POLICY: Final = SMTP_POLICY.clone(cte_type="7bit")


@dataclass(frozen=True, slots=True)
class MailServer:
    """The mail server and how to use it; `sender` is the address that mails come from."""

    host: str
    port: int
    security: Security
    sender: str
    subject: str
    username: str = ""
    password: str = field(default="", repr=False)
    timeout_s: float = 30.0
    tls: ssl.SSLContext | None = None


class MailChannel(ChannelAdapter):
    """Hands mails over to one server."""

    def __init__(self, server: MailServer, clock: Callable[[], datetime]) -> None:
        self._server = server
        self._clock = clock

    @override
    async def deliver(self, outgoing: Outgoing) -> Accepted | Refused:
        content = self._mail(outgoing)
        async with self._connected() as client:
            try:
                await client.mail(self._server.sender)
            except aiosmtplib.SMTPResponseException as error:
                return _refused(error.code, Status.ESME_RINVSRCADR)
            try:
                await client.rcpt(outgoing.address)
            except aiosmtplib.SMTPResponseException as error:
                return _refused(error.code, Status.ESME_RINVDSTADR)
            try:
                await client.data(content)
            except aiosmtplib.SMTPResponseException as error:
                return _refused(error.code, Status.ESME_RX_R_APPN)
            except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
                raise UnansweredError(f"no answer to DATA: {type(error).__name__}") from None
            return Accepted(outgoing.message_id.hex)

    @override
    async def close(self) -> None:
        """Nothing to give back: connections end with their messages."""

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[aiosmtplib.SMTP]:
        """Connect, sign in, and quit afterwards. Raises UnavailableError until DATA."""
        server = self._server
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            timeout=server.timeout_s,
            use_tls=server.security == "tls",
            start_tls=False,  # `_enter` does it: the library's error has no kind
            tls_context=server.tls,
        )
        try:
            await client.connect()
            await self._enter(client)
            yield client
        except aiosmtplib.SMTPResponseException as error:
            raise UnavailableError(f"the mail server answered {error.code}") from None
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise UnavailableError(f"the mail server: {_reason(error)}") from None
        finally:
            await _quit(client)

    async def _enter(self, client: aiosmtplib.SMTP) -> None:
        """Begin TLS and sign in, as the settings say. Nothing is sent without what they demand."""
        server = self._server
        if server.security == "starttls":
            if not await _offers_starttls(client):
                raise UnavailableError(
                    "the mail server offers no STARTTLS; check security and port"
                )
            await client.starttls()
        if server.username:
            try:
                await client.login(server.username, server.password)
            except aiosmtplib.SMTPException as error:
                if type(error) is not aiosmtplib.SMTPException:
                    raise
                # No error of a kind of its own: it offers no way to sign in that the library knows.
                raise UnavailableError(
                    "the mail server offers no sign-in; check username and port"
                ) from None

    def _mail(self, outgoing: Outgoing) -> bytes:
        """Return the mail; text that a header can't hold is encoded. Raises UnencodableError."""
        server = self._server
        mail = EmailMessage(policy=_ALL_ASCII_POLICY)
        try:
            parsed = parse_channel_text(outgoing.text)
            if parsed is None:
                raise UnencodableError("the text is not that of a mail")
            mail["From"] = server.sender
            mail["To"] = outgoing.address
            mail["Subject"] = parsed.option or server.subject
            mail["Date"] = format_datetime(self._clock())
            # Always the same: mailboxes recognise a copy by it.
            mail["Message-ID"] = f"<{outgoing.message_id.hex}@{server.sender.rpartition('@')[2]}>"
            mail["Auto-Submitted"] = "auto-generated"
            mail.set_content(parsed.text)
            return mail.as_bytes()
        except (ChannelTextError, ValueError, LookupError) as error:
            raise UnencodableError(f"not a mail: {type(error).__name__}") from None


async def _offers_starttls(client: aiosmtplib.SMTP) -> bool:
    """Whether the server has it; one that doesn't know EHLO has no extension (RFC 5321, 3.2)."""
    with contextlib.suppress(aiosmtplib.SMTPHeloError):
        await client.ehlo()
    return client.supports_extension("starttls")


async def _quit(client: aiosmtplib.SMTP) -> None:
    """End the connection politely, without waiting long: the outcome is known already."""
    with contextlib.suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
        if client.is_connected:
            await client.quit(timeout=1)
    client.close()


def _refused(code: int, permanent: Status) -> Refused:
    if code >= _PERMANENT:
        return Refused(permanent)
    if code == _SERVICE_NOT_AVAILABLE:
        raise UnavailableError(f"the mail server answered {code}")
    return Refused(Status.ESME_RX_T_APPN)


def _reason(error: Exception) -> str:
    """Say what failed, in words that quote no address."""
    if isinstance(error, aiosmtplib.SMTPConnectTimeoutError | asyncio.TimeoutError | TimeoutError):
        return "no answer in time"
    cause = error.__cause__ if error.__cause__ is not None else error
    if isinstance(cause, OSError) and (fault := tls_words(cause, _CHECKS)):
        return fault
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return "the connection ended" if isinstance(error, ConnectionError) else type(error).__name__
