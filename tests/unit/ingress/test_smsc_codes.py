"""Every reason and state has its number in SMSC's dialect, and the guide has the same table."""

import re
from pathlib import Path

import pytest

from inbound.ingress.smsc.codes import (
    STATUS_NAMES,
    TEXTS,
    ErrorCode,
    error_of,
    status_of,
    status_of_refused,
)
from schemas.orders import OrderState, RefusalReason

GUIDE = Path(__file__).parents[3] / "docs" / "INGRESS.md"
_ROW = re.compile(r"^\| `(\w+)` \| (\d+) \|", re.MULTILINE)


@pytest.mark.parametrize("reason", RefusalReason)
def test_a_reason_has_an_error_and_a_status_with_names(reason: RefusalReason) -> None:
    assert TEXTS[error_of(reason)]
    assert STATUS_NAMES[status_of_refused(reason).code]


@pytest.mark.parametrize("state", OrderState)
def test_a_state_has_a_status_with_a_name(state: OrderState) -> None:
    assert STATUS_NAMES[status_of(state).code]


def test_the_guide_has_the_error_of_each_reason() -> None:
    told = {name: int(code) for name, code in _ROW.findall(GUIDE.read_text("utf-8"))}
    assert told == {reason.value: error_of(reason) for reason in RefusalReason}
    assert set(told.values()) <= set(map(int, ErrorCode))
