"""`scserv migrate`, `topics` and `settings`."""

import click
from pydantic import SecretStr

from inbound.cli._context import settings_options
from inbound.cli._format import counted
from inbound.settings import Settings, setting_variables
from inbound.terminal import echo


@click.command
@settings_options
def migrate(settings: Settings) -> None:
    """Create or upgrade the database schema. Safe to repeat."""
    from inbound.store.migrations.runner import migrate as apply_migrations

    settings.require("database_url")
    applied = apply_migrations(settings.database_url.get_secret_value())
    for name in applied:
        echo(f"applied {name}")
    if not applied:
        echo("the database is up to date")


@click.group
def topics() -> None:
    """Create and check the Kafka topics of the service."""


@topics.command("apply")
@settings_options
def apply_topics(settings: Settings) -> None:
    """Create missing topics and correct settings that differ. Safe to repeat."""
    from inbound.kafka import admin
    from schemas.topics import TopicNames

    report = admin.apply(
        settings.kafka(),
        TopicNames.prefixed(settings.topic_prefix).specs(settings.kafka_partitions),
        settings.kafka_replication_factor,
    )
    for name in report.created:
        echo(f"created {name}")
    for difference in report.altered:
        echo(f"corrected {difference}")
    if not report.created and not report.altered:
        echo(f"nothing to do: {counted(len(report.unchanged), 'topic')} up to date")


@click.command
def settings() -> None:
    """List every setting: variable, default, place in a TOML file, meaning.

    VARIABLE_FILE can hold the path of a file with the value, for secrets.
    """
    for variable, field, path in setting_variables():
        default = field.get_default()
        shown = "" if isinstance(default, SecretStr) or default in {"", None} else f"={default}"
        group, _, name = path.rpartition(".")
        echo(f"{variable}{shown}    {f'[{group}] ' if group else ''}{name}")
        echo(f"    {field.description}")
