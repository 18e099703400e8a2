"""Processes of the desk side by side: one is killed with -9 in the middle of an upload or a job."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from inbound.desk.identity import users
from inbound.desk.roles import Role
from inbound.store.connections import connect
from tests import forks
from tests.fix_service import free_port
from tests.fix_store import SUBJECT_KEY, VAULT_KEY
from tests.integration.desk.broadcast_world import NEW
from tests.integration.desk.browser import AGENT, Browser, Page
from tests.integration.desk.world import HASH, NOW, PASSWORD
from tests.patience import PATIENCE_S

NAME: Final = "editor"
ROWS: Final = 60_000


@dataclass(slots=True)
class DeskProcess:
    """A process of the desk."""

    process: forks.Forked
    base: str

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()


class Desks:
    """Starts processes of the desk on one database and one folder of uploads."""

    def __init__(self, url: str, folder: Path) -> None:
        self.uploads = folder / "uploads"
        self._url = url
        self._folder = folder
        self._started: list[DeskProcess] = []
        self.browsers: list[Browser] = []
        with connect(url, "tests") as conn:
            conn.execute("UPDATE accounts SET rights = '{send,broadcasts,strangers}'")
            users.create(
                conn,
                users.AuditStamp("tests", NOW),
                user_id=uuid4(),
                name=NAME,
                roles=(Role.EDITOR,),
                password_hash=HASH,
            )

    async def start(self) -> DeskProcess:
        port = free_port()
        log = str(self._folder / f"{port}.log")
        settings = {
            "SCSERV_DATABASE_URL": self._url,
            "SCSERV_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
            "SCSERV_VAULT_KEY": VAULT_KEY.hex(),
            "SCSERV_SUBJECT_KEY": SUBJECT_KEY.hex(),
            "SCSERV_DESK__PORT": str(port),
            "SCSERV_DESK__UPLOADS": str(self.uploads),
            "SCSERV_HEALTH_PORT": str(free_port()),
        }
        wanted = forks.Wanted(("desk",), {**os.environ, **settings}, str(self._folder), log, log)
        desk = DeskProcess(await forks.start(wanted), f"http://127.0.0.1:{port}")
        self._started.append(desk)
        return desk

    async def close(self) -> None:
        for browser in self.browsers:
            await browser.client.aclose()
        for desk in self._started:
            await desk.kill()


@pytest.fixture
async def desks(database_url: str, tmp_path: Path) -> AsyncIterator[Desks]:
    made = Desks(database_url, tmp_path)
    yield made
    await made.close()


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """The application of a browser whose client is replaced."""


async def browser_of(desks: Desks, desk: DeskProcess, like: Browser | None = None) -> Browser:
    """Return a browser at a process; with the cookies of another one, as behind a proxy."""
    made = Browser(_nothing)
    desks.browsers.append(made)
    await made.client.aclose()
    made.client = httpx.AsyncClient(
        base_url=desk.base,
        follow_redirects=True,
        headers={"User-Agent": AGENT, "Accept-Language": "en"},
        timeout=PATIENCE_S,
    )
    for cookie in like.client.cookies.jar if like else ():
        made.client.cookies.set(cookie.name, cookie.value or "", domain="127.0.0.1")
    return made


async def until(look: Callable[[], Awaitable[Page]], is_so: Callable[[Page], bool]) -> Page:
    """Look again and again until a page is as wanted."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        page = None
        with suppress(httpx.TransportError):
            page = await look()
        if page is not None and is_so(page):
            return page
        assert time.monotonic() < deadline, page and page.text
        await asyncio.sleep(0.2)


async def signed_in(desks: Desks, desk: DeskProcess) -> Browser:
    browser = await browser_of(desks, desk)
    await until(lambda: browser.open("/sign-in"), lambda page: page.status == 200)
    await browser.sign_in(NAME, PASSWORD)
    return browser


def table() -> bytes:
    return b"msisdn,name\n" + b"".join(b"+7916%07d,Ann\n" % n for n in range(ROWS))


@pytest.mark.drill
async def test_a_desk_that_is_killed_leaves_nothing_half_done_and_another_one_goes_on(
    desks: Desks,
) -> None:
    first, second = await desks.start(), await desks.start()
    here = await signed_in(desks, first)
    there = await browser_of(desks, second, here)
    await until(lambda: there.open(NEW), lambda page: page.status == 200)

    # Killed in the middle of an upload: nothing of it is an upload, whoever looks.
    began = asyncio.Event()
    form = (await here.open(NEW)).form(f"{NEW}/table").fields["form"]

    async def half() -> AsyncIterator[bytes]:
        yield (
            b'--x\r\nContent-Disposition: form-data; name="form"\r\n\r\n' + form.encode() + b"\r\n"
            b'--x\r\nContent-Disposition: form-data; name="table"; filename="a.csv"\r\n\r\n'
        )
        yield b"msisdn\n" * (1 << 18)
        began.set()
        await asyncio.Event().wait()

    sending = asyncio.create_task(
        here.client.post(
            f"{NEW}/table",
            content=half(),
            headers={"Content-Type": "multipart/form-data; boundary=x"},
        )
    )
    await began.wait()
    deadline = time.monotonic() + PATIENCE_S
    while not any(path.stat().st_size for path in desks.uploads.glob("*.part")):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    await first.kill()
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    assert not list(desks.uploads.glob("*.json"))

    # Again at the other one, which is killed in the middle of loading the rows.
    third = await desks.start()
    later = await browser_of(desks, third, there)
    await until(lambda: later.open(NEW), lambda page: page.status == 200)
    page = await there.upload(await there.open(NEW), f"{NEW}/table", "a.csv", table())
    assert page.status == 200
    name = "Killed in the middle"
    page = await there.send(page, page.path, name=name, text="Good day")
    assert "The draft is being made" in page.text
    await until(lambda: later.open(page.path), lambda shown: "% is done" in shown.text)
    await second.kill()
    lost = await until(lambda: later.open(page.path), lambda shown: shown.status == 422)
    assert "The process that was at it has died. Nothing was stored" in lost.text
    [again] = [form.action for form in lost.forms if form.fields.get("name") == name]
    with connect(desks._url, "tests") as conn:
        for query in (b"broadcasts", b"broadcast_recipients", b"broadcast_exclusions"):
            assert conn.execute(b"SELECT count(*) FROM " + query).fetchone() == (0,)
    page = await later.send(lost, again)
    made = await until(lambda: later.open(page.path), lambda page: "/loading/" not in page.path)
    assert f"Recipients {ROWS:,}".replace(",", "\N{NO-BREAK SPACE}") in made.text or (
        f"{ROWS:,}" in made.text
    )
