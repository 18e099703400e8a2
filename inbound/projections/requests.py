"""The projection `requests`: one row per accepted command, with its outcome.

Pure. Only events of its request change a row; they are in one stream, so they come in order. A
message may be sent twice by mistake and then has two results; the first final one counts, as it
does for the decision (`inbound.handlers.results`). `merge` in requests.sql applies the same
rules between two batches.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, Final
from uuid import UUID

from typing_extensions import override

from inbound.handlers.decision import message_id
from inbound.projections.model import Event, Fold, Projection, Rows
from schemas.documented_enum import DocumentedEnum
from schemas.events import AcknowledgementLate, RequestAccepted, RequestCompleted
from schemas.message_events import (
    MessageDelivered,
    MessageErased,
    MessageExpired,
    MessageRejected,
    MessageSubmitted,
    MessageUndeliverable,
    MessageUndetermined,
    MessageUnknown,
)
from schemas.messages import Purpose
from schemas.reading import read_json

RESENT: Final = "resent"
"""The outcome of a message that had an unknown outcome and is resent."""

_ACKNOWLEDGEMENT: Final = Purpose.ACKNOWLEDGEMENT.value
_SUBMITTED: Final = "submitted"
_UNKNOWN: Final = "unknown"
_OPEN: Final = frozenset({None, RESENT})
_HEX: Final = frozenset("0123456789abcdef")
_TRACE_ID_DIGITS: Final = 32


class RequestState(DocumentedEnum):
    """The state of a request. The last three are final: later events do not change them."""

    ACCEPTED = "accepted", "open: the acknowledgement has not been accepted by the SMS centre yet"
    ACKNOWLEDGED = (
        "acknowledged",
        "open: the acknowledgement was accepted, and the reply is on its way or held",
    )
    FULFILLED = (
        "fulfilled",
        "final: the SMS centre accepted the last message; its `fate` tells whether it arrived",
    )
    REFUSED = (
        "refused",
        "final: refused, and the SMS centre accepted the message that says so",
    )
    UNDELIVERED = (
        "undelivered",
        "final: the SMS centre did not accept the last message, or its outcome is unknown",
    )


@dataclass(slots=True)
class _Row:
    """A row, or the changes that one batch makes to it; None where it changes nothing."""

    request_id: str
    subject_id: str | None = None
    command: str | None = None
    plan: str | None = None
    confirm: bool | None = None
    completion: str | None = None
    arrived_at: str | None = None
    accepted_at: str | None = None
    acknowledged_at: str | None = None
    completed_at: str | None = None
    late: bool | None = None
    centre: str | None = None
    bind: str | None = None
    trace_id: str | None = None
    acknowledgement_id: str | None = None
    acknowledgement_outcome: str | None = None
    acknowledgement_attempt: int | None = None
    acknowledgement_fate: str | None = None
    fulfilment_id: str | None = None
    fulfilment_outcome: str | None = None
    fulfilment_attempt: int | None = None
    fulfilment_fate: str | None = None

    @property
    def state(self) -> str:
        """The state that follows from the other columns of a new row."""
        if self.completion is not None:
            return self.completion
        acknowledged = self.acknowledgement_outcome == _SUBMITTED
        return (RequestState.ACKNOWLEDGED if acknowledged else RequestState.ACCEPTED).value


_COLUMNS: Final = tuple(
    "state" if field.name == "completion" else field.name for field in fields(_Row)
)
# Columns that events after the first may change, in the order of `copy_incoming`.
_CHANGING: Final = (
    *("request_id", "completion", "acknowledged_at", "completed_at", "late"),
    *("acknowledgement_id", "acknowledgement_outcome", "acknowledgement_attempt"),
    *("acknowledgement_fate", "fulfilment_id", "fulfilment_outcome", "fulfilment_attempt"),
    "fulfilment_fate",
)
_all: Final = attrgetter(*_COLUMNS)
_changing: Final = attrgetter(*_CHANGING)


def _accept(row: _Row, event: Event) -> None:
    if row.subject_id is not None:
        raise ValueError("the request was accepted before")
    data = event.data
    request_id = UUID(row.request_id)
    row.subject_id = event.stream_id
    row.command = data["command"]
    row.plan = data["plan"]
    row.confirm = data.get("confirm", True)
    row.arrived_at = data["arrived_at"]
    row.accepted_at = event.recorded_at
    row.late = False
    row.centre = data["centre"]
    row.bind = data["bind"]
    row.trace_id = _trace_id(event.metadata)
    # The ids of its messages derive from its own: a message can be looked up while it waits,
    # and no indexed column changes later.
    row.acknowledgement_id = str(message_id(request_id, Purpose.ACKNOWLEDGEMENT))
    if row.confirm:
        row.fulfilment_id = str(message_id(request_id, Purpose.FULFILMENT))


def _trace_id(metadata: str) -> str | None:
    """Return the trace id of a traceparent (W3C Trace Context, 3.2.2.3), None without one."""
    parts = str(read_json(metadata).get("traceparent", "")).split("-")
    if len(parts) < 4 or len(parts[1]) != _TRACE_ID_DIGITS:
        return None
    return parts[1] if set(parts[1]) <= _HEX else None


def _submit(row: _Row, event: Event) -> None:
    data = event.data
    outcome = event.type.removeprefix("message.")
    if outcome == _UNKNOWN and not data["final"]:
        outcome = RESENT
    if data["purpose"] == _ACKNOWLEDGEMENT:
        if row.acknowledgement_outcome in _OPEN:
            row.acknowledgement_id = data["message_id"]
            row.acknowledgement_outcome = outcome
            row.acknowledgement_attempt = data["attempt"]
            row.acknowledged_at = data["at"] if outcome == _SUBMITTED else None
    elif row.fulfilment_outcome in _OPEN:
        row.fulfilment_id = data["message_id"]
        row.fulfilment_outcome = outcome
        row.fulfilment_attempt = data["attempt"]


def _settle(row: _Row, event: Event) -> None:
    fate = event.type.removeprefix("message.")
    if event.data["purpose"] == _ACKNOWLEDGEMENT:
        row.acknowledgement_fate = fate
    else:
        row.fulfilment_fate = fate


def _be_late(row: _Row, _: Event) -> None:
    row.late = True


def _complete(row: _Row, event: Event) -> None:
    if row.completion is not None:
        return
    row.completion = event.data["completion"]
    row.completed_at = event.data["at"]


_HANDLERS: Final[Mapping[str, Callable[[_Row, Event], None]]] = {
    RequestAccepted.TYPE: _accept,
    MessageSubmitted.TYPE: _submit,
    MessageRejected.TYPE: _submit,
    MessageUnknown.TYPE: _submit,
    MessageExpired.TYPE: _submit,
    MessageErased.TYPE: _submit,
    MessageDelivered.TYPE: _settle,
    MessageUndeliverable.TYPE: _settle,
    MessageUndetermined.TYPE: _settle,
    AcknowledgementLate.TYPE: _be_late,
    RequestCompleted.TYPE: _complete,
}


class _Fold(Fold):
    """Folds one batch, request by request."""

    def __init__(self) -> None:
        self._rows: dict[str, _Row] = {}

    @override
    def add(self, event: Event) -> None:
        """Take the next event; messages that answer no request do not concern this projection."""
        request_id: Any = event.data.get("request_id")
        if request_id is None:
            return
        row = self._rows.get(request_id)
        if row is None:
            row = self._rows[request_id] = _Row(request_id)
        _HANDLERS[event.type](row, event)

    @override
    def rows(self) -> Rows:
        begun = self._rows.values()
        return Rows(
            new=[_all(row) for row in begun if row.subject_id is not None],
            changed=[_changing(row) for row in begun if row.subject_id is None],
        )


REQUESTS: Final = Projection(
    name="requests",
    version=1,
    columns=_COLUMNS,
    key=("request_id",),
    indexes=("by_subject", "by_time", "by_trace", "by_acknowledgement", "by_fulfilment"),
    reads=frozenset(_HANDLERS),
    begin=_Fold,
)
