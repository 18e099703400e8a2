"""`scserv templates`: the texts of notifications and broadcasts, by language and in versions."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import click
from pydantic import TypeAdapter, ValidationError

from inbound.cli._context import service_settings_options
from inbound.cli._database import open_database
from inbound.cli._language import speak_both
from inbound.cli._named_templates import (
    APPLICATION_NAME,
    check_fields,
    definition_of,
    find_template,
    split_fields,
)
from inbound.cli._os_user import os_user
from inbound.cli._template_options import (
    EXAMPLE,
    LANGUAGES,
    checked_definition,
    definition_options,
    given_definition,
)
from inbound.errors import SetupError
from inbound.settings import Settings
from inbound.terminal import echo, echo_json
from inbound.wording import both
from schemas.orders import TemplateName

if TYPE_CHECKING:
    from inbound.orders.templates.definition import TemplateDefinition

_NAME: Final[TypeAdapter[str]] = TypeAdapter(TemplateName)


@click.group
def templates() -> None:
    """Manage the templates of notifications and broadcasts."""


@templates.command(epilog=EXAMPLE)
@click.argument("name")
@definition_options
@service_settings_options
def create(settings: Settings, name: str, **options: Any) -> None:  # noqa: ANN401
    """Create the template NAME from --file, or from --ru, --en and --field."""
    from inbound.cli._templates_view import parts_lines
    from inbound.store.orders.templates import add_template

    _check_name(name)
    definition = checked_definition(settings, given_definition(options, None))
    with open_database(settings, APPLICATION_NAME) as connection:
        if not add_template(connection, name, _as_json(definition), actor=os_user()):
            raise SetupError(
                both(
                    "NAME: a template {name} exists; `scserv templates change {name}` makes a new "
                    "version of it",
                    "NAME: шаблон {name} уже есть; `scserv templates change {name}` создаст новую "
                    "версию",
                    name=name,
                )
            )
    echo(
        both("created {name}, version 1", "создан {name}, версия 1", name=name),
        *parts_lines(definition, settings),
    )


@templates.command(epilog=EXAMPLE)
@click.argument("name")
@definition_options
@service_settings_options
def change(settings: Settings, name: str, **options: Any) -> None:  # noqa: ANN401
    """Make a new version of the template NAME. Orders use it from now on.

    --file has everything. Other options change what they name, and the rest stays; --field names
    all fields.
    """
    from inbound.cli._templates_view import parts_lines
    from inbound.store.orders.templates import add_version

    with open_database(settings, APPLICATION_NAME) as connection:
        newest = definition_of(find_template(connection, name))
        definition = checked_definition(settings, given_definition(options, newest))
        version = add_version(connection, name, _as_json(definition), actor=os_user())
    if version is None:
        echo(both("{name} is like that already", "{name} уже такой", name=name))
    else:
        changed = both(
            "changed {name}, version {version}",
            "изменён {name}, версия {version}",
            name=name,
            version=version,
        )
        echo(changed, *parts_lines(definition, settings))


@templates.command("list")
@click.option("--all", "all_", is_flag=True, help="Retired ones, too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@service_settings_options
def list_(settings: Settings, *, all_: bool, as_json: bool) -> None:
    """Show every template in a line: name, newest version, languages, fields, SMS parts."""
    from inbound.cli._templates_view import template_line, template_object
    from inbound.store.orders.templates import list_versions

    with open_database(settings, APPLICATION_NAME) as connection:
        versions = list_versions(connection)
    newest = {one.name: one for one in reversed(versions)}
    shown = [one for one in newest.values() if all_ or one.retired_at is None]
    for one in sorted(shown, key=lambda one: one.name):
        if as_json:
            echo_json(template_object(one, definition_of(one), settings))
        else:
            echo(template_line(one, definition_of(one), settings))
    if not shown and not as_json:
        none_yet = both(
            "no templates yet; create one with `scserv templates create`",
            "шаблонов пока нет; создайте: `scserv templates create`",
        )
        retired = both(
            "all templates are retired; `scserv templates list --all` shows them",
            "все шаблоны сняты с использования; `scserv templates list --all` покажет их",
        )
        echo(retired if newest else none_yet)


@templates.command()
@click.argument("name")
@click.option("--version", type=click.IntRange(1), help="Not the newest one, but this.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@service_settings_options
def show(settings: Settings, name: str, version: int | None, *, as_json: bool) -> None:
    """Show the template NAME: its texts and fields, and the SMS parts of the longest case."""
    from inbound.cli._templates_view import template_lines, template_object

    with open_database(settings, APPLICATION_NAME) as connection:
        found = find_template(connection, name, version)
    if as_json:
        echo_json(template_object(found, definition_of(found), settings))
    else:
        echo(*template_lines(found, definition_of(found), settings))


@templates.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@service_settings_options
def versions(settings: Settings, name: str, *, as_json: bool) -> None:
    """Show all versions of the template NAME, the newest first. They never change."""
    from inbound.cli._templates_view import template_object, version_line
    from inbound.store.orders.templates import list_versions

    with open_database(settings, APPLICATION_NAME) as connection:
        find_template(connection, name)
        found = list_versions(connection, name)
    for one in found:
        if as_json:
            echo_json(template_object(one, definition_of(one), settings))
        else:
            echo(version_line(one, definition_of(one), settings.time_zone))


@templates.command()
@click.argument("name")
@click.option("--field", "fields", metavar="KEY=VALUE", multiple=True, help="A field. Repeatable.")
@click.option("--lang", "language", type=click.Choice(LANGUAGES), help="Only this language.")
@click.option("--version", type=click.IntRange(1), help="Not the newest one, but this.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@service_settings_options
def preview(
    settings: Settings,
    name: str,
    fields: Sequence[str],
    language: str | None,
    version: int | None,
    *,
    as_json: bool,
) -> None:
    """Show the text as it would be sent, with its characters and SMS parts.

    Without --field it shows the longest case: every field as long as it may be.
    """
    from inbound.cli._templates_view import preview_lines, preview_object
    from inbound.orders.templates.fields import FieldError, TemplateLanguage

    with open_database(settings, APPLICATION_NAME) as connection:
        definition = definition_of(find_template(connection, name, version))
    values = split_fields(fields)
    check_fields(values, definition, name)
    for one in definition.texts if language is None else (TemplateLanguage(language),):
        if one not in definition.texts:
            raise SetupError(
                both(
                    "--lang: the template {name} has no text in {language}",
                    "--lang: в шаблоне {name} нет текста на языке {language}",
                    name=name,
                    language=one.value,
                )
            )
        try:
            text = definition.render(values, one).text if values else definition.longest(one)
        except FieldError as error:
            raise SetupError(f"--field: {error}") from error
        if as_json:
            echo_json(preview_object(one, text, settings))
        else:
            echo(*preview_lines(one, text, settings))


@templates.command()
@click.argument("name")
@service_settings_options
def retire(settings: Settings, name: str) -> None:
    """Retire the template NAME: no new order can use it. What was sent with it stays known."""
    from inbound.store.orders.templates import retire_template

    with open_database(settings, APPLICATION_NAME) as connection:
        find_template(connection, name)
        retired = retire_template(connection, name, actor=os_user())
    done = both("retired {name}", "{name} снят с использования", name=name)
    already = both("{name} was retired already", "{name} уже снят с использования", name=name)
    echo(done if retired else already)


@templates.command()
@click.argument("name")
@service_settings_options
def restore(settings: Settings, name: str) -> None:
    """Let orders use the retired template NAME again."""
    from inbound.store.orders.templates import restore_template

    with open_database(settings, APPLICATION_NAME) as connection:
        find_template(connection, name)
        restored = restore_template(connection, name, actor=os_user())
    done = both("restored {name}", "{name} снова используется", name=name)
    already = both("{name} is in use already", "{name} и так используется", name=name)
    echo(done if restored else already)


def _as_json(definition: "TemplateDefinition") -> str:
    return definition.model_dump_json(exclude_none=True)


def _check_name(name: str) -> None:
    try:
        _NAME.validate_python(name)
    except ValidationError:
        raise SetupError(
            both(
                "NAME: {name!r} can't name a template; use up to 64 small Latin letters, digits, "
                "dots, dashes and underscores",
                "NAME: {name} не подходит как имя шаблона; допустимы до 64 строчных латинских "
                "букв, цифр, точек, дефисов и подчёркиваний",
                name=name,
            )
        ) from None


speak_both([templates])
