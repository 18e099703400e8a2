"""One clock for all processes: a machine's is used only while it agrees with the database's."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from inbound import clock
from inbound.clock import AGREES_S, certain, database_clock, machine_skew_s, utc_now

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Machine:
    """A machine whose wall clock can be set, and a database."""

    def __init__(self) -> None:
        self.monotonic = 1000.0
        self.ahead_s = 0.0

    @property
    def true_time(self) -> datetime:
        return NOON + timedelta(seconds=self.monotonic)

    def time(self) -> float:
        return self.true_time.timestamp() + self.ahead_s

    def read(self, takes_s: float = 0.0) -> None:
        asked = self.monotonic
        self.monotonic += takes_s / 2
        read = self.true_time
        self.monotonic += takes_s / 2
        database_clock.note(read, asked, self.monotonic)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    made = Machine()
    monkeypatch.setattr(time, "time", made.time)
    monkeypatch.setattr(clock.database_clock, "monotonic", lambda: made.monotonic)
    database_clock.forget()
    yield made
    database_clock.forget()


def test_before_the_first_reading_there_is_only_the_machine(machine: Machine) -> None:
    machine.ahead_s = 7200
    assert utc_now() - machine.true_time == timedelta(hours=2)
    assert machine_skew_s() == 0


@pytest.mark.parametrize("hours", [2, -2])
def test_a_machine_that_is_hours_off_tells_the_databases_time(machine: Machine, hours: int) -> None:
    machine.ahead_s = hours * 3600
    machine.read()
    machine.monotonic += 30
    assert abs(utc_now() - machine.true_time) < timedelta(milliseconds=1)
    assert machine_skew_s() == pytest.approx(hours * 3600, abs=0.1)


def test_a_step_after_the_reading_changes_nothing(machine: Machine) -> None:
    machine.read()
    before = utc_now()
    machine.ahead_s = -3600
    assert abs(utc_now() - before) < timedelta(milliseconds=1)


def test_a_clock_that_agrees_is_used_as_it_is(machine: Machine) -> None:
    machine.ahead_s = AGREES_S - 0.1
    machine.read()
    assert utc_now().timestamp() == pytest.approx(machine.time(), abs=1e-5)


def test_a_slow_answer_proves_no_skew(machine: Machine) -> None:
    machine.ahead_s = 1.5
    machine.read(takes_s=4.0)
    assert machine_skew_s() == 0
    assert utc_now().timestamp() == pytest.approx(machine.time(), abs=1e-5)


@pytest.mark.parametrize(
    ("difference", "error", "least"),
    [(3.0, 1.0, 2.0), (-3.0, 1.0, -2.0), (0.5, 1.0, 0.0), (-0.5, 1.0, 0.0)],
)
def test_what_is_certain_is_what_the_error_leaves(
    difference: float, error: float, least: float
) -> None:
    assert certain(difference, error) == pytest.approx(least)
