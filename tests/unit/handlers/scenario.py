"""A subject whose commands and results are decided one after the other."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from inbound.handlers.commands import decide_command
from inbound.handlers.decision import CommandRequest, Decision, message_id
from inbound.handlers.policies import Policies
from inbound.handlers.results import decide_result
from inbound.handlers.state import SubjectState, evolve
from schemas.events import Arrival, Command, DomainEvent
from schemas.messages import Outcome, PartResult, Purpose, SubmitResult
from schemas.registration_events import RegistrationUsage

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SUBJECT = UUID(int=99)


class Scenario:
    """Decides and evolves; remembers everything that happened."""

    def __init__(self, policies: Policies | None = None) -> None:
        self.policies = policies or Policies()
        self.state = SubjectState()
        self.events: list[DomainEvent] = []
        self._ids = iter(range(1, 10_000))

    def text(
        self,
        command: Command,
        at_s: float = 0,
        *,
        delay_s: float = 0.1,
        known: bool = True,
        told: bool = True,
        heard_s: float | None = None,
        registrations: RegistrationUsage | None = None,
    ) -> tuple[UUID, Decision]:
        """A command that arrives `at_s` after noon and is decided `delay_s` later.

        `heard_s` is when it arrives by the clock that all gateways share. Without `told` nothing
        is known of recipients outside the directory, as in releases that had none.
        """
        arrived_at = NOON + timedelta(seconds=at_s)
        arrival = None
        if heard_s is not None:
            heard_at = NOON + timedelta(seconds=heard_s)
            arrival = Arrival(esm_class=0, alphabet="gsm0338", octets=11, heard_at=heard_at)
        request = CommandRequest(
            request_id=UUID(int=next(self._ids)),
            command=command,
            arrived_at=arrived_at,
            decided_at=arrived_at + timedelta(seconds=delay_s),
            client_known=known,
            centre="main",
            bind="main-1",
            data_coding=0,
            arrival=arrival,
            registrations=registrations,
            is_recipient=self.state.is_recipient if told and not known else None,
        )
        return request.request_id, self.take(decide_command(self.state, request, self.policies))

    def result(
        self,
        request_id: UUID,
        purpose: Purpose,
        outcome: Outcome = Outcome.SUBMITTED,
        *,
        at_s: float = 1,
        final: bool = True,
        attempt: int = 1,
        template: str = "t",
        **more: Any,
    ) -> Decision:
        """What happened to a request's message."""
        return self.take(
            decide_result(
                self.state,
                self.a_result(
                    *(request_id, purpose, outcome),
                    at_s=at_s,
                    final=final,
                    attempt=attempt,
                    template=template,
                    **more,
                ),
            )
        )

    @staticmethod
    def a_result(
        request_id: UUID,
        purpose: Purpose,
        outcome: Outcome = Outcome.SUBMITTED,
        *,
        at_s: float = 1,
        final: bool = True,
        attempt: int = 1,
        template: str = "t",
        **more: Any,
    ) -> SubmitResult:
        """A result as a gateway publishes it."""
        return SubmitResult(
            message_id=message_id(request_id, purpose),
            subject_id=SUBJECT,
            request_id=request_id,
            key="k",
            purpose=purpose,
            template=template,
            outcome=outcome,
            final=final,
            attempt=attempt,
            parts=(PartResult(status=0, smsc_message_id="1"),),
            centre="main",
            bind="main-1",
            arrived_at=NOON,
            at=NOON + timedelta(seconds=at_s),
            **more,
        )

    def take(self, decision: Decision) -> Decision:
        """Fold a decision and remember its events."""
        for event in decision.events:
            self.events.append(event)
            self.state = evolve(self.state, event)
        return decision
