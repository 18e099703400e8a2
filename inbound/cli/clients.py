"""`scserv clients`: imports the client directory."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.text import Text

from inbound.cli._context import settings_options
from inbound.cli._progress import progress_bar
from inbound.directory.csv_import import ImportKeys, Summary, import_clients
from inbound.directory.csv_lines import BadLine
from inbound.directory.sealing import ClientSealer
from inbound.errors import SetupError
from inbound.keys import SubjectHasher, fingerprint
from inbound.settings import Settings
from inbound.store.access.key_checks import check_keys
from inbound.store.connections import connect
from inbound.store.migrations.runner import require_current

APPLICATION_NAME: Final = "scserv clients import"
VAULT_KEY_SETTING: Final = "SCSERV_VAULT_KEY"
SUBJECT_KEY_SETTING: Final = "SCSERV_SUBJECT_KEY"
_PROGRESS_STEP: Final = 1 << 16

HELP: Final = """Add or update the clients in FILE. Clients that it does not name stay.

FILE is UTF-8 with the header msisdn,client_id,personal_code,login,password. Numbers need
their country code and may contain blanks, dashes and brackets. A bad line is reported and
skipped; the good lines are loaded in one transaction.

Exit status: 0 when a line was loaded or the file has none, 1 when every line was refused,
2 when the file or the setup is wrong and nothing was changed.
"""


def run_import(
    path: Path, database_url: str, subject_key: bytes, vault_key: bytes, console: Console
) -> int:
    """Import one file, report on `console`, and return the exit status.

    Blocks until the commit. Raises SetupError or RetryableError; then nothing was changed.
    """
    if not path.is_file():
        raise SetupError(f"{path} does not exist or is not a file")
    require_current(database_url)
    size = path.stat().st_size
    keys = ImportKeys(SubjectHasher(subject_key), ClientSealer(vault_key))
    with (
        connect(database_url, APPLICATION_NAME, long=True) as conn,
        progress_bar("reading", console=console) as advance,
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
            refuse=lambda bad: _print_refused(console, bad),
            progress=_in_steps(lambda done: advance(done, size)),
        )
    _print_summary(console, path.name, summary)
    return 1 if summary.refused and not summary.loaded else 0


@click.group
def clients() -> None:
    """Import the clients of the organisation."""


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


def _in_steps(show: Callable[[int], None]) -> Callable[[int], None]:
    """Pass on a growing count only when the bar would move."""
    shown = 0

    def show_step(done: int) -> None:
        nonlocal shown
        if done - shown >= _PROGRESS_STEP:
            shown = done
            show(done)

    return show_step


def _print_refused(console: Console, bad: BadLine) -> None:
    console.print(Text(str(bad)), soft_wrap=True)


def _print_summary(console: Console, name: str, summary: Summary) -> None:
    console.print(
        f"{name}: {summary.added} added, {summary.updated} updated, "
        f"{summary.unchanged} unchanged, {summary.refused} refused",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
