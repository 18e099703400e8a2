"""All projections of this release."""

from collections.abc import Iterable, Mapping
from typing import Final

from inbound.errors import SetupError
from inbound.projections.daily_counts import DAILY_COUNTS
from inbound.projections.model import Projection
from inbound.projections.order_counts import ORDER_COUNTS
from inbound.projections.requests import REQUESTS
from inbound.projections.subscriptions import SUBSCRIPTIONS

PROJECTIONS: Final[Mapping[str, Projection]] = {
    one.name: one for one in (REQUESTS, SUBSCRIPTIONS, DAILY_COUNTS, ORDER_COUNTS)
}


def select(names: Iterable[str]) -> tuple[Projection, ...]:
    """Return the projections of these names, all when none is named. Raises `SetupError`."""
    wanted = tuple(dict.fromkeys(names)) or tuple(PROJECTIONS)
    for name in wanted:
        if name not in PROJECTIONS:
            raise SetupError(f"there is no projection {name!r}; there are {', '.join(PROJECTIONS)}")
    return tuple(PROJECTIONS[name] for name in wanted)
