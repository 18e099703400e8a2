"""Patterns of the API's own fields, and what each means in words."""

from collections.abc import Mapping
from typing import Final

from inbound.api.cursors import CURSOR
from schemas import patterns
from schemas.texts import HIDDEN

# At least one visible character, and no hidden one.
TEXT: Final = rf"^[^{HIDDEN}]*[^\s{HIDDEN}][^{HIDDEN}]*$"
TRACE_RULE: Final = "a trace id of 32 hex digits, or a whole traceparent"
TRACE_PATTERN: Final = "^([0-9a-f]{32}|[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2})$"

WORDS: Final[Mapping[str, str]] = {
    **patterns.WORDS,
    TEXT: "needs a visible character, and may have no control or invisible one",
    TRACE_PATTERN: f"has to be {TRACE_RULE}",
    CURSOR: "has to be the cursor in `next` of the previous page",
}
"""What is right for a text that doesn't match."""
