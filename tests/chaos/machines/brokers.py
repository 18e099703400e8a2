"""Three Kafka nodes, each broker and controller, on three machines; one folder each.

With Kafka's own time limits: a node that is gone is missed after 9 s, a leader of the controllers
after 2 s.
"""

import shutil
import subprocess
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import psutil
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from inbound.kafka.admin import wait_for_broker
from inbound.kafka.connection import KafkaConnection
from inbound.local.servers import _process
from inbound.local.servers.jars import class_path
from inbound.local.servers.java import archive_options, java
from inbound.local.servers.kafka import new_cluster_id
from inbound.local.servers.kafka_config import LOG4J
from tests.chaos.machines.network import Machine
from tests.patience import PATIENCE_S

PORT: Final = 9092
REPLICAS: Final = 3

_CONTROLLER_PORT: Final = 9093
_HEAP_MB: Final = 256
_LOOK_AGAIN_S: Final = 0.5
_PROPERTIES: Final = """\
process.roles=broker,controller
node.id={number}
listeners=CLIENT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=CLIENT://{host}:{port}
listener.security.protocol.map=CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=CLIENT
controller.listener.names=CONTROLLER
controller.quorum.voters={voters}
log.dirs={data}
default.replication.factor=3
min.insync.replicas=2
offsets.topic.replication.factor=3
offsets.topic.num.partitions=8
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=2000
log.cleaner.dedupe.buffer.size=16777216
"""


class BrokerNode:
    """One node. Every method blocks."""

    def __init__(self, machine: Machine, folder: Path, voters: str) -> None:
        self.machine = machine
        self.folder = folder
        self._voters = voters
        self._process: psutil.Popen | None = None

    @property
    def pid(self) -> int | None:
        """The process id while the node runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def connection(self) -> KafkaConnection:
        """The address of this node alone."""
        return KafkaConnection(f"{self.machine.address}:{PORT}")

    def format(self, cluster_id: str) -> None:
        """Make its folder. Takes a second and a half of Java."""
        self._configure()
        words = ("kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(self._properties))
        subprocess.run(
            [*java(*archive_options()), "-cp", class_path(), *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
        )

    def format_like(self, other: "BrokerNode") -> None:
        """Make its folder from another new one, at once: only the ids differ."""
        self._configure()
        shutil.copytree(other.folder / "data", self.folder / "data")
        mark = self.folder / "data" / "meta.properties"
        own = {"node.id": str(self.machine.number), "directory.id": _base64(uuid.uuid4().bytes)}
        read = (line.partition("=") for line in mark.read_text("utf-8").splitlines())
        lines = [f"{name}{is_}{own.get(name, value)}" for name, is_, value in read]
        mark.write_text("\n".join(lines) + "\n", "utf-8")

    def launch(self) -> None:
        """Start the process; it is of use once it has met another."""
        options = (
            *archive_options(),
            f"-Xmx{_HEAP_MB}m",
            f"-Dlog4j2.configurationFile={self.folder / 'log4j2.properties'}",
        )
        with (self.folder / "console.log").open("ab") as out:
            self._process = psutil.Popen(
                [
                    *self.machine.entering,
                    *java(*options),
                    *("-cp", class_path(), "kafka.Kafka", str(self._properties)),
                ],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def kill(self) -> None:
        """Kill it with SIGKILL. Safe to repeat."""
        if self._process is not None:
            _process.end(self._process, ())

    @property
    def _properties(self) -> Path:
        return self.folder / "server.properties"

    def _configure(self) -> None:
        self.folder.mkdir(parents=True)
        log = LOG4J.format(log=self.folder / "broker.log")
        (self.folder / "log4j2.properties").write_text(log, "utf-8")
        self._properties.write_text(
            _PROPERTIES.format(
                number=self.machine.number,
                host=self.machine.address,
                port=PORT,
                controller_port=_CONTROLLER_PORT,
                voters=self._voters,
                data=self.folder / "data",
            ),
            "utf-8",
        )


class BrokerCluster:
    """The nodes of all machines. Every method blocks."""

    def __init__(self, machines: Sequence[Machine], folder: Path) -> None:
        """Start nothing yet."""
        voters = ",".join(f"{one.number}@{one.address}:{_CONTROLLER_PORT}" for one in machines)
        self.nodes = [
            BrokerNode(machine, folder / f"kafka-{machine.number}", voters) for machine in machines
        ]
        self.bootstrap = ",".join(node.connection.bootstrap for node in self.nodes)

    def open(self) -> None:
        """Create all nodes and start them."""
        first, *others = self.nodes
        first.format(new_cluster_id())
        for node in others:
            node.format_like(first)
        for node in self.nodes:
            node.launch()
        for node in self.nodes:
            wait_for_broker(node.connection, PATIENCE_S)

    def node(self, number: int) -> BrokerNode:
        """Return the node of a machine."""
        return self.nodes[number - 1]

    def leader(self) -> int:
        """Return the number of the node whose controller leads."""
        with self._client() as client:
            quorum = client.describe_metadata_quorum()["topics"][0]["partitions"][0]
            found: int = quorum["leader_id"]
        return found

    def wait_until_in_sync(self) -> None:
        """Return when all replicas of all partitions have what their leaders have."""
        deadline = time.monotonic() + PATIENCE_S
        while not self._is_in_sync():
            assert time.monotonic() < deadline, "a broker does not catch up"
            time.sleep(_LOOK_AGAIN_S)

    def stop(self) -> None:
        """Kill all nodes: each would wait for the others to take over, and there is no next run."""
        for node in self.nodes:
            node.kill()

    def _is_in_sync(self) -> bool:
        try:
            with self._client() as client:
                topics = client.describe_topics()
        except (KafkaError, OSError):
            return False
        partitions = [one for topic in topics for one in topic["partitions"]]
        return bool(partitions) and all(len(one["isr_nodes"]) == REPLICAS for one in partitions)

    def _client(self) -> KafkaAdminClient:
        return KafkaAdminClient(
            **KafkaConnection(self.bootstrap).client_arguments(),
            bootstrap_timeout_ms=5_000,
            request_timeout_ms=5_000,
        )


def _base64(octets: bytes) -> str:
    """Return a Kafka id: URL-safe base64 without padding."""
    return new_cluster_id(lambda _: octets)
