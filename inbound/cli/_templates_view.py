"""Formats templates of orders."""

from collections.abc import Iterator
from typing import Final

from inbound.cli._times import local
from inbound.orders.templates.definition import TemplateDefinition
from inbound.orders.templates.fields import SHOWN, TemplateLanguage
from inbound.settings import Settings
from inbound.smpp.segmentation import measure
from inbound.store.orders.templates import TemplateVersion
from inbound.wording import Bilingual, both, counted_both

_NAMES: Final = {
    TemplateLanguage.RUSSIAN: both("Russian", "русский"),
    TemplateLanguage.ENGLISH: both("English", "английский"),
}


def template_line(
    found: TemplateVersion, definition: TemplateDefinition, settings: Settings
) -> str:
    """Return a template in a line."""
    languages = ", ".join(definition.texts)
    fields: str = ", ".join(definition.fields) or both("none", "нет")
    parts = max(_most_parts(definition, settings).values())
    retired = both(", retired", ", снят") if found.retired_at is not None else ""
    return both(
        "{name}  version {version}{retired}, {languages}, fields: {fields}, up to {parts}",
        "{name}  версия {version}{retired}, {languages}, поля: {fields}, до {parts}",
        name=found.name,
        version=found.version,
        retired=retired,
        languages=languages,
        fields=fields,
        parts=_up_to(parts),
    )


def template_lines(
    found: TemplateVersion, definition: TemplateDefinition, settings: Settings
) -> Iterator[str]:
    """Yield the lines about a version."""
    yield version_line(found, definition, settings.time_zone)
    most = _most_parts(definition, settings)
    for language, text in definition.texts.items():
        is_first = language is definition.default_language
        yield both(
            "{language}{first}, up to {parts}:",
            "{language}{first}, до {parts}:",
            language=_NAMES[language],
            first=both(", also for an unknown language", ", также если язык неизвестен")
            if is_first
            else "",
            parts=_up_to(most[language]),
        )
        yield f"  {text}"
    for name, field in definition.fields.items():
        length = ""
        if field.max_length is not None:
            length = both(
                ", up to {most} characters", ", знаков не больше {most}", most=field.max_length
            )
        yield both(
            "field {name}: {type}{length}",
            "поле {name}: {type}{length}",
            name=name,
            type=SHOWN[field.type],
            length=length,
        )
    resends = definition.unknown == "resend"
    yield both(
        "max_parts {most}, after an unknown outcome: {unknown}",
        "max_parts {most}, если исход неизвестен: {unknown}",
        most=definition.max_parts,
        unknown=both(definition.unknown, "отправить снова" if resends else "больше не отправлять"),
    )


def version_line(found: TemplateVersion, definition: TemplateDefinition, zone: str) -> str:
    """Return a version in a line."""
    retired = ""
    if found.retired_at is not None:
        retired = both(
            "; retired by {by}, {at}",
            "; снят: {by}, {at}",
            by=found.retired_by,
            at=local(found.retired_at, zone, seconds=False),
        )
    languages = ", ".join(definition.texts)
    when = local(found.created_at, zone, seconds=False)
    return both(
        "{name} version {version}, {languages}, by {by}, {when}{retired}",
        "{name}, версия {version}, {languages}, автор {by}, {when}{retired}",
        name=found.name,
        version=found.version,
        languages=languages,
        by=found.created_by,
        when=when,
        retired=retired,
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
        yield both(
            "{language}: up to {parts}",
            "{language}: до {parts}",
            language=_NAMES[language],
            parts=_up_to(most),
        )


def preview_object(language: TemplateLanguage, text: str, settings: Settings) -> dict[str, object]:
    """Return a rendered text for JSON."""
    size = measure(text, settings.smpp.alphabet)
    return {
        "language": language.value,
        "text": text,
        "encoding": size.encoding,
        "characters": size.units,
        "parts": size.parts,
    }


def preview_lines(language: TemplateLanguage, text: str, settings: Settings) -> Iterator[str]:
    """Yield a rendered text and its size."""
    size = measure(text, settings.smpp.alphabet)
    yield both(
        "{language}, {parts}, {encoding}, {used} of {room} characters:",
        "{language}, {parts}, {encoding}, знаков: {used} из {room}:",
        language=_NAMES[language],
        parts=counted_both(
            size.parts, ("SMS part", "SMS parts"), ("часть СМС", "части СМС", "частей СМС")
        ),
        encoding=size.encoding,
        used=size.units,
        room=size.room,
    )
    yield f"  {text}"


def _up_to(parts: int) -> Bilingual:
    """Return SMS parts as a limit is told."""
    return counted_both(parts, ("SMS part", "SMS parts"), ("части СМС", "частей СМС", "частей СМС"))


def _most_parts(definition: TemplateDefinition, settings: Settings) -> dict[TemplateLanguage, int]:
    def count(text: str) -> int:
        return measure(text, settings.smpp.alphabet).parts

    return {language: definition.most_parts(language, count) for language in definition.texts}
