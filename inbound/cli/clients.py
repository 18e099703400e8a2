"""`scserv clients`: imports the client directory."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

import click

from inbound.cli._client_languages import load_languages
from inbound.cli._context import settings_options
from inbound.cli._format import counted
from inbound.cli._import_report import ImportReport
from inbound.cli._progress import progress_bar
from inbound.cli._table_view import print_understood
from inbound.clock import utc_now
from inbound.directory.client_import import ImportKeys, Summary, import_clients
from inbound.directory.client_rows import (
    CLIENT_COLUMNS,
    MSISDN,
    TEXT_FIELDS,
    GoodRow,
    RejectedRow,
    check_row,
)
from inbound.directory.sealing import ClientSealer
from inbound.keys import SubjectHasher, fingerprint
from inbound.settings import Settings
from inbound.store.access.key_checks import check_keys
from inbound.store.connections import connect
from inbound.store.migrations.runner import require_current
from inbound.tables.columns import parse_mapping
from inbound.tables.delimited import SEPARATOR_NAMES
from inbound.tables.model import Choices, Table
from inbound.tables.reader import open_table
from inbound.tables.rejected import RejectedFile
from inbound.terminal import Terminal, echo

Command = TypeVar("Command", bound=Callable[..., Any])

APPLICATION_NAME: Final = "scserv clients import"
VAULT_KEY_SETTING: Final = "SCSERV_VAULT_KEY"
SUBJECT_KEY_SETTING: Final = "SCSERV_SUBJECT_KEY"
_PROGRESS_EVERY: Final = 500

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


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What a person decides about one import."""

    choices: Choices = field(default_factory=Choices)
    whole_numbers: tuple[str, ...] = ()
    rejected: Path | None = None
    check_only: bool = False
    allow_moves: bool = False
    confirm: Callable[[], bool] | None = None
    """Asked after every row was checked and the command has shown what it would do."""

    def rejected_file(self, path: Path, table: Table) -> RejectedFile:
        """Return the file for rejected rows of `path`; nothing is created yet."""
        names = [column.name for column in CLIENT_COLUMNS]
        return RejectedFile(path, self.rejected, names, table.separator)


def run_import(
    path: Path,
    database_url: str,
    subject_key: bytes,
    vault_key: bytes,
    console: Terminal,
    options: ImportOptions | None = None,
) -> int:
    """Import one file, report on `console`, and return the exit status.

    Blocks until the commit. Raises SetupError or RetryableError; then nothing was changed.
    """
    options = options or ImportOptions()
    with open_table(path, CLIENT_COLUMNS, options.choices) as table:
        print_understood(console, path.name, table.understood, {MSISDN})
        _warn_of_readers(path, console)
        rejected = None if options.check_only else options.rejected_file(path, table)
        if options.confirm is not None and not options.check_only:
            # A transaction of its own, so that no lock waits for the answer.
            report = ImportReport(console, table, None)
            check = replace(options, check_only=True)
            report.finish(
                path.name, _load(table, database_url, subject_key, vault_key, report, check)
            )
            if not options.confirm():
                console.print("Nothing was imported.")
                return 1
        report = ImportReport(console, table, rejected, shows_rows=options.confirm is None)
        try:
            summary = _load(table, database_url, subject_key, vault_key, report, options)
        except BaseException:
            report.discard()
            raise
    report.finish(path.name, summary)
    return 1 if summary.rejected and not summary.loaded else 0


def table_options(command: Command) -> Command:
    """Add the options that tell how a file is to be read."""
    for option in reversed(
        (
            click.option(
                "--map",
                "mapping",
                multiple=True,
                metavar="COLUMN=NAME",
                help="What the file calls a column, such as client_id=Код2, or its place, such as "
                "client_id=#E. With the places of all, the file needs no names. Repeatable.",
            ),
            click.option(
                "--sheet", metavar="NAME", help="Sheet of a workbook, if several have the columns."
            ),
            click.option("--encoding", metavar="NAME", help="Of a CSV file, such as windows-1251."),
            click.option(
                "--separator",
                metavar="CHARACTER",
                callback=lambda *a: _separator(a[2]),
                help="Of a CSV file.",
            ),
        )
    ):
        command = option(command)
    return command


@click.group
def clients() -> None:
    """Import the clients of the organisation."""


clients.add_command(load_languages)


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
        confirm=(lambda: click.confirm("Import these rows?", err=True)) if asks else None,
    )
    status = run_import(
        file,
        settings.database_url.get_secret_value(),
        settings.subject_key_bytes(),
        settings.vault_key_bytes(),
        Terminal(),
        options,
    )
    click.get_current_context().exit(status)


@clients.command("cases")
@click.argument("file", type=click.Path(path_type=Path))
@table_options
@click.option("--withdraw-all", is_flag=True, help="Accept a file without a case.")
@settings_options
def load_cases(
    settings: Settings,
    *,
    file: Path,
    mapping: tuple[str, ...],
    sheet: str | None,
    encoding: str | None,
    separator: str | None,
    withdraw_all: bool,
) -> None:
    """Replace the open cases by those of FILE: columns client_id and case_open_until.

    With SCSERV_POLICIES__REGISTRATIONS_NEED=open_case registration data is sent only to clients
    with an open case. Times without an offset are in SCSERV_TIME_ZONE. A file with anything
    unclear in it changes nothing.
    """
    from inbound.directory.open_cases import CASE_COLUMNS, read_cases, replace_cases

    settings.require("database_url")
    choices = Choices(parse_mapping(mapping, CASE_COLUMNS), encoding, separator, sheet)
    url = settings.database_url.get_secret_value()
    require_current(url)
    with (
        open_table(file, CASE_COLUMNS, choices) as table,
        connect(url, APPLICATION_NAME, long=True) as conn,
    ):
        cases = read_cases(table.rows(), ZoneInfo(settings.time_zone))
        loaded = replace_cases(conn, cases, now=utc_now(), name=file.name, allow_none=withdraw_all)
    now_open = counted(loaded.clients, "client")
    echo(f"loaded: {now_open} with an open case, instead of {loaded.before}")
    if loaded.unknown:
        ids = counted(loaded.unknown, "id")
        echo(f"of no client: {ids}, which will count when such a client is imported")
    if loaded.closed:
        echo(f"closed already, by their time: {loaded.closed}")


def _separator(text: str | None) -> str | None:
    """Return the separator that a person named; shells make a tab hard to type."""
    if text is None:
        return None
    named = {name: char for char, name in SEPARATOR_NAMES.items()} | {"\\t": "\t"}
    separator = named.get(text, text)
    if len(separator) != 1 or separator in '"\r\n' or separator.isalnum():
        raise click.BadParameter(f"write one character, or one of {', '.join(named)}")
    return separator


def _warn_of_readers(path: Path, console: Terminal) -> None:
    if path.stat().st_mode & 0o077:
        line = f"Other users of this machine may read {path.name}, which has secrets: chmod 600"
        console.print(line, soft_wrap=True)
        console.print()


def _load(
    table: Table,
    database_url: str,
    subject_key: bytes,
    vault_key: bytes,
    report: ImportReport,
    options: ImportOptions,
) -> Summary:
    require_current(database_url)
    keys = ImportKeys(SubjectHasher(subject_key), ClientSealer(vault_key))
    fingerprints = {
        SUBJECT_KEY_SETTING: fingerprint(subject_key),
        VAULT_KEY_SETTING: fingerprint(vault_key),
    }
    with (
        connect(database_url, APPLICATION_NAME, long=True) as conn,
        progress_bar("reading", console=report.console) as advance,
    ):
        check_keys(conn, fingerprints)
        return import_clients(
            conn,
            _checked(table, options.whole_numbers, advance),
            keys,
            unit=report.unit,
            reject=report.reject,
            allow_move=report.move if options.allow_moves else None,
            before_commit=report.close_file,
            check_only=options.check_only,
        )


def _checked(
    table: Table, whole_numbers: tuple[str, ...], advance: Callable[[int, int], None]
) -> Iterator[GoodRow | RejectedRow]:
    for count, row in enumerate(table.rows()):
        if count % _PROGRESS_EVERY == 0:
            advance(*table.progress())
        yield check_row(row, whole_numbers)
