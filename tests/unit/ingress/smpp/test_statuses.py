"""What SMPP calls refusals and states."""

import pytest

from inbound.ingress.smpp.statuses import error_code, error_of, status_of, word_of
from inbound.orders.refusals import TEMPORARY
from inbound.smpp.receipt_building import STATES
from inbound.smpp.status import Status, StatusKind
from schemas.orders import OrderState, RefusalReason


@pytest.mark.parametrize("reason", RefusalReason, ids=lambda one: one.value)
def test_what_time_takes_away_is_temporary_and_nothing_else(reason: RefusalReason) -> None:
    """A repetition is not: a program that tried again later would send the text twice."""
    is_temporary = status_of(reason).kind in {StatusKind.TEMPORARY, StatusKind.THROTTLE}
    assert status_of(reason) is not Status.ESME_ROK
    assert is_temporary is (reason in TEMPORARY and reason is not RefusalReason.REPEATED)


@pytest.mark.parametrize("state", OrderState, ids=lambda one: one.value)
def test_every_state_has_a_word_and_a_code(state: OrderState) -> None:
    assert word_of(state) in STATES
    assert 0 <= error_of(state) <= 255
    assert (word_of(state) == "DELIVRD") is (state is OrderState.DELIVERED)


@pytest.mark.parametrize(
    ("given", "text", "number"),
    [
        (None, "255", 255),
        ("000", "000", 0),
        ("27", "027", 27),
        ("00B", "00B", 11),
        ("1234", "1234", 1234),
        ("99999", "99999", 255),
        ("E-12", "255", 255),
        ("", "255", 255),
        ("XYZ", "XYZ", 255),
    ],
)
def test_a_receipt_has_the_code_of_the_sms_centre_if_it_gave_one(
    given: str | None, text: str, number: int
) -> None:
    assert error_code(OrderState.UNDELIVERED, given) == (text, number)
