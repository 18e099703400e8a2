"""The definition of an order template: its texts by language, and their fields. Pure.

A definition is checked when it is made: every placeholder is a field, and no text can need more
SMS parts than it may, whatever its fields hold. So rendering fails only for a value that doesn't
fit its field.
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from inbound.errors import SetupError
from inbound.field_rules import rule_of
from inbound.orders.templates.fields import FieldDefinition, FieldError, FieldType, TemplateLanguage
from inbound.templates.placeholders import PlaceholderError, PlaceholderText, parse_text
from schemas.orders import LONGEST_TEXT, MOST_FIELDS
from schemas.texts import check_text, is_blank

MOST_PARTS: Final = 8

# UCS-2 units that fit in a part of several, if no surrogate pair is cut: 67, or one less.
_UNITS_ALONE: Final = 70
_UNITS_AT_LEAST: Final = 66

CountParts = Callable[[str], int]
"""Returns how many SMS parts a text needs."""

TemplateText = Annotated[
    str, Field(min_length=1, max_length=LONGEST_TEXT), AfterValidator(check_text)
]


@dataclass(frozen=True, slots=True)
class Rendered:
    """A text, and the language of its variant."""

    text: str
    language: TemplateLanguage


class TemplateDefinition(BaseModel):
    """The content of a template version. The first text is for people of unknown language."""

    # Tolerant of unknown keys: another release may have stored it.
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    texts: dict[TemplateLanguage, TemplateText] = Field(min_length=1)
    fields: dict[str, FieldDefinition] = Field(default_factory=dict, max_length=MOST_FIELDS)
    max_parts: int = Field(default=MOST_PARTS, ge=1, le=MOST_PARTS)
    unknown: Literal["resend", "drop"] = "drop"

    @model_validator(mode="after")
    def _check_placeholders(self) -> Self:
        used: set[str] = set()
        for language, text in self.texts.items():
            try:
                parsed = parse_text(text)
                parsed.require_fields(self.fields)
            except PlaceholderError as error:
                raise ValueError(f"texts.{language.value}: {error}") from None
            used.update(parsed.fields)
        if unused := [name for name in self.fields if name not in used]:
            raise ValueError(f"fields.{unused[0]}: no text has {{{unused[0]}}}; remove the field")
        return self

    @cached_property
    def parsed(self) -> Mapping[TemplateLanguage, PlaceholderText]:
        """The texts, parsed."""
        return {language: parse_text(text) for language, text in self.texts.items()}

    @property
    def default_language(self) -> TemplateLanguage:
        """The language for people whose language is unknown or has no text."""
        return next(iter(self.texts))

    def render(self, values: Mapping[str, str], language: str | None) -> Rendered:
        """Return the text in a language, or in the default one. Values of no field are ignored.

        Raises FieldError that names the field.
        """
        chosen = self.default_language
        if language in self.texts:
            chosen = TemplateLanguage(language)
        text = self.parsed[chosen]
        filled = {name: self._value(name, values, chosen) for name in text.fields}
        return Rendered(text.render(filled), chosen)

    def longest(self, language: TemplateLanguage) -> str:
        """Return a text of this language with every field at its longest."""
        text = self.parsed[language]
        return text.render({name: self.fields[name].longest(language) for name in text.fields})

    def most_parts(self, language: TemplateLanguage, count_parts: CountParts) -> int:
        """Return the most SMS parts that the text of a language can need."""
        longest = self.longest(language)
        parts = count_parts(longest)
        units = len(longest.encode("utf-16-le")) // 2
        # Where surrogate pairs are cut depends on the lengths of the values.
        if units > _UNITS_ALONE and (units > len(longest) or self._takes_any_text(language)):
            parts = max(parts, -(-units // _UNITS_AT_LEAST))
        return parts

    def _takes_any_text(self, language: TemplateLanguage) -> bool:
        return any(
            self.fields[name].type is FieldType.TEXT for name in self.parsed[language].fields
        )

    def require_parts(self, count_parts: CountParts) -> None:
        """Raise SetupError if a text could need more SMS parts than it may."""
        for language in self.texts:
            if (parts := self.most_parts(language, count_parts)) > self.max_parts:
                raise SetupError(
                    f"texts.{language.value}: it could need {parts} SMS parts and may have "
                    f"{self.max_parts}: shorten it or its fields, or raise max_parts (8 at most)"
                )

    def _value(self, name: str, values: Mapping[str, str], language: TemplateLanguage) -> str:
        if name not in values:
            raise FieldError(f"the field {name} is missing", name, is_missing=True)
        try:
            return self.fields[name].render(values[name], language)
        except FieldError as error:
            raise FieldError(f"the field {name} {error}", name) from None


def check_definition(values: Mapping[str, Any], count_parts: CountParts) -> TemplateDefinition:
    """Return a definition that can be used.

    Raises SetupError, which says what is wrong and where.
    """
    _refuse_unknown(values, TemplateDefinition, "")
    fields = values.get("fields")
    for name, field in fields.items() if isinstance(fields, dict) else ():
        if isinstance(field, dict):
            _refuse_unknown(field, FieldDefinition, f"fields.{name}.")
    try:
        definition = TemplateDefinition.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"] if part != "[key]")
        what = rule_of(first)
        raise SetupError(f"{where}: {what}" if where else what) from None
    for language, text in definition.texts.items():
        if is_blank(text):  # not in the model: what is stored can be read
            raise SetupError(f"texts.{language.value}: has no visible character")
    definition.require_parts(count_parts)
    return definition


def _refuse_unknown(values: Mapping[str, Any], model: type[BaseModel], where: str) -> None:
    for name in values:
        if name not in model.model_fields:
            known = ", ".join(model.model_fields)
            raise SetupError(f"{where}{name}: unknown; what may stand here: {known}")


def read_toml(source: bytes, where: str) -> dict[str, Any]:
    """Return the content of a TOML file. Raises SetupError, which names the file."""
    try:
        return tomllib.loads(source.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SetupError(f"{where}: not a TOML file in UTF-8: {error}") from error
