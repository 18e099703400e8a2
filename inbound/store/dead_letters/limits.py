"""The quota for dead letters: of all processes together, and of one sender."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from inbound.store.dead_letters.rows import DeadLetter, DeadLetterUsage
from inbound.store.errors import DeadLettersFull

MEGABYTE: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class DeadLetterLimits:
    """The quota for dead letters of all processes together."""

    rows: int
    bytes: int
    sender_rows: int = 1_000
    sender_bytes: int = 10_000_000

    def check(self, usage: DeadLetterUsage, messages: Sequence[DeadLetter]) -> None:
        """Raise `DeadLettersFull` if the quota is used up, so that these have to wait.

        One transaction may exceed the limit by 500 messages or 4 MB per process.
        """
        if usage.rows >= self.rows or usage.bytes >= self.bytes:
            raise DeadLettersFull(
                f"no room for {len(messages)} more dead letters: {usage.rows} of {self.rows} "
                f"and {usage.bytes / MEGABYTE:.0f} of {self.bytes / MEGABYTE:.0f} MB are stored. "
                "Their partitions wait; `scserv deadletters` shows, retries and discards"
            )

    def used(self, usage: DeadLetterUsage) -> float:
        """Return the share of the quota in use, from 0 to 1."""
        return max(usage.rows / self.rows, usage.bytes / self.bytes)


def within_sender_limits(
    limits: DeadLetterLimits,
    messages: Sequence[DeadLetter],
    stored: Mapping[bytes, DeadLetterUsage],
) -> list[DeadLetter]:
    """Return the messages that are within their senders' limits; `stored` counts by sender.

    Those of an unknown sender are.
    """
    left = {
        sender: [limits.sender_rows - usage.rows, limits.sender_bytes - usage.bytes]
        for sender, usage in stored.items()
    }
    kept = []
    for message in messages:
        if message.number_hash is not None:
            room = left.setdefault(message.number_hash, [limits.sender_rows, limits.sender_bytes])
            if min(room) <= 0:
                continue
            room[0] -= 1
            room[1] -= len(message.payload)
        kept.append(message)
    return kept
