"""Children of a supervisor, as real processes."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from inbound.local.supervisor import Child
from tests.unit.local.supervised import Events


@pytest.fixture
def events() -> Events:
    return Events()


@pytest.fixture
def child(tmp_path: Path) -> Callable[..., Child]:
    def make(name: str, script: str, **options: object) -> Child:
        async def is_up() -> bool:
            return "up" in (tmp_path / f"{name}.log").read_text()

        options.setdefault("ready", is_up)
        return Child(name, [sys.executable, "-S", "-c", script], **options)  # type: ignore[arg-type]  # options of Child

    return make
