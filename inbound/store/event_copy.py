"""Events in PostgreSQL's binary COPY format, written and read without psycopg's dumpers.

For two reasons. Nearly all of a row is made before the log is locked; under the lock only
position, time, chain and digest are put in front. And a log of millions is read and loaded
several times quicker than through a value for each column.

Source: PostgreSQL manual, COPY, Binary Format. json travels as its text, timestamptz as
microseconds since 2000-01-01 UTC.
"""

from struct import Struct
from typing import Final
from uuid import UUID

SIGNATURE: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER: Final = b"\xff\xff"

_COLUMNS: Final = 10
_EPOCH_US: Final = 946_684_800_000_000
_PLACE: Final = Struct(">hiqiqihi32s").pack
_STREAM: Final = Struct(">i16siii").pack
_SCHEMA: Final = Struct(">ihi").pack
_LENGTH: Final = Struct(">i").pack


def given(  # the order of `NewEvent`
    stream_id: UUID, version: int, type_: str, schema_version: int, data: bytes, metadata: bytes
) -> bytes:
    """Return the columns that an event brings along, as the end of its row."""
    name = type_.encode()
    return b"".join(
        (
            _STREAM(16, stream_id.bytes, 4, version, len(name)),
            name,
            _SCHEMA(2, schema_version, len(data)),
            data,
            _LENGTH(len(metadata)),
            metadata,
        )
    )


def place(position: int, recorded_us: int, chain: int, digest: bytes) -> bytes:
    """Return the columns that an event gets in the log, as the beginning of its row."""
    return _PLACE(_COLUMNS, 8, position, 8, recorded_us - _EPOCH_US, 2, chain, 32, digest)
