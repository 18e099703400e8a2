"""Decodes the records of our topics.

A record is one Kafka message in CloudEvents' binary mode: `ce_type` names the model of its
value. The oldest records have no headers; then the first model is used.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from pydantic import ValidationError

from inbound.errors import PoisonError
from inbound.faults import faults
from schemas.base import Message
from schemas.cloudevents import TYPE_PREFIX, header

_MOST_FAULTS: Final = 5

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
        raise PoisonError(f"no valid {model.TYPE}: {_some(faults(error, depth=1))}") from error


def _some(texts: Sequence[str]) -> str:
    return "; ".join([*texts[:_MOST_FAULTS], *(["..."] if len(texts) > _MOST_FAULTS else [])])
