"""`scserv clients`: imports the client directory."""

import sys
from pathlib import Path
from typing import Final

import click

from inbound.cli._client_addresses import load_addresses
from inbound.cli._client_cases import load_cases
from inbound.cli._client_import import ImportOptions, run_import
from inbound.cli._client_languages import load_languages
from inbound.cli._context import settings_options
from inbound.cli._table_options import table_options
from inbound.directory.client_rows import CLIENT_COLUMNS, TEXT_FIELDS
from inbound.settings import Settings
from inbound.tables.columns import parse_mapping
from inbound.tables.model import Choices
from inbound.terminal import Terminal, agrees

HELP: Final = """Add or update the clients in FILE. Clients that it does not name stay.

FILE is a table that a spreadsheet saved: CSV in any encoding and with any separator, XLSX or
ODS. It needs a row with the names of these columns, in Russian or English and in any order:
msisdn, client_id, personal_code, login, password (телефон, код клиента, персональный код,
логин, пароль). Numbers need their country code and may contain blanks, dashes and brackets.

First the command shows how it reads the file. A row with anything that is not certain is
rejected, and the other rows are imported in one transaction. Rejected rows go to a file, with
their reasons, to be corrected and imported again. In a terminal it checks every row and asks
before it writes. Rows that change the client of a known number need --allow-moves.

Exit status: 0 when a row was imported or the file has none, 1 when every row was rejected or
you declined, 2 when the file or the setup is wrong and nothing was changed.
"""


@click.group
def clients() -> None:
    """Import the clients of the organisation."""


clients.add_command(load_addresses)
clients.add_command(load_languages)
clients.add_command(load_cases)


@clients.command("import", help=HELP)
@click.argument("file", type=click.Path(path_type=Path))
@table_options
@click.option(
    "--whole-numbers",
    multiple=True,
    type=click.Choice(TEXT_FIELDS),
    help="Take number cells of this column as they are: you know from their source that none "
    "begins with a zero, as typed or as a cell format shows it, and none was a date. Repeatable.",
)
@click.option(
    "--rejected",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File for rejected rows, .xlsx or .csv.  [default: NAME.rejected.xlsx beside FILE]",
)
@click.option(
    "--allow-moves",
    is_flag=True,
    help="Import rows that give a known number to another client, or a known client one more "
    "number. --yes does not cover them.",
)
@click.option("--check", is_flag=True, help="Check every row and change nothing.")
@click.option("--yes", is_flag=True, help="Don't ask before importing.")
@settings_options
def import_file(  # noqa: PLR0913  one for each option
    settings: Settings,
    *,
    file: Path,
    mapping: tuple[str, ...],
    sheet: str | None,
    encoding: str | None,
    separator: str | None,
    whole_numbers: tuple[str, ...],
    rejected: Path | None,
    allow_moves: bool,
    check: bool,
    yes: bool,
) -> None:
    """Load clients from FILE."""
    settings.require("database_url")
    choices = Choices(parse_mapping(mapping, CLIENT_COLUMNS), encoding, separator, sheet)
    asks = not yes and not check and sys.stdin.isatty() and sys.stdout.isatty()
    options = ImportOptions(
        choices,
        whole_numbers,
        rejected,
        check_only=check,
        allow_moves=allow_moves,
        confirm=(lambda: agrees("Import these rows?")) if asks else None,
    )
    status = run_import(
        file,
        settings.database_url.get_secret_value(),
        settings.subject_key_bytes(),
        settings.vault_keys(),
        Terminal(),
        options,
    )
    click.get_current_context().exit(status)
