"""The broadcast that a command is about, as its argument."""

from collections.abc import Callable
from typing import Any, Final, TypeVar
from uuid import UUID

import click

from inbound.errors import SetupError
from inbound.wording import both

APPLICATION_NAME: Final = "scserv broadcast"
Command = TypeVar("Command", bound=Callable[..., Any])


def broadcast_argument(command: Command) -> Command:
    """Add the argument ID."""
    return click.argument("broadcast_id", metavar="ID", callback=lambda *a: _id(a[2]))(command)


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise SetupError(
            both(
                "{text} is not the id of a broadcast; `scserv broadcast list` shows the ids",
                "{text} — не идентификатор рассылки; их покажет `scserv broadcast list`",
                text=text,
            )
        ) from None
