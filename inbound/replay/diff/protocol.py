"""The replay protocol between this release and a candidate: plain data, also in JSON.

A candidate release runs in its own process and uses the protocol on standard input and output,
one JSON array or object per line. An incompatible change needs a new `PROTOCOL` number.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from uuid import UUID

PROTOCOL: Final = 1


class PastEvent(NamedTuple):
    """One recorded event; `data` is its JSON. It is decided again only when `selected`."""

    version: int
    type: str
    schema_version: int
    data: str
    selected: bool


class PastStream(NamedTuple):
    """All events of one subject from the first one on."""

    subject: UUID
    events: Sequence[PastEvent]


@dataclass(frozen=True, slots=True)
class CandidateConfig:
    """The configuration of a candidate.

    `policies` contains only values that were set; `templates` is the path of a templates file,
    None for the candidate's built-in one.
    """

    policies: Mapping[str, Any] = field(default_factory=dict)
    templates: str | None = None
    alphabet: str = "gsm0338"
    carry: bool = False


class ReplyText(NamedTuple):
    """One template of a catalogue. `parts` assumes secrets of typical length."""

    text: str
    parts: int
    fields: tuple[str, ...]
    resend_unknown: bool


@dataclass(frozen=True, slots=True)
class CandidateDescription:
    """A candidate's description of itself."""

    release: str
    policies: Mapping[str, Any]
    texts: Mapping[str, ReplyText]


EventFields = tuple[str, int, Any]
"""Type, version and data of an event in the candidate's models."""


class DecisionDifference(NamedTuple):
    """One decision that the candidate makes differently.

    `of` is what was decided: "command", "limit" (a command over the limit), "order", "result" or
    "reply" (a sent message; templates then replace the events). `request` is the id of the request
    or the order. `version` is the version of the first
    event of the recorded decision. `disposition` is None without a decision; `error` then gives
    the reason.
    """

    version: int
    of: str
    request: str | None
    disposition: str | None
    recorded: Sequence[EventFields] = ()
    decided: Sequence[EventFields] = ()
    error: str | None = None


class StreamVerdict(NamedTuple):
    """The result for one stream: how many decisions were made again, and which differ.

    `commands` counts commands and orders.

    `messages` lists the requested templates of the candidate's messages, with the version of
    their decision.
    """

    subject: UUID
    commands: int
    results: int
    differences: Sequence[DecisionDifference]
    messages: Sequence[tuple[int, str]]
