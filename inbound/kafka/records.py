"""Builds the Kafka records of events, subscriptions and log heads. No IO.

The relay and a replay both use it, because their records must be identical to the byte.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import NotRequired, Protocol, TypedDict
from uuid import UUID

from schemas.chain import metadata_digest
from schemas.cloudevents import SOURCE, Attributes, Headers, to_headers
from schemas.events import (
    PersonErased,
    SubscriptionRestored,
    SubscriptionStarted,
    SubscriptionStopped,
)
from schemas.messages import LogHead, Subscription
from schemas.reading import read_json
from schemas.upcasters import DOWNCASTERS, Cast, older_forms

SUBSCRIPTION_TYPES = {
    SubscriptionStopped.TYPE,
    SubscriptionStarted.TYPE,
    SubscriptionRestored.TYPE,
    PersonErased.TYPE,
}
"""The events that change a subscription or erase it."""

# Source and id together identify an event (CloudEvents 1.0, 3.1.1), and the record of a state
# is another event than the one that caused it.
_OF_SUBSCRIPTIONS = f"{SOURCE}/subscriptions"
_OF_LOG_HEADS = f"{SOURCE}/log-heads"


class ProducerRecord(TypedDict):
    """The arguments of one `ProducerPort.send`."""

    topic: str
    value: bytes | None
    key: bytes | None
    headers: NotRequired[Headers]


class DeliveryPort(Protocol):
    """The delivery of one record; known once a flush has returned."""

    @property
    def error(self) -> Exception | None:
        """Why the record is not stored; None if it is."""


class ProducerPort(Protocol):
    """Stores records in Kafka (`inbound.kafka.producer`)."""

    def send(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | None = None,
        headers: Headers | None = None,
    ) -> DeliveryPort:
        """Queue one record; blocks while the buffer is full."""

    def flush(self, timeout: float = ...) -> None:
        """Block until everything queued is acknowledged or failed."""


class RenewableProducerPort(ProducerPort, Protocol):
    """A producer that is created again after `close`: after a refusal it sends nothing more."""

    def close(self, within_s: float = ..., /) -> None:
        """Close it; the next record creates a new one."""


class LoggedEvent(Protocol):
    """An event of the log. `data` and `metadata` are JSON."""

    @property
    def position(self) -> int:
        """Position in the log, from 1."""

    @property
    def stream_id(self) -> UUID:
        """The subject's id."""

    @property
    def version(self) -> int:
        """Version in the stream, from 1."""

    @property
    def type(self) -> str:
        """Event type, without the common prefix."""

    @property
    def schema_version(self) -> int:
        """Schema version of the type."""

    @property
    def data(self) -> bytes:
        """The event's JSON, as written."""

    @property
    def metadata(self) -> bytes:
        """JSON of the trace context."""

    @property
    def recorded_at(self) -> datetime:
        """When the database recorded it."""


def attributes_of(event: LoggedEvent, type_: str, replay: str | None = None) -> Attributes:
    """Return the CloudEvents attributes of a record about `event`."""
    return Attributes(
        id=f"{event.stream_id}/{event.version}",
        type=type_,
        time=event.recorded_at,
        subject=str(event.stream_id),
        traceparent=read_json(event.metadata).get("traceparent"),
        replay=replay,
    )


def of_event(event: LoggedEvent, topic: str, replay: str | None = None) -> ProducerRecord:
    """Return the public record of an event: always the same, except for a replay's id.

    Its headers let a subscriber compute the digest (`schemas.chain`).
    """
    subject = str(event.stream_id)
    attributes = Attributes(
        id=f"{subject}/{event.version}",
        type=f"{event.type}.v{event.schema_version}",
        time=event.recorded_at,
        subject=subject,
        traceparent=read_json(event.metadata).get("traceparent"),
        replay=replay,
        position=event.position,
        metadata_digest=metadata_digest(event.metadata),
    )
    return {
        "topic": topic,
        "value": event.data,
        "key": subject.encode(),
        "headers": to_headers(attributes),
    }


def older_forms_of(
    event: LoggedEvent,
    topic: str,
    replay: str | None = None,
    *,
    downcasters: Mapping[tuple[str, int], Cast] = DOWNCASTERS,
) -> Iterator[ProducerRecord]:
    """Yield the event in each older version that still has subscribers, with the same id."""
    forms = older_forms(event.type, event.schema_version, event.data, downcasters=downcasters)
    for version, data in forms:
        attributes = attributes_of(event, f"{event.type}.v{version}", replay)
        yield {
            "topic": topic,
            "value": data,
            "key": str(event.stream_id).encode(),
            "headers": to_headers(attributes),
        }


def of_subscription(event: LoggedEvent, topic: str) -> ProducerRecord:
    """Return the record of a subject's subscription; the topic is compacted by subject.

    `event` is one of `SUBSCRIPTION_TYPES`. For an erased person the value is None, which
    removes the key from the topic.
    """
    state = Subscription(
        subject_id=event.stream_id,
        may_be_texted=event.type != SubscriptionStopped.TYPE,
        version=event.version,
        changed_at=event.recorded_at,
    )
    attributes = replace(attributes_of(event, "subscription.v1"), source=_OF_SUBSCRIPTIONS)
    return {
        "topic": topic,
        "value": None if event.type == PersonErased.TYPE else state.to_json(),
        "key": str(event.stream_id).encode(),
        "headers": to_headers(attributes),
    }


def of_head(head: LogHead, topic: str) -> ProducerRecord:
    """Return the record of a log head."""
    attributes = Attributes(
        id=f"{head.chain}/{head.position}",
        type="log.head.v1",
        time=head.recorded_at,
        source=_OF_LOG_HEADS,
    )
    return {
        "topic": topic,
        "value": head.to_json(),
        "key": str(head.chain).encode(),
        "headers": to_headers(attributes),
    }
