"""Places the orders of `sms.notify.v1`: a batch of records is one transaction of the intake."""

from collections.abc import Awaitable, Callable, Sequence
from hashlib import sha256
from typing import Final

from inbound.deadletter.isolation import read_all
from inbound.errors import PoisonError
from inbound.kafka.decoding import TopicRecord, decode
from inbound.ops.telemetry import parse_traceparent
from inbound.orders.intake import MOST_IN_BATCH
from inbound.orders.ports import Placed
from schemas.cloudevents import header
from schemas.notify import OrderRequested
from schemas.orders import Order

Place = Callable[[Sequence[Order]], Awaitable[Sequence[Placed]]]

_OWN_KEY: Final = "kafka:"
_EVENT_KEY: Final = "kafka-event:"


class NotifyProcessor:
    """Turns batches of records into orders; `place` is that of an `Intake`."""

    def __init__(self, place: Place) -> None:
        self._place = place

    async def __call__(self, records: Sequence[TopicRecord]) -> None:
        """Place the orders of one batch. Blocks on the directory and the database; repeatable.

        Raises `RetryableError` when one of them can't answer, `PoisonError` for a record that
        holds no order. A refused order is no error: its event says why.
        """
        orders = read_all(records, order_of)
        for start in range(0, len(orders), MOST_IN_BATCH):
            await self._place(orders[start : start + MOST_IN_BATCH])


def order_of(record: TopicRecord) -> Order:
    """Return the order in a record. Raises `PoisonError`, which quotes nothing of it."""
    requested = decode(record, OrderRequested)
    event_id = header(record.headers, "ce_id") or ""
    source = header(record.headers, "ce_source") or ""
    key = requested.idempotency_key
    if key is None and not (event_id and source):
        raise PoisonError(
            "an order without identity: send the headers ce_id and ce_source, or an idempotency_key"
        )
    traceparent = header(record.headers, "traceparent")
    return requested.order(
        source=source,
        event_id=event_id,
        key=_event_key(source, event_id) if key is None else _OWN_KEY + key,
        traceparent=traceparent if parse_traceparent(traceparent) else None,
    )


def _event_key(source: str, event_id: str) -> str:
    """Return a key of the two; they may be long, and have any characters."""
    text = f"{len(source)}:{source}{event_id}"
    return _EVENT_KEY + sha256(text.encode()).hexdigest()
