"""`scserv broadcast excluded` and `recipients`: files about the people of a broadcast."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import click

from inbound.cli._broadcast_argument import APPLICATION_NAME, broadcast_argument
from inbound.cli._broadcast_json import freshness_of
from inbound.cli._broadcast_pace import pending_lines, recipient_count
from inbound.cli._context import service_settings_options
from inbound.cli._database import open_database
from inbound.cli._os_user import os_user
from inbound.cli._progress import progress_bar
from inbound.errors import SetupError
from inbound.settings import Settings
from inbound.terminal import echo, reads_russian
from inbound.wording import Bilingual, both

if TYPE_CHECKING:
    from inbound.broadcasts.files import FileOrder
    from inbound.store.broadcasts.rows import RecipientState

file_option = click.option(
    "--file",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Name of the file, .xlsx or .csv.  [default: broadcast-ID.COMMAND.xlsx]",
)


@click.command
@broadcast_argument
@file_option
@service_settings_options
def excluded(settings: Settings, broadcast_id: UUID, *, path: Path | None) -> None:
    """Write a file with every excluded row of the audience and its reason. It has phone numbers.

    It can be corrected and loaded again. The audit records it.
    """
    from inbound.broadcasts.files import write_exclusions

    wanted = path or Path(f"broadcast-{broadcast_id}.excluded.xlsx")
    with (
        closing(open_database(settings, APPLICATION_NAME, long=True, unseals=True)) as conn,
        _file_order(settings, wanted) as order,
    ):
        written = write_exclusions(conn, broadcast_id, order)
    rows = sum(written.counts.values())
    if written.path is None:
        echo(both("nothing is excluded", "исключённых строк нет"))
        return
    echo(
        both(
            "{path}: {rows} excluded",
            "{path}: исключено строк: {rows}",
            path=written.path,
            rows=rows,
        )
    )


@click.command
@broadcast_argument
@click.option(
    "--state",
    "states",
    metavar="STATE,...",
    default="refused,undelivered,unknown,withheld",
    show_default=True,
    callback=lambda *given: _states(given[2]),
    help="In these states: also waiting, sent, delivered.",
)
@file_option
@service_settings_options
def recipients(
    settings: Settings, broadcast_id: UUID, *, states: "Sequence[RecipientState]", path: Path | None
) -> None:
    """Write a file with the recipients who were not reached, and why. It has phone numbers.

    It can be corrected and loaded again. The audit records it. An unknown message may have
    arrived: a person who also gets the next broadcast may get it twice.
    """
    from inbound.broadcasts.control import found
    from inbound.broadcasts.files import write_recipients
    from inbound.store.broadcasts.rows import RecipientState

    wanted = path or Path(f"broadcast-{broadcast_id}.recipients.xlsx")
    with (
        closing(open_database(settings, APPLICATION_NAME, long=True, unseals=True)) as conn,
        _file_order(settings, wanted) as order,
    ):
        freshness = freshness_of(conn, settings, [found(conn, broadcast_id)])
        written = write_recipients(conn, broadcast_id, states, order)
    for line in pending_lines(freshness, settings.time_zone):
        echo(both("warning: ", "внимание: ") + line, err=True)
    if written.path is None:
        echo(
            both(
                "no recipient is {states}",
                "нет получателей в состояниях: {states}",
                states=Bilingual(" or ".join(states), ", ".join(states)),
            )
        )
        return
    counts = ", ".join(f"{state} {count}" for state, count in sorted(written.counts.items()))
    echo(f"{written.path}: {counts}")
    unknown = written.counts.get(RecipientState.UNKNOWN, 0)
    rest = ",".join(state for state in states if state is not RecipientState.UNKNOWN)
    if unknown and rest:
        echo(
            both(
                "warning: {of} may have got it (unknown); to leave them out: --state {rest}",
                "внимание: {of} могли его получить (unknown); чтобы исключить их: --state {rest}",
                of=recipient_count(unknown),
                rest=rest,
            ),
            err=True,
        )


@contextmanager
def _file_order(settings: Settings, path: Path) -> "Iterator[FileOrder]":
    """Provide the order of a file, with a progress bar while it is written."""
    from inbound.broadcasts.files import FileOrder
    from inbound.broadcasts.sealing import AudienceSealer

    sealer = AudienceSealer(settings.vault_keys())
    with progress_bar("writing", unit="rows") as advance:
        yield FileOrder(
            sealer,
            path,
            settings.time_zone,
            os_user(),
            advance=advance,
            in_russian=reads_russian(),
        )


def _states(text: str) -> "tuple[RecipientState, ...]":
    from inbound.store.broadcasts.rows import RecipientState

    try:
        return tuple(dict.fromkeys(RecipientState(one.strip()) for one in text.split(",")))
    except ValueError:
        known = ", ".join(RecipientState)
        refusal = both(
            "--state {text}: write some of {known}, with commas between",
            "--state {text}: перечислите через запятую некоторые из {known}",
            text=text,
            known=known,
        )
        raise SetupError(refusal) from None
