"""Builds the outbox row of a reply.

The row names template and subject. It never holds a number, a text or a secret, so it may be
kept as long as the log.
"""

from datetime import datetime, timedelta
from uuid import UUID

from pydantic_core import to_json

from inbound.handlers.decision import Reply
from inbound.outbox.shards import shard_of
from inbound.store.outbox.rows import NewOutboxRow
from schemas.lanes import LANE_OF
from schemas.messages import MobileTerminated
from schemas.topics import TopicNames


def to_row(
    reply: Reply,
    *,
    subject_id: UUID,
    key: str,
    now: datetime,
    valid_for: timedelta,
    traceparent: str | None,
    names: TopicNames,
) -> NewOutboxRow:
    """Return the outbox row that asks for `reply` to be sent.

    `key` is the subject's keyed hash; `valid_for` counts from `now`.
    """
    message = MobileTerminated(
        message_id=reply.message_id,
        subject_id=subject_id,
        request_id=reply.request_id,
        purpose=reply.purpose,
        template=reply.template,
        secret=reply.secret,
        centre=reply.centre,
        arrived_at=reply.arrived_at,
        not_after=now + valid_for,
    )
    return NewOutboxRow(
        shard=shard_of(key, reply.purpose),
        topic=names.lane(LANE_OF[reply.purpose]),
        key=key,
        event_id=str(reply.message_id),
        type=MobileTerminated.TYPE,
        headers=to_json({"traceparent": traceparent} if traceparent else {}),
        value=message.to_json(),
    )
