"""Messages in each phase, and the names of effects."""

from dataclasses import replace
from uuid import UUID

from aiokafka import TopicPartition

from schemas.lanes import Lane
from schemas.messages import MobileTerminated, Outcome, Purpose
from schemas.orders import WithheldReason
from streams.outbox import transitions
from streams.outbox.effects import Effect, Publish
from streams.outbox.phases import Claim, Claimed, Fetched, InFlight, Phase
from streams.outbox.steps import Transition
from tests.unit.streams.outbox.gateways import BIND, NOON, RESENT, VALID_FOR, text_of

NUMBER = "+79160000001"
LATE = NOON + VALID_FOR


def fetched(template: str = RESENT, *, secret: bool = False) -> Fetched:
    message = MobileTerminated(
        message_id=UUID(int=1),
        subject_id=UUID(int=2),
        purpose=Purpose.FULFILMENT,
        template=template,
        secret=secret,
        not_after=LATE,
    )
    return Fetched(Lane.NORMAL, TopicPartition("lane", 0), 7, "key", message, "main")


def claimed(template: str = RESENT, attempt: int = 1) -> Claimed:
    return Claimed(fetched(template), Claim(attempt, NUMBER, None))


def ordered(attempt: int = 1, withheld: WithheldReason | None = None) -> Claimed:
    """Return the claimed message of an order."""
    before = fetched()
    message = before.message.model_copy(update={"order_id": UUID(int=3), "resend_unknown": True})
    claim = Claim(attempt, NUMBER, None, "text", withheld)
    return Claimed(replace(before, message=message), claim)


def in_flight(parts: int = 1, template: str = RESENT, attempt: int = 1) -> InFlight:
    phase, _ = transitions.on_text(claimed(template, attempt), text_of(parts), BIND, NOON)
    assert isinstance(phase, InFlight)
    return phase


def given_up(phase: Phase) -> Phase:
    after, effects = transitions.on_given_up(phase)
    assert names(effects) == ["Forget"]
    return after


def names(effects: tuple[Effect, ...]) -> list[str]:
    return [type(effect).__name__ for effect in effects]


def published(step: Transition) -> list[tuple[Outcome, bool]]:
    return [(e.outcome, e.final) for e in step[1] if isinstance(e, Publish)]
