"""What a delivery receipt means for its message."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from uuid import UUID

import pytest

from inbound.handlers.receipts import SentPart, decide_receipt, find_message
from inbound.handlers.state import SubjectState, evolve
from schemas.message_events import (
    DeliveryEvent,
    MessageDelivered,
    MessageUndeliverable,
    MessageUndetermined,
)
from schemas.messages import Purpose, ReceiptReceived, ReceiptState
from tests.unit.handlers.scenario import NOON, SUBJECT

S = ReceiptState
FAILURES = [S.UNDELIVERABLE, S.EXPIRED, S.REJECTED, S.DELETED, S.SKIPPED]
OPEN = [S.SCHEDULED, S.ENROUTE, S.ACCEPTED]


def message(*ids: str, number: int = 1, parts: int | None = None) -> tuple[SentPart, ...]:
    return tuple(
        SentPart(
            subject_id=SUBJECT,
            message_id=UUID(int=number),
            part=part,
            parts=parts or len(ids),
            request_id=UUID(int=99),
            purpose=Purpose.FULFILMENT,
            template="registration",
            centre="main",
            smsc_message_id=id_,
            submitted_at=NOON + timedelta(seconds=number),
        )
        for part, id_ in enumerate(ids, 1)
    )


def receipt(*ids: str, state: S = S.DELIVERED, centre: str = "main") -> ReceiptReceived:
    return ReceiptReceived(
        key="k",
        centre=centre,
        bind="main-2",
        message_ids=ids,
        state=state,
        final=state not in OPEN,
        error="042",
        done_at=NOON.replace(tzinfo=None),
        arrived_at=NOON + timedelta(minutes=1),
    )


class Known:
    """The parts sent to one person; receipts come one after the other."""

    def __init__(self, *messages: Sequence[SentPart]) -> None:
        self.parts = {(p.message_id, p.part): p for parts in messages for p in parts}
        self.outcomes: list[DeliveryEvent] = []

    def take(self, *receipts: ReceiptReceived) -> list[DeliveryEvent]:
        for one in receipts:
            about = find_message(self.parts.values(), one)
            whole = [p for p in self.parts.values() if p.message_id == about[0].message_id]
            decision = decide_receipt(whole, about, one)
            self.parts |= {(p.message_id, p.part): p for p in decision.changed}
            if decision.outcome is not None:
                self.outcomes.append(decision.outcome)
        return self.outcomes


def test_one_part_on_the_phone_is_the_message_on_the_phone() -> None:
    [outcome] = Known(message("a1")).take(receipt("a1"))
    assert outcome == MessageDelivered(
        message_id=UUID(int=1),
        request_id=UUID(int=99),
        purpose=Purpose.FULFILMENT,
        template="registration",
        parts=1,
        state=S.DELIVERED,
        error="042",
        done_at=NOON.replace(tzinfo=None),
        centre="main",
        bind="main-2",
        at=NOON + timedelta(minutes=1),
    )


@pytest.mark.parametrize("order", list(permutations(["a1", "a2", "a3"])))
def test_a_message_is_delivered_with_its_last_part(order: tuple[str, ...]) -> None:
    known = Known(message("a1", "a2", "a3"))
    assert known.take(*map(receipt, order[:2])) == []
    [outcome] = known.take(receipt(order[2]))
    assert isinstance(outcome, MessageDelivered)
    assert outcome.parts == 3


@pytest.mark.parametrize("state", FAILURES)
def test_a_part_that_failed_decides_at_once(state: S) -> None:
    known = Known(message("a1", "a2"))
    [outcome] = known.take(receipt("a2", state=state))
    assert isinstance(outcome, MessageUndeliverable)
    assert outcome.state is state
    assert known.take(receipt("a1")) == [outcome]


def test_a_part_out_of_sight_decides_when_nothing_else_can() -> None:
    known = Known(message("a1", "a2", "a3"))
    assert known.take(receipt("a2", state=S.UNKNOWN), receipt("a1")) == []
    [outcome] = known.take(receipt("a3"))
    assert isinstance(outcome, MessageUndetermined)
    assert outcome.state is S.UNKNOWN


def test_a_failure_weighs_more_than_a_part_out_of_sight() -> None:
    known = Known(message("a1", "a2"))
    [outcome] = known.take(receipt("a1", state=S.UNKNOWN), receipt("a2", state=S.EXPIRED))
    assert isinstance(outcome, MessageUndeliverable)


@pytest.mark.parametrize("state", OPEN)
def test_what_is_not_final_decides_nothing_and_is_kept(state: S) -> None:
    known = Known(message("a1"))
    assert known.take(receipt("a1", state=state)) == []
    [part] = known.parts.values()
    assert part.receipt is not None
    assert part.receipt.state is state
    assert len(known.take(receipt("a1"))) == 1


@pytest.mark.parametrize("late", list(ReceiptState))
def test_nothing_changes_after_the_first_final_receipt(late: S) -> None:
    known = Known(message("a1"))
    known.take(receipt("a1", state=S.EXPIRED))
    before = dict(known.parts)
    assert len(known.take(receipt("a1", state=late), receipt("a1", state=late))) == 1
    assert known.parts == before


def test_one_receipt_for_a_message_whose_parts_share_an_id() -> None:
    known = Known(message("a1", "a1", "a1"))
    [outcome] = known.take(receipt("a1"))
    assert isinstance(outcome, MessageDelivered)
    assert known.take(receipt("a1"), receipt("a1")) == [outcome]


def test_a_message_with_a_part_that_got_no_id_stays_open() -> None:
    known = Known(message("a1", "a2", parts=3))
    assert known.take(receipt("a1"), receipt("a2", state=S.EXPIRED)) == []


def test_a_delivery_outcome_changes_no_request() -> None:
    [outcome] = Known(message("a1")).take(receipt("a1"))
    state = SubjectState()
    assert evolve(state, outcome) is state


def test_the_likeliest_id_that_is_known_counts() -> None:
    hexadecimal, decimal = message("a1"), message("161", number=2)
    known = [*hexadecimal, *decimal]
    assert find_message(known, receipt("161", "a1")) == decimal
    assert find_message(known, receipt("0161", "a1", "161")) == hexadecimal
    assert find_message(known, receipt("162", "a2")) == ()


def test_of_messages_with_one_id_the_latest_is_meant() -> None:
    older, newer = message("7", "8"), message("7", "7", number=2)
    assert find_message([*newer, *older], receipt("7")) == newer
    assert find_message([*newer, *older], receipt("8")) == older[1:]


def test_an_id_is_the_centres_own() -> None:
    assert find_message(message("a1"), receipt("a1", centre="other")) == ()
    elsewhere = [replace(part, centre="other") for part in message("a1")]
    assert find_message(elsewhere, receipt("a1")) == ()
