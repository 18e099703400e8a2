"""A dead letter as one value to seal: key and headers on a line of JSON, then its bytes."""

from base64 import urlsafe_b64decode
from typing import Any, NamedTuple

from pydantic_core import from_json, to_json

FORM = 1


class Packed(NamedTuple):
    """What a message had in Kafka; a missing value is an empty one."""

    key: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    value: bytes


def pack(message: Packed) -> bytes:
    """Return everything of a message as one value."""
    about = {"form": FORM, "key": message.key, "headers": message.headers}
    return to_json(about, bytes_mode="base64") + b"\n" + message.value


def unpack(packed: bytes) -> Packed:
    """Return what `pack` was given, also of the first form, which kept the key as text."""
    line, _, value = packed.partition(b"\n")
    about: dict[str, Any] = from_json(line)
    key = about["key"]
    if "form" not in about:
        key = key.encode("ascii", "replace")
    elif key is not None:
        key = urlsafe_b64decode(key)
    headers = tuple((name, urlsafe_b64decode(coded)) for name, coded in about["headers"])
    return Packed(key, headers, value)
