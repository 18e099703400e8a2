"""Reading events of every version ever written.

An upcaster takes the JSON object of version N of a type and returns that of version N+1;
chained they bring any stored event to the class of today. Released upcasters stay.
"""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from schemas.events import EVENTS, DomainEvent

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]

UPCASTERS: Mapping[tuple[str, int], Upcaster] = {}
"""(type, version it reads) -> upcaster to the next version."""

_CLASSES: Mapping[str, type[DomainEvent]] = {event.TYPE: event for event in EVENTS}


class UnknownEventError(ValueError):
    """An event of a type or version that this release does not know."""


def read_event(
    type_: str,
    version: int,
    data: bytes | str,
    *,
    upcasters: Mapping[tuple[str, int], Upcaster] = UPCASTERS,
) -> DomainEvent:
    """Return the event as today's class.

    `data` is the stored JSON. Raises `UnknownEventError` for a type that this release
    does not know, a version newer than it, a missing upcaster, or data that does not fit.
    """
    class_ = _CLASSES.get(type_)
    if class_ is None:
        raise UnknownEventError(f"no event type {type_!r} in this release")
    if version > class_.VERSION:
        raise UnknownEventError(
            f"{type_} version {version} was written by a newer release; this one reads "
            f"up to version {class_.VERSION}: upgrade before reading this log"
        )
    try:
        if version == class_.VERSION:
            return class_.model_validate_json(data)
        value: dict[str, Any] = from_json(data)
        for step in range(version, class_.VERSION):
            value = upcasters[type_, step](value)
        return class_.model_validate(value)
    except KeyError as error:
        raise UnknownEventError(f"no upcaster for {type_} version {error.args[0][1]}") from error
    except (ValidationError, ValueError) as error:
        raise UnknownEventError(f"{type_} version {version} does not fit: {error}") from error
