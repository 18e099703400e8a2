"""Every reason and state has its code in each dialect, and the guide has the same table."""

import re
from pathlib import Path

import pytest

from inbound.ingress.bytehand import codes as bytehand
from inbound.ingress.smsc import codes as smsc
from inbound.ingress.smspay import codes as smspay
from inbound.parsers import smsc_statuses
from schemas.orders import OrderState, RefusalReason

GUIDE = Path(__file__).parents[3] / "docs" / "INGRESS.md"
_ROW = re.compile(r"^\| `(\w+)` \| (\d+) \| (\d+) \| `(\w+)` \|$", re.MULTILINE)


@pytest.mark.parametrize("reason", RefusalReason)
def test_a_reason_has_a_code_with_a_text(reason: RefusalReason) -> None:
    assert smsc.TEXTS[smsc.error_of(reason)]
    assert smsc_statuses.STATUS_NAMES[smsc_statuses.status_of_refused(reason).code]
    assert bytehand.TEXTS[bytehand.error_of(reason)]
    assert smspay.word_of(reason) is not smspay.Word.MSG_OK


@pytest.mark.parametrize("state", OrderState)
def test_a_state_has_a_code_with_a_name(state: OrderState) -> None:
    assert smsc_statuses.STATUS_NAMES[smsc_statuses.status_of(state).code]
    assert bytehand.state_of(state).value


def test_the_guide_has_the_code_of_each_reason() -> None:
    told = {row[0]: row[1:] for row in _ROW.findall(GUIDE.read_text("utf-8"))}
    assert told == {
        reason.value: (
            str(int(smsc.error_of(reason))),
            str(int(bytehand.error_of(reason))),
            smspay.word_of(reason).value,
        )
        for reason in RefusalReason
    }
