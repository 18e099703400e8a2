"""Production roles run without the development tools of `inbound.local`."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from inbound.cli import scserv
from tests.patience import PATIENCE_S

ROLES = ("gateway", "worker", "relay", "scheduler", "projector", "api", "desk", "ingress")
MODULES = {
    "gateway": "inbound.gateway.process",
    "worker": "streams.worker",
    "relay": "inbound.outbox.relay",
    "scheduler": "inbound.scheduler.wiring",
    "projector": "inbound.projections.projector",
    "api": "inbound.api.server",
    "desk": "inbound.desk.app",
    "ingress": "inbound.ingress.process",
}
PROGRAM = """
import importlib, json, sys
from click.testing import CliRunner
from inbound.cli import scserv

role, module = sys.argv[1:]
help = CliRunner().invoke(scserv, [role, "--help"])
importlib.import_module(module)
print(json.dumps({
    "exit": help.exit_code,
    "local": [name for name in sys.modules if name.startswith("inbound.local")],
}))
"""


@pytest.mark.parametrize("role", ROLES)
def test_a_role_imports_no_development_tool(role: str) -> None:
    output = subprocess.run(
        [sys.executable, "-c", PROGRAM, role, MODULES[role]],
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_S,
    ).stdout
    assert json.loads(output) == {"exit": 0, "local": []}


def test_smsc_is_still_a_name_of_the_simulator_command() -> None:
    runner = CliRunner()
    assert runner.invoke(scserv, ["smsc", "--help"]).exit_code == 0
    assert "smsc " not in runner.invoke(scserv, ["--help"]).output
