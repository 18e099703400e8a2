"""The rates of accounts: messages above a rate wait for their turn.

Pure. The messages that have been accepted use up the account's rate until `free_at`. A new one is
sent at once if that is at most a second ahead, so a second's worth may go in one burst; otherwise
it waits. Messages that have to wait longer for another reason, and those of broadcasts, which have
a rate of their own, don't count.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from inbound.store.orders.rows import Account
from schemas.order_events import OrderAccepted
from schemas.orders import Order, OrderKind

BURST: Final = timedelta(seconds=1)


class Pacing:
    """The rates in one batch; `free_at` is what has changed."""

    def __init__(self, accounts: Mapping[str, Account], now: datetime) -> None:
        self.free_at: dict[str, datetime] = {}
        self._accounts = accounts
        self._now = now

    def turn(self, order: Order) -> datetime | None:
        """Return when the rate has room for an order's message; None: at once."""
        if not self._is_paced(order):
            return None
        turn = self._free_at(order.account) - BURST
        return turn if turn > self._now else None

    def accept(self, order: Order, accepted: OrderAccepted) -> None:
        """Count an accepted message against the rate."""
        rate = self._accounts[order.account].rate_per_s
        turn = accepted.facts.free_at or self._now
        if rate is not None and self._is_paced(order) and accepted.due_at == turn:
            after = self._free_at(order.account) + timedelta(seconds=1) / rate
            self.free_at[order.account] = after

    def _is_paced(self, order: Order) -> bool:
        has_rate = self._accounts[order.account].rate_per_s is not None
        return has_rate and order.kind is not OrderKind.BROADCAST

    def _free_at(self, account: str) -> datetime:
        stored = self.free_at.get(account, self._accounts[account].free_at)
        return max(stored or self._now, self._now)
