"""What the operator's guide quotes of commands and logs is what the code says."""

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs/OPERATORS.md").read_text("utf-8")
HEADS = (
    "| reason | what to do |",
    "| message | what to do |",
    "| it says: PostgreSQL at HOST/DATABASE ... | cause |",
    "| it says | it means |",
)
VARYING = re.compile(r"\b[A-Z]+\b(?<!TLS)|\.\.+|\b[0-9A-Fx]+\b|“[^”]*”|\brows?\b|[;,=#]")
"""What stands for something else, as a number or a name, or separates two quotes."""
SHORTEST = 5


@cache
def source() -> str:
    """Return all Python of the service, with adjacent string literals joined."""
    files = [
        path for top in ("inbound", "schemas", "streams") for path in (ROOT / top).rglob("*.py")
    ]
    text = "\n".join(path.read_text("utf-8") for path in files)
    return re.sub(r"\s+", " ", re.sub(r"[\"']\s*\n\s*f?[\"']", "", text))


def quotes(head: str) -> list[str]:
    """Return what the first column of a table quotes."""
    _, _, table = GUIDE.partition(f"{head}\n")
    cells = [row.split("|")[1] for row in table.partition("\n\n")[0].splitlines()[1:]]
    marked = [re.findall(r"`([^`]+)`", cell) for cell in cells]
    return [quote for cell, code in zip(cells, marked, strict=True) for quote in code or [cell]]


@pytest.mark.parametrize("head", HEADS)
def test_what_is_quoted_is_said(head: str) -> None:
    said = [part.strip(" ,") for quote in quotes(head) for part in VARYING.split(quote)]
    long_enough = [part for part in said if len(part) >= SHORTEST]
    assert len(long_enough) >= len(quotes(head))
    assert [part for part in long_enough if part not in source()] == []
