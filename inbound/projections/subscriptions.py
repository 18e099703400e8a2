"""The projection `subscriptions`: who may be sent notifications and broadcasts.

Pure. A subject that has never sent stop or start has no row and may be texted. Events of a
subject come in order: the last one wins. An undone stop counts like a start.
"""

from typing import Final

from typing_extensions import override

from inbound.projections.model import Event, Fold, Projection, Row, Rows
from schemas.events import SubscriptionRestored, SubscriptionStarted, SubscriptionStopped


class _Fold(Fold):
    """Folds one batch, subject by subject."""

    def __init__(self) -> None:
        self._rows: dict[str, Row] = {}

    @override
    def add(self, event: Event) -> None:
        self._rows[event.stream_id] = (
            event.stream_id,
            event.type != SubscriptionStopped.TYPE,
            event.data["at"],
            event.data["request_id"],
            event.version,
        )

    @override
    def rows(self) -> Rows:
        return Rows(changed=list(self._rows.values()))


SUBSCRIPTIONS: Final = Projection(
    name="subscriptions",
    version=2,
    columns=("subject_id", "may_be_texted", "since", "request_id", "version"),
    key=("subject_id",),
    indexes=(),
    reads=frozenset(
        {SubscriptionStopped.TYPE, SubscriptionStarted.TYPE, SubscriptionRestored.TYPE}
    ),
    begin=_Fold,
)
