"""The projection `subscriptions`: who may be sent notifications and broadcasts.

Pure. A subject that has never said stop or start has no row, and may be. The events of a
subject come in order: the last one wins.
"""

from typing import Final

from inbound.projections.model import Event, Projection, Row, Rows
from schemas.events import SubscriptionStarted, SubscriptionStopped


class _Folding:
    """One stretch, subject by subject."""

    def __init__(self) -> None:
        self._rows: dict[str, Row] = {}

    def add(self, event: Event) -> None:
        """See `Folding`."""
        self._rows[event.stream_id] = (
            event.stream_id,
            event.type == SubscriptionStarted.TYPE,
            event.data["at"],
            event.data["request_id"],
            event.version,
        )

    def rows(self) -> Rows:
        """See `Folding`."""
        return Rows(changed=list(self._rows.values()))


SUBSCRIPTIONS: Final = Projection(
    name="subscriptions",
    version=1,
    columns=("subject_id", "may_be_texted", "since", "request_id", "version"),
    key=("subject_id",),
    indexes=(),
    reads=frozenset({SubscriptionStopped.TYPE, SubscriptionStarted.TYPE}),
    begin=_Folding,
)
