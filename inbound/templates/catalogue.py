"""Loads, checks and renders the texts of the replies.

A bad text is refused at start: an unknown field, or a text that could need more parts than
it may. Rendering can't fail on a template that was accepted.

An operator's file survives an upgrade and a downgrade. A missing template gets the built-in text,
and one that this release doesn't send is left out; both are logged.
"""

import logging
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from inbound.directory.port import FIELD_LIMITS
from inbound.errors import SetupError
from inbound.field_rules import rule_of
from inbound.handlers.definitions import TEMPLATE_FIELDS
from inbound.templates.placeholders import PlaceholderError, PlaceholderText, parse_text
from schemas.events import Plan, is_announced

log = logging.getLogger(__name__)

BUILT_IN: Final = "inbound/templates/default.toml"

# Nothing sends these yet, so a file that lacks them lacks nothing.
_ANNOUNCED: Final = frozenset(plan.value for plan in Plan if is_announced(plan))

# The widest character of a field: outside GSM 03.38, so that it counts as UCS-2.
_WIDEST = "Ж"


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str = Field(min_length=1)
    max_parts: int = Field(ge=1, le=255)
    unknown: Literal["resend", "drop"]


@dataclass(frozen=True, slots=True)
class Template:
    """One accepted text."""

    name: str
    text: str
    parsed: PlaceholderText
    max_parts: int
    resend_unknown: bool

    def render(self, fields: Mapping[str, str]) -> str:
        """Return the text with its fields filled in."""
        return self.parsed.render(fields)


class Catalogue:
    """The templates of a service by name, each checked."""

    def __init__(self, templates: Mapping[str, Template]) -> None:
        self._templates = templates

    def __getitem__(self, name: str) -> Template:
        """Return the template of that name; KeyError when there is none."""
        return self._templates[name]

    def __contains__(self, name: str) -> bool:
        return name in self._templates

    def __iter__(self) -> Iterator[str]:
        return iter(self._templates)

    def require_complete(self) -> None:
        """Raise `SetupError` unless every reply has its template."""
        if missing := [name for name in TEMPLATE_FIELDS if name not in self]:
            raise SetupError(f"{BUILT_IN}: add a template [{missing[0]}]")


def load_catalogue(path: Path | None, count_parts: Callable[[str], int]) -> Catalogue:
    """Read and check the templates of `path`; those that it lacks are the built-in ones.

    `count_parts` says how many SMS parts a text takes. Raises `SetupError` that names the
    file, the template and what to change.
    """
    built_in = _parse(files(__package__).joinpath("default.toml").read_text("utf-8"), BUILT_IN)
    own = _read(path) if path else {}
    templates = {}
    for name in TEMPLATE_FIELDS:
        if name in own:
            templates[name] = _template(name, own[name], str(path), count_parts)
        elif name in built_in:
            templates[name] = _template(name, built_in[name], BUILT_IN, count_parts)
            if path and name not in _ANNOUNCED:
                log.warning("%s has no template [%s]: the built-in text is sent", path, name)
    return Catalogue(templates)


def _read(path: Path) -> Mapping[str, object]:
    try:
        own = _parse(path.read_text("utf-8"), str(path))
    except OSError as error:
        raise SetupError(f"can't read the templates file {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SetupError(f"{path}: not a TOML file in UTF-8: {error}") from error
    for name in own:
        if name not in TEMPLATE_FIELDS:
            log.warning("%s: this release sends no template [%s], so it is ignored", path, name)
    return own


def _parse(source: str, where: str) -> Mapping[str, object]:
    try:
        return tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        raise SetupError(f"{where}: not a TOML file in UTF-8: {error}") from error


def _template(name: str, raw: object, where: str, count_parts: Callable[[str], int]) -> Template:
    try:
        entry = _Entry.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise SetupError(f"{where}: [{name}] {field}: {rule_of(first)}") from error
    parsed = _parsed_text(name, entry.text, where)
    parts = count_parts(
        parsed.render({field: _WIDEST * FIELD_LIMITS[field] for field in parsed.fields})
    )
    if parts > entry.max_parts:
        raise SetupError(
            f"{where}: [{name}] could need {parts} SMS parts and may have {entry.max_parts}: "
            "shorten its text or raise max_parts"
        )
    return Template(name, entry.text, parsed, entry.max_parts, entry.unknown == "resend")


def _parsed_text(name: str, text: str, where: str) -> PlaceholderText:
    try:
        parsed = parse_text(text)
        parsed.require_fields(TEMPLATE_FIELDS[name])
    except PlaceholderError as error:
        raise SetupError(f"{where}: [{name}] text: {error}") from error
    return parsed
