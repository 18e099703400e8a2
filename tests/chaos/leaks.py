"""Canaries: secrets and numbers of the campaign, looked for everywhere they must not be.

Secrets may stand nowhere in the clear; a number in `sms.mo.v1` alone. Searched are the raw
files of both servers (what was deleted since and the write-ahead log, too), the logs of
every process that ran, each record of each topic and each column of each table.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql

from tests.canaries import Canaries
from tests.chaos.world import World
from tests.fix_service import Client

CODE, LOGIN, PASSWORD = "kod-canary", "login-canary", "parol-canary"
NUMBERS: Final = "+792555501"
_CHUNK: Final = 16 * 1024 * 1024
_OVERLAP: Final = 256
_OFFSETS: Final = {".index", ".timeindex"}
"""Kafka makes these ten megabytes long, and they hold offsets."""

_SECRETS: Final = Canaries(CODE, LOGIN, PASSWORD)
_EVERYTHING: Final = Canaries(CODE, LOGIN, PASSWORD, NUMBERS[1:])


def marked(number: int) -> Client:
    """Return a client whose number and secrets are canaries."""
    return Client(
        f"{NUMBERS}{number:02d}", f"{CODE}-{number}", f"{LOGIN}-{number}", f"{PASSWORD}-{number}"
    )


def leaks(world: World) -> Iterator[str]:
    """Yield where a canary stands that must not. Blocks; reads everything there is."""
    mo = world.names.mo
    for path in world.folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and path.suffix not in _OFFSETS:
            allowed = any(part.startswith(f"{mo}-") for part in path.parts)
            if _in_file(path, _SECRETS if allowed else _EVERYTHING):
                yield f"the file {path.relative_to(world.folder)}"
    for spec in world.names.specs():
        canaries = _SECRETS if spec.name == mo else _EVERYTHING
        if any(canaries.sing_in(_octets_of(record)) for record in world.records(spec.name)):
            yield f"the topic {spec.name}"
    with psycopg.connect(world.database_url) as connection:
        tables = connection.execute(
            "SELECT relname FROM pg_class"
            " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        ).fetchall()
        for (table,) in tables:
            rows = connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table)))
            if any(_EVERYTHING.sing_in(_octets(row)) for row in rows):
                yield f"the table {table}"


def _in_file(path: Path, canaries: Canaries) -> bool:
    with path.open("rb") as file:
        before = b""
        while chunk := file.read(_CHUNK):
            if canaries.sing_in(before + chunk):
                return True
            before = chunk[-_OVERLAP:]
    return False


def _octets_of(record: Any) -> bytes:
    headers = b"\n".join(name.encode() + value for name, value in record.headers)
    return b"\n".join([record.key or b"", record.value or b"", headers])


def _octets(row: tuple[Any, ...]) -> bytes:
    return b"\n".join(v if isinstance(v, bytes) else repr(v).encode() for v in row)
