"""That a start finds the bytecode of what it imports."""

import os
import subprocess
import sys
from pathlib import Path

KEEP = """
from inbound.local import bytecode
bytecode._SUPERVISOR, bytecode.ROLE_MODULES = ("inbound.cli.roles",), ("faust.auth",)
bytecode.main()
"""


def test_bytecode_is_kept_of_what_commands_import_when_they_run(tmp_path: Path) -> None:
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(
        [sys.executable, "-c", KEEP], env=kept | {"PYTHONPYCACHEPREFIX": str(tmp_path)}, check=True
    )
    names = {path.name.partition(".")[0] for path in tmp_path.rglob("*.pyc")}
    assert {"roles", "worker", "relay", "auth"} <= names
