"""The options of commands that read a table: how the file is to be read."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from inbound.tables.delimited import SEPARATOR_NAMES

Command = TypeVar("Command", bound=Callable[..., Any])


def table_options(command: Command) -> Command:
    """Add the options that tell how a file is to be read."""
    for option in reversed(
        (
            click.option(
                "--map",
                "mapping",
                multiple=True,
                metavar="COLUMN=NAME",
                help="The file's name for a column, such as client_id=Код2, or its letter, such as "
                "client_id=#E. With the letters of all, the file needs no names. Repeatable.",
            ),
            click.option(
                "--sheet", metavar="NAME", help="Sheet of a workbook, if several have the columns."
            ),
            click.option(
                "--encoding", metavar="NAME", help="Encoding of a CSV file, such as windows-1251."
            ),
            click.option(
                "--separator",
                metavar="CHARACTER",
                callback=lambda *a: _separator(a[2]),
                help="Separator of a CSV file.",
            ),
        )
    ):
        command = option(command)
    return command


def _separator(text: str | None) -> str | None:
    """Return the separator that a person named; shells make a tab hard to type."""
    if text is None:
        return None
    named = {name: char for char, name in SEPARATOR_NAMES.items()} | {"\\t": "\t"}
    separator = named.get(text, text)
    if len(separator) != 1 or separator in '"\r\n' or separator.isalnum():
        raise click.BadParameter(f"write one character, or one of {', '.join(named)}")
    return separator
