"""The cost of a broadcast that has ended."""

from decimal import Decimal
from typing import Final, NamedTuple

import psycopg

from inbound.handlers.broadcasts import FINAL
from inbound.orders.account_rules import PLACES
from inbound.store.broadcasts.rows import Broadcast
from inbound.store.connections import raises_store_errors
from inbound.store.statements import statements

_SQL: Final = statements(__package__, "costs")
_SUM_UP_COSTS: Final = _SQL["sum_up_costs"]
_IS_PRICED_AS_NOW: Final = _SQL["is_priced_as_now"]


class Cost(NamedTuple):
    """`charged` is what the account finally paid, `refunded` what it got back.

    A message is charged when it is accepted, and refunded if it ends unsent. `currency` is that of
    the account at that time; if it was changed meanwhile, the amounts are in the current one.
    """

    charged: Decimal
    refunded: Decimal
    currency: str


@raises_store_errors
def cost_of(conn: psycopg.Connection, one: Broadcast) -> Cost | None:
    """Return the cost of a broadcast that has ended. Blocks: it reads all of its orders.

    None if it has not ended, has no price, its orders may be deleted, or the currency was changed
    meanwhile and nobody has said at which rate.
    """
    if one.state not in FINAL or one.audience_deleted_at is not None:
        return None
    parameters = {"broadcast_id": one.broadcast_id, "account": one.account}
    found = conn.execute(_SUM_UP_COSTS, parameters).fetchall()
    if not found or (len(found) > 1 and any(rate is None for _, rate, *_ in found)):
        return None
    if len(found) == 1:
        [(currency, _, charged, refunded, _)] = found
        return Cost(charged, refunded, currency)
    charged = sum((rate * paid for _, rate, paid, *_ in found), Decimal())
    refunded = sum((rate * back for _, rate, _, back, _ in found), Decimal())
    return Cost(round(charged, PLACES), round(refunded, PLACES), found[0][-1])


@raises_store_errors
def is_priced_as_now(conn: psycopg.Connection, one: Broadcast) -> bool:
    """Whether the account still has the currency that it had when the broadcast began. Blocks."""
    since = one.lifecycle.began_at
    if since is None:
        return True
    row = conn.execute(_IS_PRICED_AS_NOW, {"account": one.account, "since": since}).fetchone()
    return row is not None and row[0]
