"""JSON as every parser reads it: objects name each field once, and numbers are numbers.

Parsers disagree about which of two values counts (RFC 8259, section 4), and the wrong text would be
sent and paid for. `NaN` and `Infinity` are no JSON (section 6), though Python takes them.
"""

import json
from typing import Any, NoReturn

PROBLEM = "names a field more than once, so that it is not clear which value counts"


class RepeatedNameError(ValueError):
    """An object names a field twice. Its text quotes nothing."""


def loads(text: bytes | str) -> object:
    """Return the value of a JSON text. Raises ValueError, `RepeatedNameError` for one of these.

    Octets have to be UTF-8 (RFC 8259, section 8.1); Python would guess.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8-sig")
    return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)


def _refuse(constant: str) -> NoReturn:
    raise json.JSONDecodeError("not a JSON number", constant, 0)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise RepeatedNameError(PROBLEM)
    return found
