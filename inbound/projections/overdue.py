"""Counts the acknowledgements that are overdue while they are: for the alert in an outage.

The event `acknowledgement.late` comes with the acknowledgement, so in an outage it does not come.
"""

from typing import Final

import psycopg

from inbound.handlers.results import ACKNOWLEDGE_WITHIN_S
from inbound.store.connections import raises_store_errors
from inbound.store.statements import statements

MOST: Final = 20_000
"""Requests that are looked at: some milliseconds."""

_SQL: Final = statements(__package__, "overdue")
_COUNT_OVERDUE: Final = _SQL["count_overdue"]


@raises_store_errors
def count_overdue(conn: psycopg.Connection) -> int:
    """Return how many of the last `MOST` requests that are due lack an acknowledgement.

    Requests of the last day, as far as the projection shows them. One whose acknowledgement was
    refused or has an unknown outcome for good is not counted.
    """
    parameters = {"after_s": ACKNOWLEDGE_WITHIN_S, "most": MOST}
    row = conn.execute(_COUNT_OVERDUE, parameters).fetchone()
    return int(row[0]) if row else 0
