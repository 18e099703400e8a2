"""A real mail server (aiosmtpd) in the test's own process, which answers as a test wants."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from ssl import SSLContext

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session


@dataclass(slots=True)
class MailServer:
    """What it received, and how it answers. If it `hangs`, it takes a mail and says nothing."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    on_recipient: str = "250 fine"
    on_data: str = "250 fine"
    hangs: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle_RCPT(  # noqa: N802 — aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: object
    ) -> str:
        if self.on_recipient.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.on_recipient

    async def handle_DATA(  # noqa: N802 — aiosmtpd's name
        self, server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        assert isinstance(envelope.original_content, bytes)
        mail = message_from_bytes(envelope.original_content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        if self.on_data.startswith("250"):
            self.mails.append(mail)
            self.recipients += envelope.rcpt_tos
            self.changed.set()
        if self.hangs:
            assert server.transport is not None
            server.transport.close()
        return self.on_data


@asynccontextmanager
async def mail_server(
    tls: SSLContext | None = None, password: str = ""
) -> AsyncIterator[MailServer]:
    """Start a server on loopback; with `tls` it wants STARTTLS first, with `password` a sign-in."""

    def signs_in(*arguments: object) -> AuthResult:
        is_right = getattr(arguments[-1], "password", b"") == password.encode()
        return AuthResult(success=is_right, handled=is_right)

    made = MailServer()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(
            made,
            hostname="mail.test",
            tls_context=tls,
            require_starttls=tls is not None,
            auth_required=bool(password),
            authenticator=signs_in,
            auth_exclude_mechanism=() if password else ("LOGIN", "PLAIN"),
            loop=loop,
        ),
        "127.0.0.1",
    )
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await server.wait_closed()
