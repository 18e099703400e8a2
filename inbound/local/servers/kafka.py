"""Embedded Apache Kafka: one KRaft node from its published jars, loopback only, with a password.

The same broker as in production, for `scserv up`, tests and benchmarks. An acknowledged
message survives `kill -9`, because the page cache does, but not a power cut. Other users of the
machine have no access: the data folder is private, and `kafka_listeners` protects the ports.
"""

from __future__ import annotations

import base64
import os
import signal
import subprocess
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import psutil

from inbound.errors import SetupError
from inbound.local.ports import LOOPBACK
from inbound.local.servers import _ports, _process
from inbound.local.servers._folder import DataFolder
from inbound.local.servers._output import OutputLog
from inbound.local.servers.jars import class_path
from inbound.local.servers.java import archive_options, java
from inbound.local.servers.kafka_config import LOG4J, PROPERTIES
from inbound.local.servers.kafka_listeners import (
    ClientListener,
    new_password,
    properties_of,
    set_client_password,
    wait_until_let_in,
    with_password,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from inbound.kafka.connection import KafkaConnection

_NAME: Final = "Kafka"
# A server that ends instead is noticed at once; this is for one that hangs.
_START_S: Final = 240.0
_FORMAT_S: Final = 240.0

# A clean stop usually takes less than a second. A killed broker recovers its log.
_STOP: Final = ((signal.SIGTERM, 8.0),)


def new_cluster_id(random: Callable[[int], bytes] = os.urandom) -> str:
    """Return 16 random bytes in URL-safe base64, without padding.

    It never starts with a dash, which Kafka's own tool would take for an option.
    """
    while True:
        cluster_id = base64.urlsafe_b64encode(random(16)).decode().rstrip("=")
        if not cluster_id.startswith("-"):
            return cluster_id


@dataclass(frozen=True, slots=True)
class _Launched:
    """What is known of a broker between its launch and its first answer."""

    clients: KafkaConnection
    ports: Mapping[str, int]
    node_password: str = field(repr=False)
    output: OutputLog


class KafkaServer:
    """One broker with its data in one folder; a context manager that can be started again.

    `port=0` finds a free port at the first start and keeps it. `java_options` are passed to
    Java unchanged. Without `listener` clients need the password in the data folder, which the
    first start creates, also in a folder of an older release that had none.
    """

    def __init__(
        self,
        data_dir: Path,
        port: int = 0,
        *,
        heap_mb: int = 512,
        java_options: Sequence[str] = (),
        listener: ClientListener | None = None,
    ) -> None:
        self._folder = DataFolder(data_dir, _NAME)
        self._wanted_port = port
        self._java_options = (f"-Xmx{heap_mb}m", *java_options)
        self._process: psutil.Popen | None = None
        self._listener = listener
        self._launched: _Launched | None = None

    @property
    def data_dir(self) -> Path:
        """The folder that holds everything this server writes."""
        return self._folder.path

    @property
    def connection(self) -> KafkaConnection:
        """Address and password for clients. Raises RuntimeError before the first launch."""
        if self._launched is None:
            raise RuntimeError("this Kafka was never started")
        return self._launched.clients

    @property
    def bootstrap(self) -> str:
        """HOST:PORT for clients. Raises RuntimeError before the first start."""
        return self.connection.bootstrap

    @property
    def pid(self) -> int | None:
        """The process id while the broker runs."""
        # poll() instead of is_running(): a dead child is a zombie until it is polled.
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def log(self) -> Path:
        """The broker's log; at most 40 MB in four files."""
        return self.data_dir / "broker.log"

    def start(self) -> Self:
        """Start the broker and return when it answers clients.

        Blocks for 2 s, for 3 s with a new folder, for 4 s after a kill -9, and longer to fetch
        jars that are not cached. Ends a broker that a killed parent left in the folder. Raises
        SetupError, which says what to do; then nothing runs.
        """
        self.launch()
        self.wait()
        return self

    def launch(self) -> None:
        """Start the broker and return before it answers; `connection` says where it will.

        Blocks and raises as `start` does. Call `wait` afterwards.
        """
        if self._process is not None:
            raise SetupError(f"{_NAME}: {self.data_dir} is running already")
        jars = class_path()
        self._folder.claim()
        try:
            self._end_leftover()
            listener = self._listener or with_password(self._folder.password(new_password))
            ports = {
                "port": self._folder.port("client", self._wanted_port),
                "broker_port": self._folder.port("broker"),
                "controller_port": self._folder.port("controller"),
            }
            node_password = new_password()
            properties = self._configure(ports, properties_of(listener, node_password))
            self._format_once(jars, properties)
            _ports.require_free(ports.values(), _NAME)
            output = self._launch(jars, properties)
            clients = replace(listener.connection, bootstrap=f"{LOOPBACK}:{ports['port']}")
            self._launched = _Launched(clients, ports, node_password, output)
        except BaseException:
            self.stop()
            raise

    def wait(self) -> None:
        """Wait until a broker that was launched answers clients. Blocks and raises as `start`."""
        launched = self._launched
        if launched is None:
            raise RuntimeError("this Kafka was never launched")
        clients = launched.clients
        try:
            import_module("inbound.kafka.admin")  # it takes a while, and Kafka starts meanwhile
            self._wait_until_open(launched)
            if clients.uses_sasl:
                broker = f"{LOOPBACK}:{launched.ports['broker_port']}"
                set_client_password(broker, launched.node_password, clients)
            wait_until_let_in(clients)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the broker (SIGTERM, then SIGKILL) and release the folder. Safe to repeat.

        Blocks for 0.3 s normally, 13 s at most.
        """
        if self._process is not None:
            _process.end(self._process, _STOP)
            self._process = None
            self._pid_file.unlink(missing_ok=True)
        self._folder.release()

    def kill(self) -> None:
        """Kill the broker with SIGKILL, as a crash would; for tests. Blocks until it has ended."""
        if self._process is not None:
            _process.end(self._process, ())
            self._process = None
        self._folder.release()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def _pid_file(self) -> Path:
        return self.data_dir / "broker.pid"

    def _end_leftover(self) -> None:
        config = str(self.data_dir / "server.properties")
        if leftover := _process.find(self._pid_file, lambda process: config in process.cmdline()):
            _process.end(leftover, _STOP)

    def _configure(self, ports: Mapping[str, int], protection: str) -> Path:
        self._folder.write("log4j2.properties", LOG4J.format(log=self.log))
        return self._folder.write(
            "server.properties",
            PROPERTIES.format(host=LOOPBACK, data=self.data_dir / "data", **ports) + protection,
        )

    def _format_once(self, jars: str, properties: Path) -> None:
        if (self.data_dir / "data" / "meta.properties").exists():
            return
        cluster_id = new_cluster_id()
        done = subprocess.run(
            [
                *java(*archive_options(), self._log4j_option),
                *("-cp", jars, "kafka.tools.StorageTool", "format", "--ignore-formatted"),
                *("-t", cluster_id, "-c", str(properties)),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_FORMAT_S,
            check=False,
        )
        if done.returncode:
            log = self._folder.write("format.log", done.stdout + done.stderr)
            raise SetupError(f"{_NAME} can't format its folder: {_process.explain(log)}")

    @property
    def _log4j_option(self) -> str:
        return f"-Dlog4j2.configurationFile={self.data_dir / 'log4j2.properties'}"

    @property
    def _console(self) -> Path:
        return self.data_dir / "console.log"

    def _launch(self, jars: str, properties: Path) -> OutputLog:
        output = OutputLog(self._console)
        with output.writer() as log:
            process = psutil.Popen(
                [
                    *java(*archive_options(), *self._java_options, self._log4j_option),
                    *("-cp", jars, "kafka.Kafka", str(properties)),
                ],
                cwd=self.data_dir,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._process = process
        self._folder.write(self._pid_file.name, f"{process.pid}\n")
        return output

    def _wait_until_open(self, launched: _Launched) -> None:
        process, ports = self._process, set(launched.ports.values())
        if process is None:
            raise SetupError(f"{_NAME} did not start: it was stopped")
        # Clients log warnings until the ports are open. And only our own process may be told a
        # password: a program of another user may have taken a port since it was found free. That
        # takes a look at all connections of the machine, so first it is seen that all are open.
        _process.wait_until(
            lambda: _ports.are_open(ports) and ports <= _process.listening_ports(process),
            process,
            server=_NAME,
            logs=(self._console, self.log),
            drain=launched.output.drain,
            timeout_s=_START_S,
        )
