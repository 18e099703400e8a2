"""The form of a template: what was typed, what is wrong with it, and the definition it means. Pure.

Fields follow from the texts: each placeholder is one, and its type and length are asked for.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from inbound.desk.messages.send_forms import wrong, wrong_text
from inbound.desk.words import Sayable
from inbound.errors import SetupError
from inbound.orders.templates.definition import MOST_PARTS, TemplateDefinition, check_definition
from inbound.orders.templates.fields import LONGEST_FIELD, FieldType, TemplateLanguage
from inbound.smpp.segmentation import UnsendableTextError
from inbound.templates.placeholders import PlaceholderError, parse_text
from schemas.patterns import TEMPLATE
from schemas.texts import is_blank

TYPE: Final = "type."
LENGTH: Final = "length."
"""The prefix of the inputs of a field."""

POLICIES: Final = ("drop", "resend")
MOST_HERE: Final = 40
"""The most fields of a template that is written at the desk: a form has up to 100 inputs."""

_NAME: Final = re.compile(TEMPLATE)
_FIXED: Final = frozenset({FieldType.DATE, FieldType.TIME})
_USUAL_LENGTH: Final = "20"
_TOO_MANY: Final = 999


@dataclass(frozen=True, slots=True)
class TypedTemplate:
    """What was typed. `base` is the version that a new one follows, 0 for a new template."""

    name: str = ""
    texts: Mapping[TemplateLanguage, str] = field(default_factory=dict)
    first: str = TemplateLanguage.RUSSIAN.value
    max_parts: str = "2"
    unknown: str = POLICIES[0]
    types: Mapping[str, str] = field(default_factory=dict)
    lengths: Mapping[str, str] = field(default_factory=dict)
    base: int = 0

    def text(self, language: str) -> str:
        """Return the text of a language."""
        return self.texts.get(TemplateLanguage(language), "")

    @property
    def languages(self) -> list[TemplateLanguage]:
        """The languages that have a text, the one for people of unknown language first."""
        found = [one for one in TemplateLanguage if not is_blank(self.texts.get(one, ""))]
        return sorted(found, key=lambda one: one.value != self.first)

    @property
    def names(self) -> list[str]:
        """The names of the fields; if a brace is wrong, those that the form has already."""
        names: dict[str, None] = {}
        for language in self.languages:
            text = self.texts[language]
            try:
                names |= dict.fromkeys(parse_text(text).fields)
            except PlaceholderError:
                names |= dict.fromkeys(one for one in self.types if f"{{{one}}}" in text)
        return list(names)

    @property
    def has_bad_braces(self) -> bool:
        """Whether a brace is wrong, so that not all fields are known."""
        for language in self.languages:
            try:
                parse_text(self.texts[language])
            except PlaceholderError:
                return True
        return False

    @property
    def missing(self) -> Mapping[TemplateLanguage, list[str]]:
        """By language the fields that another text has and this one lacks."""
        found = {}
        for language in self.languages:
            try:
                own = set(parse_text(self.texts[language]).fields)
            except PlaceholderError:
                continue
            found[language] = [name for name in self.names if name not in own]
        return {language: names for language, names in found.items() if names}

    def type_of(self, name: str) -> FieldType:
        """Return the type of a field, any text for a new one."""
        chosen = self.types.get(name)
        return FieldType(chosen) if chosen in set(FieldType) else FieldType.TEXT

    def length_of(self, name: str) -> str:
        """Return the most characters of a field, as typed; a usual number for a new one."""
        return self.lengths.get(name, _USUAL_LENGTH)

    def is_fixed(self, name: str) -> bool:
        """Whether the values of a field have a length of their own."""
        return self.type_of(name) in _FIXED


def typed_in(sent: Mapping[str, str]) -> TypedTemplate:
    """Return the values of a form."""
    given = {
        name: sent[name].strip()
        for name in ("name", "first", "max_parts", "unknown")
        if name in sent
    }
    base = sent.get("base", "")
    return TypedTemplate(
        **given,
        texts={one: sent.get(one.value, "").replace("\r\n", "\n") for one in TemplateLanguage},
        types=_beginning(sent, TYPE),
        lengths=_beginning(sent, LENGTH),
        base=int(base) if base.isascii() and base.isdigit() and len(base) < 9 else 0,
    )


def typed_of(name: str, version: int, definition: TemplateDefinition) -> TypedTemplate:
    """Return the form of a new version of a template, as it is before anything is typed."""
    return TypedTemplate(
        name,
        definition.texts,
        definition.default_language.value,
        str(definition.max_parts),
        definition.unknown,
        {one: field.type.value for one, field in definition.fields.items()},
        {one: str(field.max_length or _USUAL_LENGTH) for one, field in definition.fields.items()},
        version,
    )


def problems_of(typed: TypedTemplate) -> dict[str, Sayable]:
    """Return what is wrong, as keys of words by the name of the input; nothing if all is right."""
    found: dict[str, Sayable] = {}
    if not _NAME.fullmatch(typed.name):
        found |= wrong(
            "name",
            "A name has up to 64 small Latin letters, digits, dots, dashes and underscores.",
        )
    if not typed.languages:
        found |= wrong("ru", "Write a text in at least one language.")
    for language in typed.languages:
        found |= _text(language.value, typed.texts[language])
    if len(typed.names) > MOST_HERE:
        return found | wrong("ru", "A template can have up to 40 fields here.")
    for name in typed.names:
        if not typed.is_fixed(name) and _length(typed.length_of(name)) is None:
            found |= wrong(LENGTH + name, "Write a number from 1 to 500.")
    return found


def definition_of(
    typed: TypedTemplate, count: Callable[[str], int]
) -> tuple[TemplateDefinition | None, dict[TemplateLanguage, int]]:
    """Return the definition, and how many parts each text can need.

    `typed` has no problems. None: a text may need more parts than it is allowed to.
    """
    values: dict[str, Any] = {
        "texts": {one.value: typed.texts[one] for one in typed.languages},
        "fields": {name: _field(typed, name) for name in typed.names},
        "unknown": typed.unknown if typed.unknown in POLICIES else POLICIES[0],
    }
    loose = TemplateDefinition.model_validate(values)
    parts = {language: _most(loose, language, count) for language in typed.languages}
    most = _length(typed.max_parts) or 1
    values["max_parts"] = min(most, MOST_PARTS)
    if any(one > values["max_parts"] for one in parts.values()):
        return None, parts
    try:
        return check_definition(values, count), parts
    except SetupError:
        return None, parts


def _most(
    definition: TemplateDefinition, language: TemplateLanguage, count: Callable[[str], int]
) -> int:
    try:
        return definition.most_parts(language, count)
    except UnsendableTextError:
        return _TOO_MANY


def _field(typed: TypedTemplate, name: str) -> dict[str, Any]:
    length = {} if typed.is_fixed(name) else {"max_length": _length(typed.length_of(name))}
    return {"type": typed.type_of(name).value, **length}


def _text(name: str, text: str) -> dict[str, Sayable]:
    if found := wrong_text(name, text):
        return found
    try:
        parse_text(text)
    except PlaceholderError:
        return wrong(
            name, "Check the braces: a field is {name}, and a brace itself is written {{ or }}."
        )
    return {}


def _length(typed: str) -> int | None:
    typed = typed.strip()
    if not (typed.isascii() and typed.isdigit() and len(typed) < 5):
        return None
    return int(typed) if 1 <= int(typed) <= LONGEST_FIELD else None


def _beginning(sent: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {
        name.removeprefix(prefix): value.strip()
        for name, value in sent.items()
        if name.startswith(prefix)
    }
