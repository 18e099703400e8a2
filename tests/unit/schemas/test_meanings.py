"""Each value of an enum that others read has a meaning, wherever the enum is described."""

import json
import re
from collections.abc import Iterator
from enum import StrEnum
from html import unescape
from pathlib import Path
from typing import Any, Final

import pytest

from inbound.api.app import openapi_text
from schemas.contracts import asyncapi
from schemas.contracts.guide import GUIDE, TABLES, with_tables_of_today
from schemas.contracts.page import page
from schemas.contracts.published import KNOWN_VALUES
from schemas.contracts.released import of_today
from schemas.documented_enum import MEANINGS, DocumentedEnum
from schemas.events import Plan

ROOT: Final = Path(__file__).parents[3]
ASYNCAPI: Final = asyncapi.document(of_today())
OPENAPI: Final[Any] = json.loads(openapi_text())


def nodes(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every object of a document with its place."""
    if isinstance(node, dict):
        yield path, node
        for name, inner in node.items():
            yield from nodes(inner, f"{path}/{name}")
    elif isinstance(node, list):
        for place, inner in enumerate(node):
            yield from nodes(inner, f"{path}/{place}")


def enums(document: Any, keyword: str) -> dict[str, dict[str, Any]]:
    return {path: node for path, node in nodes(document) if isinstance(node.get(keyword), list)}


def undocumented(node: dict[str, Any], values: list[str]) -> list[str]:
    meanings = node.get(MEANINGS, {})
    # A choice of some values of an enum has them in its own description.
    described = set(re.findall("`([a-z_]+)`", node.get("description", "")))
    return [value for value in values if not meanings.get(value) and value not in described]


def test_the_asyncapi_document_has_a_meaning_for_each_value() -> None:
    found = enums(ASYNCAPI["components"], KNOWN_VALUES)
    assert len(found) > 20
    missing = {path: undocumented(node, node[KNOWN_VALUES]) for path, node in found.items()}
    assert {path: values for path, values in missing.items() if values} == {}


def test_the_openapi_document_has_a_meaning_for_each_value() -> None:
    found = enums(OPENAPI["components"], "enum")
    assert len(found) > 10
    missing = {path: undocumented(node, node["enum"]) for path, node in found.items()}
    assert {path: values for path, values in missing.items() if values} == {}


def test_the_page_for_people_has_every_meaning() -> None:
    shown = unescape(re.sub("<[^>]+>", "", page(ASYNCAPI)))
    for node in enums(ASYNCAPI["components"], KNOWN_VALUES).values():
        for value, meaning in node[MEANINGS].items():
            assert f"{value} {meaning.replace('`', '')}" in shown


def test_the_guide_for_subscribers_has_every_meaning() -> None:
    guide = (ROOT / GUIDE).read_text("utf-8")
    assert len(TABLES) == 7
    for _, enum in TABLES:
        for value in enum:
            assert f"| `{value}` | {value.meaning} |\n" in guide, "run `scserv schemas release`"


def test_a_table_of_the_guide_gets_new_rows_and_loses_old_ones() -> None:
    guide = with_tables_of_today((ROOT / GUIDE).read_text("utf-8"))
    row = f"| `{Plan.STARTED}` | {Plan.STARTED.meaning} |\n"
    for edited in (guide.replace(row, ""), guide.replace(row, f"{row}| `gone` | it was |\n")):
        assert edited != guide
        assert with_tables_of_today(edited) == guide


def test_a_guide_without_a_table_is_refused() -> None:
    with pytest.raises(ValueError, match=r"needs one table under \*\*`plan` of"):
        with_tables_of_today("# Subscribing to the topics\n")


def test_a_value_without_a_meaning_is_refused() -> None:
    with pytest.raises(TypeError, match="Colour: 'red' needs a meaning"):

        class Colour(DocumentedEnum):
            RED = "red"


def test_members_are_texts_as_those_of_any_enum() -> None:
    assert issubclass(Plan, StrEnum)
    assert Plan("stopped") is Plan.STOPPED
    assert f"{Plan.STOPPED}" == Plan.STOPPED.value == "stopped"
    assert json.dumps([Plan.STOPPED]) == '["stopped"]'
