"""What query_sm is answered from: the states of the newest messages, within a limit."""

from collections import OrderedDict
from datetime import UTC, datetime
from typing import Final, NamedTuple

from inbound.local.simulator.delivery_queue import QueuedMessage
from inbound.local.simulator.dialects import STATES
from inbound.smpp.pdu import QuerySm, QuerySmResp
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
    """MessageStates by message id, as the submit_sm_resp wrote it; the oldest are forgotten."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        # A plain message's letter tells its own fate, which costs nothing until somebody asks.
        self._known: OrderedDict[str, _Known | QueuedMessage] = OrderedDict()

    def add(self, message_id: str, letter: QueuedMessage) -> None:
        """Take note of a message whose letter alone says what became of it."""
        self._add(message_id, letter)

    def begin(self, message_id: str, system_id: str, source: str) -> None:
        """Take note of a message on its way; what is known already stays as it is."""
        if message_id not in self._known:
            self._add(message_id, _Known(system_id, source))

    def end(self, message_id: str, state: str, error: int, done: float) -> None:
        """Take note of a message's final state; `done` in seconds since 1970."""
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
        """Answer a query: ESME_RINVMSGID unless account and source are the message's own."""
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


def _state_of(letter: QueuedMessage) -> _Known:
    known = _Known(letter.sender, letter.pdu.source_addr)
    if letter.status is None:
        return known
    word = "REJECTD" if letter.status else "DELIVRD"
    return known._replace(state=STATES[word], error=letter.status, done=letter.done)
