"""The record of releases: one JSON Schema for each type and version, and the topics.

`scserv schemas release` writes its files in `schemas/released`. They are a promise to other
services, so the record only grows.
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
class ReleaseRecord:
    """Types by `ce_type`, topics by name."""

    types: Mapping[str, Schema]
    topics: Mapping[str, Mapping[str, Any]]


def of_today(contracts: tuple[Contract, ...] = CONTRACTS) -> ReleaseRecord:
    """Return the record of today's models and topics."""
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
    return ReleaseRecord(types, topics)


def next_record(released: ReleaseRecord, today: ReleaseRecord) -> ReleaseRecord:
    """Return the released record with today's types and topics. Older versions stay."""
    return ReleaseRecord({**released.types, **today.types}, {**released.topics, **today.topics})


def files_of(record: ReleaseRecord) -> dict[str, bytes]:
    """Return the files of a record by name."""
    files = {f"{name}.json": schema for name, schema in record.types.items()}
    return {name: to_json(value, indent=2) + b"\n" for name, value in _with_topics(files, record)}


def _with_topics(files: Mapping[str, Schema], record: ReleaseRecord) -> list[tuple[str, Any]]:
    return [*sorted(files.items()), (TOPICS_FILE, record.topics)]


def load(folder: Path = FOLDER) -> ReleaseRecord:
    """Read the record; an empty one if nothing was released."""
    types = {
        path.stem: from_json(path.read_bytes())
        for path in sorted(folder.glob("*.json"))
        if path.name != TOPICS_FILE
    }
    topics = folder / TOPICS_FILE
    return ReleaseRecord(types, from_json(topics.read_bytes()) if topics.exists() else {})


def save(record: ReleaseRecord, folder: Path = FOLDER) -> None:
    """Write the record. Files of the same names are replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files_of(record).items():
        (folder / name).write_bytes(content)
