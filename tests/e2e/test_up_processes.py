"""The processes of `scserv up`: a role that is killed comes back, with and without the fork server.

Their fork server is killed too, and at the end none of them is left.
"""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import psutil

from inbound.local.service import ROLES
from inbound.local.spawning import SCSERV
from tests.patience import PATIENCE_S
from tests.service.waiting import eventually

NUMBER = "+79161234567"


class Up:
    """A running `scserv up`, and what it says."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.pid = process.pid

    async def says(self, *words: str) -> None:
        assert self._process.stdout is not None
        left = set(words)
        async with asyncio.timeout(PATIENCE_S):
            while left:
                line = (await self._process.stdout.readline()).decode()
                assert line, f"it ended and did not say {left}"
                left -= {word for word in left if word in line}

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.pid).children(recursive=True)

    def find(self, is_it: Callable[[list[str]], bool]) -> psutil.Process | None:
        return next((one for one in self.family() if is_it(one.cmdline())), None)

    def role(self, name: str) -> psutil.Process | None:
        return self.find(lambda words: words[:4] == [*SCSERV, name])

    async def replaced(self, role: str, before: psutil.Process) -> psutil.Process:
        def has_another() -> bool:
            return self.role(role) not in {None, before}

        await eventually(has_another, lambda: f"no {role} was started again")
        after = self.role(role)
        assert after is not None
        return after


async def scserv(folder: Path, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(*SCSERV, *arguments, "--data-dir", str(folder / "data")),
        cwd=folder,
        env={k: v for k, v in os.environ.items() if not k.startswith(("SCSERV_", "OTEL_"))},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )


async def test_a_killed_role_comes_back_with_and_without_the_fork_server(tmp_path: Path) -> None:
    ports = ("--port", "0", "--api-port", "0", "--desk-port", "0", "--ingress-port", "0")
    process = await scserv(tmp_path, "up", *ports, "--smpp-port", "0")
    up = Up(process)
    try:
        await up.says(" ready: ")
        assert [role for role in ("simulator", *ROLES) if up.role(role) is None] == []
        fork_server = up.find(lambda words: any(word.endswith("fork_server.py") for word in words))
        worker, gateway = up.role("worker"), up.role("gateway")
        assert fork_server
        assert worker
        assert gateway
        worker.kill()
        await up.says("worker died (signal SIGKILL)")
        worker = await up.replaced("worker", worker)
        await up.says("worker: ready again")
        fork_server.kill()
        for role, one in (("worker", worker), ("gateway", gateway)):
            one.kill()
            await up.says(f"{role} died (signal SIGKILL)")
        await up.says("from now on processes start without it", "ready again")
        await up.replaced("worker", worker)
        await up.replaced("gateway", gateway)
        texting = await scserv(tmp_path, "text", NUMBER, "CLIENT info")
        said, _ = await texting.communicate()
        assert "ЦЕНТР РЕГИСТРАЦИИ" in said.decode()
        family = up.family()
    finally:
        process.terminate()
        await process.communicate()
    assert process.returncode == 0
    assert [one for one in family if one.is_running()] == []
