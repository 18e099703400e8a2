"""Kafka records as plain data: how an event of the log looks on a topic.

One place for it, because the relay and a replay have to agree to the byte. Nothing here
talks to Kafka.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, NotRequired, Protocol, TypedDict
from uuid import UUID

from pydantic_core import from_json

from schemas.chain import metadata_digest
from schemas.cloudevents import SOURCE, Attributes, Headers, to_headers
from schemas.events import PersonErased, SubscriptionStarted, SubscriptionStopped
from schemas.messages import LogHead, Subscription
from schemas.upcasters import DOWNCASTERS, Cast, older_forms

SUBSCRIPTION_TYPES = {SubscriptionStopped.TYPE, SubscriptionStarted.TYPE, PersonErased.TYPE}
"""The events that change whether a person may be texted, or take that knowledge away."""

# CloudEvents 1.0, 3.1.1: source and id together name one event, and a record of the state is
# another event than the one it tells of.
_OF_SUBSCRIPTIONS = f"{SOURCE}/subscriptions"
_OF_LOG_HEADS = f"{SOURCE}/log-heads"


class ProducerRecord(TypedDict):
    """The arguments of one `Producer.send`."""

    topic: str
    value: bytes | None
    key: bytes | None
    headers: NotRequired[Headers]


class Producer(Protocol):
    """The part of kafka-python's producer that is used here."""

    def send(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | None = None,
        headers: Headers | None = None,
    ) -> Any:  # noqa: ANN401 — kafka-python has no types
        """Queue one record and return its future; blocks while the buffer is full."""

    def flush(self, timeout: float | None = None) -> None:
        """Block until everything queued is acknowledged or failed."""


class LoggedEvent(Protocol):
    """An event as the store keeps it; `data` and `metadata` are JSON."""

    @property
    def position(self) -> int:
        """Its place in the log, from 1."""

    @property
    def stream_id(self) -> UUID:
        """The subject."""

    @property
    def version(self) -> int:
        """Its place in the stream, from 1."""

    @property
    def type(self) -> str:
        """Its type, without the common prefix."""

    @property
    def schema_version(self) -> int:
        """The version of its type."""

    @property
    def data(self) -> bytes:
        """Its JSON, as it was written."""

    @property
    def metadata(self) -> bytes:
        """What belongs to no type: the trace context."""

    @property
    def recorded_at(self) -> datetime:
        """When the database took it."""


def attributes_of(event: LoggedEvent, type_: str, replay: str | None = None) -> Attributes:
    """Return the CloudEvents attributes of a record that tells of `event`."""
    return Attributes(
        id=f"{event.stream_id}/{event.version}",
        type=type_,
        time=event.recorded_at,
        subject=str(event.stream_id),
        traceparent=from_json(event.metadata).get("traceparent"),
        replay=replay,
    )


def of_event(event: LoggedEvent, topic: str, replay: str | None = None) -> ProducerRecord:
    """Return the public record of an event: the same for ever, but for the replay's id.

    With its headers a subscriber can compute its digest (`schemas.chain`).
    """
    subject = str(event.stream_id)
    attributes = Attributes(
        id=f"{subject}/{event.version}",
        type=f"{event.type}.v{event.schema_version}",
        time=event.recorded_at,
        subject=subject,
        traceparent=from_json(event.metadata).get("traceparent"),
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
    """Yield the event once more in each older version that has its subscribers, same id."""
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
    """Return the subject's whole state: the topic is compacted to the last one of each.

    `event` is of one of the `SUBSCRIPTION_TYPES`. An erased person's record has no value: it
    takes the key out of the topic.
    """
    state = Subscription(
        subject_id=event.stream_id,
        may_be_texted=event.type == SubscriptionStarted.TYPE,
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
    """Return the record of a chain's head."""
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
