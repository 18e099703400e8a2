"""The way of a text, station by station."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from inbound.desk.handset.stations import Light, legs_of
from inbound.timeline.model import Clock, ClockState, ReplyStatus, RequestTimeline, Step, StepKind
from schemas.events import Command, Plan

NOON = datetime(2024, 5, 17, 12, tzinfo=UTC)
ACK = {"purpose": "acknowledgement"}
FULFILMENT = {"purpose": "fulfilment"}


def step(kind: StepKind, after_s: float, **details: str) -> Step:
    at = NOON + timedelta(seconds=after_s)
    return Step(step=kind, at=at, local=at, after_s=0, text=f"{kind} text", details=details)


def request(verdict: ReplyStatus, *steps: Step) -> RequestTimeline:
    return RequestTimeline(
        request_id=uuid4(),
        subject_id=uuid4(),
        command=Command.CLIENT_INFO,
        plan=Plan.REGISTRATION,
        arrived_at=NOON,
        verdict=verdict,
        sentence="",
        clock=Clock(state=ClockState.KEPT, within_s=120),
        steps=(step(StepKind.ARRIVED, 0), *steps),
    )


def test_before_anything_is_known_all_of_it_is_to_come() -> None:
    legs = legs_of(None)
    assert [len(leg.stations) for leg in legs] == [4, 4, 4]
    assert {station.light for leg in legs for station in leg.stations} == {Light.WAITING}


def test_what_was_reached_has_its_time_and_text_and_the_rest_waits() -> None:
    intake, ack, fulfilment = legs_of(
        request(ReplyStatus.WAITING, step(StepKind.QUEUED, 0.25, **ACK))
    )
    assert [one.light for one in intake.stations] == [Light.GOOD, *[Light.WAITING] * 3]
    assert ack.stations[0].after_s == 0.25
    assert ack.stations[0].text == "queued text"
    assert {one.light for one in fulfilment.stations} == {Light.WAITING}


def test_nothing_is_to_come_once_the_outcome_is_final() -> None:
    legs = legs_of(request(ReplyStatus.DELIVERED, step(StepKind.COMPLETED, 1)))
    assert [len(leg.stations) for leg in legs] == [1, 0, 1]


@pytest.mark.parametrize(
    ("kind", "details", "light"),
    [
        (StepKind.RESULT, {"outcome": "submitted"}, Light.GOOD),
        (StepKind.RESULT, {"outcome": "rejected"}, Light.BAD),
        (StepKind.RESULT, {"outcome": "unknown"}, Light.UNSURE),
        (StepKind.RECEIPT, {"fate": "delivered"}, Light.GOOD),
        (StepKind.RECEIPT, {"fate": "undetermined"}, Light.UNSURE),
        (StepKind.RECEIPT, {"fate": "undeliverable"}, Light.BAD),
        (StepKind.ATTEMPT, {}, Light.UNSURE),
    ],
)
def test_a_light_tells_how_a_step_ended(
    kind: StepKind, details: dict[str, str], light: Light
) -> None:
    legs = legs_of(request(ReplyStatus.WAITING, step(kind, 1, **details, **FULFILMENT)))
    assert legs[2].stations[0].light is light
