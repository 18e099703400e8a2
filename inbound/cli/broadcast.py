"""`scserv broadcast`: sends one text to many people."""

from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from inbound.cli._broadcast_argument import APPLICATION_NAME, broadcast_argument
from inbound.cli._broadcast_files import excluded, recipients
from inbound.cli._broadcast_json import (
    as_json,
    freshness_json,
    freshness_of,
    look,
    reviewed_json,
)
from inbound.cli._broadcast_view import (
    print_broadcast,
    print_list,
    print_warnings,
    warn_of_no_recipients,
    watch,
)
from inbound.cli._command_line import command_line
from inbound.cli._context import service_settings_options
from inbound.cli._database import open_database
from inbound.cli._language import speak_both
from inbound.cli._os_user import os_user
from inbound.cli._times import local, parse_moment
from inbound.clock import utc_now
from inbound.errors import SetupError
from inbound.handlers.broadcasts import BroadcastAction
from inbound.settings import Settings
from inbound.startup import check_database
from inbound.terminal import echo, echo_json
from inbound.wording import both

if TYPE_CHECKING:
    from inbound.cli._broadcast_json import Shown
    from inbound.store.broadcasts.rows import Broadcast

json_option = click.option("--json", "json_", is_flag=True, help="Print a JSON object.")


@click.group
def broadcast() -> None:
    """Send one text to many people: create a draft, look at it, start it."""


@broadcast.command
@click.option("--name", metavar="NAME", required=True, help="Its name.")
@click.option("--text", metavar="TEXT", help="What to send; {name} is a column of the table.")
@click.option("--template", metavar="NAME", help="Send this template instead of a text.")
@click.option(
    "--audience",
    metavar="FILE|all",
    required=True,
    help="A table with a column msisdn, whose other columns are fields; or all clients.",
)
@click.option("--account", default="default", show_default=True, help="Who sends it.")
@click.option("--sender", metavar="NAME", help="Sender approved for the account.")
@click.option("--hours", metavar="HH:MM-HH:MM", help="Send it in these hours only.")
@click.option("--spread", "is_spread", is_flag=True, help="Spread it evenly over the hours.")
@click.option("--rate", type=click.IntRange(1, 100_000), help="Messages a second at most.")
@click.option("--open-case", is_flag=True, help="Of all clients, those with an open case.")
@click.option(
    "--client-id", metavar="ID", help="Of all clients, this one; with a * at its end, a group."
)
@click.option("--updated-since", metavar="WHEN", help="Of all clients, those imported since then.")
@click.option(
    "--language",
    type=click.Choice(["ru", "en"]),
    help="Only clients who get it in this language: a client without one counts as one of "
    "the template's first language, or of ru for a text.",
)
@click.option(
    "--map",
    "mapping",
    multiple=True,
    metavar="COLUMN=NAME",
    help="The table's name for a column, or its letter, such as msisdn=#B. Repeatable.",
)
@click.option("--sheet", metavar="NAME", help="Sheet of a workbook.")
@click.option("--encoding", metavar="NAME", help="Encoding of a CSV file, such as windows-1251.")
@click.option("--separator", metavar="CHARACTER", help="Separator of a CSV file.")
@json_option
@service_settings_options
def create(settings: Settings, *, json_: bool, **options: Any) -> None:  # noqa: ANN401
    """Load an audience and print the id of the draft; nothing is sent before `start`.

    Rows without a mobile number, repeated numbers, people outside the directory and people who
    have switched notifications off are excluded: `scserv broadcast excluded ID` writes a file.
    """
    from inbound.cli._broadcast_audience import DraftOptions, create_draft

    check_database(settings)
    made = create_draft(settings, DraftOptions(**options), by=os_user(), now=utc_now())
    with closing(open_database(settings, APPLICATION_NAME)) as conn:
        shown = look(conn, settings, made)
    if json_:
        warn_of_no_recipients(made)
        echo_json(reviewed_json(shown))
        return
    echo(made.broadcast_id)
    print_broadcast(settings, shown)


@broadcast.command
@broadcast_argument
@click.option("--watch", "is_watched", is_flag=True, help="Show its progress until it ends.")
@json_option
@service_settings_options
def show(settings: Settings, broadcast_id: UUID, *, is_watched: bool, json_: bool) -> None:
    """Show what a broadcast sends, to whom, and how many recipients have got it."""
    from inbound.broadcasts.control import found

    with closing(open_database(settings, APPLICATION_NAME, unseals=True)) as conn:
        one = found(conn, broadcast_id)
        if is_watched:
            one = watch(conn, one)
        shown = look(conn, settings, one)
    if json_:
        echo_json(reviewed_json(shown))
        return
    print_broadcast(settings, shown)


@broadcast.command("list")
@click.option("--account", metavar="NAME", help="Only those of this account.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@json_option
@service_settings_options
def list_(settings: Settings, *, account: str | None, limit: int, json_: bool) -> None:
    """List broadcasts, the newest first."""
    from inbound.broadcasts.control import progress_of
    from inbound.store.broadcasts.broadcasts import list_broadcasts

    with closing(open_database(settings, APPLICATION_NAME)) as conn:
        freshness = freshness_of(
            conn, settings, list_broadcasts(conn, limit=limit, account=account)
        )
        found = list_broadcasts(conn, limit=limit, account=account)
        if json_:
            progress, current = progress_of(conn, found), freshness_json(freshness)
            for one in found:
                echo_json({**as_json(one, progress[one.broadcast_id]), **current})
            return
        print_list(conn, found, freshness, settings.time_zone)


@broadcast.command
@broadcast_argument
@click.option(
    "--at", metavar="WHEN", help="Start it then, such as 2026-05-17T10:00 or in 30m; else now."
)
@json_option
@service_settings_options
def start(settings: Settings, broadcast_id: UUID, *, at: str | None, json_: bool) -> None:
    """Start a draft, now or later. A large one needs the approval of a second person.

    With --at it moves the start of a scheduled broadcast; --at 0m starts that now.
    """
    now = utc_now()
    starts_at = None
    if at is not None:
        starts_at = parse_moment(at, "--at", now=now, zone=settings.time_zone, is_ahead=True)
        if starts_at < now:
            raise SetupError(
                both(
                    "--at: {at} is in the past; leave it out to start now",
                    "--at: {at} уже прошло; без этой опции рассылка начнётся сейчас",
                    at=at,
                )
            )
    _perform(settings, broadcast_id, BroadcastAction.START, json_=json_, starts_at=starts_at)


def _action(action: BroadcastAction, help_: str) -> None:
    @broadcast.command(action.value, help=help_)
    @broadcast_argument
    @json_option
    @service_settings_options
    def command(settings: Settings, broadcast_id: UUID, *, json_: bool) -> None:
        _perform(settings, broadcast_id, action, json_=json_)


_action(BroadcastAction.APPROVE, "Approve a broadcast that somebody else has started.")
_action(BroadcastAction.CONFIRM, "Start a broadcast that has missed its start.")
_action(BroadcastAction.PAUSE, "Pause a broadcast: within seconds nothing more of it is sent.")
_action(BroadcastAction.RESUME, "Resume a paused broadcast where it was.")
_action(BroadcastAction.CANCEL, "Cancel a broadcast for good: what was not sent is withheld.")


@broadcast.command
@broadcast_argument
@service_settings_options
def delete(settings: Settings, broadcast_id: UUID) -> None:
    """Delete a draft that was never started, with its audience. The audit records it."""
    from inbound.broadcasts.control import delete as delete_one

    with closing(open_database(settings, APPLICATION_NAME)) as conn:
        draft = delete_one(conn, broadcast_id, by=os_user())
    echo(
        both(
            "deleted the draft {name}; nothing of it was sent",
            "черновик {name} удалён; из него ничего не отправлено",
            name=draft.name,
        )
    )


def _perform(
    settings: Settings,
    broadcast_id: UUID,
    action: BroadcastAction,
    *,
    json_: bool,
    starts_at: datetime | None = None,
) -> None:
    from inbound.broadcasts.control import found, perform

    with closing(open_database(settings, APPLICATION_NAME)) as conn:
        with conn.transaction():
            before = found(conn, broadcast_id, lock=True)
            one = perform(
                conn,
                broadcast_id,
                action,
                by=os_user(),
                now=utc_now(),
                starts_at=starts_at,
                zone=settings.time_zone,
            )
        shown = look(conn, settings, one)
    if json_:
        echo_json(reviewed_json(shown))
        return
    _say_next(settings, before, shown)


def _say_next(settings: Settings, before: "Broadcast", shown: "Shown") -> None:
    from inbound.handlers.broadcasts import BroadcastState, words

    one, waits_until = shown.one, shown.review.waits_until
    was, starts_at = before.lifecycle.starts_at, one.lifecycle.starts_at
    zone = settings.time_zone
    if one.state not in {BroadcastState.SCHEDULED, BroadcastState.AWAITING_APPROVAL}:
        echo(both("{name} is {state}", "{name}: {state}", name=one.name, state=words(one.state)))
    elif starts_at is not None:
        instead = approved = ""
        if before.state is one.state and was is not None and was != starts_at:
            instead = both(", not at {was}", ", а не {was}", was=local(was, zone))
        if one.state is BroadcastState.AWAITING_APPROVAL:
            approved = both(", if another person approves it", ", если её утвердит другой человек")
        echo(
            both(
                "{name} starts at {at}{instead}{approved}",
                "{name}: начало {at}{instead}{approved}",
                name=one.name,
                at=local(starts_at, zone),
                instead=instead,
                approved=approved,
            )
        )
    if waits_until is not None:
        until = local(waits_until, zone)
        echo(both("it waits for its sending hours until ", "она ждёт часов отправки до ") + until)
    print_warnings(shown.review)
    if one.state is BroadcastState.AWAITING_APPROVAL:
        approve = command_line("broadcast", "approve", str(one.broadcast_id))
        echo(both("another person has to run: ", "другой человек выполняет: ") + approve, err=True)


broadcast.add_command(excluded)
broadcast.add_command(recipients)
speak_both([broadcast])
