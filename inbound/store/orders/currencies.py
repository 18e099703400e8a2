"""The currencies that accounts had before, so that amounts keep the currency of their time.

The database function `currency_at` looks it up; `refund_orders` converts by the rates.
"""

from datetime import datetime
from decimal import Decimal
from typing import Final

import psycopg

from inbound.store.statements import statements

_SQL: Final = statements(__package__, "currencies")
_EXCHANGE_PAST_CURRENCIES: Final = _SQL["exchange_past_currencies"]
_REMEMBER_CURRENCY: Final = _SQL["remember_currency"]


class ExchangeRateMissingError(Exception):
    """The currency of a balance can't be changed without saying what one unit of it is worth."""


def remember_currency(
    conn: psycopg.Connection, account: str, before: str, rate: Decimal | None, at: datetime
) -> None:
    """Remember the currency that an account had until a time, within the caller's transaction.

    `rate` is what one unit of it is worth in the new one; None if nobody has said.
    """
    parameters = {"account": account, "currency": before, "rate": rate, "at": at}
    conn.execute(_EXCHANGE_PAST_CURRENCIES, parameters)
    conn.execute(_REMEMBER_CURRENCY, parameters)
