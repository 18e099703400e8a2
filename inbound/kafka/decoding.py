"""Decodes the records of our topics.

A record is one Kafka message in CloudEvents' binary mode: `ce_type` names the model of its
value. The oldest records have no headers; then the first model is used.
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
    """One record: position, key, value, headers.

    `part` is 0, or the number (from 1) of a message taken from a record with several.
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

    Raises `PoisonError`, whose text quotes nothing of the content.
    """
    type_ = header(record.headers, "ce_type")
    models: tuple[type[First | Other], ...] = (first, *others)
    model = next((one for one in models if type_ in {None, TYPE_PREFIX + one.TYPE}), None)
    if model is None:
        raise PoisonError(f"{record.topic}: records of this type are not read here")
    try:
        return model.model_validate_json(record.value)
    except ValidationError as error:
        raise PoisonError(f"no valid {model.TYPE}: {faults(error)}") from error


def faults(error: ValidationError) -> str:
    """Return the fields and kinds of errors in a message, nothing of its content."""
    found = error.errors(include_input=False, include_url=False, include_context=False)
    kinds = dict.fromkeys(
        f"{fault['loc'][0]} {fault['type']}" if fault["loc"] else fault["type"] for fault in found
    )
    some = list(kinds)[:3]
    return ", ".join(some) + (", ..." if len(kinds) > len(some) else "")
