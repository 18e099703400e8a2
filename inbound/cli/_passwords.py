"""Passwords for commands: from a file or a variable, never from the command line.

Every user of a host can read the arguments of every process. Its environment is readable only for
the user it runs as, and for root.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from inbound.errors import SetupError

Command = TypeVar("Command", bound=Callable[..., Any])

VARIABLE = "SCSERV_SMPP__PASSWORD"


def password_file_option(command: Command) -> Command:
    """Add `--password-file`, and refuse `--password` with a line that names the replacement."""
    refused = click.option(
        "--password", hidden=True, is_eager=True, expose_value=False, callback=_refuse
    )
    file = click.option(
        "--password-file",
        type=click.Path(path_type=Path, dir_okay=False),
        help=f"File with the password; {VARIABLE} or {VARIABLE}_FILE do the same.",
    )
    return refused(file(command))


def _refuse(_: click.Context, __: click.Parameter, value: str | None) -> None:
    if value is not None:
        raise SetupError(
            "--password is refused: every user of this host sees it in the list of processes.\n"
            f"Write it to a file and give --password-file FILE, or set {VARIABLE} or "
            f"{VARIABLE}_FILE.\n"
            "Change the password if others have access to this host."
        )
