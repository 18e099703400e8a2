"""Quotas for rows that strangers cause: per sender and overall, in rows and bytes.

An SMS centre or a phone can send any number of parts whose texts never become whole, receipts for
messages that never existed, and texts that are no command. Beyond a quota the oldest are deleted.
Under an attack they are the attacker's: an honest text is whole, and an honest receipt matched,
within seconds. What is stored is counted in a row of `store_usage`, never by reading a table.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

_KEPT: Final = 0.9
"""The share of the overall quota that is kept when it is exceeded: finding the oldest rows takes
the whole table, so it must not happen for each batch."""


@dataclass(frozen=True, slots=True)
class Quota:
    """How much of one kind may be stored. One batch may exceed it until it commits."""

    rows: int
    bytes: int
    sender_rows: int
    sender_bytes: int

    @property
    def kept_rows(self) -> int:
        """Rows that are left once the overall quota was exceeded."""
        return int(self.rows * _KEPT)

    @property
    def kept_bytes(self) -> int:
        """Bytes that are left once the overall quota was exceeded."""
        return int(self.bytes * _KEPT)


@dataclass(frozen=True, slots=True)
class Quotas:
    """All of them. `rejected_*` are new rows of an hour; their bytes follow from the columns."""

    parts: Quota = Quota(100_000, 100_000_000, 512, 128_000)
    early_receipts: Quota = Quota(100_000, 50_000_000, 200, 100_000)
    rejected_per_hour: int = 10_000
    rejected_per_sender: int = 100


DEFAULT_QUOTAS: Final = Quotas()


class Usage(NamedTuple):
    """What is stored of one kind."""

    rows: int
    bytes: int

    def exceeds(self, quota: Quota) -> bool:
        """Whether the overall quota is exceeded."""
        return self.rows > quota.rows or self.bytes > quota.bytes

    def share(self, quota: Quota) -> float:
        """Return the share of the overall quota in use; 1 is full."""
        return max(self.rows / quota.rows, self.bytes / quota.bytes)
