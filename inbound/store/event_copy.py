"""Events in PostgreSQL's binary COPY format, written and read without psycopg's dumpers.

For two reasons. Nearly all of a row is made before the log is locked; under the lock only
position, time, chain and digest are put in front. And a log of millions is read and loaded
several times quicker than through a value for each column.

Source: PostgreSQL manual, COPY, Binary Format. json travels as its text, timestamptz as
microseconds since 2000-01-01 UTC.
"""

from struct import Struct
from typing import Final, NamedTuple
from uuid import UUID

SIGNATURE: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER: Final = b"\xff\xff"

_COLUMNS: Final = 10
_EPOCH_US: Final = 946_684_800_000_000
_PLACE: Final = Struct(">hiqiqihi32s").pack
_UNCHAINED: Final = Struct(">hiqiqii").pack
_STREAM: Final = Struct(">i16siii").pack
_SCHEMA: Final = Struct(">ihi").pack
_LENGTH: Final = Struct(">i").pack

_CHAINED: Final = Struct(">hiqiqihi32si16siii")
_AFTER_TYPE: Final = Struct(">ihi")
_CHAIN_LENGTH: Final = slice(26, 30), b"\0\0\0\2"
_DIGEST_LENGTH: Final = slice(32, 36), b"\0\0\0\x20"


def given(
    stream_id: UUID, version: int, type_: str, schema_version: int, data: bytes, metadata: bytes
) -> bytes:
    """Return the columns that an event brings along, as the end of its row."""
    return stored(stream_id.bytes, version, type_, schema_version, data, metadata)


def stored(
    stream: bytes, version: int, type_: str, schema_version: int, data: bytes, metadata: bytes
) -> bytes:
    """Return the same with the id of the stream as its 16 octets."""
    name = type_.encode()
    return b"".join(
        (
            _STREAM(16, stream, 4, version, len(name)),
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


def place_before_chains(position: int, recorded_us: int) -> bytes:
    """The same for an event from before there were chains."""
    return _UNCHAINED(_COLUMNS, 8, position, 8, recorded_us - _EPOCH_US, -1, -1)


class StoredEvent(NamedTuple):
    """A row of `events` as it is read. Times are microseconds since 1970-01-01 UTC."""

    position: int
    recorded_us: int
    chain: int | None
    digest: bytes | None
    stream: bytes
    version: int
    type: str
    schema_version: int
    data: bytes
    metadata: bytes

    @property
    def stream_id(self) -> UUID:
        """The subject."""
        return UUID(bytes=self.stream)


def parse(row: bytes) -> StoredEvent:
    """Return the event of one row, all of whose columns but chain and digest have a value."""
    if row[_CHAIN_LENGTH[0]] != _CHAIN_LENGTH[1] or row[_DIGEST_LENGTH[0]] != _DIGEST_LENGTH[1]:
        return _parse_any(row)
    _, _, position, _, at, _, chain, _, digest, _, stream, _, version, length = (
        _CHAINED.unpack_from(row)
    )
    end = _CHAINED.size + length
    name = row[_CHAINED.size : end].decode()
    _, schema_version, length = _AFTER_TYPE.unpack_from(row, end)
    begin = end + _AFTER_TYPE.size
    end = begin + length
    return StoredEvent(
        position,
        at + _EPOCH_US,
        chain,
        digest,
        stream,
        version,
        name,
        schema_version,
        row[begin:end],
        row[end + 4 :],
    )


def _parse_any(row: bytes) -> StoredEvent:
    """The same for any lengths: an event from before the chains, or one that was tampered with."""
    values: list[bytes | None] = []
    at = 2
    for _ in range(_COLUMNS):
        length = int.from_bytes(row[at : at + 4], signed=True)
        at += 4
        values.append(None if length < 0 else row[at : at + length])
        at += max(0, length)
    position, recorded, chain, digest, stream, version, name, schema, data, metadata = values
    return StoredEvent(
        _number(position),
        _number(recorded) + _EPOCH_US,
        None if chain is None else _number(chain),
        digest,
        stream or b"",
        _number(version),
        (name or b"").decode(),
        _number(schema),
        data or b"",
        metadata or b"",
    )


def _number(value: bytes | None) -> int:
    return int.from_bytes(value or b"", signed=True)
