"""Loading, checking and rendering the reply texts.

Everything that could go wrong with a text goes wrong at start: an unknown field, a
missing template, a text that could need more parts than it may. Rendering later can't
fail on a template that was accepted.
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Formatter
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from inbound.directory.port import FIELD_LIMITS
from inbound.errors import SetupError

REQUIRED: Mapping[str, frozenset[str]] = {
    "acknowledgement": frozenset(),
    "registration": frozenset({"personal_code", "login", "password"}),
    "stopped": frozenset(),
    "started": frozenset(),
    "unknown_number": frozenset(),
    "info_stale": frozenset(),
}
"""The templates that the service sends, and the fields each may use."""

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
    max_parts: int
    resend_unknown: bool

    def render(self, fields: Mapping[str, str]) -> str:
        """Return the text with its fields put in."""
        return self.text.format_map(fields)


class Catalogue:
    """All templates of a service, each checked."""

    def __init__(self, templates: Mapping[str, Template]) -> None:
        self._templates = templates

    def __getitem__(self, name: str) -> Template:
        """Return the template of that name; KeyError when there is none."""
        return self._templates[name]

    def __contains__(self, name: str) -> bool:
        return name in self._templates


def load_catalogue(path: Path | None, count_parts: Callable[[str], int]) -> Catalogue:
    """Read and check the templates of `path`, or the built-in ones when it is None.

    `count_parts` says how many SMS parts a text takes. Raises `SetupError` that names the
    file, the template and what to change.
    """
    where = str(path) if path else "the built-in templates"
    try:
        source = path.read_text("utf-8") if path else _built_in()
        raw = tomllib.loads(source)
    except OSError as error:
        raise SetupError(f"can't read the templates file {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SetupError(f"{where}: not a TOML file in UTF-8: {error}") from error
    _check_names(raw, where)
    return Catalogue({name: _template(name, raw[name], where, count_parts) for name in REQUIRED})


def _built_in() -> str:
    return files(__package__).joinpath("default.toml").read_text("utf-8")


def _check_names(raw: Mapping[str, Any], where: str) -> None:
    if missing := sorted(REQUIRED.keys() - raw.keys()):
        raise SetupError(f"{where}: template [{missing[0]}] is missing")
    if extra := sorted(raw.keys() - REQUIRED.keys()):
        raise SetupError(
            f"{where}: nothing sends a template [{extra[0]}]; there are {', '.join(REQUIRED)}"
        )


def _template(name: str, raw: object, where: str, count_parts: Callable[[str], int]) -> Template:
    try:
        entry = _Entry.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise SetupError(f"{where}: [{name}] {field}: {first['msg']}") from error
    longest = {field: _WIDEST * FIELD_LIMITS[field] for field in _fields(name, entry.text, where)}
    parts = count_parts(entry.text.format_map(longest))
    if parts > entry.max_parts:
        raise SetupError(
            f"{where}: [{name}] could need {parts} SMS parts and may have {entry.max_parts}: "
            "shorten its text or raise max_parts"
        )
    return Template(name, entry.text, entry.max_parts, entry.unknown == "resend")


def _fields(name: str, text: str, where: str) -> frozenset[str]:
    try:
        parsed = [(field, spec, conv) for _, field, spec, conv in Formatter().parse(text)]
    except ValueError as error:
        raise SetupError(f"{where}: [{name}] text: {error}; write a brace as {{{{ }}}}") from error
    fields = {field for field, _, _ in parsed if field is not None}
    if any(spec or conv for _, spec, conv in parsed):
        raise SetupError(f"{where}: [{name}] text: a field is a plain name in braces, as {{login}}")
    if unknown := sorted(fields - REQUIRED[name]):
        allowed = ", ".join(sorted(REQUIRED[name])) or "none"
        raise SetupError(
            f"{where}: [{name}] text: no field {{{unknown[0]}}} here; its fields are: {allowed}"
        )
    return frozenset(fields)
