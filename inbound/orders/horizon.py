"""How far ahead an order may reach. Pure.

Its text is kept until it has expired and for the retention time after that, so an order for the far
future would be kept for ever.
"""

from datetime import datetime, timedelta

from schemas.orders import Order


def beyond_horizon(order: Order, now: datetime, days: int) -> list[str]:
    """Return the fields of an order that name a time more than `days` ahead."""
    latest = now + timedelta(days=days)
    times = {"not_before": order.not_before, "expires_at": order.expires_at}
    return [name for name, moment in times.items() if moment is not None and moment > latest]


def too_far(days: int) -> str:
    """Say what is wrong with such a field."""
    return f"is more than {days} days ahead (SCSERV_ORDER_AHEAD_DAYS)"
