"""What was released is kept, is valid, and is what the source tree holds."""

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from pydantic_core import from_json

from schemas.cloudevents import TYPE_PREFIX
from schemas.contracts import publication
from schemas.contracts.catalogue import CONTRACTS, Contract, Flow
from schemas.contracts.examples import EXAMPLES
from schemas.contracts.published import Schema, schema_of
from schemas.contracts.released import ReleaseRecord, load, next_record, of_today, save
from schemas.contracts.rules import problems
from tests.released import Example, examples


def test_today_holds_what_was_released() -> None:
    released, today = load(), of_today()
    assert not [str(problem) for problem in problems(released, today)]
    stale = publication.stale(next_record(released, today))
    assert not stale, "run `scserv schemas release` and commit what it writes"


@pytest.mark.parametrize("name", load().types)
def test_a_released_schema_is_valid_and_its_examples_fit(name: str) -> None:
    schema = load().types[name]
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema, format_checker=FormatChecker())
    for example in schema.get("examples", ()):
        validator.validate(example)


PUBLIC = [contract for contract in CONTRACTS if contract.flow is Flow.PUBLIC]


@pytest.mark.parametrize("contract", PUBLIC, ids=lambda contract: contract.name)
def test_every_public_type_has_an_example_and_says_what_its_fields_are(contract: Contract) -> None:
    assert [example for example in EXAMPLES if type(example) is contract.model]
    silent: list[str] = []

    def look(schema: Schema, path: str) -> None:
        for name, field in schema.get("properties", {}).items():
            if "description" not in field:
                silent.append(f"{path}{name}")
            look(field, f"{path}{name}.")
            look(field.get("items", {}), f"{path}{name}[].")

    look(schema_of(contract), "")
    assert not silent


@pytest.mark.parametrize(
    "event", list(examples()), ids=lambda event: f"{event.type}.v{event.version}"
)
def test_what_was_ever_written_is_valid_by_the_released_schema(event: Example) -> None:
    schema = load().types[f"{TYPE_PREFIX}{event.type}.v{event.version}"]
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(from_json(event.data))


def test_a_retired_version_stays_in_the_record() -> None:
    retired = {"ru.scserv.request.accepted.v0": {"x-flow": "public"}}
    assert (
        "ru.scserv.request.accepted.v0" in next_record(ReleaseRecord(retired, {}), of_today()).types
    )


def test_releasing_writes_nothing_when_somebody_would_break(
    tmp_path: Path,
) -> None:
    gone = {"ru.scserv.long.gone.v1": {"x-flow": "public", "x-topics": []}}
    folder = tmp_path / publication.RELEASED
    save(ReleaseRecord(gone, {}), folder)
    with pytest.raises(ValueError, match=r"long\.gone\.v1: was released and is gone"):
        publication.release(tmp_path)
    assert len(list(folder.iterdir())) == 2
