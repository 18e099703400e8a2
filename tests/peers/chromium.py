"""A real Chromium without a screen, over its DevTools protocol.

It comes from npm with its libraries, so nothing has to be installed: `.ci/peers` fetches it.
"""

import asyncio
import itertools
import json
import os
import subprocess
import tarfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import aiohttp

from tests.patience import PATIENCE_S
from tests.peers.conftest import CACHE

PROGRAMS: Final = Path(__file__).parent / "programs"
PACKAGE: Final = CACHE / "node_modules" / "@sparticuz" / "chromium"
AXE: Final = CACHE / "node_modules" / "axe-core" / "axe.min.js"
_FLAGS: Final = (
    *("--headless=shell", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
    *("--use-gl=angle", "--use-angle=swiftshader", "--remote-debugging-port=0"),
)


def unpacked(node: list[str]) -> Path:
    """Return the folder of the browser, unpacked once."""
    folder = CACHE / "chromium"
    if not (folder / "chromium").exists():
        command = [*node, str(PROGRAMS / "unpack_chromium.js"), str(PACKAGE), str(folder)]
        subprocess.run(command, check=True, timeout=PATIENCE_S)
        for name in ("al2023.tar", "swiftshader.tar"):
            with tarfile.open(folder / name) as archive:
                archive.extractall(folder, filter="data")
    return folder


class Chromium:
    """One running browser. Each tab has cookies of its own."""

    def __init__(self, link: aiohttp.ClientWebSocketResponse) -> None:
        self._link = link
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._numbers = itertools.count(1)
        self.events: list[dict[str, Any]] = []

    async def read(self) -> None:
        """Hand out answers and keep events, until the browser ends."""
        async for message in self._link:
            data = json.loads(message.data)
            if "id" in data:
                self._answers.pop(data["id"]).set_result(data)
            else:
                self.events.append(data)

    async def call(self, method: str, session: str | None = None, **params: Any) -> Any:
        """Call a method of the protocol and return its result."""
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        request = {"id": number, "method": method, "params": params}
        await self._link.send_json(request | ({"sessionId": session} if session else {}))
        async with asyncio.timeout(PATIENCE_S):
            data = await answer
        assert "error" not in data, (method, data)
        return data["result"]

    async def tab(self, language: str = "en") -> "Tab":
        """Open a tab of a browser that likes this language."""
        context = (await self.call("Target.createBrowserContext"))["browserContextId"]
        target = await self.call("Target.createTarget", url="about:blank", browserContextId=context)
        attached = await self.call(
            "Target.attachToTarget", targetId=target["targetId"], flatten=True
        )
        tab = Tab(self, attached["sessionId"])
        for domain in ("Page", "Runtime", "Network", "Log"):
            await tab.call(f"{domain}.enable")
        await tab.call("Network.setExtraHTTPHeaders", headers={"Accept-Language": language})
        return tab

    @property
    def complaints(self) -> list[str]:
        """What the browser's console has complained about: blocked styles, errors of scripts."""
        return [
            event["params"]["entry"]["text"]
            for event in self.events
            if event["method"] == "Log.entryAdded"
        ] + [
            event["params"]["exceptionDetails"]["text"]
            for event in self.events
            if event["method"] == "Runtime.exceptionThrown"
        ]


class Tab:
    """One page."""

    def __init__(self, browser: Chromium, session: str) -> None:
        self._browser = browser
        self._session = session

    async def call(self, method: str, **params: Any) -> Any:
        return await self._browser.call(method, self._session, **params)

    async def run(self, script: str) -> Any:
        """Run a script in the page and return what it evaluates to."""
        result = await self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    async def until(self, condition: str) -> None:
        """Wait until a script is true; a page that is being left answers nothing."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                with suppress(AssertionError):
                    if await self.run(condition):
                        return
                await asyncio.sleep(0.05)

    async def open(self, url: str, *, width: int = 1280) -> None:
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=900, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip
        found = await self.call("Page.navigate", url=url)
        assert "errorText" not in found, found
        await self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    async def fill(self, selector: str, text: str) -> None:
        await self.run(f"document.querySelector({json.dumps(selector)}).value = {json.dumps(text)}")

    async def type(self, selector: str, text: str) -> None:
        """Fill in a field as somebody who types: the page hears of it."""
        await self.fill(selector, text)
        await self._tell(selector, "input")

    async def choose(self, selector: str, value: str) -> None:
        """Choose an option of a select, once htmx has bound what it inserted."""
        await self.until(
            "document.querySelector('.htmx-request, .htmx-settling, .htmx-added') === null"
        )
        await self.fill(selector, value)
        await self._tell(selector, "change")

    async def _tell(self, selector: str, event: str) -> None:
        event = f"new Event({json.dumps(event)}, {{bubbles: true}})"
        await self.run(f"document.querySelector({json.dumps(selector)}).dispatchEvent({event})")

    async def choose_file(self, selector: str, path: Path) -> None:
        """Choose a file in a field for files."""
        document = await self.call("DOM.getDocument")
        found = await self.call(
            "DOM.querySelector", nodeId=document["root"]["nodeId"], selector=selector
        )
        await self.call("DOM.setFileInputFiles", nodeId=found["nodeId"], files=[str(path)])

    async def press(self, selector: str) -> None:
        """Press a button that leads to another page."""
        await self.run("window.isLeft = false")
        await self.click(selector)
        await self.until("window.isLeft === undefined && document.readyState === 'complete'")

    async def click(self, selector: str) -> None:
        await self.run(f"document.querySelector({json.dumps(selector)}).click()")

    async def key(self, key: str) -> None:
        for kind in ("keyDown", "keyUp"):
            text = {"text": key} if len(key) == 1 else {}
            await self.call("Input.dispatchKeyEvent", type=kind, key=key, **text)

    async def violations(self) -> list[str]:
        """Return what axe-core finds wrong with the page (WCAG 2.2 A and AA, best practice)."""
        await self.call("Runtime.evaluate", expression=AXE.read_text("utf-8"))
        script = "axe.run().then(r => r.violations.map(v => v.id + ': ' + v.nodes[0].html))"
        found: list[str] = await self.run(script)
        return found


@asynccontextmanager
async def chromium(node: list[str], profile: Path) -> AsyncIterator[Chromium]:
    """Run a browser."""
    folder = unpacked(node)
    process = await asyncio.create_subprocess_exec(
        folder / "chromium",
        *_FLAGS,
        f"--user-data-dir={profile}",
        "about:blank",
        env={**os.environ, "LD_LIBRARY_PATH": str(folder / "lib")},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(PATIENCE_S):
            line = ""
            while "DevTools listening on" not in line:
                line = (await process.stderr.readline()).decode()
                assert line, "chromium has ended"
        async with (
            aiohttp.ClientSession() as http,
            http.ws_connect(line.split()[-1], max_msg_size=0) as link,
        ):
            browser = Chromium(link)
            reading = asyncio.create_task(browser.read())
            yield browser
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()
