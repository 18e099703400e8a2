"""MOs that made no request, counted by sender, minute and kind. Never their texts."""

from collections.abc import Sequence
from typing import Final

from inbound.store.mo.rows import Missed
from inbound.store.statements import Query, statements

_ADD_MISSES: Final = statements(__package__, "mo")["add_misses"]

MISSES_PER_HOUR: Final = 10_000
"""New rows of all numbers together: a flood stays below 2 million rows a week."""


def addition(misses: Sequence[Missed]) -> Query:
    """Return the query that adds these counts to the stored ones."""
    return _ADD_MISSES, {
        "hashes": [missed.key.number_hash for missed in misses],
        "minutes": [missed.key.minute for missed in misses],
        "kinds": [missed.key.kind for missed in misses],
        "first": [missed.first_at for missed in misses],
        "last": [missed.last_at for missed in misses],
        "counts": [missed.count for missed in misses],
        "per_hour": MISSES_PER_HOUR,
    }
