"""What is said about a value that pydantic refuses: our words, and never the value."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import AwareDatetime, BaseModel, Field, TypeAdapter, ValidationError, field_validator

from inbound.field_rules import first_rule

ROOT = Path(__file__).parents[2]
CANARY = "CANARY"


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Inner(BaseModel, extra="forbid"):
    name: str

    @field_validator("name")
    @classmethod
    def _check(cls, name: str) -> str:
        if name == "taken":
            raise ValueError("is taken; choose another name")
        return name


@pytest.mark.parametrize(
    ("type_", "value", "rule"),
    [
        (str, 7, "has to be a text"),
        (Annotated[str, Field(min_length=1)], "", "needs at least 1 character"),
        (Annotated[str, Field(min_length=2)], "", "needs at least 2 characters"),
        (Annotated[str, Field(max_length=3)], CANARY, "may have at most 3 characters"),
        (Annotated[str, Field(pattern="^a$")], CANARY, "does not fit its pattern"),
        (Annotated[list[int], Field(min_length=1)], [], "needs at least 1 item"),
        (Annotated[list[int], Field(max_length=1)], [1, 2], "may have at most 1 item"),
        (list[int], CANARY, "has to be a list"),
        (int, CANARY, "has to be a whole number"),
        (int, 1.5, "has to be a whole number"),
        (int, "9" * 5000, "has to be a whole number"),
        (float, CANARY, "has to be a number"),
        (Decimal, CANARY, "has to be a number"),
        (Annotated[Decimal, Field(decimal_places=2)], "1.234", "may have at most 2 decimal places"),
        (bool, CANARY, "has to be true or false"),
        (Annotated[int, Field(ge=1)], 0, "has to be at least 1"),
        (Annotated[int, Field(le=200)], 201, "has to be at most 200"),
        (Annotated[int, Field(gt=1)], 1, "has to be more than 1"),
        (Annotated[int, Field(lt=1)], 1, "has to be less than 1"),
        (Colour, CANARY, "has to be red or blue"),
        (Literal["on", "off"], CANARY, "has to be on or off"),
        (Literal["off", "on", "auto"], CANARY, "has to be off, on or auto"),
        (UUID, CANARY, "has to be a UUID"),
        (datetime, CANARY, "has to be a time with an offset, like 2024-05-17T12:30:00Z"),
        (AwareDatetime, "2024-05-17T12:30:00", "has to be a time with an offset, like 2024-05-17T"),
        (date, CANARY, "has to be a day, like 2024-05-17"),
        (dict[str, int], CANARY, "has to be a JSON object"),
        (Inner, CANARY, "has to be a JSON object"),
        (Inner, {}, "is missing"),
        (Inner, {"name": "a", CANARY: 1}, "unknown field"),
        (Inner, {"name": "taken"}, "is taken; choose another name"),
        (frozenset[int], CANARY, "is invalid"),
    ],
)
def test_a_rule_is_plain_and_names_no_value(type_: Any, value: object, rule: str) -> None:
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(type_).validate_python(value)
    assert first_rule(refused.value).startswith(rule)
    assert CANARY not in first_rule(refused.value)


def test_no_other_module_shows_words_of_pydantic() -> None:
    ours = {"inbound/field_rules.py", "inbound/settings/complaints.py"}
    others = [
        str(path.relative_to(ROOT))
        for folder in ("inbound", "streams", "schemas")
        for path in (ROOT / folder).rglob("*.py")
        if '["msg"]' in (source := path.read_text("utf-8")) or "['msg']" in source
    ]
    assert set(others) == ours
