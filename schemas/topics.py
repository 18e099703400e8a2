"""The topics of the service: names, sizes and settings as data, without any Kafka client.

Four rules shape them:

* All with a person's key have the same number of partitions, so that the key has the same
  partition number in each and one worker sees all of a person.
* Public topics that we write carry no personal data and are kept; internal ones, and the one that
  other services write, carry it (numbers, texts or references to them) and are deleted after
  three days.
* A limit in bytes deletes what has not been processed, too. Topics whose records were accepted
  have one only where their writer stops long before it (`inbound.gateway.backlog`): a limit
  then bounds the history. Topics without a limit in bytes are bounded by what may be written.
* Retention deletes whole segments, and only when the newest message of a segment is old
  enough. A short `segment.ms` therefore belongs to every short retention: with Kafka's
  default of 7 days a message could outlive its three days by seven.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Final, Self

from schemas.lanes import Lane

MO: Final = "sms.mo.v1"
MT_URGENT: Final = "sms.mt.urgent.v1"
MT_NORMAL: Final = "sms.mt.normal.v1"
MT_BULK: Final = "sms.mt.bulk.v1"
MT_CHANNELS: Final = "sms.mt.channels.v1"
RECEIPTS: Final = "sms.receipts.v1"
EVENTS: Final = "sms.events.v1"
SUBSCRIPTIONS: Final = "sms.subscriptions.v1"
LOG_HEADS: Final = "sms.log-heads.v1"
NOTIFY: Final = "sms.notify.v1"

PARTITIONS: Final = 8
"""How many a topic has by default; at most so many workers share the work.

An installation may have more, chosen when its topics are created: see `partitioned`.
"""

MOST_PARTITIONS: Final = 1024

PARTITION_BYTES: Final = 1 << 30
"""What a partition of MOs or receipts keeps; more than twice what may wait in it."""

_SEGMENT_BYTES: Final = 1 << 27
_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """The configuration of a topic. An `internal` one is no contract and has personal data."""

    name: str
    partitions: int
    config: Mapping[str, str]
    internal: bool
    what: str


def _config(**settings: object) -> Mapping[str, str]:
    """Kafka's dotted setting names, written with underscores, and the broker's clock.

    The time of a record decides when it is deleted. By its writer's clock a number would stay
    for as long as that clock was ahead, and a broker refuses what is an hour ahead of it.
    """
    named = {name.replace("_", "."): str(value) for name, value in settings.items()}
    return MappingProxyType(
        named
        | {
            "message.timestamp.type": "LogAppendTime",
            # The broker unpacks what arrives compressed, and refuses it above 1 MB: readers would
            # unpack a batch of any size in memory.
            "compression.type": "uncompressed",
        }
    )


_SHORT_LIVED: Final = _config(
    cleanup_policy="delete", retention_ms=3 * _DAY_MS, segment_ms=6 * _HOUR_MS
)
# 8 GB in 8 partitions. A gateway refuses MOs and receipts when 0.6 GB of a partition wait.
_BOUNDED: Final = MappingProxyType(
    {
        **_SHORT_LIVED,
        "retention.bytes": str(PARTITION_BYTES),
        # Retention deletes whole segments, so a partition has up to one more than its limit.
        "segment.bytes": str(_SEGMENT_BYTES),
    }
)
# 32 GB in 8 partitions, some 40 million events. A copy: `scserv replay publish` writes it again.
_KEPT: Final = _config(
    cleanup_policy="delete",
    retention_ms=90 * _DAY_MS,
    segment_ms=_DAY_MS,
    retention_bytes=4 * PARTITION_BYTES,
    segment_bytes=_SEGMENT_BYTES,
)
# A tombstone takes the person's last state out within two days, busy topic or quiet.
_COMPACTED: Final = _config(
    cleanup_policy="compact",
    segment_ms=_DAY_MS,
    max_compaction_lag_ms=_DAY_MS,
    delete_retention_ms=_DAY_MS,
)
# Never compacted: an old head is the evidence against a log that was rewritten.
_FOR_EVER: Final = _config(cleanup_policy="delete", retention_ms=-1)


def partitioned(specs: Iterable[TopicSpec], partitions: int) -> tuple[TopicSpec, ...]:
    """Return these topics with so many partitions instead of `PARTITIONS`.

    A multiple of it, so that a partition of `sms.events.v1` has events of one digest chain only.
    """
    if not PARTITIONS <= partitions <= MOST_PARTITIONS or partitions % PARTITIONS:
        raise ValueError(f"a multiple of {PARTITIONS}, at most {MOST_PARTITIONS}")
    return tuple(
        replace(spec, partitions=partitions) if spec.partitions == PARTITIONS else spec
        for spec in specs
    )


def _internal(name: str, what: str, config: Mapping[str, str] = _SHORT_LIVED) -> TopicSpec:
    return TopicSpec(name, PARTITIONS, config, internal=True, what=what)


def _public(name: str, config: Mapping[str, str], what: str) -> TopicSpec:
    return TopicSpec(name, PARTITIONS, config, internal=False, what=what)


TOPICS: Final[tuple[TopicSpec, ...]] = (
    _internal(MO, "texts as they arrived from a centre, stored before they are answered", _BOUNDED),
    _internal(MT_URGENT, "acknowledgements to send, ahead of everything else"),
    _internal(MT_NORMAL, "fulfilments and notifications to send"),
    _internal(MT_BULK, "broadcasts to send, while nothing else waits"),
    _internal(MT_CHANNELS, "messages to send by e-mail, by a bot, or through another channel"),
    _internal(RECEIPTS, "what happened to sent messages, as the centres report it", _BOUNDED),
    _public(EVENTS, _KEPT, "what happened to every request, by random subject id"),
    _public(SUBSCRIPTIONS, _COMPACTED, "the last state of every subject: notified or not"),
    TopicSpec(
        LOG_HEADS,
        1,  # so that the heads of all chains stand in one order
        _FOR_EVER,
        internal=False,
        what="how far each digest chain of the log has come, once a minute",
    ),
    # What other services write is accepted once its offset is committed. A limit in bytes is the
    # only bound on it here; lag is alerted long before.
    _public(NOTIFY, _BOUNDED, "messages that other services order"),
)


@dataclass(frozen=True, slots=True)
class TopicNames:
    """The names a process works with: the real ones, or a set of its own beside them."""

    mo: str = MO
    mt_urgent: str = MT_URGENT
    mt_normal: str = MT_NORMAL
    mt_bulk: str = MT_BULK
    mt_channels: str = MT_CHANNELS
    receipts: str = RECEIPTS
    events: str = EVENTS
    subscriptions: str = SUBSCRIPTIONS
    log_heads: str = LOG_HEADS
    notify: str = NOTIFY

    @classmethod
    def prefixed(cls, prefix: str) -> Self:
        """The same topics under another namespace, for a test or a second service."""
        return cls(**{field.name: f"{prefix}{field.default}" for field in fields(cls)})

    def lane(self, number: int) -> str:
        """The topic of a lane; called for every message."""
        return (self.mt_urgent, self.mt_normal, self.mt_bulk, self.mt_channels)[number]

    @property
    def lanes(self) -> tuple[str, ...]:
        """The topics of messages to send, indexed by `Lane`: the most urgent first."""
        return tuple(self.lane(lane) for lane in Lane)

    def specs(self, partitions: int = PARTITIONS) -> tuple[TopicSpec, ...]:
        """`TOPICS` under these names, `partitioned`."""
        names = (getattr(self, field.name) for field in fields(self))
        specs = partitioned(TOPICS, partitions)
        return tuple(replace(spec, name=name) for spec, name in zip(specs, names, strict=True))
