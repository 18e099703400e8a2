"""The fields of order templates: their values, how these are written, and their length. Pure."""

import re
from datetime import date
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from inbound.wording import both
from schemas.texts import check_text, is_blank

LONGEST_FIELD: Final = 500

_CODE: Final = re.compile(r"[A-Za-z0-9_./#-]+")
_INTEGER: Final = re.compile(r"-?[0-9]+")
_DECIMAL: Final = re.compile(r"-?[0-9]+(?:[.,][0-9]+)?")
_TIME: Final = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DOTTED_DATE: Final = re.compile(r"([0-9]{2})\.([0-9]{2})\.([0-9]{4})")  # as it is sent in Russian
_MONTHS: Final = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)


class TemplateLanguage(StrEnum):
    """A language in which templates have a text."""

    RUSSIAN = "ru"
    ENGLISH = "en"


class FieldType(StrEnum):
    """The type of a field's value."""

    TEXT = "text"
    CODE = "code"
    INTEGER = "integer"
    DECIMAL = "decimal"
    DATE = "date"
    TIME = "time"


SHOWN: Final = {
    FieldType.TEXT: both("any text", "любой текст"),
    FieldType.CODE: both(
        "Latin letters, digits and _ . / # -", "латинские буквы, цифры и _ . / # -"
    ),
    FieldType.INTEGER: both("a whole number", "целое число"),
    FieldType.DECIMAL: both("a number like 12.50", "число, например 12.50"),
    FieldType.DATE: both(
        "a date like 2026-01-31 or 31.01.2026", "дата, например 2026-01-31 или 31.01.2026"
    ),
    FieldType.TIME: both("a time like 18:30", "время, например 18:30"),
}
"""What people read about each type."""

_OF_FIXED_LENGTH: Final = frozenset({FieldType.DATE, FieldType.TIME})


class FieldError(ValueError):
    """A value doesn't fit its field; str() says what would, and never repeats the value.

    `field` is its name once that is known, `is_missing` whether there is no value.
    """

    def __init__(self, text: str, field: str | None = None, *, is_missing: bool = False) -> None:
        super().__init__(text)
        self.field = field
        self.is_missing = is_missing


class FieldDefinition(BaseModel):
    """A field of a template.

    `max_length` is in UTF-16 units, as phones count: an emoji counts as two. Dates and times have
    a length of their own.
    """

    model_config = ConfigDict(frozen=True)

    type: FieldType = FieldType.TEXT
    max_length: Annotated[int, Field(ge=1, le=LONGEST_FIELD)] | None = None

    @model_validator(mode="after")
    def _check_length(self) -> Self:
        if (self.max_length is None) != (self.type in _OF_FIXED_LENGTH):
            needs = "has its own length: leave max_length out"
            if self.max_length is None:
                needs = "needs max_length, the most characters of a value"
            raise ValueError(f"a field of type {self.type.value} {needs}")
        return self

    def render(self, value: str, language: TemplateLanguage) -> str:
        """Return a value as the text of a language has it. Raises FieldError."""
        value = value.strip()
        if is_blank(value):
            raise FieldError("is empty")
        rendered = _rendered(self.type, value, language)
        units = len(rendered.encode("utf-16-le", "surrogatepass")) // 2
        if self.max_length is not None and units > self.max_length:
            raise FieldError(f"has {units} characters and may have {self.max_length}")
        return rendered

    def longest(self, language: TemplateLanguage) -> str:
        """Return a value that takes as much room as any."""
        match self.type:
            case FieldType.TEXT:
                return "Ж" * (self.max_length or 0)
            case FieldType.DATE:
                return _shown_date(date(2000, 12, 30), language)
            case FieldType.TIME:
                return "00:00"
            case _:
                return "0" * (self.max_length or 0)


def _rendered(type_: FieldType, value: str, language: TemplateLanguage) -> str:
    match type_:
        case FieldType.TEXT:
            try:
                return check_text(value)
            except ValueError as error:
                raise FieldError(f"can't be sent: {error}") from None
        case FieldType.DATE if _DATE.fullmatch(value) or _DOTTED_DATE.fullmatch(value):
            try:
                iso = _DOTTED_DATE.sub(r"\3-\2-\1", value)
                return _shown_date(date.fromisoformat(iso), language)
            except ValueError:
                raise FieldError("is no date of the calendar") from None
        case FieldType.DECIMAL if _DECIMAL.fullmatch(value):
            comma = language is TemplateLanguage.RUSSIAN
            return value.replace(".", ",") if comma else value.replace(",", ".")
        case FieldType.CODE if _CODE.fullmatch(value):
            return value
        case FieldType.INTEGER if _INTEGER.fullmatch(value):
            return value
        case FieldType.TIME if _TIME.fullmatch(value):
            return value
        case _:
            raise FieldError(f"has to be {SHOWN[type_]}")


def _shown_date(day: date, language: TemplateLanguage) -> str:
    if language is TemplateLanguage.RUSSIAN:
        return f"{day:%d.%m.%Y}"
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
