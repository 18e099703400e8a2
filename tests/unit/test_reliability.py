"""The table of outages in docs/RELIABILITY.md: every row has its test, every test its row."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_outage_has_its_test() -> None:
    text = (ROOT / "docs/RELIABILITY.md").read_text("utf-8")
    _, _, table = text.partition("| outage |")
    rows = table.split("\n\n")[0].splitlines()[2:]
    named = [row.rstrip(" |").rpartition("|")[2].strip(" `") for row in rows]
    tests = (ROOT / "tests/e2e/test_outages.py").read_text("utf-8")
    assert named == re.findall(r"^async def (test_\w+)", tests, re.MULTILINE)
