"""Events in PostgreSQL's binary COPY format, written and read without psycopg's dumpers.

There are two reasons. Most of a row is encoded before the log is locked; under the lock only
position, time, chain and digest are put in front. And reading or loading a log of millions of
events is several times faster than with one value per column.

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
_POSITION: Final = Struct(">hiqiqihi32s").pack
_UNCHAINED: Final = Struct(">hiqiqii").pack
_STREAM: Final = Struct(">i16siii").pack
_SCHEMA: Final = Struct(">ihi").pack
_LENGTH: Final = Struct(">i").pack

_CHAINED: Final = Struct(">hiqiqihi32si16siii")
_AFTER_TYPE: Final = Struct(">ihi")
_CHAIN_LENGTH: Final = slice(26, 30), b"\0\0\0\2"
_DIGEST_LENGTH: Final = slice(32, 36), b"\0\0\0\x20"


def encode_given(
    stream_id: UUID, version: int, type_: str, schema_version: int, data: bytes, metadata: bytes
) -> bytes:
    """Return the columns that are known before the log is locked: the end of a row."""
    return encode_stored(stream_id.bytes, version, type_, schema_version, data, metadata)


def encode_stored(
    stream: bytes, version: int, type_: str, schema_version: int, data: bytes, metadata: bytes
) -> bytes:
    """Return the same columns; `stream` is the id as its 16 octets."""
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


def encode_position(position: int, recorded_us: int, chain: int, digest: bytes) -> bytes:
    """Return the columns that the log assigns to an event: the beginning of a row."""
    return _POSITION(_COLUMNS, 8, position, 8, recorded_us - _EPOCH_US, 2, chain, 32, digest)


def encode_position_without_chain(position: int, recorded_us: int) -> bytes:
    """Return the same for an event from before there were chains."""
    return _UNCHAINED(_COLUMNS, 8, position, 8, recorded_us - _EPOCH_US, -1, -1)


class StoredEvent(NamedTuple):
    """A row of `events`. Times are microseconds since 1970-01-01 UTC."""

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


def parse_event(row: bytes) -> StoredEvent:
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
    """Parse any lengths: an event from before the chains, or one that was tampered with."""
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
