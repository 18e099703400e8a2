"""Decodes the records of our topics: the one place that knows how.

A record is one Kafka message in CloudEvents' binary mode: `ce_type` names the model of its
value. Records from before there were headers have none; then the first model is taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from pydantic import ValidationError

from inbound.errors import PoisonError
from schemas.base import Message
from schemas.cloudevents import TYPE_PREFIX, header

Headers = Sequence[tuple[str, bytes]]
First = TypeVar("First", bound=Message)
Other = TypeVar("Other", bound=Message)


@dataclass(frozen=True, slots=True)
class TopicRecord:
    """One record: where it stands, its key and value, its headers.

    `part` is 0, or counts from 1 in a message that was taken out of a record of many.
    """

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes
    headers: Headers = ()
    part: int = 0


def decode(record: TopicRecord, first: type[First], *others: type[Other]) -> First | Other:
    """Return the content of a record as one of these models, chosen by its `ce_type`.

    Raises `PoisonError`, which quotes nothing of the content.
    """
    type_ = header(record.headers, "ce_type")
    models: tuple[type[First | Other], ...] = (first, *others)
    model = next((one for one in models if type_ in {None, TYPE_PREFIX + one.TYPE}), None)
    if model is None:
        raise PoisonError(f"{record.topic} holds a record of a type that is not read here")
    try:
        return model.model_validate_json(record.value)
    except ValidationError as error:
        raise PoisonError(f"no valid {model.TYPE}: {faults(error)}") from error


def faults(error: ValidationError) -> str:
    """Return what is wrong with a message, in field names and kinds: nothing of its content."""
    found = error.errors(include_input=False, include_url=False, include_context=False)
    kinds = dict.fromkeys(
        f"{fault['loc'][0]} {fault['type']}" if fault["loc"] else fault["type"] for fault in found
    )
    some = list(kinds)[:3]
    return ", ".join(some) + (", ..." if len(kinds) > len(some) else "")
