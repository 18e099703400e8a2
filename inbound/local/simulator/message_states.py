"""States of the newest messages, for query_sm."""

from collections import OrderedDict
from datetime import UTC, datetime
from typing import Final, NamedTuple

from inbound.local.simulator.delivery_queue import QueuedMessage
from inbound.smpp.pdu import QuerySm, QuerySmResp
from inbound.smpp.receipt_building import STATES
from inbound.smpp.status import Status
from inbound.smpp.times import format_absolute

_ENROUTE: Final = STATES["ENROUTE"]


class _Known(NamedTuple):
    system_id: str
    source: str
    state: int = _ENROUTE
    error: int = 0
    done: float = 0.0


class MessageStates:
    """States by message id, as in the submit_sm_resp. Beyond `limit` the oldest are dropped."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        # A queued message without a receipt knows its own state, so it is stored as it is.
        self._known: OrderedDict[str, _Known | QueuedMessage] = OrderedDict()

    def add(self, message_id: str, message: QueuedMessage) -> None:
        """Add a queued message, which knows its own state."""
        self._add(message_id, message)

    def begin(self, message_id: str, system_id: str, source: str) -> None:
        """Add a message in delivery, unless its state is known already."""
        if message_id not in self._known:
            self._add(message_id, _Known(system_id, source))

    def end(self, message_id: str, state: str, error: int, done: float) -> None:
        """Set a message's final state; `done` in seconds since 1970."""
        known = self._known.get(message_id)
        if isinstance(known, _Known):
            self._known[message_id] = known._replace(state=STATES[state], error=error, done=done)

    def _add(self, message_id: str, known: _Known | QueuedMessage) -> None:
        if len(self._known) >= self.limit:
            if not self.limit:
                return
            self._known.popitem(last=False)
        self._known[message_id] = known

    def answer(self, pdu: QuerySm, system_id: str) -> QuerySmResp:
        """Answer a query_sm: ESME_RINVMSGID unless account and source address match."""
        known = self._known.get(pdu.message_id)
        if isinstance(known, QueuedMessage):
            known = _state_of(known)
        if known is None or (known.system_id, known.source) != (system_id, pdu.source_addr):
            return pdu.answer(Status.ESME_RINVMSGID)
        answer = pdu.answer()
        answer.message_id = pdu.message_id
        answer.message_state = known.state
        answer.error_code = known.error & 0xFF
        if known.done:
            answer.final_date = format_absolute(datetime.fromtimestamp(known.done, UTC))
        return answer


def _state_of(message: QueuedMessage) -> _Known:
    known = _Known(message.sender, message.pdu.source_addr)
    if message.status is None:
        return known
    word = "REJECTD" if message.status else "DELIVRD"
    return known._replace(state=STATES[word], error=message.status, done=message.done)
