"""Says in plain words which rule a value breaks; pydantic's own words are for programmers.

A rule never repeats the value, and names nothing that a caller chose.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from pydantic import ValidationError

OWN_WORDS: Final = "own_words"
"""The type of pydantic errors whose message is ours."""

_TIME: Final = "has to be a time with an offset, like 2024-05-17T12:30:00Z"
_TEXT: Final = "has to be a text"
_WHOLE: Final = "has to be a whole number"
_NUMBER: Final = "has to be a number"
_TRUTH: Final = "has to be true or false"
_OBJECT: Final = "has to be a JSON object"
_RULES: Final[Mapping[str, str]] = {
    "missing": "is missing",
    "extra_forbidden": "unknown field",
    "json_invalid": "is not valid JSON",
    "string_type": _TEXT,
    "string_sub_type": _TEXT,
    "string_unicode": "is not Unicode text",
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": _WHOLE,
    "int_from_float": _WHOLE,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": _NUMBER,
    "decimal_type": _NUMBER,
    "decimal_parsing": _NUMBER,
    "bool_type": _TRUTH,
    "bool_parsing": _TRUTH,
    "list_type": "has to be a list",
    "tuple_type": "has to be a list",
    "set_type": "has to be a list",
    "dict_type": _OBJECT,
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "uuid_type": "has to be a UUID",
    "uuid_parsing": "has to be a UUID",
    "datetime_type": _TIME,
    "datetime_parsing": _TIME,
    "datetime_from_date_parsing": _TIME,
    "timezone_aware": _TIME,
    "date_type": "has to be a day, like 2024-05-17",
    "date_parsing": "has to be a day, like 2024-05-17",
    "date_from_datetime_parsing": "has to be a day, like 2024-05-17",
    "date_from_datetime_inexact": "has to be a day, like 2024-05-17",
    "time_parsing": "has to be a time of the day, like 09:00",
    "url_parsing": "has to be a URL",
    "url_scheme": "has to be a URL with another scheme",
}
_LIMITS: Final[Mapping[str, str]] = {
    "greater_than": "has to be more than {gt}",
    "greater_than_equal": "has to be at least {ge}",
    "less_than": "has to be less than {lt}",
    "less_than_equal": "has to be at most {le}",
    "decimal_max_digits": "may have at most {max_digits} digits",
    "decimal_max_places": "may have at most {decimal_places} decimal places",
    "decimal_whole_digits": "may have at most {whole_digits} digits before the point",
}
_LENGTHS: Final[Mapping[str, tuple[str, str]]] = {
    "string_too_short": ("min_length", "character"),
    "string_too_long": ("max_length", "character"),
    "too_short": ("min_length", "item"),
    "too_long": ("max_length", "item"),
}
_QUOTED: Final = re.compile("'([^']*)'")
_CHOICES: Final = frozenset({"enum", "literal_error"})


def rule_of(fault: Mapping[str, Any], *, pattern: str = "does not fit its pattern") -> str:
    """Return the rule that one error of pydantic is about, to follow the name of the field.

    `pattern` is the rule for a text that its pattern refuses. The words of our own validators
    (ValueError) are kept: they quote nothing.
    """
    type_, context = str(fault["type"]), fault.get("ctx", {})
    if type_ in {"value_error", OWN_WORDS}:
        return str(fault["msg"]).removeprefix("Value error, ")
    if type_ == "string_pattern_mismatch":
        return pattern
    if type_ in _CHOICES:
        # pydantic's own text shows how Python prints the values.
        *some, last = _QUOTED.findall(context["expected"])
        return f"has to be {', '.join(some)} or {last}" if some else f"has to be {last}"
    if type_ in _LENGTHS:
        limit, unit = _LENGTHS[type_]
        # If a text's validator comes first, pydantic says `too_long`, too.
        is_text = isinstance(fault.get("input"), str) or context.get("field_type") == "Value"
        return _length(limit, "character" if is_text else unit, context)
    if type_ in _LIMITS:
        return _LIMITS[type_].format_map(context)
    return _RULES.get(type_, "is invalid")


def first_rule(error: ValidationError, patterns: Mapping[str, str] = MappingProxyType({})) -> str:
    """Return the rule of the first error; `patterns` says what is right for each pattern."""
    fault = error.errors(include_input=False, include_url=False)[0]
    pattern = fault.get("ctx", {}).get("pattern", "")
    return rule_of(fault, pattern=patterns.get(pattern, "does not fit its pattern"))


def _length(limit: str, unit: str, context: Mapping[str, Any]) -> str:
    count = context[limit]
    named = f"{count} {unit}{'' if count == 1 else 's'}"
    if limit == "min_length":
        return f"needs at least {named}"
    return f"may have at most {named}"
