"""The alerts as Prometheus evaluates them: each fires in its outage, not before, and ends."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.peers.alert_cases import CASES, RESTARTED, STEP_S, WELL, Case, gauge
from tests.peers.conftest import CACHE

ROOT = Path(__file__).parents[2]
OUTAGE_AT_S = STEP_S * WELL
QUIET_AT_S = OUTAGE_AT_S - STEP_S
ENDED_AT_S = OUTAGE_AT_S + 3 * STEP_S * WELL


def rules() -> dict[str, dict[str, Any]]:
    groups = yaml.safe_load((ROOT / "deploy/alerts.yaml").read_text("utf-8"))["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def promtool(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    program = shutil.which("promtool") or str(CACHE / "prometheus/usr/bin/promtool")
    return subprocess.run([program, *words], cwd=cwd, capture_output=True, text=True, check=False)


def test_alerts_fire_in_the_outages_they_are_for_and_not_before(tmp_path: Path) -> None:
    shutil.copy(ROOT / "deploy/alerts.yaml", tmp_path)
    shutil.copy(ROOT / "tests/peers/programs/alerts.test.yaml", tmp_path)
    done = promtool("test", "rules", "alerts.test.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def summary(rule: dict[str, Any], case: Case) -> str:
    """Return the text of an alert with the labels of its case."""
    text: str = rule["annotations"]["summary"]
    text = re.sub(r"{{ \$labels\.(\w+) }}", lambda found: case.labels.get(found[1], ""), text)
    held = next((one.outage.partition("x")[0] for one in case.series.values()), "")
    return text.replace("{{ $value }}", held)


def day_of(alert: str, case: Case, rule: dict[str, Any]) -> dict[str, Any]:
    """Return promtool's test of one alert: quiet before, firing in the outage, quiet after."""
    fires = {"exp_labels": dict(case.labels), "exp_annotations": {"summary": summary(rule, case)}}
    return {
        "name": alert,
        "interval": f"{STEP_S}s",
        "input_series": [
            {"series": name, "values": series.values} for name, series in case.series.items()
        ],
        "alert_rule_test": [
            {"eval_time": f"{QUIET_AT_S}s", "alertname": alert},
            {
                "eval_time": f"{OUTAGE_AT_S + case.seen_at_s}s",
                "alertname": alert,
                "exp_alerts": [fires],
            },
            {"eval_time": f"{ENDED_AT_S}s", "alertname": alert},
        ],
    }


def test_every_alert_has_a_case() -> None:
    assert set(CASES) == set(rules())


@pytest.mark.parametrize("alert", CASES)
def test_each_fires_in_its_outage_not_before_and_ends_with_it(alert: str, tmp_path: Path) -> None:
    prove(alert, CASES[alert], tmp_path)


def test_what_a_supervisor_sees_of_a_crash_loop_is_enough(tmp_path: Path) -> None:
    deaths = {'scserv_child_deaths{role="simulator"}': gauge(0, 5)}
    prove("CrashLoop", Case(deaths, {"role": "simulator"}), tmp_path)


def test_rules_about_single_events_are_known() -> None:
    assert set(RESTARTED) == {
        alert
        for alert, rule in rules().items()
        if "last_over_time" in rule["expr"] and "_total" in rule["expr"]
    }


@pytest.mark.parametrize("alert", RESTARTED)
def test_rules_about_single_events_see_those_after_a_restart(alert: str, tmp_path: Path) -> None:
    prove(alert, RESTARTED[alert], tmp_path)


def prove(alert: str, case: Case, tmp_path: Path) -> None:
    """Run a case in promtool, with its own rule alone: it evaluates all that there are."""
    rule = rules()[alert]
    used = {"groups": [{"name": "cases", "rules": [rule]}]}
    (tmp_path / "alerts.yaml").write_text(yaml.safe_dump(used))
    day = day_of(alert, case, rule)
    made = {"rule_files": ["alerts.yaml"], "evaluation_interval": "15s", "tests": [day]}
    (tmp_path / "cases.yaml").write_text(yaml.safe_dump(made))
    done = promtool("test", "rules", "cases.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_rule_can_be_read() -> None:
    done = promtool("check", "rules", "deploy/alerts.yaml", cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
