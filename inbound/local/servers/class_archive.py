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
from inbound.reasons import in_words
from inbound.terminal import echo

if TYPE_CHECKING:
    from inbound.kafka.connection import KafkaConnection

_DUMP_S: Final = 240.0
_TEXT_S: Final = 60.0
"""How long a text may take to the broker, and from it to a reader, who joins a new group."""
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
        argv = [
            *java("-XX:AOTMode=create", f"-XX:AOTConfiguration={noted}"),
            *(f"-XX:AOTCache={made}", "-cp", class_path()),
        ]
        try:
            done = subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_DUMP_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise SetupError(f"Java has not written {path} within {_DUMP_S:g} s") from None
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
    from kafka import KafkaProducer
    from kafka.errors import KafkaError

    from inbound.kafka import admin
    from schemas.topics import MO, TOPICS

    admin.apply(kafka, TOPICS, 1)
    producer = KafkaProducer(**kafka.client_arguments(), acks="all")
    try:
        producer.send(MO, b"a text").get(_TEXT_S)
    except KafkaError as error:
        raise SetupError(f"Kafka takes no text: {in_words(error)}") from error
    finally:
        producer.close(_TEXT_S)
    read_one(kafka, MO)


def read_one(kafka: KafkaConnection, topic: str, within_s: float = _TEXT_S) -> None:
    """Read a text as a group does. Blocks for `within_s` or little more. Raises SetupError."""
    from kafka import KafkaConsumer
    from kafka.errors import KafkaError

    limit_ms = int(within_s * 1000)
    consumer = KafkaConsumer(
        topic,
        **kafka.client_arguments(),
        group_id=_GROUP,
        auto_offset_reset="earliest",
        consumer_timeout_ms=limit_ms,
    )
    try:
        if next(consumer, None) is None:
            raise SetupError(f"Kafka gives a text to no reader within {within_s:g} s")
        consumer.commit(timeout_ms=limit_ms)
    except KafkaError as error:
        raise SetupError(f"Kafka lets nobody read: {in_words(error)}") from error
    finally:
        consumer.close(timeout_ms=limit_ms)


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
