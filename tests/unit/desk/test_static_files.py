"""The vendored script is the published one, unchanged."""

import hashlib
import re
from pathlib import Path

from inbound.desk.static_files import static_files

ROOT = Path(__file__).parents[3]


def test_htmx_has_the_hash_that_is_documented() -> None:
    documented = (ROOT / "docs" / "DEPENDENCIES.md").read_text("utf-8")
    [wanted] = re.findall(r"htmx\.min\.js.*?`([0-9a-f]{64})`", documented, re.DOTALL)
    assert hashlib.sha256(static_files()["htmx.min.js"].content).hexdigest() == wanted


def test_style_and_icon_name_no_other_host() -> None:
    for name in ("desk.css", "icon.svg"):
        text = static_files()[name].content.decode()
        assert "//" not in text.replace("http://www.w3.org/2000/svg", "")
        assert "@import" not in text
