"""What Java has prepared of Kafka, kept in a file: a start takes less than half the CPU time.

Java's ahead-of-time cache: classes as it has them in memory, linked, with their lambdas.
`python -m inbound.local.servers.class_archive` makes the file: a broker starts and does what a
service asks of it at its start, and Java notes what that takes. Without the file a broker starts,
too, only slower.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil

from inbound.errors import SetupError
from inbound.local.servers import _process
from inbound.local.servers.jars import class_path
from inbound.local.servers.java import archive_path, java
from inbound.local.servers.kafka import KafkaServer
from inbound.terminal import echo

if TYPE_CHECKING:
    from inbound.kafka.connection import KafkaConnection

_DUMP_S: Final = 240.0
_GROUP: Final = "scserv-archive"


def make(path: Path) -> None:
    """Run a broker twice and write what its second start took into `path`. Blocks for 15 s.

    Safe to repeat and to run in several processes at once. Raises SetupError when Kafka does not
    start or Java can't write the file.
    """
    with tempfile.TemporaryDirectory(prefix=".classes-", dir=path.parent) as folder:
        noted, made = Path(folder) / "noted", Path(folder) / path.name
        data = Path(folder) / "data"
        _run(data)  # the next start loads its topics and groups
        _run(data, "-XX:AOTMode=record", f"-XX:AOTConfiguration={noted}")
        done = subprocess.run(
            [
                *java("-XX:AOTMode=create", f"-XX:AOTConfiguration={noted}"),
                *(f"-XX:AOTCache={made}", "-cp", class_path()),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_DUMP_S,
            check=False,
        )
        if done.returncode or not made.exists():
            raise SetupError(f"Java can't write {path}: {(done.stderr or done.stdout)[-300:]}")
        made.replace(path)


def _run(data: Path, *java_options: str) -> None:
    """Run a broker for a moment; let it end however long it writes what it has noted."""
    with KafkaServer(data, java_options=java_options) as server:
        _use(server.connection)
        if (pid := server.pid) is not None:
            _process.end(psutil.Process(pid), ((signal.SIGTERM, _DUMP_S),))


def _use(kafka: KafkaConnection) -> None:
    """Ask of a broker what the roles ask at their start, and send and read a text."""
    from kafka import KafkaConsumer, KafkaProducer

    from inbound.kafka import admin
    from schemas.topics import MO, TOPICS

    admin.apply(kafka, TOPICS, 1)
    producer = KafkaProducer(**kafka.client_arguments(), acks="all")
    consumer = KafkaConsumer(
        MO, **kafka.client_arguments(), group_id=_GROUP, auto_offset_reset="earliest"
    )
    try:
        producer.send(MO, b"a text").get(_DUMP_S)
        next(consumer)
        consumer.commit()
    finally:
        consumer.close()
        producer.close()


def main() -> int:
    """Make the file, unless it is there."""
    try:
        class_path()
        path = archive_path()
        if not path.exists():
            echo("setup: an archive of Kafka's classes (some seconds, once)", err=True)
            make(path)
    except SetupError as error:
        echo(error, err=True)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
