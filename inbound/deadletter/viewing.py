"""Presents a dead letter to operators, whatever garbage it holds.

Without a reason, only harmless data is shown: names of our own fields, and values that look like
an id, a time or one of our words. With a reason, everything is shown.
"""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Final, get_args

from pydantic import ValidationError
from pydantic_core import from_json

from inbound.smpp import alphabet
from inbound.store.dead_letters.rows import Packed
from schemas import messages
from schemas.base import Model

HIDDEN: Final = "***"
TEXT_MAX: Final = 4000
HEX_MAX: Final = 512

_KNOWN_HEADERS: Final = frozenset(
    {
        *("ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "ce_subject", "ce_replay"),
        *("content-type", "traceparent", "scserv-retried"),
    }
)
_MODELS: Final = [
    found
    for found in vars(messages).values()
    if isinstance(found, type) and issubclass(found, Model)
]
_KNOWN_FIELDS: Final = frozenset(name for model in _MODELS for name in model.model_fields)
# They identify a person or quote a text: never shown without a reason.
_PERSONAL: Final = frozenset(
    {"source", "destination", "payload", "params", "key", "smsc_message_id"}
)


def _types_of(annotation: Any) -> Iterable[Any]:  # noqa: ANN401 — whatever a field may hold
    yield annotation
    for inner in get_args(annotation):
        yield from _types_of(inner)


_TYPES: Final = [
    (name, each)
    for model in _MODELS
    for name, field in model.model_fields.items()
    for each in _types_of(field.annotation)
]
# Fields that hold a name from the settings: of a bind, of a template.
_NAMES: Final = frozenset(name for name, each in _TYPES if each is str) - _PERSONAL
_CHOICES: Final = {
    name: frozenset(each)
    for name, each in _TYPES
    if isinstance(each, type) and issubclass(each, StrEnum)
}

_UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_ID_OR_TIME: Final = re.compile(
    rf"{_UUID}(/[0-9]+)?|[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T[0-9:.]{{5,15}}(Z|[+-][0-9:]{{5}})?"
    r"|[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"
)
_WORD: Final = re.compile(r"(?!.*[0-9]{5})[A-Za-z0-9._/-]{1,60}")
_SMALL: Final = 100_000


def view_of(message: Packed, *, reveal: bool) -> dict[str, Any]:
    """Return the view of a dead letter as plain data. Print it with `inbound.terminal`."""
    return {
        "key": _key(message.key, reveal=reveal),
        "headers": _headers(message.headers, reveal=reveal),
        "bytes": len(message.value),
        **_content(message.value, reveal=reveal),
    }


def _key(key: bytes | None, *, reveal: bool) -> str | None:
    if key is None:
        return None
    return _text(key) if reveal else HIDDEN


def _headers(headers: Iterable[tuple[str, bytes]], *, reveal: bool) -> list[dict[str, str]]:
    return [
        {
            "name": name if reveal or name in _KNOWN_HEADERS else HIDDEN,
            "value": _text(value) if reveal else _header(name, _text(value)),
        }
        for name, value in headers
    ]


def _content(value: bytes, *, reveal: bool) -> dict[str, Any]:
    try:
        content = from_json(value)
    except ValueError:
        if not reveal:
            return {"content": "no JSON"}
        return {"content": "no JSON", "text": _text(value[:TEXT_MAX]), "hex": _hex(value)}
    if not reveal:
        return {"content": _masked(content)}
    text = _text_of(value)
    return {"content": content} if text is None else {"content": content, "text": text}


def _masked(content: Any, name: str = "") -> Any:  # noqa: ANN401 — any JSON
    if isinstance(content, dict) and name not in _PERSONAL:
        return dict(_masked_field(*field) for field in content.items())
    if isinstance(content, list) and name not in _PERSONAL:
        return [_masked(value, name) for value in content]
    known = name in _KNOWN_FIELDS - _PERSONAL
    if isinstance(content, str):
        return content if known and _is_harmless(name, content) else HIDDEN
    if content is None or isinstance(content, bool):
        return content
    return content if known and abs(content) < _SMALL else HIDDEN


def _masked_field(name: str, value: Any) -> tuple[str, Any]:  # noqa: ANN401 — any JSON
    name = name if name in _KNOWN_FIELDS else HIDDEN
    return name, _masked(value, name)


def _header(name: str, value: str) -> str:
    harmless = _ID_OR_TIME.fullmatch(value) or _WORD.fullmatch(value)
    return value if name in _KNOWN_HEADERS and harmless else HIDDEN


def _is_harmless(name: str, value: str) -> bool:
    """Whether a text may be shown: a word only where one belongs, or it may be a password."""
    if _ID_OR_TIME.fullmatch(value):
        return True
    return bool(_WORD.fullmatch(value)) and (name in _NAMES or value in _CHOICES.get(name, ()))


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "backslashreplace")


def _hex(value: bytes) -> str:
    return value[:HEX_MAX].hex(" ") + (" ..." if len(value) > HEX_MAX else "")


def _text_of(value: bytes) -> str | None:
    """Return the text of an MO, if it can be decoded."""
    try:
        mo = messages.MobileOriginated.model_validate_json(value)
        return alphabet.decode(mo.payload, mo.data_coding, mo.alphabet)
    except (ValidationError, ValueError, LookupError):
        return None


def view_lines(view: Mapping[str, Any]) -> Iterable[str]:
    """Yield the view as lines for a terminal."""
    yield f"key      {view['key'] or 'none'}"
    for header in view["headers"]:
        yield f"header   {header['name']}: {header['value']}"
    yield f"value    {view['bytes']} bytes"
    if "text" in view:
        yield f"text     {view['text']}"
    if "hex" in view:
        yield f"hex      {view['hex']}"
