"""JSON Schema files of every message and event, one per type and version."""

from collections.abc import Mapping
from pathlib import Path

from pydantic_core import to_json

from schemas.base import Model
from schemas.cloudevents import TYPE_PREFIX
from schemas.events import EVENTS
from schemas.messages import (
    MobileOriginated,
    MobileTerminated,
    ReceiptsReceived,
    SubmitResults,
    Subscription,
)

MESSAGES: Mapping[str, type[Model]] = {
    "mo.received.v1": MobileOriginated,
    "mt.requested.v1": MobileTerminated,
    "mt.results.v1": SubmitResults,
    "mt.receipts.v1": ReceiptsReceived,
    "subscription.v1": Subscription,
}
"""The messages that are no events, by the type their CloudEvent has (without prefix)."""


def models() -> dict[str, type[Model]]:
    """Return every model by its CloudEvents type."""
    events = {f"{event.TYPE}.v{event.VERSION}": event for event in EVENTS}
    return {TYPE_PREFIX + name: model for name, model in {**MESSAGES, **events}.items()}


def export(folder: Path) -> list[Path]:
    """Write one `TYPE.json` per model into `folder` and return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, model in models().items():
        schema = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": f"urn:scserv:{name}",
            **model.model_json_schema(mode="serialization"),
        }
        path = folder / f"{name}.json"
        path.write_bytes(to_json(schema, indent=2) + b"\n")
        written.append(path)
    return written
