"""Names the fields that pydantic found wrong in what a program sent, and what is wrong with each.

For HTTP and Kafka. `inbound.field_rules` has the words. A name that a caller chose is shown only
if it can hold neither a number nor a secret.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from inbound.field_rules import rule_of
from schemas.patterns import WORDS

MOST_SHOWN: Final = 20

_PLAIN_NAME: Final = re.compile(r"(?!(?:.*[0-9]){5})[A-Za-z_][A-Za-z0-9_-]{0,39}")
_KEY: Final = "[key]"
_UNKNOWN: Final = "extra_forbidden"


class WrongField(NamedTuple):
    """A field, as the steps to it, and what is wrong with it."""

    path: Sequence[str]
    rule: str


def faults(error: ValidationError, *, depth: int | None = None) -> list[str]:
    """Return each field and what is wrong with it, as a text; paths have `depth` steps at most."""
    found = error.errors(include_input=False, include_url=False)
    return [_text(fault_of(one), depth) for one in found[:MOST_SHOWN]]


def fault_of(
    found: Mapping[str, Any],
    patterns: Mapping[str, str] = WORDS,
    left_out: Collection[str] = (),
) -> WrongField:
    """Return the wrong field of one of pydantic's errors, without the steps `left_out`.

    `patterns` says what is right for a text that doesn't match one.
    """
    steps = [step for step in found["loc"] if step not in left_out and step != _KEY]
    if found["type"] == "json_invalid":
        position = [step for step in steps[1:] if isinstance(step, int)]
        at = f" at character {position[0] + 1}" if position else ""
        return WrongField([str(step) for step in steps[:1]], _rule(found, patterns) + at)
    rule = _rule(found, patterns)
    if found["type"] == _UNKNOWN:
        noun = "parameter" if steps[0] == "query" else "field"
        rule = f"is an unknown {noun}"
        if not _is_plain(steps[-1]):
            rule = f"has an unknown {noun}"
            steps = steps[:-1]
    return WrongField([str(step) if _is_plain(step) else "(unknown)" for step in steps], rule)


def _rule(found: Mapping[str, Any], patterns: Mapping[str, str]) -> str:
    pattern = found.get("ctx", {}).get("pattern", "")
    rule = rule_of(found, pattern=patterns.get(pattern, "has characters that it may not have"))
    return f"its name {rule}" if _KEY in found["loc"] else rule


def is_plain_name(name: str) -> bool:
    """Whether a name that a caller chose can hold neither a number nor a secret."""
    return _PLAIN_NAME.fullmatch(name) is not None


def _is_plain(step: int | str) -> bool:
    return isinstance(step, int) or is_plain_name(step)


def _text(fault: WrongField, depth: int | None) -> str:
    path = ".".join(fault.path[:depth])
    return f"{path} {fault.rule}" if path else fault.rule
