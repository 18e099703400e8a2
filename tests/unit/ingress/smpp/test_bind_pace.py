"""How often a program may bind."""

import pytest

from inbound.ingress.smpp import bind_pace
from inbound.ingress.smpp.bind_pace import BINDS_AT_ONCE, BINDS_PER_S, BindPace

LOGIN, HERE = "shop", "192.0.2.1"


def test_binds_at_once_and_then_one_after_another() -> None:
    now = 0.0
    pace = BindPace(lambda: now)
    for _ in range(BINDS_AT_ONCE):
        assert not pace.is_exceeded(LOGIN, HERE)
        pace.add(LOGIN, HERE)
    assert pace.is_exceeded(LOGIN, HERE)
    assert not pace.is_exceeded(LOGIN, "192.0.2.2")
    assert not pace.is_exceeded("other", HERE)
    now = 1 / BINDS_PER_S
    assert not pace.is_exceeded(LOGIN, HERE)
    pace.add(LOGIN, HERE)
    assert pace.is_exceeded(LOGIN, HERE)


def test_those_who_bind_are_remembered_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bind_pace, "_MOST_REMEMBERED", 2)
    pace = BindPace(lambda: 0.0)
    for _ in range(BINDS_AT_ONCE):
        pace.add(LOGIN, HERE)
    pace.add("second", HERE)
    assert pace.is_exceeded(LOGIN, HERE)
    pace.add("third", HERE)
    assert not pace.is_exceeded(LOGIN, HERE)
