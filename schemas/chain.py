"""The digest chains of the log. Changing, moving or removing an event breaks its chain.

There are eight chains, as `sms.events.v1` has partitions unless an installation has more. The
events of partition p belong to chain p modulo 8, so subscribers can follow a chain, too. The digest
of an event is SHA-256 over

    format (1 byte, 1), previous digest of the chain (32 bytes; zeros for the first),
    position (int64), recorded_at (int64, microseconds since 1970-01-01 UTC),
    stream_id (16 bytes), version (int32), schema_version (int16),
    length of type (uint16), length of data (uint32), type, data,
    SHA-256 of the metadata (32 bytes)

with integers in network order, type in UTF-8, data and metadata byte for byte as stored. Every
length is fixed or given, so no two events have the same encoding. Metadata goes in as its own
digest because subscribers get that and not the metadata.

The format is a contract: it never changes within number 1.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from struct import Struct
from typing import Final, NamedTuple
from uuid import UUID

from schemas.partitions import partition_of

CHAINS: Final = 8
GENESIS: Final = bytes(32)
"""The previous digest of the first event of a chain."""

_FORMAT: Final = 1
_PLACE: Final = Struct(">B32sqq").pack
_BODY: Final = Struct(">16sihHI").pack
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


@lru_cache(maxsize=16_384)
def chain_of(stream_id: UUID) -> int:
    """Return the chain of a stream. Cached, because streams recur."""
    return partition_of(str(stream_id).encode(), CHAINS)


def microseconds(moment: datetime) -> int:
    """Return a moment in the unit of the digest: microseconds since 1970 UTC, exact."""
    return (moment - _EPOCH) // _MICROSECOND


def body(
    stream_id: UUID, version: int, type_: str, schema_version: int, data: bytes, metadata: bytes
) -> bytes:
    """Return the part of a digest's input that doesn't depend on the position in the log."""
    return stored_body(stream_id.bytes, version, type_, schema_version, data, metadata)


def stored_body(
    stream: bytes, version: int, type_: str, schema_version: int, data: bytes, metadata: bytes
) -> bytes:
    """Return the same for a stream id of 16 octets."""
    name = type_.encode()
    fixed = _BODY(stream, version, schema_version, len(name), len(data))
    return fixed + name + data + metadata_digest(metadata)


def public_body(
    stream_id: UUID,
    version: int,
    type_: str,
    schema_version: int,
    data: bytes,
    metadata_digest: bytes,
) -> bytes:
    """Return the same from a record of the public topic."""
    name = type_.encode()
    fixed = _BODY(stream_id.bytes, version, schema_version, len(name), len(data))
    return fixed + name + data + metadata_digest


def metadata_digest(metadata: bytes) -> bytes:
    """Return the digest that replaces the metadata in `body` and in the header for subscribers."""
    return sha256(metadata).digest()


def digest(previous: bytes, position: int, recorded_us: int, body: bytes) -> bytes:
    """Return the digest of the event with this `body` that follows `previous` in its chain."""
    return sha256(_PLACE(_FORMAT, previous, position, recorded_us) + body).digest()


class Head(NamedTuple):
    """The newest event of a chain; position 0 if it is empty."""

    position: int = 0
    digest: bytes = GENESIS


class Chains:
    """The heads of all chains, updated as events are appended in order of position."""

    __slots__ = ("digests", "positions")

    def __init__(self, positions: Sequence[int] = (), digests: Sequence[bytes] = ()) -> None:
        """Continue from the given heads, in the order of the chains, or from empty chains."""
        self.positions = list(positions) or [0] * CHAINS
        self.digests = list(digests) or [GENESIS] * CHAINS

    def append(self, chain: int, position: int, recorded_us: int, body: bytes) -> bytes:
        """Add the next event to its chain and return its digest, the new head."""
        made = digest(self.digests[chain], position, recorded_us, body)
        self.digests[chain] = made
        self.positions[chain] = position
        return made

    def heads(self) -> list[Head]:
        """Return the head of each chain, in the order of the chains."""
        return [Head(*head) for head in zip(self.positions, self.digests, strict=True)]
