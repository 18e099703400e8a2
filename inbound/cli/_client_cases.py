"""`scserv clients cases`: loads which clients have an open case."""

from pathlib import Path
from zoneinfo import ZoneInfo

import click

from inbound.cli._context import settings_options
from inbound.cli._database import open_database
from inbound.cli._format import counted
from inbound.cli._table_options import table_options
from inbound.clock import utc_now
from inbound.settings import Settings
from inbound.tables.columns import parse_mapping
from inbound.tables.model import Choices
from inbound.tables.reader import open_table
from inbound.terminal import echo


@click.command("cases")
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

    choices = Choices(parse_mapping(mapping, CASE_COLUMNS), encoding, separator, sheet)
    with (
        open_table(file, CASE_COLUMNS, choices) as table,
        open_database(settings, "scserv clients cases", long=True) as conn,
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
