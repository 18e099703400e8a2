"""The shards of the outbox: which rows are published in order, and which never wait for others.

Order holds within a shard, and a key is always in the same shard of its kind. Replies have shards
of their own, because a person waits for them: behind a broadcast in the same shard they would wait
until it has been published. Pure.
"""

from typing import Final
from zlib import crc32

from schemas.messages import Purpose

REPLY_SHARDS: Final = 4
"""Shards 0 to 3. Only one relay at a time reads a shard."""

_OF_PURPOSE: Final = {Purpose.NOTIFICATION: REPLY_SHARDS, Purpose.BROADCAST: REPLY_SHARDS + 1}

CHANNELS_SHARD: Final = REPLY_SHARDS + len(_OF_PURPOSE)
"""The shard of messages of channels, whatever their purpose."""

SHARDS: Final = CHANNELS_SHARD + 1


def shard_of(key: str, purpose: Purpose) -> int:
    """Return the shard of a Kafka key and purpose: always the same, or order per person is lost."""
    return _OF_PURPOSE.get(purpose, crc32(key.encode()) % REPLY_SHARDS)


def is_reply_shard(shard: int) -> bool:
    """Whether a shard has replies to texts, which go before everything else."""
    return shard < REPLY_SHARDS
