"""Amounts of money as programs and people read them.

Two digits follow the point, and more only if the amount needs them: prices of an SMS part may have
four.
"""

from decimal import Decimal


def amount_text(amount: Decimal) -> str:
    """Return an amount for programs: "1234.50", "0.0375". Its currency is given separately."""
    return f"{amount:.2f}" if amount == round(amount, 2) else f"{amount.normalize():f}"


def grouped(amount: Decimal) -> str:
    """Return an amount for people without its currency: "1,234.50"."""
    return f"{amount:,.2f}" if amount == round(amount, 2) else f"{amount.normalize():,f}"


def money(amount: Decimal, currency: str) -> str:
    """Return an amount for people: "1,234.50 RUB"."""
    return f"{grouped(amount)} {currency}"
