"""Every decision that this release can make: for checks of a source tree and for tests.

Circumstances are what planners go by: whether the number is a client's, whether
notifications are on, the age of the text, and every policy with a list of values.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import product
from typing import Final, get_args
from uuid import UUID

from pydantic import BaseModel

from inbound.handlers.commands import decide_command
from inbound.handlers.decision import CommandRequest, Decision, message_id
from inbound.handlers.definitions import DEFINITIONS, AnnouncedPlanError
from inbound.handlers.policies import Policies
from inbound.handlers.results import decide_result
from inbound.handlers.state import SubjectState, evolve
from schemas.events import Command, is_announced
from schemas.messages import Outcome, Purpose, SubmitResult

Circumstances = tuple[SubjectState, CommandRequest, Policies]

_REQUEST: Final = UUID(int=1)
_SUBJECT: Final = UUID(int=2)
_NOON: Final = datetime(2026, 1, 31, 12, tzinfo=UTC)
_AGES: Final = (timedelta(), timedelta(days=1))
_YES_NO: Final = (True, False)


def circumstances(command: Command) -> Iterator[Circumstances]:
    """Yield all circumstances under which `command` may be decided."""
    for client_known, notifications_on, age, policies in product(
        _YES_NO, _YES_NO, _AGES, _all_policies()
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
    """Yield every decision about `command` and about the results of its messages."""
    for state, request, policies in circumstances(command):
        decision = decide_command(state, request, policies)
        yield decision
        after = _fold(state, decision)
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
        if get_args(field.annotation)
    }
    return [
        Policies.model_validate(dict(zip(choices, values, strict=True)))
        for values in product(*choices.values())
    ]
