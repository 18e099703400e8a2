"""The templates that commands name, and the fields that they give them."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from inbound.cli._database import open_database
from inbound.errors import SetupError
from inbound.settings import Settings
from inbound.wording import both

if TYPE_CHECKING:
    import psycopg

    from inbound.orders.templates.definition import TemplateDefinition
    from inbound.store.orders.templates import TemplateVersion

APPLICATION_NAME: Final = "scserv templates"


def find_template(
    connection: "psycopg.Connection", name: str, version: int | None = None
) -> "TemplateVersion":
    """Return a version of a template, the newest by default. Blocks. Raises SetupError."""
    from inbound.store.orders.templates import list_versions

    found = list_versions(connection, name)
    if not found:
        raise SetupError(
            both(
                "NAME: there is no template {name!r}; `scserv templates list` shows the templates",
                "NAME: шаблона {name} нет; `scserv templates list` покажет шаблоны",
                name=name,
            )
        )
    wanted = [one for one in found if version in (None, one.version)]
    if not wanted:
        raise SetupError(
            both(
                "--version: {name} has the versions 1 to {last}",
                "--version: у {name} есть версии с 1 по {last}",
                name=name,
                last=found[0].version,
            )
        )
    return wanted[0]


def definition_of(found: "TemplateVersion") -> "TemplateDefinition":
    """Return the definition of a version: its texts and fields."""
    from inbound.orders.templates.definition import TemplateDefinition

    return TemplateDefinition.model_validate_json(found.definition)


def split_fields(fields: Sequence[str]) -> dict[str, str]:
    """Return the names and values of `KEY=VALUE` options. Raises SetupError."""
    values: dict[str, str] = {}
    for field in fields:
        key, sign, value = field.partition("=")
        if not sign or not key:
            raise SetupError(both("--field: write KEY=VALUE", "--field: напишите ПОЛЕ=ЗНАЧЕНИЕ"))
        if key in values:
            raise SetupError(
                both(
                    "--field {key}: is given twice; give it once",
                    "--field {key}: задано дважды; задайте один раз",
                    key=key,
                )
            )
        values[key] = value
    return values


def require_fields(settings: Settings, name: str, fields: Iterable[str]) -> None:
    """Raise SetupError if a template that exists lacks one of these fields. Blocks."""
    from inbound.store.orders.templates import list_versions

    with open_database(settings, APPLICATION_NAME) as connection:
        versions = list_versions(connection, name)
    if versions:
        check_fields(fields, definition_of(versions[0]), name)


def check_fields(fields: Iterable[str], definition: "TemplateDefinition", name: str) -> None:
    """Raise SetupError if the template has no field of one of these names."""
    for key in fields:
        if key not in definition.fields:
            known: str = ", ".join(definition.fields) or both("none", "нет")
            raise SetupError(
                both(
                    "--field {key}: the template {name} has no such field; its fields: {known}",
                    "--field {key}: в шаблоне {name} нет такого поля; его поля: {known}",
                    key=key,
                    name=name,
                    known=known,
                )
            )
