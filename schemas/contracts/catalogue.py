"""Which types travel on which topics, and who writes and reads them.

A topic without an entry here is promised to nobody, whatever `schemas.topics` calls it.
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


class Flow(StrEnum):
    """Between whom a type travels; it decides which changes would break somebody."""

    PUBLIC = "public"
    """Written by us, read by others."""
    INTERNAL = "internal"
    """Written and read by processes of ours, during an upgrade of two releases."""
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
    ),
    _contract(SubmitResults.TYPE, SubmitResults, Flow.INTERNAL, topics.RECEIPTS),
    _contract(ReceiptsReceived.TYPE, ReceiptsReceived, Flow.INTERNAL, topics.RECEIPTS),
)
"""The types that are no events. A new version stands here beside the older ones."""

CONTRACTS: Final[tuple[Contract, ...]] = (
    *(
        _contract(f"{event.TYPE}.v{event.VERSION}", event, Flow.PUBLIC, topics.EVENTS)
        for event in EVENTS
    ),
    *MESSAGES,
)
"""Every type that is written today, in its newest version."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A public topic as others need to know it. `source` is the `ce_source` of its records.

    `headers` are those attributes that not every record of every topic has.
    """

    topic: str
    name: str
    title: str
    what: str
    key: str
    source: str
    headers: frozenset[str]
    key_format: str | None = "uuid"


_OF_A_SUBJECT: Final = frozenset({"ce_subject", "ce_replay", "traceparent"})


CHANNELS: Final = (
    Channel(
        topics.EVENTS,
        "events",
        "What happened to every request",
        "Every event of every subject, once it stands in the event log. Events of one subject "
        "come in the order in which they happened; between subjects there is no order.",
        "the subject: a random id",
        SOURCE,
        _OF_A_SUBJECT | {"ce_position", "ce_metadatadigest"},
    ),
    Channel(
        topics.SUBSCRIPTIONS,
        "subscriptions",
        "May this person be texted?",
        "The state of every subject that ever sent `CLIENT sms stop`; a subject without a record "
        "may be texted. Compacted: the last record of a key is its state, and a record without a "
        "value takes the key away.",
        "the subject: a random id",
        f"{SOURCE}/subscriptions",
        _OF_A_SUBJECT,
    ),
    Channel(
        topics.LOG_HEADS,
        "log-heads",
        "Is the event log still what it was?",
        "How far each digest chain of the event log has come, once a minute, after the events up "
        "to it were published. There is one chain for each partition of `sms.events.v1`. Kept "
        "for ever and not compacted: an old head is the evidence against a log that was "
        "rewritten. docs/SUBSCRIBERS.md says how to compute a digest.",
        "the number of the chain",
        f"{SOURCE}/log-heads",
        frozenset(),
        key_format=None,
    ),
)
