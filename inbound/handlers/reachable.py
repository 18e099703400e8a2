"""Every decision that this release can make: for checks of a source tree and for tests.

Circumstances are what planners go by: whether the number is a client's or a recipient's, whether
notifications are on, the age of the text, whether registrations are off or at a ceiling, and
every policy with a list of values.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import product
from typing import Final, Literal, get_args, get_origin
from uuid import UUID

from pydantic import BaseModel

from inbound.handlers.commands import decide_command
from inbound.handlers.decision import CommandRequest, Decision, message_id
from inbound.handlers.definitions import DEFINITIONS, AnnouncedPlanError, definition_of
from inbound.handlers.policies import Policies
from inbound.handlers.registrations import Operator, decide_refusal, decide_release
from inbound.handlers.results import decide_result
from inbound.handlers.state import SubjectState, evolve, write_state
from schemas.events import Command, is_announced
from schemas.messages import Outcome, Purpose, SubmitResult
from schemas.registration_events import RefusalCause, RegistrationUsage

Circumstances = tuple[SubjectState, CommandRequest, Policies]

_REQUEST: Final = UUID(int=1)
_SUBJECT: Final = UUID(int=2)
_NOON: Final = datetime(2026, 1, 31, 12, tzinfo=UTC)
_AGES: Final = (timedelta(), timedelta(days=1))
_YES_NO: Final = (True, False)
_PEOPLE: Final = ((True, None), (False, True), (False, False))
_MANY: Final = 1_000_000
_USAGES: Final = (
    None,
    RegistrationUsage(off=True, minute=0, hour=0, centre_hour=0, clients=0),
    RegistrationUsage(off=False, minute=_MANY, hour=_MANY, centre_hour=_MANY, clients=0),
    RegistrationUsage(off=False, minute=0, hour=_MANY, centre_hour=_MANY, clients=0),
    RegistrationUsage(off=False, minute=0, hour=0, centre_hour=_MANY, clients=0),
)
_OPERATOR: Final = Operator("", "")


def circumstances(command: Command) -> Iterator[Circumstances]:
    """Yield all circumstances under which `command` may be decided."""
    may_send = definition_of(command).may_send_registration
    usages = _USAGES if may_send else (None,)
    for (client_known, is_recipient), notifications_on, age, policies, usage in product(
        _PEOPLE, _YES_NO, _AGES, _all_policies(), usages
    ):
        request = CommandRequest(
            request_id=_REQUEST,
            command=command,
            arrived_at=_NOON,
            decided_at=_NOON + age,
            client_known=client_known,
            centre="main",
            bind="main-1",
            data_coding=0,
            registrations=usage,
            is_recipient=is_recipient,
        )
        yield SubjectState(notifications_on=notifications_on), request, policies


def written_while_announced() -> list[str]:
    """Return a line for each announced value that a decision of this release writes."""
    found = set()
    for definition in DEFINITIONS:
        if not definition.is_accepted:
            continue
        try:
            for decision in decisions(definition.command):
                found |= {repr(value) for value in _values(decision) if is_announced(value)}
        except AnnouncedPlanError as error:
            found.add(str(error))
    return sorted(found)


def decisions(command: Command) -> Iterator[Decision]:
    """Yield every decision about `command`, about a hold, and about the results of its messages."""
    followed: set[bytes] = set()
    for state, request, policies in circumstances(command):
        decision = decide_command(state, request, policies)
        yield decision
        after = _fold(state, decision)
        # Many circumstances lead to the same state, and what follows depends on that alone.
        if (stored := write_state(after)) not in followed:
            followed.add(stored)
            yield from _following(after, is_held=decision.hold is not None)


def _following(after: SubjectState, *, is_held: bool) -> Iterator[Decision]:
    if is_held:
        for decision in (
            decide_release(after, _REQUEST, _OPERATOR, _NOON),
            *(decide_refusal(after, _REQUEST, cause, _NOON) for cause in RefusalCause),
        ):
            yield decision
            yield from _following(_fold(after, decision), is_held=False)
    for outcome, final in product(_written_outcomes(), _YES_NO):
        result = _result(Purpose.ACKNOWLEDGEMENT, outcome, final=final)
        acknowledged = decide_result(after, result)
        yield acknowledged
        for reply, following in product(acknowledged.replies, _written_outcomes()):
            result = _result(reply.purpose, following, final=True)
            yield decide_result(_fold(after, acknowledged), result)


def _fold(state: SubjectState, decision: Decision) -> SubjectState:
    for event in decision.events:
        state = evolve(state, event)
    return state


def _written_outcomes() -> list[Outcome]:
    return [outcome for outcome in Outcome if not is_announced(outcome)]


def _result(purpose: Purpose, outcome: Outcome, *, final: bool) -> SubmitResult:
    return SubmitResult(
        message_id=message_id(_REQUEST, purpose),
        subject_id=_SUBJECT,
        request_id=_REQUEST,
        key="",
        purpose=purpose,
        template="",
        outcome=outcome,
        final=final,
        centre="main",
        bind="main-1",
        at=_NOON,
    )


def _values(decision: Decision) -> Iterator[StrEnum]:
    """Yield the enum values that a decision writes: in its events and its replies."""
    for event in decision.events:
        yield from _values_of(event)
    for reply in decision.replies:
        yield reply.purpose


def _values_of(model: BaseModel) -> Iterator[StrEnum]:
    for _, value in model:
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, StrEnum):
                yield each
            elif isinstance(each, BaseModel):
                yield from _values_of(each)


def _all_policies() -> list[Policies]:
    """Return the policies with every combination of those that have a list of values."""
    choices = {
        name: get_args(field.annotation)
        for name, field in Policies.model_fields.items()
        if get_origin(field.annotation) is Literal
    }
    return [
        Policies.model_validate(dict(zip(choices, values, strict=True)))
        for values in product(*choices.values())
    ]
