"""`scserv keys`: rotates the vault key and the subject key, and says how far that is."""

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
    from inbound.rotation.vault_rotation import Rotated, VaultRotation

APPLICATION_NAME = "scserv keys"


@click.group
def keys() -> None:
    """Rotate the vault and subject keys while the service runs."""


_killed_option = click.option(
    "--killed",
    multiple=True,
    metavar="PROCESS",
    help="Don't count a process that was killed. Named as `keys show` names it; repeatable.",
)


@keys.command
@_killed_option
@settings_options
def rotate(settings: Settings, killed: tuple[str, ...]) -> None:
    """Seal with SCSERV_VAULT_KEY what only SCSERV_OTHER_VAULT_KEY opens.

    Every process must seal with the new key already; while a running one does not, nothing is
    done and the exit status is 2. Safe to repeat and to interrupt. Exit status 1 if something is
    left.
    """
    with _rotation(settings) as rotation, progress_bar("sealing", unit="values") as advance:
        rotation.forget(killed)
        rotation.refuse_others()
        check_database(settings)  # stores the new key as the next one: only one that is in use
        done = rotation.run(advance)
        running = rotation.running()
    _tell_or_exit(done, "the new SCSERV_VAULT_KEY")
    processes = counted(running, "running process has", "running processes have")
    echo(
        f"{processes} the new key as SCSERV_VAULT_KEY, and nothing is sealed with "
        "SCSERV_OTHER_VAULT_KEY any more: take it away from every process, and start none with "
        "the old key"
    )


@keys.command("give-up")
@_killed_option
@settings_options
def give_up(settings: Settings, killed: tuple[str, ...]) -> None:
    """Give a rotation of the vault key up: the database keeps the key that it has.

    That key has to be SCSERV_VAULT_KEY, here and of every process. What was sealed with the next
    key is sealed again, if that is SCSERV_OTHER_VAULT_KEY here. The next key can't be used any
    more. Safe to repeat and to interrupt. Exit status 1 if something is left.
    """
    with (
        _rotation(settings, needs_other=False) as rotation,
        progress_bar("sealing", unit="values") as advance,
    ):
        rotation.forget(killed)
        key, done = rotation.give_up(advance)
    _tell_or_exit(done, "the key of the database as SCSERV_VAULT_KEY")
    if key is None:
        echo("there is no next key: another rotation can begin")
    else:
        echo(
            f"the rotation to the key with fingerprint {key.hex()} is given up, and that key is "
            "retired: take it away from every process"
        )
    if done.unreadable:
        echo(
            "if the next key sealed those values, set SCSERV_OTHER_VAULT_KEY to it here, and run "
            "this again",
            err=True,
        )
        raise click.exceptions.Exit(1)


@keys.command("rotate-subject")
@_killed_option
@settings_options
def rotate_subject(settings: Settings, killed: tuple[str, ...]) -> None:
    """Let SCSERV_SUBJECT_KEY open the database instead of SCSERV_OTHER_SUBJECT_KEY.

    Run it with the new key and the old one before any process has the new one, then restart every
    process with the new key, and run it again. Each run does what can be done. While a running
    process lacks the new key the old one stays, and the exit status is 2. Safe to repeat and to
    interrupt.
    """
    from inbound.keys import parse_key
    from inbound.rotation.running import forget_killed
    from inbound.rotation.subject_rotation import SubjectRotation

    new, other = settings.subject_key_bytes(), settings.other_subject_key.get_secret_value()
    old = parse_key(other, "SCSERV_OTHER_SUBJECT_KEY") if other else None
    if new == old:
        raise SetupError("SCSERV_SUBJECT_KEY and SCSERV_OTHER_SUBJECT_KEY are the same key")
    with open_database(settings, APPLICATION_NAME) as conn:
        forget_killed(conn, killed)
        rotation = SubjectRotation(conn, new, old)
        already = "" if rotation.add() else " already"
        echo(
            f"1 of 3: the key with fingerprint {rotation.fingerprint.hex()} opens the database"
            f"{already}"
        )
        running, lacking = rotation.reports()
        have = counted(running, "running process has", "running processes have")
        echo(f"2 of 3: {running - len(lacking)} of {have} it as SCSERV_SUBJECT_KEY")
        done = rotation.retire()
    retired = ", ".join(one.hex() for one in done.fingerprints) or "nothing was left to retire"
    echo(f"3 of 3: no other subject key opens the database any more ({retired})")
    if done.has_index_key:
        echo(
            "a retired key is the index key of this database, which an older release began: "
            "somebody who has it can still test whether a number is in a copy of the database",
            err=True,
        )


@keys.command
@settings_options
def show(settings: Settings) -> None:
    """Print the fingerprints of the keys: of these settings, and of what runs.

    A fingerprint tells keys apart and reveals nothing of them.
    """
    from inbound.keys import fingerprint
    from inbound.store.access.index_keys import opening_keys
    from inbound.store.access.key_checks import next_fingerprint, vault_fingerprint
    from inbound.store.access.process_keys import list_keys

    own, subject_key = settings.vault_keys(), settings.subject_key_bytes()
    with open_database(settings, APPLICATION_NAME) as conn:
        stored, following = vault_fingerprint(conn), next_fingerprint(conn)
        opening, running = opening_keys(conn), list_keys(conn)
    echo(f"SCSERV_VAULT_KEY here: {fingerprint(own.sealing).hex()}")
    if own.other is not None:
        echo(f"SCSERV_OTHER_VAULT_KEY here: {fingerprint(own.other).hex()}")
    echo(f"SCSERV_SUBJECT_KEY here: {fingerprint(subject_key).hex()}")
    echo(f"the database is sealed with: {stored.hex() if stored else 'nothing yet'}")
    if following is not None:
        echo(f"a rotation was begun to: {following.hex()}")
    subjects = " and ".join(one.fingerprint.hex() for one in opening)
    echo(f"the database opens with the subject key: {subjects or 'none yet'}")
    for one in running:
        other = f", opens with {one.other.hex()}, too" if one.other else ""
        subject = one.subject.hex() if one.subject else "not reported"
        echo(f"{one}: seals with {one.sealing.hex()}{other}; subject key {subject}")


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
def _rotation(settings: Settings, *, needs_other: bool = True) -> "Iterator[VaultRotation]":
    from inbound.rotation.vault_rotation import VaultRotation

    vault_keys = settings.vault_keys()
    if needs_other and vault_keys.other is None:
        raise SetupError("SCSERV_OTHER_VAULT_KEY is not set: there is nothing to rotate from")
    with (
        open_database(settings, APPLICATION_NAME, long=True, unseals=True) as reading,
        open_database(settings, APPLICATION_NAME, long=True) as writing,
    ):
        yield VaultRotation(reading, writing, vault_keys)


def _tell_or_exit(done: "Rotated", wanted: str) -> None:
    """Say what was sealed again; exit with status 1 if processes lack the `wanted` setting."""
    echo(f"{counted(done.sealed_again, 'value')} sealed again, of {done.values}")
    _warn_of(done.unreadable)
    if not done.is_complete:
        echo(
            f"a process still seals with the other key: restart every process with {wanted}, "
            "and run this again",
            err=True,
        )
        raise click.exceptions.Exit(1)


def _warn_of(unreadable: Mapping[str, int]) -> None:
    for column, count in unreadable.items():
        echo(f"{counted(count, 'value')} in {column} open with neither key", err=True)
