"""`scserv migrate`, `topics` and `settings`."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
from pydantic import SecretStr

from inbound.cli._context import settings_options
from inbound.cli._format import counted
from inbound.cli._interrupts import INTERRUPTED
from inbound.cli._progress import progress_bar
from inbound.settings import Settings, setting_variables
from inbound.terminal import echo

if TYPE_CHECKING:
    from schemas.topics import TopicSpec

_MB = 1_000_000
_CONTROLLERS = 3
"""So many survive the loss of one."""


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
@click.option(
    "--reassign",
    is_flag=True,
    help="First copy topics that have fewer replicas than SCSERV_KAFKA_REPLICATION_FACTOR to more "
    "brokers, and wait for it. Texts are answered meanwhile.",
)
@click.option(
    "--throttle-mb",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="MB/s that each broker sends and takes for --reassign.",
)
@settings_options
def apply_topics(settings: Settings, *, reassign: bool, throttle_mb: int) -> None:
    """Create missing topics and correct settings that differ. Safe to repeat.

    If topics have fewer replicas than wanted, or settings would protect messages less than now, it
    says so, changes nothing and exits with status 2.
    """
    from inbound.kafka import admin
    from schemas.topics import TopicNames

    specs = TopicNames.prefixed(settings.topic_prefix).specs(settings.kafka_partitions)
    if reassign:
        _reassign(settings, specs, throttle_mb)
    report = admin.apply(settings.kafka(), specs, settings.kafka_replication_factor)
    for name in report.created:
        echo(f"created {name}")
    for difference in report.altered:
        echo(f"corrected {difference}")
    if not report.created and not report.altered:
        echo(f"nothing to do: {counted(len(report.unchanged), 'topic')} up to date")


def _reassign(settings: Settings, specs: "Sequence[TopicSpec]", throttle_mb: int) -> None:
    from inbound.kafka.reassignment import reassign

    wanted = settings.kafka_replication_factor
    try:
        with progress_bar("copying", unit="MB") as advance:
            done = reassign(
                settings.kafka(),
                specs,
                wanted,
                throttle_mb * _MB,
                lambda copied, whole: advance(copied // _MB, -(-whole // _MB)),
            )
    except KeyboardInterrupt:
        echo(
            "stopped; Kafka goes on copying at the same rate: the same command waits for the rest,"
            " at the rate that it names, and lifts the limit",
            err=True,
        )
        sys.exit(INTERRUPTED)
    if done.partitions:
        echo(f"copied {counted(done.partitions, 'partition')}: {wanted} replicas each")
    if wanted >= _CONTROLLERS and done.controllers and done.controllers < _CONTROLLERS:
        echo(
            f"Kafka's own metadata is on {counted(done.controllers, 'controller')}, which this"
            " doesn't change: add controllers, or the loss of one machine still stops Kafka",
            err=True,
        )


@click.command
def settings() -> None:
    """List every setting: variable, default, place in a TOML file, meaning.

    VARIABLE_FILE can hold the path of a file with the value, for secrets.
    """
    for variable, field, path in setting_variables():
        group, _, name = path.rpartition(".")
        echo(f"{variable}{_shown(field.get_default())}    {f'[{group}] ' if group else ''}{name}")
        echo(f"    {field.description}")
    echo("only in a TOML file    [[binds]]")
    echo(f"    {Settings.model_fields['binds'].description}")


def _shown(default: object) -> str:
    """Return a default to follow the name of its variable; nothing for one that is empty."""
    if isinstance(default, bool):  # as TOML has it
        return f"={str(default).lower()}"
    return "" if isinstance(default, SecretStr) or default in {"", None} else f"={default}"
