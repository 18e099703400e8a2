"""Balances as dialects show them. Pure."""

from decimal import Decimal
from typing import Final

UNLIMITED: Final = Decimal(1_000_000)
"""What is shown of an account without a limit: its programs expect an amount."""


def shown(balance: Decimal | None) -> Decimal:
    """Return the balance to show; None is unlimited."""
    return UNLIMITED if balance is None else balance
