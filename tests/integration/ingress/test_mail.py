"""SMSC over SMTP: a mail is sent by smtplib, and the answer is SMSC's sentence."""

import asyncio
import email.policy
import gc
import logging
import smtplib
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from inbound.errors import RetryableError
from inbound.ingress.credentials import Credentials
from inbound.ingress.smsc.mail_server import MOST_BYTES, MOST_OF_ADDRESS, SmtpServer
from inbound.settings import SmtpServerSettings
from tests.certificates import Authority
from tests.integration.ingress.world import World
from tests.patience import PATIENCE_S

TEXT = "Заявка 4711: выполнена.\nСпасибо"
FROM, TO = "shop@example.org", "send@send.example.org"


@asynccontextmanager
async def served(world: World, **settings: Any) -> AsyncIterator[int]:
    """Serve on loopback, and return the port."""
    server = SmtpServer(world.parts, SmtpServerSettings(port=0, **settings))
    running = asyncio.create_task(server.run())
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not server.port:  # noqa: ASYNC110  the loop's turn
                await asyncio.sleep(0)
        yield server.port
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def mail(text: str, charset: str = "utf-8") -> bytes:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = FROM, TO, "sms"
    made.set_content(text, charset=charset)
    return made.as_bytes(policy=email.policy.SMTP)


def line(shop: Credentials, phones: str, text: str = TEXT, **changed: str) -> str:
    values = {"psw": shop.password, "id": "", "time": "", "options": "0,0,"} | changed
    head = (shop.login, values["psw"], values["id"], values["time"], values["options"], phones)
    return ":".join((*head, text))


async def send(port: int, content: bytes) -> tuple[int, str]:
    """Send a mail and return the answer to its data."""

    def deliver() -> tuple[int, str]:
        with smtplib.SMTP("127.0.0.1", port, timeout=PATIENCE_S) as client:
            client.ehlo()
            client.mail(FROM)
            client.rcpt(TO)
            code, said = client.data(content)
            return code, said.decode()

    return await asyncio.to_thread(deliver)


async def test_a_mail_becomes_a_message(world: World, shop: Credentials) -> None:
    first, second = world.clients(2)
    async with served(world) as port:
        code, said = await send(port, mail(line(shop, f"{first},{second}", id="42")))
        assert (code, said) == (250, "OK - 2 SMS, ID - 42")
        assert (await send(port, mail(line(shop, first, "Кириллица"), "windows-1251")))[0] == 250
        code, said = await send(port, mail(line(shop, first, "Щука", options="1,0,SCSERV")))
        assert code == 250
        later = await send(port, mail(line(shop, first, "Позже", time="0303261200,1")))
        assert later[0] == 250
        code, said = await send(port, mail(line(shop, first, options="0,0,,1")))
        assert (code, said) == (250, "0.00 (1 SMS)")  # a test
    assert world.texts("shop") == {TEXT, "Кириллица", "Schuka", "Позже"}
    states = [state for state, *_ in world.orders("shop")]
    assert sorted(states) == ["queued"] * 4 + ["scheduled"]


async def test_a_time_may_have_a_colon(world: World, shop: Credentials) -> None:
    (phone,) = world.clients(1)
    async with served(world) as port:
        for number, time in enumerate(("03.03.26 12:30", "03.03.2026 12:30,1", " 03.03.26 12:30")):
            text = f"В 12:30: {number}"
            assert (await send(port, mail(line(shop, phone, text, time=time))))[0] == 250
        for time in ("03.03.26 12:61", "03.03.26 12", "03.03.26"):
            code, said = await send(port, mail(line(shop, phone, time=time)))
            assert (code, said) == (550, "5.7.0 ERROR = 5 (invalid time format)")
    assert world.texts("shop") == {f"В 12:30: {number}" for number in range(3)}
    assert {state for state, *_ in world.orders("shop")} == {"scheduled"}


async def test_what_is_wrong_is_told(world: World, shop: Credentials) -> None:
    (phone,) = world.clients(1)
    html = EmailMessage()
    html.set_content("<p>x</p>", subtype="html")
    text, wrong = line(shop, phone), "1 (parameters error)"
    async with served(world) as port:
        for content, error in (
            (mail("no parameters"), "1 (parameters error)"),
            (bytes(html), "1 (parameters error)"),
            (b"\xff\xfe", "1 (parameters error)"),
            *(
                (f"Content-Type: text/plain; charset={charset}\n\n{text}".encode(), wrong)
                for charset in ("\0", "punycode", "unicode_escape", "hex", "no-charset", "utf-7")
            ),
            (mail(line(shop, phone, options="0,2,")), "1 (this channel is not available)"),
            (mail(line(shop, phone, options="0")), "1 (parameters error)"),
            (mail(line(shop, phone, options="0,0,,2")), "1 (parameters error)"),
            (mail(line(shop, phone, psw="wrong")), "2 (authorise error)"),
            (mail(line(shop, phone, time="tomorrow")), "5 (invalid time format)"),
        ):
            assert await send(port, content) == (550, f"5.7.0 ERROR = {error}")
        code, said = await send(port, mail(line(shop, "+74951234567", id="7")))
        assert (code, said) == (550, "5.7.0 ERROR = 7 (invalid number), ID - 7")
        assert (await send(port, mail(("x" * 63 + "\n") * (MOST_BYTES // 64))))[0] == 552
    assert world.texts("shop") == set()


async def test_an_outage_is_temporary_and_nothing_is_logged(
    world: World,
    shop: Credentials,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    (phone,) = world.clients(1)

    async def fail(_: object) -> None:
        raise RetryableError("postgres.internal")

    async def broken(_: object) -> None:
        raise RuntimeError(TEXT)

    async with served(world) as port:
        for failing in (fail, broken):
            monkeypatch.setattr(world.parts.batcher, "place", failing)
            code, said = await send(port, mail(line(shop, phone)))
            assert (code, said) == (451, "4.3.0 service is not available")
    for message in caplog.messages:
        assert not [one for one in (shop.password, phone, TEXT, FROM) if one in message], message


async def test_connections_of_an_address_are_limited(world: World) -> None:
    async with served(world) as port:
        opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(MOST_OF_ADDRESS)]
        for reader, _ in opened:
            assert (await reader.readline()).startswith(b"220")
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.read() == b""
        for _, one in [*opened, (reader, writer)]:
            one.close()


async def test_clients_that_are_gone_before_they_are_greeted_leave_nothing(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async with served(world) as port:
        for _ in range(MOST_OF_ADDRESS):
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert (await reader.readline()).startswith(b"220")
        writer.close()
    gc.collect()  # asyncio tells of errors that nobody has caught when their tasks go
    assert not [one for one in caplog.records if one.levelno >= logging.WARNING]


async def test_a_client_that_ends_its_direction_is_told_of_its_mail(
    world: World, shop: Credentials
) -> None:
    (phone,) = world.clients(1)
    head = b"EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"
    whole = head + mail(line(shop, phone, "half")) + b".\r\n"
    async with served(world) as port, asyncio.timeout(PATIENCE_S):
        for sent, is_answered in ((whole, True), (whole[:-5], False), (head[:-9], False)):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(sent)
            writer.write_eof()
            said = (await reader.read()).decode()
            assert ("\r\n250 OK - 1 SMS, ID - " in said) is is_answered, said
            writer.close()
    assert world.texts("shop") == {"half"}


async def test_mail_over_tls(world: World, shop: Credentials, tmp_path: Path) -> None:
    authority = Authority(tmp_path, "authority")
    certificate = authority.issue("server")
    (phone,) = world.clients(1)
    content = mail(line(shop, phone))

    def deliver(port: int) -> int:
        trust = ssl.create_default_context(cafile=str(authority.certificate))
        with smtplib.SMTP_SSL("127.0.0.1", port, context=trust, timeout=PATIENCE_S) as client:
            client.sendmail(FROM, [TO], content)
            return client.noop()[0]

    async with served(world, tls_cert=certificate) as port:
        assert await asyncio.to_thread(deliver, port) == 250
    assert world.texts("shop") == {TEXT}
