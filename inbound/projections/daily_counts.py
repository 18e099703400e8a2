"""The projection `daily_counts`: events counted by day and kind.

Pure. Days are UTC, by the time the event was recorded. `command` and `purpose` come from the
event, else they are empty; `outcome` is the plan of an accepted request, the completion of a
completed one, the SMS centre's state of an undeliverable message, the reason of a held and of a
refused registration, of a refused order and of a withheld message, and whether a message with
unknown outcome is resent.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

from typing_extensions import override

from inbound.projections.model import Event, Fold, Projection, Rows
from schemas.events import EVENTS, RequestAccepted, RequestCompleted
from schemas.message_events import (
    MessageUndeliverable,
    MessageUndetermined,
    MessageUnknown,
    MessageWithheld,
)
from schemas.order_events import OrderRefused
from schemas.registration_events import RegistrationHeld, RegistrationRefused

_DATE: Final = 10  # characters of YYYY-MM-DD


def _unknown(data: Mapping[str, Any]) -> str:
    return "final" if data["final"] else "resent"


_OUTCOMES: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    RequestAccepted.TYPE: lambda data: str(data["plan"]),
    RequestCompleted.TYPE: lambda data: str(data["completion"]),
    MessageUndeliverable.TYPE: lambda data: str(data["state"]),
    MessageUndetermined.TYPE: lambda data: str(data["state"]),
    MessageUnknown.TYPE: _unknown,
    RegistrationHeld.TYPE: lambda data: str(data["reason"]),
    RegistrationRefused.TYPE: lambda data: str(data["cause"]),
    OrderRefused.TYPE: lambda data: str(data["reason"]),
    MessageWithheld.TYPE: lambda data: str(data["reason"]),
}


class _Fold(Fold):
    """Counts the events of one batch."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str, str, str, str]] = Counter()

    @override
    def add(self, event: Event) -> None:
        data = event.data
        outcome = _OUTCOMES.get(event.type)
        key = (
            event.recorded_at[:_DATE],
            event.type,
            data.get("command", ""),
            data.get("purpose", ""),
            outcome(data) if outcome else "",
        )
        self._counts[key] += 1

    @override
    def rows(self) -> Rows:
        return Rows(changed=[(*key, count) for key, count in self._counts.items()])


DAILY_COUNTS: Final = Projection(
    name="daily_counts",
    version=3,
    columns=("day", "type", "command", "purpose", "outcome", "count"),
    key=("day", "type", "command", "purpose", "outcome"),
    indexes=(),
    reads=frozenset(event.TYPE for event in EVENTS),
    begin=_Fold,
)
