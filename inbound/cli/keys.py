"""`scserv keys`: seals everything with the next vault key, and says how far that is."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from inbound.cli._context import settings_options
from inbound.cli._database import open_database
from inbound.cli._format import counted
from inbound.cli._progress import progress_bar
from inbound.errors import SetupError
from inbound.settings import Settings
from inbound.startup import check_database
from inbound.terminal import echo

if TYPE_CHECKING:
    from inbound.rotation.vault_rotation import VaultRotation

APPLICATION_NAME = "scserv keys"


@click.group
def keys() -> None:
    """Rotate the vault key while the service runs."""


@keys.command
@settings_options
def rotate(settings: Settings) -> None:
    """Seal with SCSERV_VAULT_KEY what only SCSERV_OTHER_VAULT_KEY opens.

    Every process must seal with the new key already. Safe to repeat and to interrupt. Exit status 1
    if something is left.
    """
    with _rotation(settings) as rotation, progress_bar("sealing", unit="values") as advance:
        done = rotation.run(advance)
    echo(f"{counted(done.sealed_again, 'value')} sealed again, of {done.values}")
    _warn_of(done.unreadable)
    if not done.is_complete:
        echo(
            "a process still seals with the other key: restart every process with the new "
            "SCSERV_VAULT_KEY, and run this again",
            err=True,
        )
        raise click.exceptions.Exit(1)
    echo("nothing is sealed with SCSERV_OTHER_VAULT_KEY any more: take it away from every process")


@keys.command
@settings_options
def status(settings: Settings) -> None:
    """Count what only SCSERV_OTHER_VAULT_KEY opens. Exit status 1 if there is something."""
    with _rotation(settings) as rotation, progress_bar("reading", unit="values") as advance:
        found = rotation.count(advance)
    echo(
        f"{counted(found.values, 'sealed value')}: {found.sealed_again} open with "
        "SCSERV_OTHER_VAULT_KEY alone"
    )
    _warn_of(found.unreadable)
    if found.sealed_again or found.unreadable:
        raise click.exceptions.Exit(1)


@contextmanager
def _rotation(settings: Settings) -> "Iterator[VaultRotation]":
    from inbound.rotation.vault_rotation import VaultRotation

    vault_keys = settings.vault_keys()
    if vault_keys.other is None:
        raise SetupError("SCSERV_OTHER_VAULT_KEY is not set: there is nothing to rotate from")
    check_database(settings)
    with (
        open_database(settings, APPLICATION_NAME, long=True) as reading,
        open_database(settings, APPLICATION_NAME, long=True) as writing,
    ):
        yield VaultRotation(reading, writing, vault_keys)


def _warn_of(unreadable: Mapping[str, int]) -> None:
    for column, count in unreadable.items():
        echo(f"{counted(count, 'value')} in {column} open with neither key", err=True)
