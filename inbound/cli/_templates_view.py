"""How templates of orders are shown."""

from collections.abc import Iterator
from typing import Final

from inbound.cli._format import counted
from inbound.cli._times import local
from inbound.orders.templates.definition import TemplateDefinition
from inbound.orders.templates.fields import SHOWN, Language
from inbound.settings import Settings
from inbound.smpp.segmentation import measure
from inbound.store.orders.templates import TemplateVersion

_NAMES: Final = {Language.RUSSIAN: "Russian", Language.ENGLISH: "English"}


def template_line(
    found: TemplateVersion, definition: TemplateDefinition, settings: Settings
) -> str:
    """Return a template in a line."""
    languages = ", ".join(definition.texts)
    fields = ", ".join(definition.fields) or "none"
    parts = max(_most_parts(definition, settings).values())
    retired = ", retired" if found.retired_at is not None else ""
    return (
        f"{found.name}  version {found.version}{retired}, {languages}, fields: {fields}, "
        f"up to {counted(parts, 'SMS part')}"
    )


def template_lines(
    found: TemplateVersion, definition: TemplateDefinition, settings: Settings
) -> Iterator[str]:
    """Yield what there is to know about a version."""
    yield version_line(found, definition, settings.time_zone)
    most = _most_parts(definition, settings)
    for language, text in definition.texts.items():
        first = ", also for an unknown language" if language is definition.default_language else ""
        yield f"{_NAMES[language]}{first}, up to {counted(most[language], 'SMS part')}:"
        yield f"  {text}"
    for name, field in definition.fields.items():
        length = "" if field.max_length is None else f", up to {field.max_length} characters"
        yield f"field {name}: {SHOWN[field.type]}{length}"
    yield f"max_parts {definition.max_parts}, after an unknown outcome: {definition.unknown}"


def version_line(found: TemplateVersion, definition: TemplateDefinition, zone: str) -> str:
    """Return a version in a line."""
    retired = ""
    if found.retired_at is not None:
        retired = f"; retired by {found.retired_by}, {local(found.retired_at, zone, seconds=False)}"
    languages = ", ".join(definition.texts)
    when = local(found.created_at, zone, seconds=False)
    return (
        f"{found.name} version {found.version}, {languages}, by {found.created_by}, {when}{retired}"
    )


def template_object(
    found: TemplateVersion, definition: TemplateDefinition, settings: Settings
) -> dict[str, object]:
    """Return a version for JSON."""
    return {
        "name": found.name,
        "version": found.version,
        **definition.model_dump(mode="json"),
        "parts": {one.value: most for one, most in _most_parts(definition, settings).items()},
        "created_at": found.created_at,
        "created_by": found.created_by,
        "retired_at": found.retired_at,
        "retired_by": found.retired_by,
    }


def parts_lines(definition: TemplateDefinition, settings: Settings) -> Iterator[str]:
    """Yield how many SMS parts each text can need."""
    for language, most in _most_parts(definition, settings).items():
        yield f"{_NAMES[language]}: up to {counted(most, 'SMS part')}"


def preview_object(language: Language, text: str, settings: Settings) -> dict[str, object]:
    """Return a rendered text for JSON."""
    size = measure(text, settings.smpp.alphabet)
    return {
        "language": language.value,
        "text": text,
        "encoding": size.encoding,
        "characters": size.units,
        "parts": size.parts,
    }


def preview_lines(language: Language, text: str, settings: Settings) -> Iterator[str]:
    """Yield a rendered text and its size."""
    size = measure(text, settings.smpp.alphabet)
    yield (
        f"{_NAMES[language]}, {counted(size.parts, 'SMS part')}, {size.encoding}, "
        f"{size.units} of {size.room} characters:"
    )
    yield f"  {text}"


def _most_parts(definition: TemplateDefinition, settings: Settings) -> dict[Language, int]:
    def count(text: str) -> int:
        return measure(text, settings.smpp.alphabet).parts

    return {language: definition.most_parts(language, count) for language in definition.texts}
