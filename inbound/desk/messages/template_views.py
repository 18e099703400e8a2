"""Sample values of templates, and differences between versions, for pages. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import SequenceMatcher
from typing import Final

from inbound.orders.templates.definition import TemplateDefinition
from inbound.orders.templates.fields import FieldDefinition, FieldType, TemplateLanguage

LANGUAGES: Final[Mapping[str, str]] = {
    TemplateLanguage.RUSSIAN: "Russian",
    TemplateLanguage.ENGLISH: "English",
}
"""The languages, as keys of words."""

POLICIES: Final[Mapping[str, str]] = {
    "drop": "It is not sent again",
    "resend": "It is sent again, perhaps twice",
}
"""What is done about a message with an unknown outcome, as keys of words."""

_SAMPLES: Final[Mapping[FieldType, str]] = {
    FieldType.CODE: "AB-4711",
    FieldType.INTEGER: "4711",
    FieldType.DECIMAL: "12.50",
    FieldType.TIME: "18:30",
}
_TOKEN: Final = re.compile(r"\{[^{}]*\}|\w+|\s+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class DiffSpan:
    """A stretch of two versions: `kind` is `same`, `out` of the older or `into` the newer."""

    kind: str
    text: str


def sample_of(name: str, field: FieldDefinition, today: date) -> str:
    """Return a value that a field takes."""
    if field.type is FieldType.DATE:
        return f"{today:%d.%m.%Y}"
    sample = name if field.type is FieldType.TEXT else _SAMPLES[field.type]
    return sample[: field.max_length] if field.max_length else sample


def samples_of(definition: TemplateDefinition, today: date) -> dict[str, str]:
    """Return a value for each field."""
    return {name: sample_of(name, field, today) for name, field in definition.fields.items()}


def changes_of(before: str, after: str) -> list[DiffSpan]:
    """Return a text word by word, with what was removed and added."""
    old, new = _TOKEN.findall(before), _TOKEN.findall(after)
    return list(_changes(old, new))


def _changes(old: list[str], new: list[str]) -> Iterator[DiffSpan]:
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for kind, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        if kind == "equal":
            yield DiffSpan("same", "".join(old[old_from:old_to]))
            continue
        if old_to > old_from:
            yield DiffSpan("out", "".join(old[old_from:old_to]))
        if new_to > new_from:
            yield DiffSpan("into", "".join(new[new_from:new_to]))
