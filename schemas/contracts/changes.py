"""Compares two versions of a JSON Schema and says which side each change breaks.

Readers may use the released version while writers use today's, and the reverse: events stay
in the log for ever, and during an upgrade both releases run. So each change is judged for
both sides. A keyword that this comparison doesn't know is reported as breaking both.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from schemas.contracts.published import ANNOUNCED_VALUES, KNOWN_VALUES, Schema
from schemas.documented_enum import MEANINGS


class Side(StrEnum):
    """The side that a change breaks."""

    READERS = "readers"
    """Readers with the released schema of what is written today."""
    WRITERS = "writers"
    """Writers with the released schema of what is read today."""


NOBODY: Final[frozenset[Side]] = frozenset()
READERS: Final = frozenset({Side.READERS})
WRITERS: Final = frozenset({Side.WRITERS})
BOTH: Final = READERS | WRITERS


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `field` is a dotted path, empty for the type itself."""

    field: str
    what: str
    breaks: frozenset[Side]


_LOWER: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems")
_UPPER: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")
_COMPARED: Final = {
    *("type", "format", "default", "properties", "required", "items", "additionalProperties"),
    *(KNOWN_VALUES, ANNOUNCED_VALUES),
    *_LOWER,
    *_UPPER,
}
_ANNOTATIONS: Final = {
    *("title", "description", "examples", "$schema", "$id", "x-flow", "x-topics"),
    MEANINGS,
}
_ABSENT: Final = object()

NEW_AND_REQUIRED: Final = "is new and required"
ALREADY_WRITTEN: Final = "was written before and is only announced now"
NEVER_ANNOUNCED: Final = "is new and was never announced"


def changes(released: Schema, today: Schema, field: str = "") -> Iterator[Change]:
    """Yield every difference."""
    unknown = ({*released, *today} - _COMPARED) - _ANNOTATIONS
    for keyword in sorted(unknown):
        if released.get(keyword, _ABSENT) != today.get(keyword, _ABSENT):
            yield Change(field, f"{keyword} changed, which the comparison can't judge", BOTH)
    if _kind(released) != _kind(today):
        breaks = _breaks(released, today)
        yield Change(field, f"was {_described(released)}, is {_described(today)}", breaks)
        if breaks != BOTH:  # otherwise the rest adds nothing
            yield from _bounds(released, today, field)
        return
    yield from _values(released, today, field)
    yield from _bounds(released, today, field)
    yield from _properties(released, today, field)
    for keyword, path in (("items", f"{field}[]"), ("additionalProperties", f"{field}.*")):
        before, now = released.get(keyword), today.get(keyword)
        if isinstance(before, dict) and isinstance(now, dict):
            yield from changes(before, now, path)
        elif before != now:
            yield Change(path, f"was {before}, is {now}", BOTH)


def _kind(schema: Schema) -> tuple[Any, ...]:
    return (
        schema.get("type"),
        schema.get("format"),
        KNOWN_VALUES in schema,
        "items" in schema,
        "additionalProperties" in schema,
    )


def _described(schema: Schema) -> str:
    type_ = str(schema.get("type", "anything"))
    if KNOWN_VALUES in schema:
        return f"{type_} with known values"
    return f"{type_} ({schema['format']})" if "format" in schema else type_


def _breaks(released: Schema, today: Schema) -> frozenset[Side]:
    """An integer is a number and a text may have a format; any other new type breaks both."""
    if _is_wider(today, released):
        return READERS
    return WRITERS if _is_wider(released, today) else BOTH


def _is_wider(one: Schema, other: Schema) -> bool:
    types = one.get("type"), other.get("type")
    if types == ("string", "string"):
        return not {"format", KNOWN_VALUES} & one.keys()
    return types == ("number", "integer")


def _values(released: Schema, today: Schema, field: str) -> Iterator[Change]:
    before, now = released.get(KNOWN_VALUES, ()), today.get(KNOWN_VALUES, ())
    announced, was_announced = (each.get(ANNOUNCED_VALUES, ()) for each in (today, released))
    for value in now:
        if value in before:
            if value in announced and value not in was_announced:
                yield Change(field, f"value {value!r} {ALREADY_WRITTEN}", READERS)
        elif value in announced:
            yield Change(field, f"value {value!r} is announced", NOBODY)
        else:
            yield Change(field, f"value {value!r} {NEVER_ANNOUNCED}", READERS)
    for value in before:
        if value not in now:
            yield Change(field, f"value {value!r} is gone", WRITERS)


def _bounds(released: Schema, today: Schema, field: str) -> Iterator[Change]:
    for keyword in (*_LOWER, *_UPPER):
        before, now = released.get(keyword), today.get(keyword)
        if before == now:
            continue
        if before is None or now is None:
            looser = now is None
        else:
            looser = (now < before) is (keyword in _LOWER)
        yield Change(field, f"{keyword} was {before}, is {now}", READERS if looser else WRITERS)


def _properties(released: Schema, today: Schema, field: str) -> Iterator[Change]:
    before: Mapping[str, Schema] = released.get("properties", {})
    now: Mapping[str, Schema] = today.get("properties", {})
    required, requires = released.get("required", ()), today.get("required", ())
    for name in [*before, *(added for added in now if added not in before)]:
        path = f"{field}.{name}" if field else name
        if name not in now:
            yield Change(path, "is gone", READERS)
        elif name not in before:
            if name in requires:
                yield Change(path, NEW_AND_REQUIRED, WRITERS)
            else:
                yield Change(path, "is new", NOBODY)
        else:
            if name in required and name not in requires:
                yield Change(path, "is not always there any more", READERS)
            elif name in requires and name not in required:
                yield Change(path, "is required now", WRITERS)
            elif before[name].get("default") != now[name].get("default"):
                defaults = (each.get("default", "none") for each in (before[name], now[name]))
                yield Change(path, "default was {}, is {}".format(*defaults), BOTH)
            yield from changes(before[name], now[name], path)
