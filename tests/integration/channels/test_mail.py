"""The channel `mail` against a real mail server."""

import ssl
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from inbound.channels.mail import MailChannel
from inbound.channels.mail import MailServer as ServerSettings
from inbound.channels.port import Accepted, Outgoing, Refused, UnavailableError
from inbound.parsers.channel_texts import ChannelText
from inbound.smpp.errors import UnansweredError, UnencodableError
from inbound.smpp.status import Status, is_temporary, is_throttle
from schemas.channels import Channel
from tests.certificates import Authority
from tests.integration.channels.mail_server import MailServer, mail_server

pytestmark = pytest.mark.asyncio

ID = UUID("5b0e6a9c-1f3d-4e77-8a41-d2c6b8f09e13")
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def channel(port: int) -> MailChannel:
    settings = ServerSettings(
        "127.0.0.1", port, "none", "scserv@example.org", "From us", timeout_s=5
    )
    return MailChannel(settings, lambda: NOW)


def outgoing(text: str = "hello", subject: str = "", address: str = "anna@example.net") -> Outgoing:
    return Outgoing(ID, address, ChannelText(Channel.MAIL, text, subject).written())


async def deliver(server: MailServer, mail: Outgoing | None = None) -> Accepted | Refused:
    return await channel(server.port).deliver(mail or outgoing())


async def test_a_mail_arrives_as_it_was_written() -> None:
    text = "Ваш заказ собран.\n.\nТочка сама по себе, и строка " + "длинная " * 200
    async with mail_server() as server:
        answer = await deliver(server, outgoing(text, "Заказ № 4711 " + "очень " * 20))
    assert answer == Accepted(ID.hex)
    (mail,) = server.mails
    assert server.recipients == ["anna@example.net"]
    assert mail.get_content().replace("\r\n", "\n").rstrip("\n") == text
    assert mail["Subject"] == ("Заказ № 4711 " + "очень " * 20).strip()
    assert (mail["From"], mail["To"]) == ("scserv@example.org", "anna@example.net")
    assert mail["Message-ID"] == f"<{ID.hex}@example.org>"
    assert mail["Auto-Submitted"] == "auto-generated"


async def test_a_mail_without_a_subject_has_the_one_of_the_settings() -> None:
    async with mail_server() as server:
        await deliver(server)
    assert server.mails[0]["Subject"] == "From us"


@pytest.mark.parametrize(
    ("on_recipient", "on_data", "status"),
    [
        ("550 no such mailbox", "250 fine", Status.ESME_RINVDSTADR),
        ("450 try again later", "250 fine", Status.ESME_RX_T_APPN),
        ("250 fine", "554 looks like spam", Status.ESME_RX_R_APPN),
        ("250 fine", "451 try again later", Status.ESME_RX_T_APPN),
    ],
)
async def test_refusals_are_final_or_not_as_the_mail_server_says(
    on_recipient: str, on_data: str, status: Status
) -> None:
    async with mail_server() as server:
        server.on_recipient, server.on_data = on_recipient, on_data
        assert await deliver(server) == Refused(status)
    assert is_temporary(status) == (on_recipient[0] == "4" or on_data[0] == "4")
    assert not is_throttle(status)
    assert server.mails == []


async def test_a_connection_that_ends_after_data_leaves_the_outcome_unknown() -> None:
    async with mail_server() as server:
        server.hangs = True
        with pytest.raises(UnansweredError):
            await deliver(server)
    assert len(server.mails) == 1


async def test_before_data_nothing_is_unknown() -> None:
    async with mail_server() as server:
        port = server.port
        server.on_recipient = "421 closing"
        with pytest.raises(UnavailableError, match="421"):
            await deliver(server)
    with pytest.raises(UnavailableError) as error:
        await channel(port).deliver(outgoing())
    assert "anna" not in str(error.value)


def secured(port: int, trusted: Path | None, password: str = "") -> MailChannel:
    """Return a channel that demands STARTTLS."""
    settings = ServerSettings(
        *("127.0.0.1", port, "starttls", "scserv@example.org", "From us"),
        username="scserv" if password else "",
        password=password,
        timeout_s=5,
        tls=ssl.create_default_context(cafile=trusted),
    )
    return MailChannel(settings, lambda: NOW)


def offered(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


async def test_a_server_without_starttls_gets_no_mail_and_no_password() -> None:
    async with mail_server(password="sesame12") as server:  # offers no STARTTLS
        with pytest.raises(UnavailableError) as why:
            await secured(server.port, None, "sesame12").deliver(outgoing())
    assert str(why.value) == "the mail server offers no STARTTLS; check security and port"
    assert server.mails == []


async def test_a_mail_goes_over_starttls_after_a_sign_in(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "ca")
    async with mail_server(offered(authority.issue("mail")), "sesame12") as server:
        answer = await secured(server.port, authority.certificate, "sesame12").deliver(outgoing())
        assert answer == Accepted(ID.hex)
        with pytest.raises(UnavailableError, match="answered 535"):
            await secured(server.port, authority.certificate, "wrong").deliver(outgoing())
    assert len(server.mails) == 1


async def test_a_server_that_offers_no_sign_in_is_named_so(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "ca")
    async with mail_server(offered(authority.issue("mail"))) as server:
        with pytest.raises(UnavailableError, match="offers no sign-in; check username"):
            await secured(server.port, authority.certificate, "sesame12").deliver(outgoing())


async def test_a_certificate_that_is_not_trusted_is_named_so(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "ca")
    async with mail_server(offered(authority.issue("mail"))) as server:
        with pytest.raises(UnavailableError, match="not trusted; check tls_ca"):
            await secured(server.port, None).deliver(outgoing())
    assert server.mails == []


async def test_no_text_can_add_headers_or_recipients() -> None:
    written = "__MAIL__: hi\nsubj:a\r\nBcc: eve@example.net"
    async with mail_server() as server:
        answer = await deliver(server, Outgoing(ID, "anna@example.net", written))
        assert isinstance(answer, Accepted)
        with pytest.raises(UnencodableError):
            await deliver(server, Outgoing(ID, "anna@example.net\nBcc: eve@example.net", written))
    (mail,) = server.mails
    assert mail["Bcc"] is None
    assert server.recipients == ["anna@example.net"]
