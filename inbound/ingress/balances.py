"""Balances and costs as dialects show them. Pure."""

from decimal import Decimal
from typing import Final

from inbound.store.orders.lookup import FoundOrder

UNLIMITED: Final = Decimal(1_000_000)
"""What is shown of an account without a limit: its programs expect an amount."""


def shown(balance: Decimal | None) -> Decimal:
    """Return the balance to show; None is unlimited."""
    return UNLIMITED if balance is None else balance


def charged(order: FoundOrder) -> Decimal:
    """Return what a message has cost its account: nothing if it gave back its price."""
    return Decimal() if order.price is None or order.refunded else order.price
