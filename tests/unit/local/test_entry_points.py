"""What `scserv up` says of the ingress, and leaves in service.json."""

from itertools import product
from pathlib import Path

import pytest

from inbound.local.announcement import entry_points
from inbound.local.service_children import ServiceChildren
from inbound.service_file import read_service_file
from inbound.settings import Settings

LISTENERS = {"ingress": "http://", "smpp_server": "smpp ", "smtp_server": "smtp "}
"""In the order in which they are named."""


@pytest.mark.parametrize("is_on", [*product([True, False], repeat=3)])
def test_the_listeners_that_are_on_are_named(tmp_path: Path, is_on: tuple[bool, ...]) -> None:
    settings, on = Settings(), dict(zip(LISTENERS, is_on, strict=True))
    changed = {
        name: getattr(settings, name).model_copy(update={"on": on[name], "port": 0})
        for name in LISTENERS
    }
    settings = settings.model_copy(update=changed)
    tmp_path.chmod(0o700)
    children = ServiceChildren(settings, tmp_path, None, print, has_simulator=True)
    environment = children.listener_environment("ingress", {})
    ports = {name: int(environment[f"SCSERV_{name.upper()}__PORT"]) for name in LISTENERS}
    named = [f"{LISTENERS[name]}127.0.0.1:{ports[name]}" for name in LISTENERS if on[name]]
    assert entry_points(settings, children.ports) == " ".join(named)
    left = read_service_file(tmp_path)
    assert {name for name in LISTENERS if left.get(name, {}).get("port") == ports[name]} == {
        name for name in LISTENERS if on[name]
    }
