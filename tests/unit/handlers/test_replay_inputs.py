"""What was decided can be asked again, word for word."""

from dataclasses import MISSING, Field, fields
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from inbound.handlers.commands import decide_command
from inbound.handlers.decision import CommandRequest, message_id
from inbound.handlers.policies import Policies
from inbound.handlers.replay_inputs import request_of, request_of_limited, result_of
from inbound.handlers.results import decide_result
from inbound.handlers.state import SubjectState
from schemas.events import Arrival, Command, CommandLimitReached, RequestAccepted
from schemas.message_events import MessageEvent
from schemas.messages import Outcome, PartResult, Purpose, SubmitAttempt, SubmitResult
from schemas.registration_events import RegistrationUsage
from tests.unit.handlers.scenario import NOON, SUBJECT, Scenario

REQUEST = CommandRequest(
    request_id=UUID(int=7),
    command=Command.SMS_STOP,
    arrived_at=NOON,
    decided_at=NOON + timedelta(seconds=1),
    client_known=True,
    centre="north",
    bind="north-1",
    data_coding=8,
    parts=2,
    arrival=Arrival(esm_class=64, alphabet="gsm0338", octets=11, sequences=(2, 1)),
    registrations=RegistrationUsage(off=False, minute=3, hour=17, centre_hour=9, clients=400),
    case_open=False,
    is_recipient=True,
)


def default(field: Field[Any]) -> object:
    return None if field.default is MISSING else field.default


def test_a_command_is_asked_again_as_it_was() -> None:
    for field in fields(CommandRequest):
        assert getattr(REQUEST, field.name) != default(field), f"this test says no {field.name}"
    accepted = decide_command(SubjectState(), REQUEST, Policies()).events[0]
    assert isinstance(accepted, RequestAccepted)
    assert request_of(accepted) == REQUEST


def test_a_command_too_many_is_asked_as_the_one_before_it() -> None:
    accepted = decide_command(SubjectState(), REQUEST, Policies()).events[0]
    assert isinstance(accepted, RequestAccepted)
    later = NOON + timedelta(minutes=5)
    limited = CommandLimitReached(command=Command.SMS_START, arrived_at=later, limit=1)
    asked = request_of_limited(limited, SUBJECT, accepted)
    assert (asked.command, asked.arrived_at) == (Command.SMS_START, later)
    assert (asked.client_known, asked.centre) == (True, "north")
    assert asked.request_id not in {REQUEST.request_id, SUBJECT}


@pytest.mark.parametrize("outcome", Outcome)
def test_a_result_is_told_again_as_it_was(outcome: Outcome) -> None:
    scenario = Scenario()
    request_id, _ = scenario.text(Command.CLIENT_INFO)
    scenario.result(request_id, Purpose.ACKNOWLEDGEMENT, Outcome.UNKNOWN, final=False)
    result = SubmitResult(
        message_id=message_id(request_id, Purpose.ACKNOWLEDGEMENT),
        subject_id=SUBJECT,
        request_id=request_id,
        key="",
        purpose=Purpose.ACKNOWLEDGEMENT,
        template="acknowledgement",
        outcome=outcome,
        final=outcome is not Outcome.UNKNOWN,
        attempt=2,
        parts=(PartResult(status=0, smsc_message_id="1"),),
        attempts=(SubmitAttempt(part=1, bind="main-1", at=NOON),),
        attempts_left_out=1,
        centre="main",
        bind="main-1",
        gateway="gateway-1",
        sent_at=NOON,
        at=NOON + timedelta(seconds=1),
    )
    for name in SubmitResult.model_fields.keys() & MessageEvent.model_fields.keys():
        default = SubmitResult.model_fields[name].get_default()
        if name == "order_id":  # no message belongs to a request and to an order
            continue
        assert getattr(result, name) != default, f"this test says no {name}"
    decision = decide_result(scenario.state, result)
    event = decision.events[0]
    assert isinstance(event, MessageEvent)
    assert result_of(event, SUBJECT) == result
    assert decide_result(scenario.state, result_of(event, SUBJECT)) == decision
