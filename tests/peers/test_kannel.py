"""Kannel as the ESME that binds to us, both of its boxes, driven through its HTTP side."""

import asyncio
import signal
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import aiohttp
import pytest
from aiohttp import web

from inbound.smpp.pdu import BindTransceiver, DeliverSm, SubmitSm
from inbound.smpp.session import Session, SessionSettings, SessionState
from inbound.smpp.status import Status
from tests.peers.foreign import (
    GSM,
    LIMIT_S,
    NUMBER,
    PASSWORD,
    UCS_2,
    deliveries,
    every_text,
    our_centre,
)
from tests.unit.smpp.certificate import self_signed

CONFIGURATION = """
group = core
admin-port = {admin}
admin-password = none
smsbox-port = {box}
box-allow-ip = 127.0.0.1
log-level = 0

group = smsc
smsc = smpp
smsc-id = ours
host = 127.0.0.1
port = {centre}
transceiver-mode = true
smsc-username = {username}
smsc-password = {password}
system-type = "test"
enquire-link-interval = 1
reconnect-delay = 1
{more}

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}
log-level = 0

group = sendsms-user
username = tester
password = none
max-messages = 10
concatenation = true

group = sms-service
keyword = default
catch-all = true
accept-x-kannel-headers = true
max-messages = 10
concatenation = true
omit-empty = true
get-url = "http://127.0.0.1:{web}/in?from=%p&coding=%c&charset=%C&text=%b"
"""


class Box:
    """A box of Kannel's; `said` waits until its log says something."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self._log = ""
        self._more = asyncio.Condition()
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, program: str, configuration: Path) -> "Box":
        return cls(
            await asyncio.create_subprocess_exec(
                program,
                str(configuration),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                cwd=configuration.parent,
            )
        )

    async def _read(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            async with self._more:
                self._log += line.decode("utf-8", "replace")
                self._more.notify_all()

    async def said(self, text: str) -> None:
        try:
            async with asyncio.timeout(LIMIT_S), self._more:
                await self._more.wait_for(lambda: text in self._log)
        except TimeoutError:
            pytest.fail(f"it never said {text!r}:\n{self._log[-3000:]}")

    async def end(self) -> None:
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(5):
                    await self.process.wait()
            except TimeoutError:
                self.process.kill()
        await self.process.wait()
        await self._reading


@dataclass
class Kannel:
    """Kannel beside our centre, and the web service that it asks for replies."""

    bearerbox: Box
    requests: asyncio.Queue[dict[str, Any]]
    replies: dict[str, str]
    sendsms: str

    async def send(self, text: str, **parameters: str) -> None:
        """Have it send a text, as its users do."""
        query = {"username": "tester", "password": "none", "from": "SCSERV", "to": NUMBER}
        query |= {"text": text, "charset": "UTF-8", **parameters}
        async with aiohttp.ClientSession() as http, http.get(self.sendsms, params=query) as got:
            assert got.status == 202, await got.text()

    async def asked(self) -> dict[str, Any]:
        async with asyncio.timeout(LIMIT_S):
            return await self.requests.get()


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on; Kannel cannot be told to take a free one."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


@asynccontextmanager
async def running(
    programs: tuple[str, str],
    port: int,
    folder: Path,
    *,
    username: str = "kannel",
    password: str = PASSWORD,
    more: str = "",
    whole: bool = True,
) -> AsyncIterator[Kannel]:
    """Start Kannel; not `whole`: its bearerbox alone, which may not live to finish its start.

    Where it is refused before it has finished, its bearerbox ends with an assertion of its own.
    """
    requests: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    replies: dict[str, str] = {}

    async def incoming(request: web.Request) -> web.Response:
        facts = dict(request.query)
        charset = facts.get("charset") or "utf-8"
        # The text as octets of the charset it names: our decoding has no part in this.
        raw = next(part for part in request.query_string.split("&") if part.startswith("text="))
        facts["text"] = _unquoted(raw.removeprefix("text=")).decode(charset)
        requests.put_nowait(facts)
        return web.Response(text=replies.get("in", ""), headers={"X-Kannel-Coding": "2"})

    async def reported(request: web.Request) -> web.Response:
        requests.put_nowait(dict(request.query))
        return web.Response()

    application = web.Application()
    application.add_routes([web.get("/in", incoming), web.get("/receipt", reported)])
    runner = web.AppRunner(application)
    async with AsyncExitStack() as stack:
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        web_port = runner.addresses[0][1]
        admin, box, sendsms = free_ports(3)
        configuration = folder / "kannel.conf"
        configuration.write_text(
            CONFIGURATION.format(
                admin=admin,
                box=box,
                sendsms=sendsms,
                centre=port,
                web=web_port,
                username=username,
                password=password,
                more=more,
            )
        )
        bearerbox = await Box.start(programs[0], configuration)
        stack.push_async_callback(bearerbox.end)
        receipt = f"http://127.0.0.1:{web_port}/receipt?type=%d&text=%A"
        kannel = Kannel(bearerbox, requests, replies, f"http://127.0.0.1:{sendsms}/cgi-bin/sendsms")
        kannel.replies["receipt"] = receipt
        if not whole:
            yield kannel
            return
        await bearerbox.said("MAIN: Start-up done")
        smsbox = await Box.start(programs[1], configuration)
        stack.push_async_callback(smsbox.end)
        # It says that it is connected before it is: a request in between is its end.
        await smsbox.said("heartbeat_thread) maps to pid")
        yield kannel


def _unquoted(text: str) -> bytes:
    return unquote_to_bytes(text.replace("+", " "))


@every_text
async def test_a_text_goes_in_and_its_reply_comes_out(
    kannel: tuple[str, str], tmp_path: Path, text: str
) -> None:
    async with our_centre() as centre, running(kannel, centre.listener.port, tmp_path) as theirs:
        session = await centre.bound()
        theirs.replies["in"] = UCS_2 * 5
        answers = [session.send(pdu) for pdu in deliveries(text)]
        asked = await theirs.asked()
        assert (asked["from"], asked["text"]) == (f"+{NUMBER}", text)
        assert {(await sent).status for sent in answers} == {0}
        assert await centre.taken.text() == UCS_2 * 5


@every_text
async def test_we_read_what_its_users_send(
    kannel: tuple[str, str], tmp_path: Path, text: str
) -> None:
    async with our_centre() as centre, running(kannel, centre.listener.port, tmp_path) as theirs:
        await centre.bound()
        await theirs.send(text, coding="0" if text.isascii() or text == GSM else "2")
        first = await centre.taken.message()
        centre.taken.messages._queue.appendleft(first)  # type: ignore[attr-defined]  # a look ahead
        assert isinstance(first, SubmitSm)
        assert (first.source_addr_ton, first.source_addr) == (5, "SCSERV")
        assert first.destination_addr == NUMBER
        assert await centre.taken.text() == text


async def test_it_finds_the_message_of_our_receipt(kannel: tuple[str, str], tmp_path: Path) -> None:
    async with our_centre() as centre, running(kannel, centre.listener.port, tmp_path) as theirs:
        session = await centre.bound()
        await theirs.send(GSM, **{"dlr-mask": "3", "dlr-url": theirs.replies["receipt"]})
        sent = await centre.taken.message()
        assert isinstance(sent, SubmitSm)
        assert sent.registered_delivery & 1
        text = b"id:00ABCDEF sub:001 dlvrd:001 submit date:2601311530 done date:2601311531 "
        receipt = DeliverSm(
            source_addr=NUMBER,
            destination_addr="SCSERV",
            esm_class=4,
            short_message=text + b"stat:DELIVRD err:000 text:",
        )
        assert (await session.send(receipt)).status == 0
        assert (await theirs.asked())["type"] == "1"


async def test_the_link_lives_by_enquiries_and_ends_with_an_unbind(
    kannel: tuple[str, str], tmp_path: Path
) -> None:
    settings = SessionSettings(system_id="ours", enquire_link_s=0.1)
    heard: asyncio.Queue[int] = asyncio.Queue()
    async with our_centre(settings=settings) as centre:
        async with running(kannel, centre.listener.port, tmp_path):
            session = await centre.bound()
            bind, _ = await centre.binds.get()
            assert isinstance(bind, BindTransceiver)
            assert (bind.system_id, bind.system_type) == ("kannel", "test")
            _listen_in(session, heard)
            commands: set[int] = set()
            async with asyncio.timeout(LIMIT_S):
                # Its enquiries to us, and its answers to ours.
                while not {0x00000015, 0x80000015} <= commands:
                    commands.add(await heard.get())
            assert session.state is SessionState.BOUND
        assert await session.wait_closed() == "the peer unbound"


def _listen_in(session: Session, heard: asyncio.Queue[int]) -> None:
    """Note the command_id of every frame that comes in."""
    take = session.on_frame

    def on_frame(frame: bytes) -> None:
        heard.put_nowait(int.from_bytes(frame[4:8], "big"))
        take(frame)

    session.on_frame = on_frame  # type: ignore[method-assign]  # to look without disturbing


async def test_it_understands_that_its_password_is_wrong(
    kannel: tuple[str, str], tmp_path: Path
) -> None:
    async with (
        our_centre() as centre,
        running(kannel, centre.listener.port, tmp_path, password="wrong", whole=False) as theirs,
    ):
        _, status = await centre.binds.get()
        assert status == Status.ESME_RINVPASWD
        await theirs.bearerbox.said("rejected login to transmit, code 0x0000000e")


async def test_it_comes_back_after_we_drop_the_link(
    kannel: tuple[str, str], tmp_path: Path
) -> None:
    async with our_centre() as centre, running(kannel, centre.listener.port, tmp_path) as theirs:
        (await centre.bound()).abort("the test cuts the link")
        session = await centre.bound()
        (pdu,) = deliveries(GSM)
        assert (await session.send(pdu)).status == 0
        assert (await theirs.asked())["text"] == GSM


async def test_over_tls(kannel: tuple[str, str], tmp_path: Path) -> None:
    certificate = self_signed(tmp_path / "centre.pem")
    ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ours.load_cert_chain(certificate)
    more = f"use-ssl = true\nssl-client-certkey-file = {certificate}"
    async with (
        our_centre(ours) as centre,
        running(kannel, centre.listener.port, tmp_path, more=more) as theirs,
    ):
        session = await centre.bound()
        assert session._transport.get_extra_info("ssl_object").version().startswith("TLS")
        await theirs.send(GSM)
        assert await centre.taken.text() == GSM
