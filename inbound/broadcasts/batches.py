"""Makes the orders of a batch of recipients."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from inbound.broadcasts.sealing import AudienceSealer
from inbound.store.broadcasts.rows import Broadcast, BroadcastRecipient
from inbound.templates.placeholders import PlaceholderText, parse_text
from schemas.orders import Order, OrderKind

VALID_FOR: Final = timedelta(days=7)
"""For how long a message that came back because the broadcast was paused may be sent."""


class Batches:
    """Opens recipients and fills in texts. Keeps the text of the broadcasts it last worked on."""

    def __init__(self, sealer: AudienceSealer, *, clock: Callable[[], datetime]) -> None:
        self._sealer = sealer
        self._clock = clock
        self._texts: dict[UUID, PlaceholderText] = {}

    def orders(
        self,
        broadcast: Broadcast,
        recipients: Sequence[BroadcastRecipient],
        traceparent: str | None,
    ) -> list[Order]:
        """Return an order for each recipient. Raises UnsealError and PlaceholderError."""
        expires_at = self._clock() + VALID_FOR
        return [self._order(broadcast, one, expires_at, traceparent) for one in recipients]

    def _order(
        self,
        broadcast: Broadcast,
        recipient: BroadcastRecipient,
        expires_at: datetime,
        traceparent: str | None,
    ) -> Order:
        fields: dict[str, str] = {}
        if recipient.fields_sealed is not None:
            fields = self._sealer.open_fields(
                recipient.fields_sealed, broadcast.broadcast_id, recipient.number_hash
            )
        text = None if broadcast.template else self._text(broadcast).render(fields)
        return Order(
            account=broadcast.account,
            kind=OrderKind.BROADCAST,
            phone=self._sealer.open_number(recipient.number_sealed, recipient.number_hash),
            text=text,
            template=broadcast.template,
            template_version=broadcast.template_version,
            fields=fields if broadcast.template else {},
            sender=broadcast.sender,
            expires_at=expires_at,
            hours=broadcast.hours,
            broadcast_id=broadcast.broadcast_id,
            traceparent=traceparent,
        )

    def _text(self, broadcast: Broadcast) -> PlaceholderText:
        parsed = self._texts.get(broadcast.broadcast_id)
        if parsed is None:
            sealed = broadcast.text_sealed or b""
            parsed = parse_text(self._sealer.open_text(sealed, broadcast.broadcast_id))
            self._texts = {broadcast.broadcast_id: parsed}
        return parsed
