"""Kafka's classes as Java has them in memory, kept in a file: a start takes half the CPU time.

Java's class data sharing. `python -m inbound.local.servers.class_archive` makes the file: a broker
starts once and lists what it loads. Without the file a broker starts, too, only slower.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from inbound.errors import SetupError
from inbound.local.servers.jars import class_path
from inbound.local.servers.java import archive_path, java
from inbound.local.servers.kafka import KafkaServer
from inbound.terminal import echo

_DUMP_S: Final = 240.0


def make(path: Path) -> None:
    """Start a broker and write the classes that it loads into `path`. Blocks for 5 s or longer.

    Safe to repeat and to run in several processes at once. Raises SetupError when Kafka does not
    start or Java can't write the file.
    """
    with tempfile.TemporaryDirectory(prefix=".classes-", dir=path.parent) as folder:
        loaded, made = Path(folder) / "loaded", Path(folder) / path.name
        with KafkaServer(Path(folder) / "data", java_options=[f"-XX:DumpLoadedClassList={loaded}"]):
            pass
        done = subprocess.run(
            [
                *java("-Xshare:dump", f"-XX:SharedClassListFile={loaded}"),
                *(f"-XX:SharedArchiveFile={made}", "-cp", class_path()),
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
