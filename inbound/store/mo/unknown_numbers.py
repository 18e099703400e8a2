"""How many commands of numbers that are no client's were accepted, by SMS centre and time."""

from collections.abc import Mapping
from typing import Final

import psycopg

from inbound.handlers.unknown_numbers import UnknownNumbersUsed
from inbound.store.connections import raises_store_errors
from inbound.store.statements import Query, statements

_SQL: Final = statements(__package__, "unknown_numbers")
_LOCK: Final = _SQL["lock_unknown_numbers"]
_FIND_USED: Final = _SQL["find_used"]
_ADD_COUNTS: Final = _SQL["add_counts"]
_SWEEP_COUNTS: Final = _SQL["sweep_counts"]


async def used(conn: psycopg.AsyncConnection, *, lock: bool) -> UnknownNumbersUsed:
    """Return the counts of the last minute and hour. With `lock` they stay so until commit."""
    async with conn.pipeline():
        if lock:
            await conn.execute(_LOCK)
        cursor = await conn.execute(_FIND_USED)
    minutes, hours, centres = {}, {}, frozenset[str]()
    async for every, centre, minute, hour in cursor:
        centres = frozenset(every)
        if centre is not None:
            minutes[centre], hours[centre] = int(minute), int(hour)
    return UnknownNumbersUsed(minutes, hours, centres | hours.keys())


def addition(accepted: Mapping[str, int]) -> Query:
    """Return the query that adds counts by SMS centre, under the current time of the database."""
    return _ADD_COUNTS, {"centres": list(accepted), "accepted": list(accepted.values())}


@raises_store_errors
def sweep_counts(conn: psycopg.Connection) -> int:
    """Delete counts that no ceiling needs any more."""
    return conn.execute(_SWEEP_COUNTS).rowcount
