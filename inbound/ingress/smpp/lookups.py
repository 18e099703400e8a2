"""Answers query_sm and cancel_sm: about the account's own messages, by id and source address.

The id alone names a message of the account. A source address has to be that of its submit_sm; many
programs leave it out.
"""

from dataclasses import dataclass
from typing import Final

from inbound.ingress.smpp.sealing import Addresses
from inbound.ingress.smpp.statuses import error_code, word_of
from inbound.orders.dispatch import Dispatcher
from inbound.smpp.pdu import CancelSm, CancelSmResp, QuerySm, QuerySmResp
from inbound.smpp.receipt_building import STATES
from inbound.smpp.status import Status
from inbound.smpp.times import format_absolute
from inbound.store.connection_pool import ConnectionPool
from inbound.store.sealing import Sealer
from inbound.store.smpp import messages
from inbound.store.smpp.rows import QueriedMessage
from schemas.orders import OrderState

_LARGEST: Final = 2**63 - 1
_LARGEST_ERROR: Final = 0xFF
_SCHEDULED: Final = frozenset({OrderState.SCHEDULED})
_OPEN: Final = frozenset({OrderState.SCHEDULED, OrderState.QUEUED, OrderState.SENT})


@dataclass(frozen=True, slots=True)
class Lookups:
    """Finds messages of accounts. Every method raises RetryableError."""

    pool: ConnectionPool
    sealer: Sealer
    dispatcher: Dispatcher

    async def query(self, pdu: QuerySm, account: str) -> QuerySmResp:
        """Answer with the state of a message; ESME_RQUERYFAIL if the account has none such."""
        found = await self._find(pdu.message_id, account)
        if found is None or not self._is_from(found, pdu.source_addr):
            return pdu.answer(Status.ESME_RQUERYFAIL)
        state = OrderState(found.state)
        answer = pdu.answer()
        answer.message_id = pdu.message_id
        answer.message_state = STATES[word_of(state, found.receipt)]
        error = error_code(state, found.error).number
        answer.error_code = error if error <= _LARGEST_ERROR else error_code(state, None).number
        if state not in _OPEN:
            answer.final_date = format_absolute(found.changed_at)
        return answer

    async def cancel(self, pdu: CancelSm, account: str) -> CancelSmResp:
        """Cancel one scheduled message; ESME_RCANCELFAIL for any other, and for many at once."""
        found = await self._find(pdu.message_id, account)
        if found is None or found.order_id is None or not self._is_from(found, pdu.source_addr):
            return pdu.answer(Status.ESME_RCANCELFAIL)
        if pdu.destination_addr and not self._is_to(found, pdu.destination_addr):
            return pdu.answer(Status.ESME_RCANCELFAIL)
        states = await self.dispatcher.cancel([found.order_id], _SCHEDULED)
        if states.get(found.order_id) is not OrderState.CANCELLED:
            return pdu.answer(Status.ESME_RCANCELFAIL)
        return pdu.answer()

    async def _find(self, message_id: str, account: str) -> QueriedMessage | None:
        if not (message_id.isascii() and message_id.isdigit()) or int(message_id) > _LARGEST:
            return None
        return await self.pool.run(messages.find_message, account, int(message_id))

    def _is_from(self, found: QueriedMessage, source: str) -> bool:
        """Whether a message may be from there: of an erased person nobody knows."""
        if not source or found.addresses is None:
            return True
        return self._addresses(found).source.addr == source

    def _is_to(self, found: QueriedMessage, destination: str) -> bool:
        return self._addresses(found).destination.addr == destination

    def _addresses(self, found: QueriedMessage) -> Addresses:
        return Addresses.open(self.sealer, found.addresses, found.message_id)
