"""The guides name files that exist, and link to pages that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
FILE = re.compile(r"`((?:schemas|streams|inbound|tests|docs|deploy)/[\w./-]+)`")
MODULE = re.compile(r"`(?:python -m )?((?:schemas|streams|inbound|tests)(?:\.\w+)+)[` ]")
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_every_file_that_a_guide_names_exists(guide: Path) -> None:
    named = FILE.findall(guide.read_text("utf-8"))
    files = [name for name in named if "TYPE" not in name]  # a pattern: TYPE.vN
    assert [name for name in files if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_every_link_of_a_guide_leads_somewhere(guide: Path) -> None:
    links = LINK.findall(guide.read_text("utf-8"))
    assert [link for link in links if not (guide.parent / link).exists()] == []


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_every_module_that_a_guide_names_exists(guide: Path) -> None:
    """A name in a module counts as well: its last words may be a class or function."""
    missing = []
    for name in MODULE.findall(guide.read_text("utf-8")):
        words = name.split(".")
        parents = [ROOT.joinpath(*words[:end]) for end in range(len(words), 1, -1)][:3]
        if not any(path.is_dir() or path.with_suffix(".py").exists() for path in parents):
            missing.append(name)
    assert missing == []


def test_every_test_that_a_guide_names_exists() -> None:
    text = "".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("*.py"))
    existing = set(re.findall(r"def (test_\w+)", text))
    for guide in GUIDES:
        named = set(re.findall(r"`(test_\w+)`", guide.read_text("utf-8")))
        assert named - existing == set(), guide.name
