"""JSON objects that name each field once.

Parsers disagree about which of two values counts (RFC 8259, section 4), and the wrong text would be
sent and paid for.
"""

import json
from typing import Any

PROBLEM = "names a field more than once, so that it is not clear which value counts"


class RepeatedNameError(ValueError):
    """An object names a field twice. Its text quotes nothing."""


def loads(text: bytes | str) -> object:
    """Return the value of a JSON text. Raises ValueError, `RepeatedNameError` for one of these.

    Octets have to be UTF-8 (RFC 8259, section 8.1); Python would guess.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8-sig")
    return json.loads(text, object_pairs_hook=_unique)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise RepeatedNameError(PROBLEM)
    return found
