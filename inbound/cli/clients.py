"""`scserv clients`: the command line of the client directory."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from inbound.cli._context import settings_options
from inbound.directory.csv_import import ImportKeys, Summary, import_clients
from inbound.directory.csv_lines import BadLine
from inbound.directory.sealing import ClientSealer
from inbound.errors import SetupError
from inbound.keys import SubjectHasher, fingerprint
from inbound.settings import Settings
from inbound.store.connecting import connect
from inbound.store.key_checks import check_keys
from inbound.store.migrating import require_current

APPLICATION_NAME: Final = "scserv clients import"
VAULT_KEY_SETTING: Final = "SCSERV_VAULT_KEY"
SUBJECT_KEY_SETTING: Final = "SCSERV_SUBJECT_KEY"
_PROGRESS_STEP: Final = 1 << 16

HELP: Final = """Load clients from FILE: added or updated, never removed.

FILE is UTF-8 with the header msisdn,client_id,personal_code,login,password. Numbers may be
written in any way that has the country code. A bad line is reported and left out. All good
lines are loaded in one transaction, or none after an error.

Exit status: 0 when at least one line was loaded or there was none; 1 when every line was
refused; 2 when the file or the setup is wrong and nothing was changed.
"""


def run_import(
    path: Path, database_url: str, subject_key: bytes, vault_key: bytes, console: Console
) -> int:
    """Import one file, tell about it on `console`, and return the exit status.

    Raises SetupError and RetryableError; then nothing was changed.
    """
    if not path.is_file():
        raise SetupError(f"{path} is not there, or no file")
    require_current(database_url)
    keys = ImportKeys(SubjectHasher(subject_key), ClientSealer(vault_key))
    with (
        connect(database_url, APPLICATION_NAME, long=True) as conn,
        _progress(console, path.stat().st_size) as progress,
    ):
        fingerprints = {
            SUBJECT_KEY_SETTING: fingerprint(subject_key),
            VAULT_KEY_SETTING: fingerprint(vault_key),
        }
        check_keys(conn, fingerprints)
        summary = import_clients(
            conn,
            path,
            keys,
            refuse=lambda bad: _tell_refused(console, bad),
            progress=_in_steps(lambda done: progress.update(progress.task_ids[0], completed=done)),
        )
    _tell(console, path.name, summary)
    return 1 if summary.refused and not summary.loaded else 0


@click.group
def clients() -> None:
    """The clients whom the service answers."""


@clients.command("import", help=HELP)
@click.argument("file", type=click.Path(path_type=Path))
@settings_options
def import_file(settings: Settings, file: Path) -> None:
    """Load clients from FILE."""
    settings.require("database_url")
    status = run_import(
        file,
        settings.database_url.get_secret_value(),
        settings.subject_key_bytes(),
        settings.vault_key_bytes(),
        Console(),
    )
    click.get_current_context().exit(status)


def _progress(console: Console, size: int) -> Progress:
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
    progress.add_task("reading", total=size)
    return progress


def _in_steps(show: Callable[[int], None]) -> Callable[[int], None]:
    """Pass on a growing count only when it has grown enough to be seen."""
    shown = 0

    def tell(done: int) -> None:
        nonlocal shown
        if done - shown >= _PROGRESS_STEP:
            shown = done
            show(done)

    return tell


def _tell_refused(console: Console, bad: BadLine) -> None:
    console.print(Text(str(bad)), soft_wrap=True)


def _tell(console: Console, name: str, summary: Summary) -> None:
    console.print(
        f"{name}: {summary.added} added, {summary.updated} updated, "
        f"{summary.unchanged} unchanged, {summary.refused} refused",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
