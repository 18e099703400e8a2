"""`scserv projections`: how the tables are in which requests are looked up; rebuild, verify."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import click
from pydantic_core import to_json
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from inbound.cli._context import settings_options
from inbound.settings import Settings

if TYPE_CHECKING:
    import psycopg

    from inbound.projections.building import Told
    from inbound.projections.overview import Standing

_NICE: Final = 10
_SAY_EVERY_S: Final = 5.0
_INTERRUPTED: Final = 130


@click.group
def projections() -> None:
    """The tables in which requests are looked up, made from the event log."""


@projections.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@settings_options
def list_(settings: Settings, *, as_json: bool) -> None:
    """Show version, place in the log, lag, rows and rebuild of each projection."""
    from inbound.projections.overview import standings

    with _connection(settings)() as connection:
        found = standings(connection)
    for one in found:
        if as_json:
            click.echo(to_json(one).decode())
        else:
            for line in _lines(one):
                click.echo(line)


@projections.command
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--from-zero", is_flag=True, help="Don't go on with a rebuild that was stopped.")
@settings_options
def rebuild(settings: Settings, names: tuple[str, ...], *, from_zero: bool) -> None:
    """Make projections anew beside the live ones and swap them in; all when none is named.

    Nothing waits for it: replies, readers and the projector go on. It may be stopped at any
    moment; the same command goes on where it was.
    """
    from inbound.projections.catalogue import select
    from inbound.projections.rebuilding import rebuild as rebuild_

    wanted = select(names)
    with _stoppable("the same command goes on from here"), telling(_console()) as tell:
        rebuild_(_connection(settings), wanted, from_zero=from_zero, tell=tell)
    click.echo(f"rebuilt and live: {', '.join(one.name for one in wanted)}")


@projections.command
@click.argument("names", nargs=-1, metavar="[NAME]...")
@settings_options
def verify(settings: Settings, names: tuple[str, ...]) -> None:
    """Compare projections with ones made from zero; all when none is named.

    Touches nothing. Exit status 1 when one differs; the first difference of each is named.
    """
    from inbound.projections.catalogue import select
    from inbound.projections.verifying import verify as verify_

    with _stoppable("nothing was changed"), telling(_console()) as tell:
        found = list(verify_(_connection(settings), select(names), tell=tell))
    differing = [one.difference for one in found if one.difference]
    for difference in differing:
        click.echo(difference)
    if not differing:
        rows = ", ".join(f"{one.name} ({one.rows} rows)" for one in found)
        last = max(one.position for one in found)
        click.echo(f"as the log has it up to position {last}: {rows}")
    click.get_current_context().exit(1 if differing else 0)


def _connection(settings: Settings) -> "Callable[[], psycopg.Connection]":
    """Check the database and return what opens a connection to it."""
    from inbound.store.connecting import connect
    from inbound.store.migrating import require_current

    settings.require("database_url")
    url = settings.database_url.get_secret_value()
    require_current(url)
    return lambda: connect(url, "scserv projections", long=True)


def _console() -> Console:
    return Console(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def _stoppable(hint: str) -> Iterator[None]:
    """Work at low priority, and end politely at Ctrl-C."""
    os.nice(_NICE)
    try:
        yield
    except KeyboardInterrupt:
        click.echo(f"stopped; {hint}", err=True)
        sys.exit(_INTERRUPTED)


@contextmanager
def telling(console: Console) -> "Iterator[Callable[[Told], None]]":
    """Yield what shows the progress: a bar on a terminal, else a line now and then."""
    rate = _Rate()
    if not console.is_terminal:
        yield _Lines(console, rate)
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

        def tell(told: "Told") -> None:
            bar.update(
                task,
                description=told.doing,
                completed=told.position,
                total=told.of,
                so_far=_so_far(told, rate(told.position)),
                visible=True,
            )

        yield tell


class _Rate:
    """Events a second since the first time it was asked; 0 then."""

    def __init__(self) -> None:
        self._first: tuple[float, int] | None = None

    def __call__(self, position: int) -> int:
        now = time.monotonic()
        if self._first is None:
            self._first = now, position
        began, first = self._first
        return round((position - first) / (now - began)) if now > began else 0


class _Lines:
    """A line at every new thing it does, and every few seconds between."""

    def __init__(self, console: Console, rate: _Rate) -> None:
        self._console = console
        self._doing = ""
        self._said_at = 0.0
        self._rate = rate

    def __call__(self, told: "Told") -> None:
        rate, now = self._rate(told.position), time.monotonic()
        if told.doing != self._doing or now - self._said_at > _SAY_EVERY_S:
            self._doing, self._said_at = told.doing, now
            so_far = _so_far(told, rate)
            self._console.print(f"{told.doing}{so_far and ': '}{so_far}", markup=False)


def _so_far(told: "Told", rate: int) -> str:
    """Say how many events are done; nothing of what comes after the last of them."""
    if told.position >= told.of:
        return ""
    speed = f", {rate:,}/s" if rate else ""
    return f"{told.position:,} of {told.of:,}{speed}"


def _lines(one: "Standing") -> Iterator[str]:
    if one.live is None:
        yield f"{one.name}: was never built"
    else:
        lag = f"{one.live.events:,} events behind" if one.live.events else "up to date"
        since = f" ({one.live.seconds:.1f} s)" if one.live.events else ""
        projector = "" if one.has_projector else ", no projector runs"
        yield (
            f"{one.name}: version {one.live.version}, position {one.live.position:,}, "
            f"{lag}{since}, {one.rows:,} rows{projector}"
        )
    if one.live is None or one.live.version != one.version:
        yield f"    this release makes version {one.version}"
    if one.shadow is not None:
        state = (
            "under way" if one.being_rebuilt else "stopped: `scserv projections rebuild` goes on"
        )
        yield (
            f"    rebuild for version {one.shadow.version} at position "
            f"{one.shadow.position:,}, {state}"
        )
