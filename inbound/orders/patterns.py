"""Which texts an account may send: the patterns that they have to match. Pure.

They are regular expressions of the linear-time engine that pydantic brings (the regex crate of
Rust): no pattern can backtrack for ever, and look-around and back-references are refused. The size
of a compiled pattern is limited by the engine.
"""

from collections.abc import Collection
from functools import lru_cache
from typing import Final

from pydantic import ValidationError
from pydantic_core import SchemaError, SchemaValidator, core_schema

from inbound.parsers.channel_texts import may_become_channel, readable
from schemas.channels import Channel

LONGEST_PATTERN: Final = 500


class PatternError(ValueError):
    """A pattern can't be used; str() says why."""


def check_pattern(pattern: str) -> None:
    """Raise PatternError unless this is a pattern for texts of an account."""
    if not pattern or len(pattern) > LONGEST_PATTERN:
        raise PatternError(f"a pattern has 1 to {LONGEST_PATTERN} characters")
    # On its own, so that it can't close the group that it is put into.
    _compile(pattern)
    _whole(pattern)


def matches_any(patterns: Collection[str], text: str) -> bool:
    """Whether a whole text matches one of these patterns; one that is malformed matches nothing.

    Takes time linear in the length of the text.
    """
    return any(_matches(pattern, text) for pattern in patterns)


def is_allowed(patterns: Collection[str], text: str, channel: Channel | None) -> bool:
    """Whether an account with these patterns may send a text. "" stands for one that is not known.

    An ordinary text may not begin with the name of a channel: an SMS centre would make a call or a
    mail of it, for which an account needs a right.
    """
    if channel is None and may_become_channel(text):
        return False
    shown = readable(text, channel)
    return not (patterns and shown) or matches_any(patterns, shown)


def _matches(pattern: str, text: str) -> bool:
    try:
        _whole(pattern).validate_python(text)
    except (PatternError, ValidationError):
        return False
    return True


@lru_cache(maxsize=128)
def _whole(pattern: str) -> SchemaValidator:
    """Return the validator of whole texts; a dot matches a line break too."""
    return _compile(rf"\A(?s:{pattern})\z")


def _compile(pattern: str) -> SchemaValidator:
    try:
        return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))
    except SchemaError as error:
        raise PatternError(_reason(str(error))) from None


def _reason(message: str) -> str:
    """Return the last line of the engine's message, which says what is wrong."""
    if "size limit" in message:
        return "the pattern is too large: repeat less"
    lines = [line.strip() for line in message.splitlines()]
    about = [line.partition("error:")[2].strip() for line in lines if line.startswith("error:")]
    return about[-1] if about else "not a regular expression of the linear-time syntax"
