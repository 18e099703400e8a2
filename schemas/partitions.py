"""Returns the partition of a key by the rule of Kafka's default partitioner.

Producers in Java, Python and Node agree on it, so others can join on the key; here it also
says to which chain of the log an event belongs (`schemas.chain`).

Source: org.apache.kafka.common.utils.Utils.murmur2, and BuiltInPartitioner.partitionForKey.
"""

from struct import unpack_from
from typing import Final

_SEED: Final = 0x9747B28C
_M: Final = 0x5BD1E995
_32_BITS: Final = 0xFFFFFFFF


def murmur2(key: bytes) -> int:
    """Return the 32-bit hash of a key, unsigned (Java's is the same bits, signed)."""
    whole, rest = divmod(len(key), 4)
    value = _SEED ^ len(key)
    for word in unpack_from(f"<{whole}I", key):
        mixed = word * _M & _32_BITS
        value = (value * _M ^ (mixed ^ mixed >> 24) * _M) & _32_BITS
    if rest:
        value = (value ^ int.from_bytes(key[-rest:], "little")) * _M & _32_BITS
    value ^= value >> 13
    value = value * _M & _32_BITS
    return value ^ value >> 15


def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition of a record with this key in a topic of so many."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions
