"""The projection `order_counts`: orders counted by day, account, kind and outcome.

Pure. Days are UTC, by the time the decision was recorded. `outcome` is `accepted` or the reason of
a refusal when it was ordered; `parts` are the SMS parts of the texts.
"""

from typing import Final

from typing_extensions import override

from inbound.projections.model import Event, Fold, Projection, Rows
from schemas.order_events import OrderAccepted, OrderRefused

ACCEPTED: Final = "accepted"

_DATE: Final = 10  # characters of YYYY-MM-DD


class _Fold(Fold):
    """Counts the orders of one batch."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str, str, str], tuple[int, int]] = {}

    @override
    def add(self, event: Event) -> None:
        data = event.data
        if data["facts"].get("accepted_at") is not None:
            return  # it was counted when it was accepted
        outcome = data["reason"] if event.type == OrderRefused.TYPE else ACCEPTED
        key = event.recorded_at[:_DATE], data["account"], data["kind"], outcome
        count, parts = self._counts.get(key, (0, 0))
        self._counts[key] = count + 1, parts + data["parts"]

    @override
    def rows(self) -> Rows:
        return Rows(changed=[(*key, *counted) for key, counted in self._counts.items()])


ORDER_COUNTS: Final = Projection(
    name="order_counts",
    version=1,
    columns=("day", "account", "kind", "outcome", "count", "parts"),
    key=("day", "account", "kind", "outcome"),
    indexes=(),
    reads=frozenset({OrderAccepted.TYPE, OrderRefused.TYPE}),
    begin=_Fold,
)
