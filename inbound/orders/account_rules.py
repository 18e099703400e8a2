"""The settings of an account that people enter: their bounds, and how values are written. Pure."""

import re
from decimal import Decimal, InvalidOperation
from typing import Final
from zoneinfo import ZoneInfo

MOST_PATTERNS: Final = 20
MOST_ADDRESSES: Final = 100
MOST_ORDERS: Final = 2_000_000_000
MOST_PARTS: Final = 8
FASTEST: Final = 100_000
"""Messages a second."""
PLACES: Final = 4
RATE_PLACES: Final = 10
MOST_MONEY: Final = Decimal(10) ** 8
CURRENCY: Final = re.compile(r"[A-Z]{3}")

_LONGEST_S: Final = 31 * 24 * 3600
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION: Final = re.compile(r"([0-9]{1,7})([smhd])")


def whole_number(text: str, least: int, most: int) -> int | None:
    """Return a whole number within these bounds; None for anything else."""
    number = int(text[:12]) if text.isascii() and text.isdigit() else -1
    return number if least <= number <= most else None


def seconds(text: str) -> int | None:
    """Return the seconds of `30s`, `10m`, `2h` or `1d`; None for anything else."""
    match = _DURATION.fullmatch(text)
    found = int(match[1]) * _UNITS[match[2]] if match else 0
    return found if 0 < found <= _LONGEST_S else None


def seconds_text(found: int) -> str:
    """Return seconds as people write them, in the largest unit that fits."""
    unit = next(one for one in "dhms" if found % _UNITS[one] == 0)
    return f"{found // _UNITS[unit]}{unit}"


def amount(text: str) -> Decimal | None:
    """Return an amount of money from 0 on, with up to four decimals; None for anything else."""
    try:
        found = Decimal(text)
    except InvalidOperation:
        return None
    if not found.is_finite() or not 0 <= found < MOST_MONEY:
        return None
    return found if int(found.as_tuple().exponent) >= -PLACES else None


def exchange_rate(text: str) -> Decimal | None:
    """Return a number above 0 with up to ten decimals; None for anything else."""
    try:
        found = Decimal(text)
    except InvalidOperation:
        return None
    if not found.is_finite() or not 0 < found < MOST_MONEY:
        return None
    return found if int(found.as_tuple().exponent) >= -RATE_PLACES else None


def is_zone(name: str) -> bool:
    """Whether this is the IANA name of a time zone."""
    try:
        ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        return False
    return True
