"""The path of one text through the service, station by station, for the handset. Pure.

Stations that were reached have the timeline's own text; those still to come have a name only.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from inbound.timeline.model import ReplyStatus, RequestTimeline, Step, StepKind
from schemas.messages import Purpose


class Light(StrEnum):
    """How a station is shown."""

    GOOD = "good"
    BAD = "bad"
    UNSURE = "unsure"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Station:
    """One station; `title` is a key of the desk's words, `text` and `after_s` those of its step."""

    title: str
    light: Light
    text: str = ""
    after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Leg:
    """A section of the path; `title` is a key of the desk's words."""

    title: str
    stations: Sequence[Station]


_TITLES: Final[Mapping[StepKind, str]] = {
    StepKind.ARRIVED: "deliver_sm received",
    StepKind.ASSEMBLED: "Parts joined",
    StepKind.PARSED: "Command recognised",
    StepKind.DECIDED: "Decided",
    StepKind.SWITCHED: "Notifications switched",
    StepKind.RECORDED: "In the event log",
    StepKind.QUEUED: "In the outbox",
    StepKind.CLAIMED: "Claimed by a gateway",
    StepKind.SENT: "submit_sm sent",
    StepKind.ATTEMPT: "Not accepted yet",
    StepKind.RESULT: "submit_sm_resp received",
    StepKind.RECEIPT: "Delivery receipt received",
    StepKind.LATE: "Late",
    StepKind.HELD: "Held for a person",
    StepKind.RELEASED: "Released",
    StepKind.REFUSED: "Refused",
    StepKind.COMPLETED: "Completed",
}
_INTAKE: Final = (StepKind.ARRIVED, StepKind.PARSED, StepKind.DECIDED, StepKind.RECORDED)
_MESSAGE: Final = (StepKind.QUEUED, StepKind.SENT, StepKind.RESULT, StepKind.RECEIPT)
_LEGS: Final = (
    ("Your text", None, _INTAKE),
    ("Acknowledgement", Purpose.ACKNOWLEDGEMENT, _MESSAGE),
    ("Fulfilment", Purpose.FULFILMENT, _MESSAGE),
)
_OPEN: Final = frozenset({ReplyStatus.WAITING, ReplyStatus.ON_ITS_WAY, ReplyStatus.HELD})
_BELONGS: Final[Mapping[StepKind, Purpose]] = {
    StepKind.LATE: Purpose.ACKNOWLEDGEMENT,
    StepKind.HELD: Purpose.FULFILMENT,
    StepKind.RELEASED: Purpose.FULFILMENT,
    StepKind.REFUSED: Purpose.FULFILMENT,
    StepKind.COMPLETED: Purpose.FULFILMENT,
}
"""The leg of a step that names no message."""
_TROUBLE: Final = frozenset({StepKind.ATTEMPT, StepKind.LATE, StepKind.HELD})
_LIGHTS: Final[Mapping[object, Light]] = {
    "submitted": Light.GOOD,
    "delivered": Light.GOOD,
    "unknown": Light.UNSURE,
    "undetermined": Light.UNSURE,
}


def legs_of(request: RequestTimeline | None) -> list[Leg]:
    """Return the path of a request; for None, all of it is still to come."""
    return [Leg(title, list(_stations(request, purpose, kinds))) for title, purpose, kinds in _LEGS]


def _stations(
    request: RequestTimeline | None, purpose: Purpose | None, expected: Sequence[StepKind]
) -> Iterator[Station]:
    steps = [] if request is None else [one for one in request.steps if _purpose(one) == purpose]
    begun = None if request is None else request.steps[0].at
    for step in steps:
        after_s = (step.at - begun).total_seconds() if begun else 0.0
        yield Station(_TITLES.get(step.step, ""), _light(step), step.text, max(0.0, after_s))
    if request is None or request.verdict in _OPEN:
        reached = {step.step for step in steps}
        yield from (
            Station(_TITLES[kind], Light.WAITING) for kind in expected if kind not in reached
        )


def _purpose(step: Step) -> str | None:
    purpose = step.details.get("purpose")
    return purpose if isinstance(purpose, str) else _BELONGS.get(step.step)


def _light(step: Step) -> Light:
    if step.step is StepKind.RESULT:
        return _LIGHTS.get(step.details["outcome"], Light.BAD)
    if step.step is StepKind.RECEIPT:
        return _LIGHTS.get(step.details["fate"], Light.BAD)
    if step.step is StepKind.REFUSED:
        return Light.BAD
    return Light.UNSURE if step.step in _TROUBLE else Light.GOOD
