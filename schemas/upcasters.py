"""Reads events of every version ever written, and writes older versions for subscribers.

An upcaster takes the JSON object of version N of a type and returns that of version N+1. A
chain of them turns any stored event into today's class. A downcaster does the reverse, so
subscribers to an older version still get every event. Released casts stay.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import to_json

from schemas.events import EVENTS, DomainEvent
from schemas.reading import read_json

Cast = Callable[[dict[str, Any]], dict[str, Any]]

UPCASTERS: Mapping[tuple[str, int], Cast] = {}
"""(type, version it reads) -> cast to the next version."""

DOWNCASTERS: Mapping[tuple[str, int], Cast] = {}
"""(type, version it reads) -> cast to the version before."""

_CLASSES: Mapping[str, type[DomainEvent]] = {event.TYPE: event for event in EVENTS}


class UnknownEventError(ValueError):
    """An event of a type or version that this release does not know."""


def read_event(
    type_: str,
    version: int,
    data: bytes | str,
    *,
    upcasters: Mapping[tuple[str, int], Cast] = UPCASTERS,
) -> DomainEvent:
    """Return the event as an instance of today's class.

    `data` is the stored JSON. Raises `UnknownEventError` for a type that this release
    does not know, a version newer than it, a missing upcaster, or data that does not fit.
    """
    class_ = _class_of(type_, version)
    try:
        if version == class_.VERSION:
            return class_.model_validate_json(data)
        return class_.model_validate(read_object(type_, version, data, upcasters=upcasters))
    except ValidationError as error:
        raise UnknownEventError(f"{type_} version {version} does not fit: {error}") from error


def read_object(
    type_: str,
    version: int,
    data: bytes | str,
    *,
    upcasters: Mapping[tuple[str, int], Cast] = UPCASTERS,
) -> dict[str, Any]:
    """Return the event as the JSON object of today's version, without checking its fields.

    For bulk readers: the fields were checked when the event was written. Raises
    `UnknownEventError` as `read_event` does.
    """
    class_ = _class_of(type_, version)
    steps = range(version, class_.VERSION)
    for step in steps:
        if (type_, step) not in upcasters:
            raise UnknownEventError(f"no upcaster for {type_} version {step}")
    try:
        value: dict[str, Any] = read_json(data)
        for step in steps:
            value = upcasters[type_, step](value)
    except (LookupError, TypeError, ValueError) as error:
        raise UnknownEventError(f"{type_} version {version} does not fit: {error}") from error
    return value


def _class_of(type_: str, version: int) -> type[DomainEvent]:
    class_ = _CLASSES.get(type_)
    if class_ is None:
        raise UnknownEventError(f"no event type {type_!r} in this release")
    if version > class_.VERSION:
        raise UnknownEventError(
            f"{type_} version {version} was written by a newer release; this one reads "
            f"up to version {class_.VERSION}: upgrade before reading this log"
        )
    return class_


def older_forms(
    type_: str,
    version: int,
    data: bytes,
    *,
    downcasters: Mapping[tuple[str, int], Cast] = DOWNCASTERS,
) -> Iterator[tuple[int, bytes]]:
    """Yield the event's JSON in each older version that is still written, newest first."""
    while (cast := downcasters.get((type_, version))) is not None:
        version -= 1
        data = to_json(cast(read_json(data)))
        yield version, data
