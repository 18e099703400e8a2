"""No picture of a process's memory is left behind, however the service is installed."""

import configparser
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from resource import RLIM_INFINITY, RLIMIT_CORE, getrlimit, setrlimit
from typing import Any

import pytest
import yaml

from inbound.local.servers.java import java

ROOT = Path(__file__).parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
CRASH = "import os; os.kill(os.getpid(), signal.SIGSEGV)"


@pytest.fixture(autouse=True)
def _dumps_allowed() -> Iterator[None]:
    """Let children dump as much as they like, as a shell with `ulimit -c unlimited` does."""
    soft, hard = getrlimit(RLIMIT_CORE)
    if hard != RLIM_INFINITY:
        pytest.skip("this machine allows no core dumps")
    setrlimit(RLIMIT_CORE, (hard, hard))
    yield
    setrlimit(RLIMIT_CORE, (soft, hard))


def crash(folder: Path, first: str) -> list[Path]:
    """Run some Python that crashes in a folder; return what it leaves there."""
    done = subprocess.run(
        [sys.executable, "-c", f"import signal\n{first}\n{CRASH}"], cwd=folder, check=False
    )
    assert done.returncode == -signal.SIGSEGV
    return list(folder.iterdir())


def test_crash_writes_no_core_dump(tmp_path: Path) -> None:
    before = tmp_path / "without"
    before.mkdir()
    if not crash(before, "pass"):
        pytest.skip("core_pattern leads elsewhere here")
    after = tmp_path / "with"
    after.mkdir()
    forbid = "from inbound.cli._core_dumps import forbid_core_dumps; forbid_core_dumps()"
    assert crash(after, forbid) == []


def test_each_mechanism_prevents_core_dumps_alone(tmp_path: Path) -> None:
    """The limit could be lifted again; a program that core_pattern names may ignore it."""
    seen = (
        "from inbound.cli._core_dumps import forbid_core_dumps; forbid_core_dumps()\n"
        "import ctypes, resource\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    )
    done = subprocess.run(
        [sys.executable, "-c", seen], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    # 3 is PR_GET_DUMPABLE of linux/prctl.h.
    assert done.stdout.strip() == ("(0, 0) 0" if sys.platform == "linux" else "(0, 0) -1")


def test_every_container_that_holds_texts_forbids_dumps() -> None:
    services = COMPOSE["services"]
    ours = {name for name, service in services.items() if service.get("image") == "scserv"}
    assert len(ours) >= 5
    for name in ours | {"kafka", "postgres"}:
        assert services[name]["ulimits"] == {"core": 0}, name


def test_the_broker_is_started_without_dumps_everywhere() -> None:
    heap = COMPOSE["services"]["kafka"]["environment"]["KAFKA_HEAP_OPTS"].split()
    for option in ("-XX:-CreateCoredumpOnCrash", "-XX:-HeapDumpOnOutOfMemoryError"):
        assert option in heap
        assert option in java()


def test_the_unit_forbids_dumps() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(ROOT / "deploy" / "systemd" / "scserv-@.service.d" / "common.conf", "utf-8")
    assert unit["Service"]["LimitCORE"] == "0"
