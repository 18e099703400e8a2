"""The record of what was released: one JSON Schema for each type and version, and the topics.

The files lie in `schemas/released` and are written by `scserv schemas release` alone. What
stands there is promised: it is only ever added to.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic_core import from_json, to_json

from schemas.contracts.catalogue import CONTRACTS, Contract
from schemas.contracts.examples import example_of
from schemas.contracts.published import Schema, schema_of
from schemas.topics import TOPICS

FOLDER: Final = Path(__file__).parents[1] / "released"
TOPICS_FILE: Final = "topics.json"


@dataclass(frozen=True, slots=True)
class Record:
    """Types by their `ce_type`, topics by their name."""

    types: Mapping[str, Schema]
    topics: Mapping[str, Mapping[str, Any]]


def of_today(contracts: tuple[Contract, ...] = CONTRACTS) -> Record:
    """Return what the models and topics of this moment promise."""
    types = {}
    for contract in contracts:
        example = example_of(contract.model)
        examples = () if example is None else (from_json(example.to_json()),)
        types[contract.name] = schema_of(contract, examples)
    promised = {topic for contract in contracts for topic in contract.topics}
    topics = {
        spec.name: {
            "public": not spec.internal,
            "what": spec.what,
            "partitions": spec.partitions,
            "config": dict(spec.config),
        }
        for spec in TOPICS
        if spec.name in promised
    }
    return Record(types, topics)


def next_record(released: Record, today: Record) -> Record:
    """Return what is released together with today: older versions stay as they were."""
    return Record({**released.types, **today.types}, {**released.topics, **today.topics})


def files_of(record: Record) -> dict[str, bytes]:
    """Return the record as files by their names."""
    files = {f"{name}.json": schema for name, schema in record.types.items()}
    return {name: to_json(value, indent=2) + b"\n" for name, value in _with_topics(files, record)}


def _with_topics(files: Mapping[str, Schema], record: Record) -> list[tuple[str, Any]]:
    return [*sorted(files.items()), (TOPICS_FILE, record.topics)]


def load(folder: Path = FOLDER) -> Record:
    """Read the record; an empty one where nothing was ever released."""
    types = {
        path.stem: from_json(path.read_bytes())
        for path in sorted(folder.glob("*.json"))
        if path.name != TOPICS_FILE
    }
    topics = folder / TOPICS_FILE
    return Record(types, from_json(topics.read_bytes()) if topics.exists() else {})


def save(record: Record, folder: Path = FOLDER) -> None:
    """Write the record. Files of the same names are replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files_of(record).items():
        (folder / name).write_bytes(content)
