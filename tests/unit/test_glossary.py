"""docs/GLOSSARY.md names things as the code does."""

import importlib
import re
from pathlib import Path

import pytest

GLOSSARY = (Path(__file__).parents[2] / "docs" / "GLOSSARY.md").read_text("utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in GLOSSARY.splitlines()
    if line.startswith("| ") and not line.startswith("| term ")
]


def exists(name: str) -> bool:
    """Whether a module, or an attribute of one, has this dotted name."""
    module, _, attribute = name.rpartition(".")
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        return hasattr(importlib.import_module(module), attribute)
    return True


@pytest.mark.parametrize(("term", "name"), [(row[0], row[-1].strip("`")) for row in ROWS])
def test_the_code_has_the_name(term: str, name: str) -> None:
    assert re.fullmatch(r"[a-z][\w.]+", name, re.ASCII), f"{term}: no name in the code"
    assert exists(name), f"{term}: {name} does not exist; update docs/GLOSSARY.md"


def test_a_term_is_explained_once() -> None:
    terms = [term.strip() for row in ROWS for term in row[0].split(",")]
    assert len(terms) == len(set(terms))
