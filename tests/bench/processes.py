"""The processes of the service as the benchmark starts and measures them."""

import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from inbound.keys import IndexKey
from inbound.local.servers.kafka import KafkaServer
from inbound.local.servers.kafka_listeners import OPEN
from inbound.local.servers.postgres import PostgresServer
from inbound.store.access.index_keys import load_index_key
from inbound.store.connections import connect
from tests.ceilings import NO_CEILINGS

KEY = "00" * 32
READY_WITHIN_S = 240.0


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU seconds since the start, and the largest resident memory, of a process tree."""

    cpu_s: float
    peak_rss_mb: float


class ProcessUsages:
    """Named processes, each with its children."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = dict(pids)

    def usage(self) -> dict[str, Usage]:
        """Return what each process has used so far."""
        return {name: _usage(pid) for name, pid in self._pids.items()}


def _usage(pid: int) -> Usage:
    parent = psutil.Process(pid)
    cpu_s = peak_kb = 0.0
    for process in [parent, *parent.children(recursive=True)]:
        try:
            times = process.cpu_times()
            status = Path(f"/proc/{process.pid}/status").read_text("ascii", "replace")
        except (psutil.NoSuchProcess, FileNotFoundError):
            continue
        cpu_s += times.user + times.system
        peak_kb = max(peak_kb, _field(status, "VmHWM:"))
    if parent.pid != os.getpid():
        cpu_s += parent.cpu_times().children_user + parent.cpu_times().children_system
    return Usage(cpu_s, peak_kb / 1024)


def _field(status: str, name: str) -> float:
    for line in status.splitlines():
        if line.startswith(name):
            return float(line.split()[1])
    return 0.0


@contextmanager
def servers(folder: Path) -> Iterator[tuple[PostgresServer, KafkaServer]]:
    """Start PostgreSQL and Kafka in `folder` and stop them at the end."""
    with ExitStack() as stack:
        postgres = stack.enter_context(PostgresServer(folder / "postgres"))
        kafka = stack.enter_context(KafkaServer(folder / "kafka", listener=OPEN))
        yield postgres, kafka


def environment(
    postgres: PostgresServer, kafka: KafkaServer, centre_port: int, window: int
) -> dict[str, str]:
    """Return the settings of a service on these servers and an SMS centre on this machine."""
    return {
        "SCSERV_DATABASE_URL": postgres.url(),
        "SCSERV_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap,
        "SCSERV_VAULT_KEY": KEY,
        "SCSERV_SUBJECT_KEY": KEY,
        "SCSERV_SMPP__PORT": str(centre_port),
        "SCSERV_SMPP__WINDOW": str(window),
        "SCSERV_SMPP__RECONNECT_MAX_S": "0.5",
        "SCSERV_LOG_LEVEL": "warning",
    }


def index_key(url: str) -> IndexKey:
    """Return the index key of the database of these servers."""
    with connect(url, "bench") as conn:
        return load_index_key(conn, bytes.fromhex(KEY))


@contextmanager
def roles(
    folder: Path, settings: Mapping[str, str], ports: Mapping[str, int]
) -> Iterator[dict[str, int]]:
    """Start one process of each role; yield their pids once all are ready."""
    with ExitStack() as stack:
        processes = {}
        for role, port in ports.items():
            log = stack.enter_context((folder / f"{role}.log").open("wb"))
            process = _start(role, {**settings, "SCSERV_HEALTH_PORT": str(port)}, log)
            stack.callback(_stop, process)
            processes[role] = process
        for role, port in ports.items():
            _wait_ready(processes[role], folder / f"{role}.log", port)
        yield {role: process.pid for role, process in processes.items()}


def scserv(settings: Mapping[str, str], *words: str) -> str:
    """Run a command of the service on this machine and return its output. Blocks."""
    done = subprocess.run(
        [sys.executable, "-m", "inbound.cli", *words],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"scserv {words[0]}: {done.stderr}")
    return done.stdout


def _start(role: str, settings: Mapping[str, str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "inbound.cli", role],
        env={**os.environ, **NO_CEILINGS, **settings},
        stdout=log,
        stderr=subprocess.STDOUT,
    )


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@retry(
    retry=retry_if_exception_type(OSError),
    stop=stop_after_delay(READY_WITHIN_S),
    wait=wait_fixed(0.1),
    reraise=True,
)
def _wait_ready(process: subprocess.Popen[bytes], log: Path, port: int) -> None:
    if process.poll() is not None:
        raise RuntimeError(f"{log.stem} ended: {log.read_text('utf-8', 'replace')[-2000:]}")
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=2):
            return
    except urllib.error.HTTPError as error:
        raise OSError(f"{log.stem} is not ready: {error.read().decode()}") from error
