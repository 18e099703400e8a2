"""Queries the SMS centre (query_sm) about messages whose delivery receipts are overdue.

Only where the settings say that the centre allows it. An answer is published like a delivery
receipt, so it means the same. A message that the centre doesn't know is queried again later.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from inbound.errors import RetryableError
from inbound.gateway.receipts import ReceiptPublisher
from inbound.settings import SmppSettings
from inbound.smpp.address import sender_to_address
from inbound.smpp.errors import SmppError
from inbound.smpp.esme import Esme
from inbound.smpp.pdu import QuerySm, QuerySmResp
from inbound.smpp.receipts import MessageState
from inbound.store.receipts.overdue import OverduePart, OverdueReceipts
from schemas.messages import ReceiptReceived, ReceiptState

log = logging.getLogger(__name__)

QUERY_EVERY_S = 60.0
BATCH = 200


class OverdueQueries:
    """Queries over one bind. `run` until cancelled."""

    def __init__(
        self,
        settings: SmppSettings,
        our_sender: str,
        esme: Esme,
        overdue: OverdueReceipts,
        publisher: ReceiptPublisher,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._source = sender_to_address(our_sender)
        self._esme = esme
        self._overdue = overdue
        self._publisher = publisher
        self._clock = clock

    async def run(self) -> None:
        """Query once a minute. An outage of the database or the bind only delays it."""
        while True:
            try:
                await self.query_once()
            except (RetryableError, SmppError) as error:
                log.info("bind %s: overdue receipts wait: %s", self._settings.bind, error)
            await asyncio.sleep(QUERY_EVERY_S)

    async def query_once(self) -> int:
        """Query all messages that are overdue now; return how many answers came.

        Takes slots of the window.
        """
        after = timedelta(seconds=self._settings.query_after_s)
        parts = await self._overdue.take(self._settings.centre, self._clock(), after, BATCH)
        queried: list[tuple[OverduePart, asyncio.Future[QuerySmResp]]] = []
        for part in parts:
            await self._esme.slot()
            query = QuerySm(
                message_id=part.written_id,
                source_addr_ton=self._source.ton,
                source_addr_npi=self._source.npi,
                source_addr=self._source.addr,
            )
            queried.append((part, self._esme.query(query)))
        answers = await asyncio.gather(*(answer for _, answer in queried), return_exceptions=True)
        known = [
            self._receipt(part, answer)
            for (part, _), answer in zip(queried, answers, strict=True)
            if isinstance(answer, QuerySmResp) and not answer.status
        ]
        return await self._publish([receipt for receipt in known if receipt is not None])

    async def _publish(self, receipts: Sequence[ReceiptReceived]) -> int:
        stored = [await self._publisher.publish(receipt) for receipt in receipts]
        # If Kafka did not store an answer, its message is queried again later.
        await asyncio.gather(*stored, return_exceptions=True)
        return len(receipts)

    def _receipt(self, part: OverduePart, answer: QuerySmResp) -> ReceiptReceived | None:
        try:
            state = MessageState(answer.message_state)
        except ValueError:
            return None
        return ReceiptReceived(
            key=part.key,
            centre=self._settings.centre,
            bind=self._settings.bind,
            message_ids=(part.smsc_message_id,),
            state=ReceiptState(state.name.lower()),
            final=state.outcome is not None,
            error=str(answer.error_code) if answer.error_code else None,
            arrived_at=self._clock(),
        )
