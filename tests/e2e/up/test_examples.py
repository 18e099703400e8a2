"""What the guide for subscribers shows works beside the service of the quick start."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.e2e.up.running import Up
from tests.patience import PATIENCE_S
from tests.subscribers import ACCEPTED

ROOT: Final = Path(__file__).parents[3]
GUIDE: Final = (ROOT / "docs" / "SUBSCRIBERS.md").read_text("utf-8")
BLOCK: Final = re.compile(r"^```sh\n(BOOTSTRAP=.*?)^```$", re.MULTILINE | re.DOTALL)


PASSWORD: Final = "$(cat .scserv/kafka/password)"


def start(up: Up, folder: Path, script: str) -> "subprocess.Popen[str]":
    """Run commands as the guide has them, in a folder with the data of the service."""
    (folder / ".scserv").symlink_to(up.folder)
    (folder / "docs").symlink_to(ROOT / "docs")
    python = folder / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    return subprocess.Popen(
        ["bash", "-c", script],
        cwd=folder,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_the_commands_for_subscribers_read_the_topics(up: Up, tmp_path: Path) -> None:
    (script,) = BLOCK.findall(GUIDE)
    with start(up, tmp_path, script) as process:
        try:
            assert process.stdout is not None
            lines = []
            for line in process.stdout:
                lines.append(line)
                if line.startswith(f"{ACCEPTED} of "):
                    break
            else:
                raise AssertionError("".join(lines))
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def test_a_subscriber_that_kafka_does_not_let_in_says_so_and_ends(up: Up, tmp_path: Path) -> None:
    (script,) = BLOCK.findall(GUIDE)
    assert PASSWORD in script
    with start(up, tmp_path, script.replace(PASSWORD, "wrong")) as process:
        said, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert said.startswith("Kafka doesn't let us in: ")
    assert len(said.splitlines()) == 1
