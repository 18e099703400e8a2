"""Places the orders of `sms.notify.v1`: a batch of records is one transaction of the intake."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Final
from uuid import UUID

from inbound import unique_names
from inbound.deadletter.isolation import read_all
from inbound.errors import PoisonError
from inbound.kafka.decoding import TopicRecord, decode
from inbound.ops.telemetry import parse_traceparent
from inbound.orders.horizon import beyond_horizon, too_far
from inbound.orders.intake import MOST_IN_BATCH
from inbound.orders.ports import Placed
from schemas.cloudevents import header
from schemas.notify import OrderRequested, order_id_of
from schemas.orders import DEFAULT_ACCOUNT, Order
from schemas.reading import read_json

PlaceOrders = Callable[[Sequence[Order]], Awaitable[Sequence[Placed]]]

_OWN_KEY: Final = "kafka:"
_EVENT_KEY: Final = "kafka-event:"
_JSON: Final = "application/json"
_SPECVERSION: Final = "1.0"


class NotifyProcessor:
    """Turns batches of records into orders; `place` is that of an `Intake`."""

    def __init__(
        self, place: PlaceOrders, *, ahead_days: int, clock: Callable[[], datetime]
    ) -> None:
        """`ahead_days` is how far ahead an order may reach."""
        self._place = place
        self._ahead_days = ahead_days
        self._clock = clock

    async def __call__(self, records: Sequence[TopicRecord]) -> None:
        """Place the orders of one batch. Blocks on the directory and the database; repeatable.

        Raises `RetryableError` when one of them can't answer, `PoisonError` for a record that
        holds no order. A refused order is no error: its event says why.
        """
        orders = read_all(records, self._order)
        for start in range(0, len(orders), MOST_IN_BATCH):
            await self._place(orders[start : start + MOST_IN_BATCH])

    def _order(self, record: TopicRecord) -> Order:
        order = order_of(record)
        for name in beyond_horizon(order, self._clock(), self._ahead_days):
            named = f"order {order.order_id}: " if order.order_id else ""
            raise PoisonError(f"{named}{name} {too_far(self._ahead_days)}")
        return order


def order_of(record: TopicRecord) -> Order:
    """Return the order in a record.

    Raises `PoisonError`, which quotes nothing of it, and names the order's id if its writer can
    know it: that is how support finds the dead letter.
    """
    try:
        return _read(record)
    except PoisonError as error:
        order_id = _computable_id(record)
        if order_id is None:
            raise
        raise PoisonError(f"order {order_id}: {error}") from error


def _read(record: TopicRecord) -> Order:
    _check_envelope(record)
    requested = decode(record, OrderRequested)
    try:
        unique_names.loads(record.value)
    except unique_names.RepeatedNameError as error:
        raise PoisonError(f"the value {error}") from None
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


def _check_envelope(record: TopicRecord) -> None:
    """Refuse another version of CloudEvents, and data that is not JSON. Absent attributes pass."""
    version = header(record.headers, "ce_specversion")
    if version not in {None, _SPECVERSION}:
        raise PoisonError(f"the header ce_specversion has to be {_SPECVERSION}")
    for name in ("content-type", "ce_datacontenttype"):
        media_type = header(record.headers, name)
        if media_type is not None and media_type.partition(";")[0].strip().lower() != _JSON:
            raise PoisonError(
                f"the header {name} has to be {_JSON}: attributes go into headers, and only the "
                "order into the value (CloudEvents' binary mode)"
            )


def _computable_id(record: TopicRecord) -> UUID | None:
    """Return the id of the order that its writer computes, if the record is one of an account."""
    try:
        content = read_json(record.value)
    except ValueError:
        content = None
    content = content if isinstance(content, dict) else {}
    account = content.get("account", DEFAULT_ACCOUNT)
    if "idempotency_key" in content or not isinstance(account, str):
        return None
    source, event_id = (header(record.headers, name) for name in ("ce_source", "ce_id"))
    return order_id_of(account, source, event_id) if source and event_id else None


def _event_key(source: str, event_id: str) -> str:
    """Return one key for both; they may be long and contain any characters."""
    text = f"{len(source)}:{source}{event_id}"
    return _EVENT_KEY + sha256(text.encode()).hexdigest()
