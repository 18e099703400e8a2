"""The options of `scserv templates create` and `change` that define a template."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from inbound.errors import SetupError
from inbound.settings import Settings

if TYPE_CHECKING:
    from inbound.orders.templates.definition import TemplateDefinition

LANGUAGES: Final = ("ru", "en")
LARGEST_FILE: Final = 100_000

EXAMPLE: Final = """\b
The FILE is TOML. The first text is for people whose language is unknown.
    max_parts = 2          # SMS parts at most, with the longest values; 8 without it
    unknown = "drop"       # or "resend", if the SMS centre never answered
    [texts]
    ru = "Заявка {ticket} выполнена {day}."
    en = "Request {ticket} was completed on {day}."
    [fields.ticket]
    type = "code"          # text, code, integer, decimal, date or time
    max_length = 10        # not for date and time
    [fields.day]
    type = "date"
"""


def definition_options(command: Any) -> Any:  # noqa: ANN401 — as click decorates
    """Add the options that say what a template is."""
    for option in (
        click.option("--unknown", type=click.Choice(["resend", "drop"]), help="As in the file."),
        click.option("--max-parts", type=click.IntRange(1, 8), help="As in the file."),
        click.option(
            "--field",
            "fields",
            metavar="NAME:TYPE[:MAX_LENGTH]",
            multiple=True,
            help="A field, such as ticket:code:10 or day:date. Repeatable.",
        ),
        click.option("--en", metavar="TEXT", help="The English text."),
        click.option("--ru", metavar="TEXT", help="The Russian text."),
        click.option(
            "--file",
            type=click.Path(path_type=Path, dir_okay=False),
            help="A TOML file with everything, instead of the other options.",
        ),
    ):
        command = option(command)
    return command


def given_definition(
    options: dict[str, Any], newest: "TemplateDefinition | None"
) -> dict[str, Any]:
    """Return what the options say, on top of the newest version."""
    file = options.pop("file")
    if file is not None:
        if any(value not in (None, ()) for value in options.values()):
            raise SetupError("--file has everything: leave the other options out")
        return _read(file)
    values = newest.model_dump(mode="json", exclude_none=True) if newest is not None else {}
    texts = {one: options[one] for one in LANGUAGES if options[one] is not None}
    if texts or newest is not None:
        values["texts"] = {**values.get("texts", {}), **texts}
    else:
        raise SetupError("give a text with --ru or --en, or a --file")
    if options["fields"]:
        values["fields"] = _fields(options["fields"])
    given = {name: options[name] for name in ("max_parts", "unknown") if options[name] is not None}
    return values | given


def _read(file: Path) -> dict[str, Any]:
    from inbound.orders.templates.definition import read_toml

    try:
        with file.open("rb") as opened:
            source = opened.read(LARGEST_FILE + 1)
    except OSError as error:
        raise SetupError(f"--file {file}: can't be read: {error.strerror}") from error
    if len(source) > LARGEST_FILE:
        raise SetupError(f"--file {file}: larger than {LARGEST_FILE:,} bytes; it has one template")
    return read_toml(source, f"--file {file}")


def _fields(texts: Sequence[str]) -> dict[str, dict[str, Any]]:
    fields: dict[str, dict[str, Any]] = {}
    for name, field in map(_field, texts):
        if name in fields:
            raise SetupError(f"--field {name}: is given twice; give it once")
        fields[name] = field
    return fields


def _field(text: str) -> tuple[str, dict[str, Any]]:
    name, *rest = text.split(":")
    if not name or len(rest) not in {1, 2} or (len(rest) == 2 and not rest[1].isdecimal()):
        raise SetupError(f"--field {text}: write NAME:TYPE:MAX_LENGTH, or NAME:date or NAME:time")
    length = {"max_length": int(rest[1])} if len(rest) == 2 else {}
    return name, {"type": rest[0], **length}


def checked_definition(settings: Settings, values: dict[str, Any]) -> "TemplateDefinition":
    """Return the definition, if it can be used. Raises SetupError."""
    from inbound.orders.templates.definition import check_definition
    from inbound.smpp.segmentation import part_count

    return check_definition(values, lambda text: part_count(text, settings.smpp.alphabet))
