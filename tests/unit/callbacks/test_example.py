"""docs/examples/callbacks.py does what the guide for senders says, and so does its test by curl."""

import asyncio
import os
import sqlite3
import sys
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic_core import to_json

from inbound.callbacks.http_poster import HttpPoster
from inbound.callbacks.posting import CallbackFailed
from inbound.callbacks.signing import new_secret, signed_headers
from tests.fix_service import free_port
from tests.patience import PATIENCE_S
from tests.subscribers import EXAMPLES_FOLDER

EXAMPLE = EXAMPLES_FOLDER / "callbacks.py"
SECRET = new_secret()


@dataclass(frozen=True, slots=True)
class Example:
    """The example at work."""

    port: int
    database: Path
    output: Path

    async def call(self, id_: str, type_: str, secret: str = SECRET, **data: str) -> None:
        body = to_json({"type": type_, "timestamp": "2026-01-01T00:00:00Z", "data": data})
        headers = signed_headers([secret], id_, int(time.time()), body)
        url = f"http://127.0.0.1:{self.port}/sms"
        await HttpPoster().post(url, body, headers, private_allowed=True)

    def messages(self) -> list[tuple[str, str, str | None]]:
        with sqlite3.connect(self.database) as database:
            return database.execute("SELECT * FROM messages ORDER BY id").fetchall()


@pytest.fixture
async def example(tmp_path: Path) -> AsyncIterator[Example]:
    port, database, output = free_port(), tmp_path / "messages.sqlite", tmp_path / "output"
    with output.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(EXAMPLE), str(port), str(database)),
            env={**os.environ, "CALLBACK_SECRET": SECRET},
            stdout=file,
            stderr=asyncio.subprocess.DEVNULL,
        )
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                with suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    break
                await asyncio.sleep(0.05)
        yield Example(port, database, output)
    finally:
        process.kill()
        await process.wait()


def test_it_is_short() -> None:
    assert len(EXAMPLE.read_text("utf-8").splitlines()) < 60


async def test_it_notes_the_last_state_and_takes_a_call_once(example: Example) -> None:
    await example.call("1", "message.unknown", id="a", state="unknown")
    await example.call("2", "message.delivered", id="a", state="delivered")
    await example.call("1", "message.unknown", id="a", state="unknown")
    await example.call("3", "message.withheld", id="b", state="withheld", reason="opted_out")
    await example.call("4", "command.accepted", subject_id="c", command="sms_stop")
    assert example.messages() == [("a", "delivered", None), ("b", "withheld", "opted_out")]
    assert example.output.read_text() == "a unknown\na delivered\nb withheld\n"


async def test_it_takes_nothing_that_another_signed(example: Example) -> None:
    with pytest.raises(CallbackFailed, match="answered 401"):
        await example.call("1", "message.delivered", new_secret(), id="a", state="delivered")
    assert example.messages() == []
