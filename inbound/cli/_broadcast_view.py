"""How broadcasts are printed."""

import time
from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from inbound.cli._command_line import command_line
from inbound.cli._database import open_database
from inbound.cli._format import counted, utc
from inbound.cli._progress import progress_bar
from inbound.handlers.broadcasts import FINAL, BroadcastState, words
from inbound.settings import Settings
from inbound.store.broadcasts.rows import Broadcast, Progress
from inbound.terminal import echo

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

_LOOK_EVERY_S: Final = 0.5
_STANDS_STILL: Final = FINAL | {
    BroadcastState.DRAFT,
    BroadcastState.AWAITING_APPROVAL,
    BroadcastState.PAUSED,
}


def as_json(conn: "psycopg.Connection", one: Broadcast) -> dict[str, object]:
    """Return a broadcast and its progress for programs."""
    now = one.lifecycle
    return {
        "id": one.broadcast_id,
        "name": one.name,
        "account": one.account,
        "state": one.state.value,
        **asdict(_progress(conn, one)),
        "excluded": sum(one.excluded.values()),
        "excluded_by_reason": dict(one.excluded),
        "needs_confirmation": now.needs_confirmation,
        "problem": one.problem if one.state is BroadcastState.PAUSED else None,
        "template": one.template,
        "template_version": one.template_version,
        "created_at": one.created_at,
        "created_by": now.created_by,
        "started_by": now.started_by,
        "approved_by": now.approved_by,
        "starts_at": now.starts_at,
        "began_at": now.began_at,
        "ended_at": one.ended_at,
    }


def print_broadcast(settings: Settings, one: Broadcast) -> None:
    """Print a broadcast for people."""
    from inbound.broadcasts.audience import EXPLANATIONS, Exclusion

    with closing(open_database(settings, "scserv broadcast")) as conn:
        progress = _progress(conn, one)
    echo(f"{one.name}: {words(one.state)}, {counted(progress.recipients, 'recipient')}")
    for reason, count in sorted(one.excluded.items()):
        echo(f"  excluded {count}: {EXPLANATIONS[Exclusion(reason)]}")
    counts = [f"{name} {count}" for name, count in asdict(progress).items() if count]
    if one.state not in {BroadcastState.DRAFT, BroadcastState.AWAITING_APPROVAL}:
        echo("  " + ", ".join(counts[1:]))
    for what, moment in (
        ("starts", one.lifecycle.starts_at if one.state is BroadcastState.SCHEDULED else None),
        ("began", one.lifecycle.began_at),
        ("ended", one.ended_at),
    ):
        if moment is not None:
            echo(f"  {what} {utc(moment)}")
    if one.lifecycle.needs_confirmation:
        confirm = command_line("broadcast", "confirm", str(one.broadcast_id))
        echo(f"  missed its start; to start it now: {confirm}")
    if one.problem and one.state is BroadcastState.PAUSED:
        echo(f"  paused because of a problem: {one.problem}")


def print_list(conn: "psycopg.Connection", broadcasts: "Sequence[Broadcast]") -> None:
    """Print one line for each."""
    from inbound.broadcasts.control import progress_of

    if not broadcasts:
        echo("no broadcasts yet; create one with `scserv broadcast create`")
        return
    progress = progress_of(conn, broadcasts)
    for one in broadcasts:
        count = progress[one.broadcast_id]
        done = count.recipients - count.waiting
        echo(
            f"{one.broadcast_id}  {utc(one.created_at, seconds=False)}  {words(one.state)}  "
            f"{done} of {count.recipients}  {one.name}"
        )


def watch(conn: "psycopg.Connection", one: Broadcast) -> Broadcast:
    """Show a progress bar until the broadcast ends or stands still; return it as it is then."""
    from inbound.broadcasts.control import found

    with progress_bar(one.name, unit="recipients") as advance:
        while True:
            progress = _progress(conn, one)
            advance(progress.recipients - progress.waiting, progress.recipients)
            if one.state in _STANDS_STILL or one.lifecycle.needs_confirmation:
                return one
            time.sleep(_LOOK_EVERY_S)
            one = found(conn, one.broadcast_id)


def _progress(conn: "psycopg.Connection", one: Broadcast) -> Progress:
    from inbound.broadcasts.control import progress_of

    return progress_of(conn, [one])[one.broadcast_id]
