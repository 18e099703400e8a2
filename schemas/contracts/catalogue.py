"""The types on each topic, and who writes and reads them.

A topic without an entry here is no contract, even if `schemas.topics` calls it public.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from schemas import topics
from schemas.base import Model
from schemas.cloudevents import SOURCE, TYPE_PREFIX
from schemas.events import EVENTS
from schemas.messages import (
    LogHead,
    MobileOriginated,
    MobileTerminated,
    ReceiptsReceived,
    SubmitResults,
    Subscription,
)
from schemas.notify import OrderRequested


class Flow(StrEnum):
    """Who writes and reads a type. This decides which changes break something."""

    PUBLIC = "public"
    """Written by us, read by others."""
    INTERNAL = "internal"
    """Written and read by our processes; during an upgrade by those of two releases."""
    ACCEPTED = "accepted"
    """Written by others, read by us."""


@dataclass(frozen=True, slots=True)
class Contract:
    """One type in one version; `name` is its `ce_type`."""

    name: str
    model: type[Model]
    flow: Flow
    topics: tuple[str, ...]


def _contract(name: str, model: type[Model], flow: Flow, *on: str) -> Contract:
    return Contract(TYPE_PREFIX + name, model, flow, on)


MESSAGES: Final = (
    _contract("subscription.v1", Subscription, Flow.PUBLIC, topics.SUBSCRIPTIONS),
    _contract("log.head.v1", LogHead, Flow.PUBLIC, topics.LOG_HEADS),
    _contract(MobileOriginated.TYPE, MobileOriginated, Flow.INTERNAL, topics.MO),
    _contract(
        MobileTerminated.TYPE,
        MobileTerminated,
        Flow.INTERNAL,
        topics.MT_URGENT,
        topics.MT_NORMAL,
        topics.MT_BULK,
        topics.MT_CHANNELS,
    ),
    _contract(SubmitResults.TYPE, SubmitResults, Flow.INTERNAL, topics.RECEIPTS),
    _contract(ReceiptsReceived.TYPE, ReceiptsReceived, Flow.INTERNAL, topics.RECEIPTS),
    _contract(OrderRequested.TYPE, OrderRequested, Flow.ACCEPTED, topics.NOTIFY),
)
"""The types that are not events. A new version is added beside the older ones."""

CONTRACTS: Final[tuple[Contract, ...]] = (
    *(
        _contract(f"{event.TYPE}.v{event.VERSION}", event, Flow.PUBLIC, topics.EVENTS)
        for event in EVENTS
    ),
    *MESSAGES,
)
"""Every type that this release writes, in its newest version."""


@dataclass(frozen=True, slots=True)
class PublicTopic:
    """A public topic as it is documented. `source` is the `ce_source` of its records.

    `headers` are the attributes that only some topics have. A topic without a `source` is written
    by other services.
    """

    topic: str
    name: str
    title: str
    what: str
    key: str
    source: str | None
    headers: frozenset[str]
    key_format: str | None = "uuid"
    tombstones_of: str | None = None
    """The type of whose keys records without a value come."""


_OF_A_SUBJECT: Final = frozenset({"ce_subject", "ce_replay", "traceparent"})


CHANNELS: Final = (
    PublicTopic(
        topics.EVENTS,
        "events",
        "What happened to every request",
        "Every event of every subject, after it is committed to the event log. Events of one "
        "subject are in order; events of different subjects are not.",
        "the subject: a random id",
        SOURCE,
        _OF_A_SUBJECT | {"ce_position", "ce_metadatadigest"},
    ),
    PublicTopic(
        topics.SUBSCRIPTIONS,
        "subscriptions",
        "Whether a person may be texted",
        "The state of every subject of whom `CLIENT sms stop` was ever accepted; a subject without "
        "a record may be texted. Compacted: the last record of a key is its state. A record "
        "without a value (a tombstone) means that the person was erased: do not text.",
        "the subject: a random id",
        f"{SOURCE}/subscriptions",
        _OF_A_SUBJECT,
        tombstones_of=f"{TYPE_PREFIX}subscription.v1",
    ),
    PublicTopic(
        topics.LOG_HEADS,
        "log-heads",
        "The integrity of the event log",
        "How far each digest chain of the event log has come, once a minute, after the events up "
        "to it were published. There is one chain for each partition of `sms.events.v1`. Kept "
        "for ever and not compacted: an old head proves that a log was "
        "rewritten. docs/SUBSCRIBERS.md says how to compute a digest.",
        "the number of the chain",
        f"{SOURCE}/log-heads",
        frozenset(),
        key_format=None,
    ),
    PublicTopic(
        topics.NOTIFY,
        "notify",
        "Messages to send",
        "Other services place orders here. The answer is `order.accepted` or `order.refused` on "
        "`sms.events.v1`, with the order's id. What can't be read becomes a dead letter. Write the "
        "orders for one person with one key: then they are placed in order.",
        "chosen by the writer, for example the client's id",
        None,
        frozenset({"traceparent"}),
        key_format=None,
    ),
)
