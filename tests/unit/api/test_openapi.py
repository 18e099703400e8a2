"""The OpenAPI document: up to date, with examples that fit, and readable without FastAPI."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from inbound.api.app import openapi_text
from inbound.api.patterns import WORDS

FILE = Path(__file__).parents[3] / "docs" / "openapi.json"
MADE: dict[str, Any] = json.loads(openapi_text())
OPERATIONS = [
    (f"{method.upper()} {path}", operation)
    for path, operations in MADE["paths"].items()
    for method, operation in operations.items()
]


def test_the_committed_document_is_this_one() -> None:
    assert FILE.read_text("utf-8") == openapi_text(), (
        "run `scserv schemas release` and commit what it writes"
    )


def test_it_is_openapi_3_1() -> None:
    assert MADE["openapi"].startswith("3.1.")
    assert MADE["components"]["securitySchemes"]["token"]["scheme"] == "bearer"


@pytest.mark.parametrize(("name", "operation"), OPERATIONS)
def test_every_operation_is_described(name: str, operation: dict[str, Any]) -> None:
    assert operation["operationId"], name
    assert operation["summary"]
    assert "Needs the scope" in operation["description"]
    assert {tag["name"] for tag in MADE["tags"]} >= set(operation["tags"])
    for security in operation["security"]:
        assert security["token"], "an operation that takes no scope"
    assert {"401", "403", "422", "429", "500", "503"} <= operation["responses"].keys()
    for parameter in operation.get("parameters", []):
        assert parameter["description"], parameter["name"]


@pytest.mark.parametrize("name", sorted(MADE["components"]["schemas"]))
def test_examples_fit_their_schemas(name: str) -> None:
    schema = MADE["components"]["schemas"][name]
    checked = {"components": MADE["components"], "$ref": f"#/components/schemas/{name}"}
    for example in schema.get("examples", []):
        Draft202012Validator(checked).validate(example)


def test_what_is_sent_and_answered_has_an_example() -> None:
    for name, operation in OPERATIONS:
        contents = [response.get("content", {}) for response in operation["responses"].values()]
        contents.append(operation.get("requestBody", {}).get("content", {}))
        for content in contents:
            for body in content.values():
                reference = body["schema"]["$ref"].rpartition("/")[2]
                assert MADE["components"]["schemas"][reference]["examples"], (name, reference)


@pytest.mark.parametrize("name", sorted(MADE["components"]["responses"]))
def test_examples_of_problems_fit(name: str) -> None:
    response = MADE["components"]["responses"][name]
    [(media_type, body)] = response["content"].items()
    assert media_type == "application/problem+json"
    checked = {"components": MADE["components"], **body["schema"]}
    Draft202012Validator(checked).validate(body["example"])
    assert body["example"]["type"] == f"urn:scserv:problem:{name}"


def _patterns(node: object) -> set[str]:
    if isinstance(node, list):
        return set().union(*map(_patterns, node))
    if not isinstance(node, dict):
        return set()
    own = {node["pattern"]} if isinstance(node.get("pattern"), str) else set()
    return own.union(*(_patterns(each) for name, each in node.items() if name != "not"))


def test_every_pattern_has_words() -> None:
    assert _patterns(MADE) <= WORDS.keys()
