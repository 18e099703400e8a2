"""Queues bulk orders of programs: as many of each account as its share has room for."""

from collections.abc import Mapping, Sequence
from typing import Final

from inbound.handlers.bulk_shares import shares
from inbound.ops import metrics
from inbound.orders.dispatch import MOST_AT_ONCE, Dispatcher
from inbound.store.orders.bulk import BulkAccount

SMALLEST_PART: Final = 8
"""A batch is at least this fraction of a share, because small batches cost more."""


async def queue_bulk(
    dispatcher: Dispatcher, accounts: Sequence[BulkAccount], share: Mapping[str, int]
) -> dict[str, int]:
    """Queue the next bulk orders; return how many of each account were taken.

    `share` is how many of an account may be queued. Blocks on the database, for one transaction.
    Raises RetryableError.
    """
    rooms: dict[str, int] = {}
    for one in accounts:
        room = min(share[one.account] - one.queued, one.due)
        if room > 0 and (room == one.due or room * SMALLEST_PART >= share[one.account]):
            rooms[one.account] = room
    if not rooms:
        return {}
    taken = await dispatcher.dispatch_bulk(shares(MOST_AT_ONCE, rooms))
    metrics.ORDERS_DISPATCHED.add(sum(taken.values()))
    return taken
