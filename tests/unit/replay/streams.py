"""Streams as the store would bring them, made by the real decisions."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from uuid import UUID

from inbound.handlers.policies import Policies
from inbound.replay.diff.candidates import LocalCandidate
from inbound.replay.diff.decider import Decider
from inbound.replay.diff.protocol import (
    CandidateConfig,
    DecisionDifference,
    PastEvent,
    StreamVerdict,
)
from schemas.events import Command, DomainEvent
from schemas.messages import Purpose
from tests.released import Example
from tests.unit.handlers.scenario import SUBJECT, Scenario

ACKNOWLEDGEMENT, FULFILMENT = Purpose.ACKNOWLEDGEMENT, Purpose.FULFILMENT
INFO, STOP, START = Command.CLIENT_INFO, Command.SMS_STOP, Command.SMS_START
TEMPLATES = {
    Command.CLIENT_INFO: "registration",
    Command.SMS_STOP: "stopped",
    Command.SMS_START: "started",
}
MINUTE = timedelta(minutes=1).total_seconds()


class History(Scenario):
    """A subject that texts and is answered; every message has its real template."""

    def whole(self, command: Command, at_s: float = 0, *, known: bool = True) -> UUID:
        """A command whose two messages were sent at once."""
        request_id, _ = self.text(command, at_s, known=known)
        self.answer(request_id, TEMPLATES[command] if known else "unknown_number", at_s)
        return request_id

    def answer(self, request_id: UUID, template: str, at_s: float = 0) -> None:
        """Both messages of a request were sent."""
        self.result(request_id, ACKNOWLEDGEMENT, at_s=at_s + 1, template="acknowledgement")
        self.result(request_id, FULFILMENT, at_s=at_s + 2, template=template)

    def stream(self, from_version: int = 1) -> list[PastEvent]:
        """What happened; selected from that version on."""
        return stored(self.events, from_version)


def stored(events: Iterable[DomainEvent], from_version: int = 1) -> list[PastEvent]:
    """Events as they are stored."""
    return [
        PastEvent(n, event.TYPE, event.VERSION, event.to_json().decode(), n >= from_version)
        for n, event in enumerate(events, 1)
    ]


def released(examples: Sequence[Example]) -> list[PastEvent]:
    """Events of a release as they were stored."""
    return [
        PastEvent(n, one.type, one.version, one.data.decode(), selected=True)
        for n, one in enumerate(examples, 1)
    ]


def decider(
    policies: Policies | None = None, *, asked: Iterable[str] = (), carry: bool = False
) -> Decider:
    """A candidate with all built-in templates."""
    texts = LocalCandidate(CandidateConfig()).description.texts
    return Decider(policies or Policies(), texts, frozenset(asked), carry)


def judged(
    stream: Sequence[PastEvent], policies: Policies | None = None, *, carry: bool = False
) -> StreamVerdict:
    """The verdict of this release under other policies."""
    return decider(policies, carry=carry).judge(SUBJECT, stream)


def differences(
    stream: Sequence[PastEvent], policies: Policies | None = None, *, carry: bool = False
) -> list[DecisionDifference]:
    """What differs under other policies."""
    return list(judged(stream, policies, carry=carry).differences)
