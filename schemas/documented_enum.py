"""Enums whose values have a meaning, which the published documents give with them."""

from enum import StrEnum
from typing import Any, Final, Self

from pydantic import GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

MEANINGS: Final = "x-enum-descriptions"
"""The keyword of a JSON Schema that has a meaning for each value."""


class DocumentedEnum(StrEnum):
    """A text with a meaning: `FULFILLED = "fulfilled", "the SMS centre accepted the reply"`."""

    _value_: str
    meaning: str

    # The default is for the look-up of a member, `Plan("stopped")`, which passes the value alone.
    def __new__(cls, value: str, meaning: str = "") -> Self:
        """Make a member. Raises TypeError for a value without a meaning."""
        if not meaning:
            raise TypeError(f"{cls.__name__}: {value!r} needs a meaning")
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Add the meanings."""
        made = handler(schema)
        resolved: dict[str, Any] = handler.resolve_ref_schema(made)
        resolved[MEANINGS] = {each.value: each.meaning for each in cls}
        return made
