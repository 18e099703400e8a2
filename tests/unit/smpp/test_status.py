"""What a command_status is called and what follows from it."""

import pytest

from inbound.smpp.status import Status, explain, is_temporary, is_throttle, name_of


@pytest.mark.parametrize(
    ("status", "name"),
    [(0, "ESME_ROK"), (0x58, "ESME_RTHROTTLED"), (0x0E, "ESME_RINVPASWD"), (0x4FF, "0x000004FF")],
)
def test_names(status: int, name: str) -> None:
    assert name_of(status) == name


def test_explanation_has_name_and_meaning() -> None:
    assert explain(0x0E) == "ESME_RINVPASWD (wrong password)"
    assert explain(0x4FF) == "0x000004FF"


def test_throttling_and_full_queues_are_temporary() -> None:
    assert {status for status in Status if is_throttle(status)} == {Status.ESME_RTHROTTLED}
    assert is_temporary(Status.ESME_RTHROTTLED)
    assert is_temporary(Status.ESME_RMSGQFUL)


@pytest.mark.parametrize("status", [0x00, 0x0B, 0x45, 0x65, 0x4FF])
def test_what_is_not_temporary(status: int) -> None:
    assert not is_temporary(status)


@pytest.mark.parametrize("status", [0x08, 0x64])
def test_what_is_temporary_without_being_throttling(status: int) -> None:
    assert is_temporary(status)
    assert not is_throttle(status)
