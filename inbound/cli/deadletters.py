"""`scserv deadletters`: lists, shows, retries and discards dead letters."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from inbound.cli._context import settings_options
from inbound.cli._deadletters import as_object, line, print_rows
from inbound.cli._format import counted
from inbound.cli._os_user import os_user
from inbound.errors import SetupError
from inbound.settings import Settings
from inbound.startup import check_database, make_cipher
from inbound.store.dead_letters.rows import Selection
from inbound.terminal import confirm, echo, echo_json

Command = TypeVar("Command", bound=Callable[..., Any])

_ABOUT_CHARS = 50
"""In a record of the audit, beside the reason."""

_ALL = "--all, or --topic, --reason-like or ids to select some"


@click.group
def deadletters() -> None:
    """Dead letters: messages set aside because they could not be processed."""


def _selects_many(command: Command) -> Command:
    """Add the options that select dead letters."""
    for option in (
        click.option("--yes", is_flag=True, help="Don't ask for confirmation."),
        click.option("--all", "everything", is_flag=True, help="All dead letters."),
        click.option(
            "--reason-like", metavar="TEXT", help="Only dead letters whose reason contains this."
        ),
        click.option("--topic", help="Only those of this topic."),
        click.argument("ids", nargs=-1, type=click.IntRange(1), metavar="[ID]..."),
    ):
        command = option(command)
    return command


@deadletters.command("list")
@click.option("--topic", help="Only those of this topic.")
@click.option("--reason-like", metavar="TEXT", help="Only dead letters whose reason contains this.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("--after", type=int, default=0, metavar="ID", help="Continue after this id.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@settings_options
def list_(
    settings: Settings,
    topic: str | None,
    reason_like: str | None,
    limit: int,
    after: int,
    *,
    as_json: bool,
) -> None:
    """List dead letters, oldest first: id, time, source, reason."""
    from inbound.clock import utc_now
    from inbound.store.dead_letters import dead_letters as store

    selection = Selection(topic=topic, reason=reason_like)
    with _connected(settings) as conn:
        rows = store.find(conn, selection, limit=limit, after=after)
        total, last = store.count(conn, selection)
        usage = store.usage(conn)
    for row in rows:
        if as_json:
            echo_json(as_object(row))
        else:
            echo(line(row, utc_now(), settings.time_zone))
    if as_json:
        return
    if not total:
        echo("no dead letters" + (" of that kind" if topic or reason_like else ""))
        return
    full = settings.dead_letter_limits().used(usage)
    echo(f"{counted(total, 'dead letter')}; {full:.0%} of the quota used", err=True)
    if rows and rows[-1].id < last:
        echo(f"there are more: --after {rows[-1].id}", err=True)


@deadletters.command
@click.argument("id_", type=click.IntRange(1), metavar="ID")
@click.option(
    "--reveal", metavar="REASON", help="Show everything; the reason is recorded in the audit."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@settings_options
def show(settings: Settings, id_: int, reveal: str | None, *, as_json: bool) -> None:
    """Show one dead letter: headers and content; numbers, texts and secrets are masked."""
    from inbound.clock import utc_now
    from inbound.deadletter import viewing
    from inbound.store.access import audit
    from inbound.store.dead_letters import dead_letters as store
    from inbound.store.sealing import Sealer

    with _connected(settings) as conn:
        rows = store.find(conn, Selection(ids=(id_,)), limit=1)
        opened = list(store.opened(conn, Sealer(make_cipher(settings)), rows))
        if not opened:
            _exit_with(f"there is no dead letter {id_}")
        if reveal is not None:
            why = _checked(reveal)
            audit.record(
                conn, actor=os_user(), action="deadletters.reveal", reason=f"message {id_}: {why}"
            )
    row, message = opened[0]
    view = viewing.view_of(message, reveal=reveal is not None)
    if as_json:
        echo_json(as_object(row) | view)
        return
    echo(line(row, utc_now(), settings.time_zone))
    echo(*viewing.view_lines(view))
    content = view["content"]
    if isinstance(content, str):
        echo(f"content  {content}")
    else:
        echo_json(content, indent=2)
    if reveal is None:
        echo("masked: --reveal REASON shows everything and is recorded in the audit", err=True)


@deadletters.command
@_selects_many
@click.option(
    "--wait",
    type=click.FloatRange(0, 3600),
    default=20.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait until they are processed.",
)
@settings_options
def retry(
    settings: Settings,
    ids: tuple[int, ...],
    topic: str | None,
    reason_like: str | None,
    wait: float,
    *,
    everything: bool,
    yes: bool,
) -> None:
    """Publish dead letters to their topics again, with the same key, headers and ids.

    A text takes effect now, although it arrived earlier: check whether the person has texted
    since. Exit status 1 if one was not published, was set aside again or was not processed in
    time.
    """
    from inbound.deadletter.retrying import DeadLetterRetry, set_aside_again, wait_until_processed
    from inbound.store.dead_letters import dead_letters as store
    from inbound.store.sealing import Sealer

    selection = _selection(ids, topic, reason_like, everything=everything)
    kafka = settings.kafka()
    with _connected(settings) as conn:
        upto = _confirmed(conn, selection, "publish", yes=yes)
        if not store.try_lock(conn):
            raise SetupError("another retry is running: try again when it has finished")
        work = DeadLetterRetry(conn, kafka, Sealer(make_cipher(settings)), os_user())
        retried = work.run(selection, upto, lambda _: None)
        echo(f"{retried.published} published again")
        print_rows("not published", [(row, reason) for row, reason in retried.refused])
        in_time = wait_until_processed(kafka, _groups(settings), retried.offsets, wait)
        again = [(row, row.reason) for row in set_aside_again(conn, retried.offsets, upto)]
    print_rows("set aside again", again)
    if not in_time:
        echo(f"not all are processed after {wait:g} s: see `scserv deadletters list` later")
    failed = retried.refused or again or not in_time
    click.get_current_context().exit(1 if failed else 0)


@deadletters.command
@_selects_many
@click.option(
    "--reason", required=True, metavar="TEXT", help="The reason; it is recorded in the audit."
)
@settings_options
def discard(
    settings: Settings,
    ids: tuple[int, ...],
    topic: str | None,
    reason_like: str | None,
    reason: str,
    *,
    everything: bool,
    yes: bool,
) -> None:
    """Delete dead letters for good. Their requests will never be processed."""
    from inbound.store.access import audit
    from inbound.store.dead_letters import dead_letters as store

    selection = _selection(ids, topic, reason_like, everything=everything)
    why = _checked(reason)
    with _connected(settings) as conn:
        upto = _confirmed(conn, selection, "discard", yes=yes)
        with conn.transaction():
            count = store.discard(conn, selection, upto)
            audit.record(
                conn,
                actor=os_user(),
                action="deadletters.discard",
                reason=f"{counted(count, 'message')}: {why}",
            )
    echo(f"{count} discarded")


def _connected(settings: Settings) -> Any:  # noqa: ANN401 — psycopg is imported when called
    from inbound.store.connections import connect

    check_database(settings)
    return connect(settings.database_url.get_secret_value(), "scserv deadletters", long=True)


def _selection(
    ids: tuple[int, ...], topic: str | None, reason: str | None, *, everything: bool
) -> Selection:
    if not (ids or topic or reason or everything):
        raise SetupError(f"nothing is selected: give {_ALL}")
    if everything and (ids or topic or reason):
        raise SetupError(f"--all already selects everything: give {_ALL}")
    return Selection(ids or None, topic, reason)


def _confirmed(conn: Any, selection: Selection, what: str, *, yes: bool) -> int:  # noqa: ANN401
    """Return the last id of the selection, once the operator has confirmed."""
    from inbound.store.dead_letters import dead_letters as store

    count, upto = store.count(conn, selection)
    if not count:
        _exit_with("there are no such dead letters")
    if selection.ids is not None and count < len(set(selection.ids)):
        echo(
            f"no dead letter has {len(set(selection.ids)) - count} of the ids",
            err=True,
        )
    if selection.ids is None and not yes:
        confirm(f"{what} {counted(count, 'dead letter')}?")
    return upto


def _exit_with(text: str) -> None:
    echo(text, err=True)
    click.get_current_context().exit(1)


def _checked(reason: str) -> str:
    """Return a reason that leaves room for what it is about. Raises `SetupError`."""
    from inbound.store.access.audit import MAX_LENGTH, ReasonError, check_reason

    try:
        return check_reason(reason, max_length=MAX_LENGTH - _ABOUT_CHARS)
    except ReasonError as error:
        raise SetupError(f"{error}") from error


def _groups(settings: Settings) -> dict[str, str]:
    """Return the consumer group of each topic that has one."""
    from schemas.topics import TopicNames
    from streams.groups import GATEWAY_GROUP, WORKER_GROUP

    names = TopicNames.prefixed(settings.topic_prefix)
    worker = dict.fromkeys(
        (names.mo, names.receipts, names.notify), settings.topic_prefix + WORKER_GROUP
    )
    return worker | dict.fromkeys(names.lanes, settings.topic_prefix + GATEWAY_GROUP)
