"""`scserv projections`: lists, rebuilds and verifies the look-up tables."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import click
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from inbound.cli._context import settings_options
from inbound.cli._database import database_url
from inbound.cli._format import counted
from inbound.cli._interrupts import INTERRUPTED
from inbound.plurals import noun
from inbound.settings import Settings
from inbound.terminal import Terminal, echo, echo_json

if TYPE_CHECKING:
    import psycopg

    from inbound.projections.builder import BuildProgress
    from inbound.projections.status import ProjectionStatus

_NICE: Final = 10
_LINE_EVERY_S: Final = 5.0


@click.group
def projections() -> None:
    """List, rebuild and verify the look-up tables made from the event log."""


@projections.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@settings_options
def list_(settings: Settings, *, as_json: bool) -> None:
    """Show the version, position, lag, rows and rebuild of each projection."""
    from inbound.projections.status import statuses

    with _connection(settings)() as connection:
        found = statuses(connection)
    for one in found:
        if as_json:
            echo_json(one)
        else:
            for line in _lines(one):
                echo(line)


@projections.command
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--from-zero", is_flag=True, help="Start again instead of resuming.")
@settings_options
def rebuild(settings: Settings, names: tuple[str, ...], *, from_zero: bool) -> None:
    """Build projections beside the live ones and swap them in. Default: all of them.

    Replies, look-ups and the projector continue meanwhile. It can be stopped at any time;
    the same command resumes it.
    """
    from inbound.projections.catalogue import select
    from inbound.projections.rebuild import rebuild as rebuild_

    wanted = select(names)
    with _stoppable("the same command resumes it"), show_progress(_console()) as on_progress:
        rebuild_(_connection(settings), wanted, from_zero=from_zero, on_progress=on_progress)
    echo(f"rebuilt and live: {', '.join(one.name for one in wanted)}")


@projections.command
@click.argument("names", nargs=-1, metavar="[NAME]...")
@settings_options
def verify(settings: Settings, names: tuple[str, ...]) -> None:
    """Compare projections with freshly built ones. Default: all of them.

    Changes nothing. Prints the first difference of each projection; exit status 1 if there
    is one.
    """
    from inbound.projections.catalogue import select
    from inbound.projections.verification import verify as verify_

    with _stoppable("nothing was changed"), show_progress(_console()) as on_progress:
        found = list(verify_(_connection(settings), select(names), on_progress=on_progress))
    differing = [one.difference for one in found if one.difference]
    for difference in differing:
        echo(difference)
    if not differing:
        rows = ", ".join(f"{one.name} ({counted(one.rows, 'row')})" for one in found)
        last = max(one.position for one in found)
        echo(f"projections match the log up to position {last}: {rows}")
    click.get_current_context().exit(1 if differing else 0)


def _connection(settings: Settings) -> "Callable[[], psycopg.Connection]":
    """Check the database and return a function that connects to it."""
    from inbound.store.connections import connect

    url = database_url(settings)
    return lambda: connect(url, "scserv projections", long=True)


def _console() -> Terminal:
    return Terminal(stderr=True, soft_wrap=True)


@contextmanager
def _stoppable(hint: str) -> Iterator[None]:
    """Work at low priority; on Ctrl-C print a hint and exit with status 130."""
    os.nice(_NICE)
    try:
        yield
    except KeyboardInterrupt:
        echo(f"stopped; {hint}", err=True)
        sys.exit(INTERRUPTED)


@contextmanager
def show_progress(console: Terminal) -> "Iterator[Callable[[BuildProgress], None]]":
    """Yield a function that shows progress: a bar on a terminal, otherwise some lines."""
    rate = _Rate()
    if not console.is_terminal:
        yield _ProgressLines(console, rate)
        return
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[so_far]}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
    with bar:
        task = bar.add_task("", so_far="", visible=False)

        def update(progress: "BuildProgress") -> None:
            bar.update(
                task,
                description=progress.doing,
                completed=progress.position,
                total=progress.of,
                so_far=_so_far(progress, rate(progress.position)),
                visible=True,
            )

        yield update


class _Rate:
    """Events per second since the first call, which returns 0."""

    def __init__(self) -> None:
        self._first: tuple[float, int] | None = None

    def __call__(self, position: int) -> int:
        now = time.monotonic()
        if self._first is None:
            self._first = now, position
        began, first = self._first
        return round((position - first) / (now - began)) if now > began else 0


class _ProgressLines:
    """Prints a line for each new phase, and one every few seconds within a phase."""

    def __init__(self, console: Terminal, rate: _Rate) -> None:
        self._console = console
        self._doing = ""
        self._printed_at = 0.0
        self._rate = rate

    def __call__(self, progress: "BuildProgress") -> None:
        rate, now = self._rate(progress.position), time.monotonic()
        if progress.doing != self._doing or now - self._printed_at > _LINE_EVERY_S:
            self._doing, self._printed_at = progress.doing, now
            so_far = _so_far(progress, rate)
            self._console.print(f"{progress.doing}{so_far and ': '}{so_far}")


def _so_far(progress: "BuildProgress", rate: int) -> str:
    """Return how many events are done; empty after the last one."""
    if progress.position >= progress.of:
        return ""
    speed = f", {rate:,}/s" if rate else ""
    return f"{progress.position:,} of {progress.of:,}{speed}"


def _lines(one: "ProjectionStatus") -> Iterator[str]:
    if one.live is None:
        yield f"{one.name}: never built"
    else:
        lag = "up to date"
        if one.live.events:
            lag = f"{one.live.events:,} {noun(one.live.events, 'event')} behind"
        since = f" ({one.live.seconds:.1f} s)" if one.live.events else ""
        projector = "" if one.has_projector else ", no projector is running"
        yield (
            f"{one.name}: version {one.live.version}, position {one.live.position:,}, "
            f"{lag}{since}, {one.rows or 0:,} {noun(one.rows or 0, 'row')}{projector}"
        )
    if one.live is None or one.live.version != one.version:
        yield f"    this release builds version {one.version}"
    if one.shadow is not None:
        state = (
            "running" if one.being_rebuilt else "stopped: `scserv projections rebuild` resumes it"
        )
        yield (
            f"    rebuild of version {one.shadow.version} at position "
            f"{one.shadow.position:,}, {state}"
        )
