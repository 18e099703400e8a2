"""MOs that made no request, counted by sender, minute and kind. Never their texts.

New rows per hour are limited, per sender and overall; the rest is counted in one row a minute
without a sender. With 10,000 an hour and 7 days it is at most 1.7 million rows of 300 bytes.
"""

import json
from collections.abc import Sequence
from typing import Final

from inbound.store.mo.rows import MoReading, RejectedMo
from inbound.store.quotas import Quotas
from inbound.store.statements import Query, statements

_ADD: Final = statements(__package__, "mo")["add_rejected_mos"]


def addition(rejected_mos: Sequence[RejectedMo], quotas: Quotas) -> Query:
    """Return the query that adds these counts to the stored ones."""
    return _ADD, {
        "hashes": [each.key.number_hash for each in rejected_mos],
        "minutes": [each.key.minute for each in rejected_mos],
        "kinds": [each.key.kind for each in rejected_mos],
        "first": [each.first_at for each in rejected_mos],
        "last": [each.last_at for each in rejected_mos],
        "counts": [each.count for each in rejected_mos],
        "readings": [_json(each.reading) for each in rejected_mos],
        "per_hour": quotas.rejected_per_hour,
        "per_sender": quotas.rejected_per_sender,
    }


def _json(reading: MoReading | None) -> str:
    """Return a reading as JSON; empty for none, as an array of NULLs has no type."""
    return json.dumps(reading._asdict()) if reading else ""
