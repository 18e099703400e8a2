"""How far a rebuild is, on a terminal and in a log."""

from io import StringIO

import pytest

from inbound.cli.projections import show_progress
from inbound.projections.builder import BuildProgress
from inbound.terminal import Terminal

TOLD = [
    BuildProgress("events into requests", 200, 1000),
    BuildProgress("events into requests", 400, 1000),
]
TOLD += [
    BuildProgress("events into requests", 1000, 1000),
    BuildProgress("swapping requests", 1000, 1000),
]


def shown(*, terminal: bool) -> str:
    file = StringIO()
    console = Terminal(file=file, force_terminal=terminal, width=100)
    with show_progress(console) as tell:
        for told in TOLD:
            tell(told)
    return file.getvalue()


def test_a_terminal_shows_a_bar() -> None:
    assert "swapping requests" in shown(terminal=True)


def test_a_log_has_a_line_for_each_thing_it_does() -> None:
    assert shown(terminal=False) == "events into requests: 200 of 1,000\nswapping requests\n"


def test_log_gets_a_progress_line_every_few_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 400, 4))
    monkeypatch.setattr("inbound.cli.projections.time.monotonic", lambda: next(clock))
    assert shown(terminal=False).splitlines() == [
        "events into requests: 200 of 1,000",
        "events into requests: 400 of 1,000, 25/s",
        "events into requests",
        "swapping requests",
    ]
