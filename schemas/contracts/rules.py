"""Checks today's record against the released one.

Refuses a change that breaks readers of a topic, or writers: those who wrote with the released
schema what is read today, which for events includes the log. Each problem names the type with
its version or the topic, the field, and a way out.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any, Final

from schemas.cloudevents import TYPE_PREFIX
from schemas.contracts.catalogue import Flow
from schemas.contracts.changes import (
    ALREADY_WRITTEN,
    BOTH,
    NEVER_ANNOUNCED,
    NEW_AND_REQUIRED,
    WRITERS,
    Change,
    Side,
    changes,
)
from schemas.contracts.published import FLOW, TOPICS
from schemas.contracts.released import ReleaseRecord
from schemas.events import EVENTS, DomainEvent
from schemas.upcasters import DOWNCASTERS, UPCASTERS

_NAME: Final = re.compile(re.escape(TYPE_PREFIX) + r"(?P<type>.+)\.v(?P<version>\d+)")
_TOPIC_WAY_OUT: Final = "make a topic of the next version beside it"


@dataclass(frozen=True, slots=True)
class Breakage:
    """One breaking change; `what` says who is affected."""

    where: str
    what: str
    way_out: str

    def __str__(self) -> str:
        """Return the problem as one line."""
        return f"{self.where}: {self.what}. Fix: {self.way_out}"


@dataclass(frozen=True, slots=True)
class Casts:
    """Today's event classes, and which older versions can be read and written."""

    events: Collection[type[DomainEvent]] = EVENTS
    upcasters: Collection[tuple[str, int]] = field(default_factory=UPCASTERS.keys)
    downcasters: Collection[tuple[str, int]] = field(default_factory=DOWNCASTERS.keys)

    def newest(self, type_: str) -> int | None:
        """Return the newest version of an event type, None if there is no such type."""
        return next((event.VERSION for event in self.events if type_ == event.TYPE), None)


def problems(
    released: ReleaseRecord, today: ReleaseRecord, casts: Casts | None = None
) -> list[Breakage]:
    """Return the problems of today's record; none if nothing breaks."""
    casts = casts or Casts()
    return [
        *(problem for name in released.types for problem in _of_type(name, released, today, casts)),
        *_of_versions(casts),
        *(problem for name in released.topics for problem in _of_topic(name, released, today)),
    ]


def _of_type(
    name: str, released: ReleaseRecord, today: ReleaseRecord, casts: Casts
) -> Iterator[Breakage]:
    was = released.types[name]
    now = today.types.get(name)
    type_, version = split(name)
    if now is None:
        newest = casts.newest(type_)
        if newest is None or newest < version:
            yield Breakage(name, "was released and is gone", "keep it; others read it")
        return
    if was[FLOW] != now[FLOW]:
        yield Breakage(name, f"was {was[FLOW]}, is {now[FLOW]}", "leave it as it was")
    for topic in was[TOPICS]:
        if topic not in now[TOPICS]:
            yield Breakage(name, f"is no longer on {topic}, where others read it", "leave it there")
    matters = WRITERS if was[FLOW] == Flow.ACCEPTED else BOTH
    for change in changes(was, now):
        broken = change.breaks & matters
        if broken:
            where = f"{name}, field {change.field}" if change.field else name
            sides = " and ".join(
                _AFFECTED[Flow(was[FLOW]), side] for side in Side if side in broken
            )
            way_out = _way_out(type_, version, change, is_event=casts.newest(type_) is not None)
            yield Breakage(where, f"{change.what}, which breaks {sides}", way_out)


_AFFECTED: Final[Mapping[tuple[Flow, Side], str]] = {
    (Flow.PUBLIC, Side.READERS): "subscribers",
    (Flow.PUBLIC, Side.WRITERS): "the reading of older events",
    (Flow.INTERNAL, Side.READERS): "processes of the release before, during an upgrade",
    (Flow.INTERNAL, Side.WRITERS): "the reading of what the release before has written",
    (Flow.ACCEPTED, Side.WRITERS): "the services that write it",
}


def _way_out(type_: str, version: int, change: Change, *, is_event: bool) -> str:
    if change.what == NEW_AND_REQUIRED:
        return "make it optional: `| None = None`"
    if change.what.endswith(ALREADY_WRITTEN):
        return "take it off ANNOUNCED (schemas/events.py)"
    if change.what.endswith(NEVER_ANNOUNCED):
        return "list it in ANNOUNCED (schemas/events.py) for one release first"
    following = f"leave version {version} as it was and make {type_}.v{version + 1}"
    if is_event:
        return f"{following}, with an upcaster and a downcaster (schemas/upcasters.py)"
    return f"{following} beside it (schemas/contracts/catalogue.py), read a release before written"


def _of_versions(casts: Casts) -> Iterator[Breakage]:
    """Older versions of events are still read from the log and written for subscribers."""
    for event in casts.events:
        for version in range(1, event.VERSION):
            name = f"{TYPE_PREFIX}{event.TYPE}.v{version}"
            if (event.TYPE, version) not in casts.upcasters:
                yield Breakage(
                    name, "has no upcaster, so older events can't be read", "add it to UPCASTERS"
                )
            if (event.TYPE, version + 1) not in casts.downcasters:
                yield Breakage(
                    name,
                    f"is not made from version {version + 1}, so its subscribers get no events",
                    "add it to DOWNCASTERS",
                )


def _of_topic(name: str, released: ReleaseRecord, today: ReleaseRecord) -> Iterator[Breakage]:
    was: Mapping[str, Any] = released.topics[name]
    now = today.topics.get(name)
    if now is None:
        yield Breakage(f"topic {name}", "was released and is gone", "keep it; others read it")
        return
    where = f"topic {name}"
    if was["public"] and not now["public"]:
        yield Breakage(where, "was public, is internal", "leave it public")
    if was["partitions"] != now["partitions"]:
        what = f"had {was['partitions']} partitions, has {now['partitions']}: keys would move"
        yield Breakage(where, what, _TOPIC_WAY_OUT)
    policies = was["config"].get("cleanup.policy"), now["config"].get("cleanup.policy")
    if policies[0] != policies[1]:
        yield Breakage(where, "cleanup.policy was {}, is {}".format(*policies), _TOPIC_WAY_OUT)
    kept = [each["config"].get("retention.ms", 0) for each in (was, now)]
    if was["public"] and _kept_ms(kept[1]) < _kept_ms(kept[0]):
        what = f"retention.ms was {kept[0]}, is {kept[1]}: records would be deleted earlier"
        yield Breakage(where, what, "keep it as long as before, or longer")


def _kept_ms(retention: str | int) -> float:
    return inf if int(retention) == -1 else int(retention)


def split(name: str) -> tuple[str, int]:
    """Return type and version of a `ce_type`. Raises `ValueError` if it is not ours."""
    found = _NAME.fullmatch(name)
    if found is None:
        raise ValueError(f"{name!r} is not {TYPE_PREFIX}TYPE.vVERSION")
    return found["type"], int(found["version"])
