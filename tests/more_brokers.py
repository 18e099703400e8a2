"""More brokers beside an embedded Kafka, as an installation gets them that grows."""

import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from kafka.admin import KafkaAdminClient

from inbound.kafka.admin import wait_for_broker
from inbound.kafka.connection import KafkaConnection
from inbound.local.servers.jars import class_path
from inbound.local.servers.java import archive_options, java
from inbound.local.servers.kafka import KafkaServer
from inbound.local.servers.kafka_config import LOG4J
from tests.fix_service import free_port
from tests.patience import PATIENCE_S

_LOOK_AGAIN_S = 0.2


@contextmanager
def more_brokers(first: KafkaServer, *nodes: int) -> Iterator[None]:
    """Run brokers with these ids during the block; the first one stays the only controller."""
    started: list[psutil.Popen] = []
    try:
        ports = [free_port() for _ in nodes]
        started += [_start(first, node, port) for node, port in zip(nodes, ports, strict=True)]
        for port in ports:
            wait_for_broker(KafkaConnection(f"127.0.0.1:{port}"), PATIENCE_S)
        _wait_until_known(first, nodes)
        yield
    finally:
        for process in started:
            process.send_signal(signal.SIGTERM)
        for left in psutil.wait_procs(started, timeout=PATIENCE_S)[1]:
            left.kill()


def _start(first: KafkaServer, node: int, port: int) -> psutil.Popen:
    folder = first.data_dir.parent / f"{first.data_dir.name}-{node}"
    folder.mkdir()
    log4j = folder / "log4j2.properties"
    log4j.write_text(LOG4J.format(log=folder / "broker.log"), "utf-8")
    properties = folder / "server.properties"
    properties.write_text(_properties(first, node, port, folder), "utf-8")
    options = (*archive_options(), "-Xmx256m", f"-Dlog4j2.configurationFile={log4j}")
    command = [*java(*options), "-cp", class_path()]
    with (folder / "console.log").open("wb") as out:
        subprocess.run(
            [
                *(*command, "kafka.tools.StorageTool", "format"),
                *("-t", _cluster_id(first), "-c", str(properties)),
            ],
            check=True,
            stdout=out,
            stderr=out,
        )
        return psutil.Popen(
            [*command, "kafka.Kafka", str(properties)], cwd=folder, stdout=out, stderr=out
        )


def _properties(first: KafkaServer, node: int, port: int, folder: Path) -> str:
    text = (first.data_dir / "server.properties").read_text("utf-8")
    listeners = f"CLIENT://127.0.0.1:{port},BROKER://127.0.0.1:{free_port()}"
    own = {
        "process.roles": "broker",
        "node.id": str(node),
        "listeners": listeners,
        "advertised.listeners": listeners,
        "log.dirs": str(folder / "data"),
    }
    for name, value in own.items():
        text = re.sub(rf"^{re.escape(name)}=.*$", f"{name}={value}", text, flags=re.MULTILINE)
    return text


def _cluster_id(first: KafkaServer) -> str:
    meta = (first.data_dir / "data" / "meta.properties").read_text("utf-8")
    (cluster_id,) = re.findall(r"^cluster\.id=(.*)$", meta, re.MULTILINE)
    return str(cluster_id)


def _wait_until_known(first: KafkaServer, nodes: tuple[int, ...]) -> None:
    client = KafkaAdminClient(bootstrap_servers=first.bootstrap)
    deadline = time.monotonic() + PATIENCE_S
    while not {one["broker_id"] for one in client.describe_cluster()["brokers"]} >= {*nodes}:
        assert time.monotonic() < deadline, "the cluster does not take the new brokers"
        time.sleep(_LOOK_AGAIN_S)
    client.close()
