"""A process that crashes while it holds secrets leaves no picture of its memory.

Everything is started as from a shell with `ulimit -c unlimited`: only the processes
themselves forbid it.
"""

import asyncio
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.core_dumps import core_dumps_allowed, forbids
from tests.fix_service import Role, Service
from tests.patience import PATIENCE_S

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]


@pytest.fixture(autouse=True)
def _dumps_allowed() -> Iterator[None]:
    with core_dumps_allowed():
        yield


def pictures(folder: Path) -> list[Path]:
    """Return what looks like a core dump: kernels write ELF (core(5))."""
    return [path for path in folder.rglob("*") if path.is_file() and _is_elf(path)]


def _is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def led_elsewhere() -> bool:
    """Whether the machine gives core dumps to a program, or keeps them in one folder."""
    return Path("/proc/sys/kernel/core_pattern").read_text("ascii")[:1] in {"|", "/"}


async def test_machine_writes_core_dumps_where_the_tests_look(tmp_path: Path) -> None:
    crashing = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "import os; os.abort()"), cwd=tmp_path
    )
    assert await crashing.wait() == -signal.SIGABRT
    assert pictures(tmp_path) or led_elsewhere()


@pytest.mark.parametrize("role", ["gateway", "worker", "relay", "projector", "api"])
async def test_a_role_that_crashes_leaves_none(service: Service, role: Role) -> None:
    service.extra_environment["SCSERV_API__PORT"] = "0"
    [one] = await service.start(role)
    assert forbids(one.process.pid)
    service.running.remove(one)
    one.process.send_signal(signal.SIGSEGV)
    assert await one.process.wait() == -signal.SIGSEGV
    assert pictures(service.folder) == []


async def test_a_command_that_crashes_leaves_none(service: Service) -> None:
    asking = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "inbound.cli", "erase", "--phone", "+79161234567"),
        *("--reason", "asked for it"),
        cwd=service.folder,
        env=service.environment(),
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert asking.stderr is not None
    async with asyncio.timeout(PATIENCE_S):
        assert b"for good?" in await asking.stderr.readuntil(b"?")
    assert forbids(asking.pid)
    asking.send_signal(signal.SIGABRT)
    assert await asking.wait() == -signal.SIGABRT
    assert pictures(service.folder) == []
