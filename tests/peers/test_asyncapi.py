"""docs/asyncapi.json, as the official parser reads it."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas.contracts.asyncapi import document
from schemas.contracts.catalogue import Flow
from schemas.contracts.published import FLOW
from schemas.contracts.released import load
from tests.patience import PATIENCE_S
from tests.peers.conftest import CACHE

SCRIPT = Path(__file__).parent / "programs" / "asyncapi.js"
DOCUMENT = Path(__file__).parents[2] / "docs" / "asyncapi.json"


def parsed(node: list[str], text: str) -> dict[str, Any]:
    done = subprocess.run(
        [*node, str(SCRIPT)],
        env={"NODE_PATH": str(CACHE / "node_modules")},
        input=text,
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_S,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_it_has_nothing_to_complain_of(node: list[str]) -> None:
    found = parsed(node, DOCUMENT.read_text("utf-8"))
    assert found["complaints"] == []
    assert found["version"] == "3.1.0"
    ours = {name for name, schema in load().types.items() if schema[FLOW] == Flow.INTERNAL}
    assert {name for names in found["channels"].values() for name in names} == {
        *(load().types.keys() - ours),
        "ru.scserv.subscription.v1.tombstone",
    }


def misspelt_type(wrong: dict[str, Any]) -> None:
    payload = wrong["components"]["messages"]["ru.scserv.subscription.v1"]["payload"]
    payload["properties"]["version"]["type"] = "number of versions"


def leads_nowhere(wrong: dict[str, Any]) -> None:
    wrong["operations"]["publish-events"]["channel"]["$ref"] = "#/channels/nowhere"


def binding_of_no_kafka(wrong: dict[str, Any]) -> None:
    wrong["channels"]["events"]["bindings"]["kafka"]["partitions"] = "eight"


@pytest.mark.parametrize("breaks", [misspelt_type, leads_nowhere, binding_of_no_kafka])
def test_it_would_complain(node: list[str], breaks: Callable[[dict[str, Any]], None]) -> None:
    wrong = document(load())
    breaks(wrong)
    assert parsed(node, json.dumps(wrong))["complaints"]
