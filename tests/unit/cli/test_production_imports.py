"""Production roles run without the development tools of `inbound.local`."""

import json
import subprocess
import sys

from click.testing import CliRunner

from inbound.cli import scserv
from tests.patience import PATIENCE_S

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
# All roles in one process: when together they import none, each of them imports none.
PROGRAM = """
import importlib, json, sys
from click.testing import CliRunner
from inbound.cli import scserv

found = {}
for role, module in json.loads(sys.argv[1]).items():
    help = CliRunner().invoke(scserv, [role, "--help"])
    importlib.import_module(module)
    local = [name for name in sys.modules if name.startswith("inbound.local")]
    found[role] = {"exit": help.exit_code, "local": local}
print(json.dumps(found))
"""


def test_no_role_imports_a_development_tool() -> None:
    output = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(MODULES)],
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_S,
    ).stdout
    assert json.loads(output) == {role: {"exit": 0, "local": []} for role in MODULES}


def test_smsc_is_still_a_name_of_the_simulator_command() -> None:
    runner = CliRunner()
    assert runner.invoke(scserv, ["smsc", "--help"]).exit_code == 0
    assert "smsc " not in runner.invoke(scserv, ["--help"]).output
