"""What goes to a candidate and what comes back: plain data, the same in JSON.

This is the replay protocol, version `PROTOCOL`. A candidate release runs in a process of
its own and speaks it over its standard input and output, a JSON array or object a line; so
a change that an older or newer release would not understand needs a new number.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from uuid import UUID

PROTOCOL: Final = 1


class PastEvent(NamedTuple):
    """One event as it is stored; `data` is its JSON. Decided again only when `selected`."""

    version: int
    type: str
    schema_version: int
    data: str
    selected: bool


class PastStream(NamedTuple):
    """The events of one subject from its first one on."""

    subject: UUID
    events: Sequence[PastEvent]


@dataclass(frozen=True, slots=True)
class CandidateConfig:
    """How a candidate is to decide.

    `policies` are values by name, without those that nobody set; `templates` is the path of
    a templates file, None for the candidate's own.
    """

    policies: Mapping[str, Any] = field(default_factory=dict)
    templates: str | None = None
    alphabet: str = "gsm0338"
    carry: bool = False


class ReplyText(NamedTuple):
    """One template of a catalogue: `parts` is counted with secrets of typical length."""

    text: str
    parts: int
    fields: tuple[str, ...]
    resend_unknown: bool


@dataclass(frozen=True, slots=True)
class CandidateDescription:
    """What a candidate says of itself before it decides anything."""

    release: str
    policies: Mapping[str, Any]
    texts: Mapping[str, ReplyText]


EventFields = tuple[str, int, Any]
"""Type, version and data of an event, as the candidate's models have it."""


class DecisionDifference(NamedTuple):
    """One decision that the candidate takes otherwise.

    `of` is what was decided: "command", "limit" (a command that was one too many), "result"
    or "reply" (a message that was sent; then the templates stand in place of events).
    `version` is that of the first event of the recorded decision. `disposition` is None
    where nothing was decided; then `error` says why.
    """

    version: int
    of: str
    request: str | None
    disposition: str | None
    recorded: Sequence[EventFields] = ()
    decided: Sequence[EventFields] = ()
    error: str | None = None


class StreamVerdict(NamedTuple):
    """What became of one stream: how many decisions were taken again, and which differ.

    `messages` are the templates of the messages that the candidate owes, each with the
    version at which it was decided; only those that were asked for.
    """

    subject: UUID
    commands: int
    results: int
    differences: Sequence[DecisionDifference]
    messages: Sequence[tuple[int, str]]
