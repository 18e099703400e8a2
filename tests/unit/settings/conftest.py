"""Tests of settings see none of the environment that they run in."""

import pytest

from inbound.settings import setting_variables


@pytest.fixture(autouse=True)
def _clear_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, _, _ in setting_variables():
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)
