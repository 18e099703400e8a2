"""The alerts as Prometheus evaluates them."""

import shutil
import subprocess
from pathlib import Path

from tests.peers.conftest import CACHE

ROOT = Path(__file__).parents[2]


def promtool(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    program = shutil.which("promtool") or str(CACHE / "prometheus/usr/bin/promtool")
    return subprocess.run(
        [program, *words], cwd=cwd, capture_output=True, text=True, check=False, timeout=300
    )


def test_alerts_fire_in_the_outages_they_are_for_and_not_before(tmp_path: Path) -> None:
    shutil.copy(ROOT / "deploy/alerts.yaml", tmp_path)
    shutil.copy(ROOT / "tests/peers/programs/alerts.test.yaml", tmp_path)
    done = promtool("test", "rules", "alerts.test.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_rule_can_be_read() -> None:
    done = promtool("check", "rules", "deploy/alerts.yaml", cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
