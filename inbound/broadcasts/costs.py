"""What a broadcast that has ended has cost."""

from decimal import Decimal
from typing import Final, NamedTuple

import psycopg

from inbound.handlers.broadcasts import FINAL
from inbound.store.broadcasts.rows import Broadcast
from inbound.store.connections import raises_store_errors
from inbound.store.statements import statements

_SUM_UP_COSTS: Final = statements(__package__, "costs")["sum_up_costs"]


class Cost(NamedTuple):
    """`charged` is what the account has paid in the end, `refunded` what it got back.

    A message is charged when it is accepted, and refunded if it ends unsent.
    """

    charged: Decimal
    refunded: Decimal


@raises_store_errors
def cost_of(conn: psycopg.Connection, one: Broadcast) -> Cost | None:
    """Return the cost of a broadcast that has ended. Blocks: it reads all of its orders.

    None if it has not ended, has no price, or its orders may be deleted.
    """
    if one.state not in FINAL or one.audience_deleted_at is not None:
        return None
    row = conn.execute(_SUM_UP_COSTS, {"broadcast_id": one.broadcast_id}).fetchone()
    return None if row is None or row[0] is None else Cost(*row)
