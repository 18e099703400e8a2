"""Who runs a command and why, for the audit."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from inbound.cli._os_user import os_user
from inbound.errors import SetupError

Command = TypeVar("Command", bound=Callable[..., Any])

reason_option = click.option(
    "--reason", metavar="TEXT", required=True, help="Why; recorded for ever with your name."
)


def checked_reason(reason: str, option: str = "--reason") -> str:
    """Return a reason that can be recorded. Raises `SetupError`, which names `option`."""
    from inbound.store.access.audit import ReasonError, check_reason

    try:
        return check_reason(reason)
    except ReasonError as error:
        raise SetupError(f"{option}: {error}") from error


def operator(reason: str) -> tuple[str, str]:
    """Return the name of the user who runs this command, and the checked reason."""
    return os_user(), checked_reason(reason)
