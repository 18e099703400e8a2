"""Builds the outbox row of an order's message.

The row names order and subject. Number and text are looked up when the message is claimed.
"""

from datetime import datetime

from pydantic_core import to_json

from inbound.handlers.orders import dispatched_message_id, needs_consent
from inbound.outbox.shards import CHANNELS_SHARD, shard_of
from inbound.store.orders.rows import OrderRow
from inbound.store.outbox.rows import NewOutboxRow
from schemas.lanes import LANE_OF, Lane
from schemas.messages import MobileTerminated, Purpose
from schemas.orders import OrderKind
from schemas.topics import TopicNames


def purpose_of(kind: OrderKind) -> Purpose:
    """Return the purpose of the message of an order; it decides the lane."""
    return Purpose.BROADCAST if kind is OrderKind.BROADCAST else Purpose.NOTIFICATION


def order_message_row(
    order: OrderRow, *, key: str, not_after: datetime, names: TopicNames
) -> NewOutboxRow:
    """Return the outbox row that asks for the message of an order's current dispatch.

    `key` is the subject's keyed hash; the order has a subject. The message is not sent from
    `not_after` on.
    """
    if order.subject_id is None:
        raise ValueError("an order without a subject has no message")
    message = MobileTerminated(
        message_id=dispatched_message_id(order.order_id, order.dispatch),
        subject_id=order.subject_id,
        order_id=order.order_id,
        purpose=purpose_of(order.kind),
        template=order.template,
        sender=order.sender,
        resend_unknown=order.resend_unknown,
        consent_needed=needs_consent(order.kind),
        channel=order.channel,
        not_after=not_after,
    )
    way = Purpose.BROADCAST if order.is_bulk else message.purpose
    return NewOutboxRow(
        shard=CHANNELS_SHARD if order.channel else shard_of(key, way),
        topic=names.lane(Lane.CHANNELS if order.channel else LANE_OF[way]),
        key=key,
        event_id=str(message.message_id),
        type=MobileTerminated.TYPE,
        headers=to_json({"traceparent": order.traceparent} if order.traceparent else {}),
        value=message.to_json(),
    )
