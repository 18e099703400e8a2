"""Who may try credentials again, and when."""

from pathlib import Path

import pytest

from inbound.ingress.failures import (
    OF_ACCOUNT,
    OF_ADDRESS,
    OF_ADDRESS_PER_S,
    Denial,
    DeniedError,
    FailureCounter,
)
from inbound.settings import IngressSettings

BAN_S = 900.0
GUIDE = Path(__file__).parents[3] / "docs" / "INGRESS.md"


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def failures(clock: Clock) -> FailureCounter:
    return FailureCounter(BAN_S, clock)


def denial(failures: FailureCounter, client: str, account: str = "shop") -> Denial | None:
    try:
        failures.check(client)
    except DeniedError as error:
        return error.denial
    return Denial.THROTTLED if failures.is_throttled(client, account) else None


def test_an_address_that_guesses_is_banned_for_a_while(
    failures: FailureCounter, clock: Clock
) -> None:
    banned = [failures.add_failure("192.0.2.1", f"shop-{n}") for n in range(OF_ADDRESS)]
    assert banned == [False] * (OF_ADDRESS - 1) + [True]
    # Whatever it asks for, others not at all.
    assert denial(failures, "192.0.2.1", "other") is Denial.BANNED
    assert denial(failures, "192.0.2.2") is None
    clock.now = BAN_S - 1
    assert denial(failures, "192.0.2.1") is Denial.BANNED
    clock.now = BAN_S + 1
    assert denial(failures, "192.0.2.1") is None


def test_mistakes_now_and_then_bring_no_ban(failures: FailureCounter, clock: Clock) -> None:
    for _ in range(10 * OF_ADDRESS):
        assert not failures.add_failure("192.0.2.1", "shop")
        clock.now += 10


def test_guesses_from_many_addresses_throttle_the_account_but_not_its_program(
    failures: FailureCounter, clock: Clock
) -> None:
    failures.add_success("192.0.2.1", "shop")
    for n in range(OF_ACCOUNT):
        failures.add_failure(f"198.51.100.{n}", "shop")
    assert denial(failures, "203.0.113.9") is Denial.THROTTLED
    assert denial(failures, "203.0.113.9", "other") is None
    assert denial(failures, "192.0.2.1") is None
    clock.now += 60
    assert denial(failures, "203.0.113.9") is None


def test_guesses_that_go_on_do_not_keep_an_account_closed_after_their_end(
    failures: FailureCounter, clock: Clock
) -> None:
    for n in range(100 * OF_ACCOUNT):
        failures.add_failure(f"198.51.{n // 250}.{n % 250}", "shop")
    assert denial(failures, "203.0.113.9") is Denial.THROTTLED
    clock.now += 60
    assert denial(failures, "203.0.113.9") is None


def test_right_credentials_in_between_change_nothing(
    failures: FailureCounter, clock: Clock
) -> None:
    banned = []
    for _ in range(OF_ADDRESS):
        banned.append(failures.add_failure("192.0.2.1", "shop"))
        failures.add_success("192.0.2.1", "other")
        clock.now += 0.1
    assert banned == [False] * (OF_ADDRESS - 1) + [True]


def test_where_a_program_signed_in_is_stored_once_a_day(
    failures: FailureCounter, clock: Clock
) -> None:
    assert failures.add_success("192.0.2.1", "shop")
    assert not failures.add_success("192.0.2.1", "shop")
    clock.now += 86_400
    assert failures.add_success("192.0.2.1", "shop")
    assert not failures.add_success("192.0.2.1", "shop")


def test_the_guide_for_programs_has_these_numbers() -> None:
    assert (OF_ADDRESS, OF_ADDRESS_PER_S * 60) == (10, 10)
    told = (
        "Ten at once, or more than ten a minute over a longer time, ban their address (or IPv6 /64)"
        f" for {IngressSettings().ban_minutes} minutes"
    )
    assert told in GUIDE.read_text("utf-8")
