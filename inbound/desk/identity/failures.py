"""The limits against guessing passwords: failures of an account, and of an address.

They are counted in the database, across processes and restarts. A row has a keyed hash, because
somebody may type a password where the name belongs.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Final, NamedTuple

WINDOW: Final = timedelta(minutes=15)
MOST_PER_ACCOUNT: Final = 10
MOST_PER_ADDRESS: Final = 30
_BYTES: Final = 16


class FailureKeys(NamedTuple):
    """The rows that count failures of one attempt."""

    account: bytes
    address: bytes


def keys_of(name: str, address: str, key: bytes) -> FailureKeys:
    """Return the keys of an attempt; `key` makes the hashes secret."""
    return FailureKeys(account_key(name, key), _hashed(f"address {address}", key))


def account_key(name: str, key: bytes) -> bytes:
    """Return the key of an account's failures."""
    return _hashed(f"account {name}", key)


def window_since(now: datetime) -> datetime:
    """Return when the windows began that are not over."""
    return now - WINDOW


def _hashed(text: str, key: bytes) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=_BYTES, key=key).digest()
