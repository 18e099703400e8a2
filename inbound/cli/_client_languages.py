"""`scserv clients languages`: loads in which language clients get their messages."""

from pathlib import Path

import click

from inbound.cli._context import settings_options
from inbound.cli._database import open_database
from inbound.cli._format import counted
from inbound.settings import Settings
from inbound.tables.reader import open_table
from inbound.terminal import echo


@click.command("languages")
@click.argument("file", type=click.Path(path_type=Path))
@settings_options
def load_languages(settings: Settings, *, file: Path) -> None:
    """Set the languages of the clients in FILE: columns client_id and language (ru or en).

    Clients that it does not name keep theirs; an empty language means that it is not known. The
    templates of notifications and broadcasts have a text for each language.
    """
    from inbound.directory.client_languages import (
        LANGUAGE_COLUMNS,
        read_languages,
        set_languages,
    )

    with (
        open_table(file, LANGUAGE_COLUMNS) as table,
        open_database(settings, "scserv clients languages", long=True) as connection,
    ):
        known, unknown = set_languages(connection, read_languages(table.rows()))
    echo(f"loaded: the language of {counted(known, 'client')}")
    if unknown:
        echo(f"not in the directory: {counted(unknown, 'client')}; import them first", err=True)
