"""One subject whose requests go every way, as the store would return its events."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from inbound.handlers.commands import decide_command
from inbound.handlers.decision import CommandRequest, message_id
from inbound.handlers.policies import Policies
from inbound.handlers.registrations import Operator, decide_refusal, decide_release
from inbound.handlers.results import decide_result
from inbound.handlers.state import SubjectState, evolve
from inbound.handlers.subscriptions import decide_switch
from inbound.store.log.rows import RecordedEvent
from inbound.store.lookup.messages import SentPartStatus
from inbound.timeline.build import build
from inbound.timeline.incidents import Switch
from inbound.timeline.input import SelectedHistory, TimelineInput, TimelineOptions
from inbound.timeline.model import Language, RequestTimeline, Timeline
from inbound.timeline.selecting import select, with_stops
from schemas.events import (
    Arrival,
    Command,
    DomainEvent,
    Facts,
    Plan,
    RequestAccepted,
    SubscriptionRestored,
    SubscriptionStarted,
    SubscriptionStopped,
)
from schemas.message_events import (
    DeliveryEvent,
    MessageDelivered,
    MessageUndeliverable,
    MessageUndetermined,
)
from schemas.messages import Outcome, PartResult, Purpose, ReceiptState, SubmitResult
from schemas.registration_events import RefusalCause, RegistrationUsage
from schemas.upcasters import read_event

NOON = datetime(2024, 5, 17, 12, tzinfo=UTC)
SUBJECT = UUID(int=99)
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
_FATES: dict[ReceiptState, type[DeliveryEvent]] = {
    ReceiptState.DELIVERED: MessageDelivered,
    ReceiptState.UNKNOWN: MessageUndetermined,
}
ANNA = Operator("anna", "the client called us")
ACK, FULFILMENT = Purpose.ACKNOWLEDGEMENT, Purpose.FULFILMENT


def seconds(after_noon: float) -> datetime:
    return NOON + timedelta(seconds=after_noon)


class Person:
    """Decides as the worker does; every event is recorded 4 ms after it happened."""

    def __init__(self, policies: Policies | None = None, *, on: bool = True) -> None:
        self.policies = policies or Policies()
        self.state = SubjectState(notifications_on=on)
        self.stored: list[RecordedEvent] = []

    def texts(
        self,
        command: Command,
        at_s: float = 0,
        *,
        decided_s: float = 0.1,
        known: bool = True,
        arrival: Arrival | None = None,
        parts: int = 1,
        registrations: RegistrationUsage | None = None,
    ) -> UUID:
        request_id = UUID(int=1000 + len(self.stored))
        request = CommandRequest(
            request_id=request_id,
            command=command,
            arrived_at=seconds(at_s),
            decided_at=seconds(at_s + decided_s),
            client_known=known,
            centre="main",
            bind="main-1",
            data_coding=0,
            parts=parts,
            arrival=arrival,
            registrations=registrations,
            is_recipient=None if known else self.state.is_recipient,
        )
        decision = decide_command(self.state, request, self.policies)
        self._record(decision.events, seconds(at_s + decided_s))
        return request_id

    def accepts(self, command: Command, plan: Plan, *, confirm: bool) -> UUID:
        """A request as this or the next release may have accepted it, whatever its planner does."""
        request_id = UUID(int=1)
        facts = Facts(
            client_known=True,
            notifications_on=self.state.notifications_on,
            decided_at=seconds(0.1),
        )
        event = RequestAccepted(
            request_id=request_id,
            command=command,
            arrived_at=NOON,
            centre="main",
            bind="main-1",
            data_coding=0,
            facts=facts,
            plan=plan,
            confirm=confirm,
        )
        self._record([event], seconds(0.1))
        return request_id

    def result(
        self,
        request_id: UUID,
        purpose: Purpose,
        outcome: Outcome = Outcome.SUBMITTED,
        at_s: float = 1,
        **fields: Any,
    ) -> None:
        taken = outcome is Outcome.SUBMITTED
        values: dict[str, Any] = {
            "message_id": message_id(request_id, purpose),
            "subject_id": SUBJECT,
            "request_id": request_id,
            "key": "k",
            "purpose": purpose,
            "template": "t",
            "outcome": outcome,
            "parts": (PartResult(status=0, smsc_message_id="17"),) if taken else (),
            "centre": "main",
            "bind": "main-1",
            "at": seconds(at_s),
        }
        result = SubmitResult(**(values | fields))
        self._record(decide_result(self.state, result).events, seconds(at_s))

    def recorded(self, event: DomainEvent, at_s: float) -> None:
        """Record an event that decides nothing."""
        self._record([event], seconds(at_s))

    def held(self, **usage: bool | int) -> UUID:
        """A request for registration data that is held, of an acknowledged text."""
        full = {"off": False, "minute": 10**6, "hour": 0, "centre_hour": 0, "clients": 0}
        used = RegistrationUsage.model_validate(full | usage)
        request_id = self.texts(Command.CLIENT_INFO, registrations=used)
        self.result(request_id, ACK)
        return request_id

    def releases(self, request_id: UUID, at_s: float = 600) -> None:
        """Anna releases a held request."""
        decision = decide_release(self.state, request_id, ANNA, seconds(at_s))
        self._record(decision.events, seconds(at_s))

    def refuses(self, request_id: UUID, cause: RefusalCause, at_s: float = 600) -> None:
        """A held request is refused."""
        who = ANNA if cause is RefusalCause.PERSON else None
        decision = decide_refusal(self.state, request_id, cause, seconds(at_s), who)
        self._record(decision.events, seconds(at_s))

    def receipt(
        self, request_id: UUID, purpose: Purpose, state: ReceiptState, at_s: float = 5, **more: Any
    ) -> None:
        fate = _FATES.get(state, MessageUndeliverable)(
            message_id=message_id(request_id, purpose),
            request_id=request_id,
            purpose=purpose,
            template="t",
            state=state,
            centre="main",
            bind="main-1",
            at=seconds(at_s),
            **({"parts": 1} | more),
        )
        self._record([fate], seconds(at_s))

    def done(self, command: Command, at_s: float = 0, **how: Any) -> UUID:
        """A request whose two messages the centre took, after one and two seconds."""
        request_id = self.texts(command, at_s, **how)
        begin = at_s + how.get("decided_s", 0.1)
        self.result(request_id, ACK, at_s=begin + 0.9)
        self.result(request_id, FULFILMENT, at_s=begin + 1.9)
        return request_id

    def _record(self, events: Sequence[DomainEvent], at: datetime) -> None:
        for event in events:
            self.state = evolve(self.state, event)
            place = len(self.stored) + 1
            self.stored.append(
                RecordedEvent(
                    100 + place,
                    SUBJECT,
                    place,
                    event.TYPE,
                    event.VERSION,
                    event.to_json(),
                    b'{"traceparent":"%s"}' % TRACEPARENT.encode(),
                    at + timedelta(milliseconds=4),
                )
            )

    def timeline(self, now_s: float = 60, language: str = Language.EN, **fields: Any) -> Timeline:
        """What support sees so long after noon. Fields: of TimelineOptions and TimelineInput.

        `sent` are receipts of parts so far: request, purpose, state.
        """
        sent = [
            SentPartStatus(message_id(request_id, purpose), 1, 1, state, False, None, None)
            for request_id, purpose, state in fields.pop("sent", ())
        ]
        asks = {name: fields.pop(name) for name in [*fields] if name in TimelineOptions.__slots__}
        asked = replace(
            TimelineOptions(seconds(now_s), "Europe/Moscow", Language(language)), **asks
        )
        return build(
            TimelineInput(selection=self.selection(asked), **({"parts": sent} | fields)), asked
        )

    def selection(self, options: TimelineOptions) -> SelectedHistory:
        """What is shown of it, as the reader finds it."""
        return with_stops(select(self.stored, options), self.switches())

    def switches(self) -> list[Switch]:
        """When notifications were switched, the newest first, as the store returns it."""
        found = []
        for one in reversed(self.stored):
            event = read_event(one.type, one.schema_version, one.data)
            if isinstance(event, SubscriptionStopped | SubscriptionStarted | SubscriptionRestored):
                is_on = not isinstance(event, SubscriptionStopped)
                is_undo = isinstance(event, SubscriptionRestored)
                found.append(Switch(one.version, event.at, is_on, event.by, event.reason, is_undo))
        return found

    def switched(self, at_s: float, *, on: bool) -> None:
        """Anna switches notifications."""
        event = decide_switch(self.state, ANNA, on=on, switch_id=UUID(int=7), at=seconds(at_s))
        assert event is not None
        self._record([event], seconds(at_s))

    def only_request(self, now_s: float = 60, **fields: Any) -> RequestTimeline:
        """The only request of this person."""
        [request] = self.timeline(now_s, **fields).requests
        return request

    def sentences(self, now_s: float = 60, **fields: Any) -> tuple[str, str]:
        """What is said of it in English and in Russian."""
        english = self.only_request(now_s, language=Language.EN, **fields)
        return english.sentence, self.only_request(now_s, language=Language.RU, **fields).sentence
