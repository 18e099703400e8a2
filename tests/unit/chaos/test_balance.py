"""The balance of a campaign: which copies it allows, and which it counts as broken."""

import json
from typing import Any
from uuid import UUID

import pytest

from tests.chaos.balance import Balance, balance
from tests.chaos.smsc_faults import AcceptedSubmit
from tests.chaos.traffic import SentText, TextingClient
from tests.e2e.script import ACKNOWLEDGEMENT
from tests.fix_service import STOPPED, Client, Event

NUMBER = "+79161234567"
REQUEST, ACK_ID, FULFILMENT_ID = "r", "a", "f"


def event(type_: str, **data: Any) -> Event:
    return Event(1, UUID(int=1), 1, type_, json.loads(json.dumps(data)), {})


def attempt(number: int, type_: str = "message.unknown", *, final: bool = False) -> Event:
    return event(
        *(type_,),
        template="acknowledgement",
        message_id=ACK_ID,
        attempt=number,
        final=final,
    )


def books(acknowledgements: int, *attempts: Event, dropped: tuple[str, ...] = ()) -> Balance:
    """The balance of one person whose acknowledgement was taken so often."""
    client = TextingClient(Client(NUMBER), 0, [SentText("sms_stop", 0, 1)])
    taken = [AcceptedSubmit(NUMBER, ACKNOWLEDGEMENT, 0, 1, 0) for _ in range(acknowledgements)]
    taken.append(AcceptedSubmit(NUMBER, STOPPED, 0, 1, 0))
    events = [
        event("request.accepted", request_id=REQUEST, command="sms_stop", plan="stopped"),
        *attempts,
        event("message.submitted", template="stopped", message_id=FULFILMENT_ID, attempt=1),
        event("request.completed", request_id=REQUEST),
    ]
    return balance([client], taken, {NUMBER: events}, {NUMBER: ["one", "two"]}, dropped)


def test_a_copy_needs_an_unknown_attempt() -> None:
    allowed = books(2, attempt(1), attempt(2, "message.submitted"))
    assert (allowed.broken, allowed.doubled_allowed, allowed.max_copies) == ([], 1, 2)
    assert books(2, attempt(1, "message.submitted")).broken == ["doubled"]


def test_an_attempt_that_two_gateways_reported_allows_one_copy() -> None:
    result = books(3, attempt(1), attempt(1), attempt(2, "message.submitted"))
    assert result.broken == ["doubled"]
    assert result.unknown == 1


@pytest.mark.parametrize(("copies", "broken"), [(3, []), (4, ["too_many_copies"])])
def test_three_copies_are_the_most(copies: int, broken: list[str]) -> None:
    unknown = [attempt(number) for number in range(1, copies)]
    result = books(copies, *unknown, attempt(copies, "message.submitted"))
    assert (result.broken, result.max_copies) == (broken, copies)


def test_a_template_that_is_dropped_has_one_copy() -> None:
    attempts = attempt(1), attempt(2, "message.submitted")
    assert books(2, *attempts, dropped=("acknowledgement",)).broken == ["too_many_copies"]


def test_what_never_came_is_lost_unless_the_last_attempt_is_unknown() -> None:
    assert books(0, attempt(1)).broken == ["lost"]
    given_up = books(0, attempt(1), attempt(2, final=True))
    assert (given_up.broken, given_up.given_up) == ([], 1)
