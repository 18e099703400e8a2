"""`scserv log`: whether the event log can be trusted, and carrying it to another database."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from inbound.cli._context import settings_options
from inbound.errors import SetupError
from inbound.settings import Settings

if TYPE_CHECKING:
    import psycopg

    from inbound.eventlog.verifying import Verification
    from inbound.eventlog.witnesses import Witnesses

STANDARD = Path("-")
APPLICATION_NAME = "scserv log"

Tell = Callable[[int, int], None]


@click.group
def log() -> None:
    """The event log: verify, export, import."""


@log.command
@click.option(
    "--kafka/--no-kafka",
    default=None,
    help="Hold the log against its heads on Kafka too.  [default: when Kafka is set]",
)
@click.option(
    "--since-position",
    "since",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Believe everything up to this position.",
)
@click.option(
    "--show", default=20, show_default=True, help="Problems to name; the rest is counted."
)
@settings_options
def verify(settings: Settings, *, kafka: bool | None, since: int, show: int) -> None:
    """Check that the log is what was written.

    Positions without gap, versions in order, every event readable, digests, heads; and with
    Kafka the heads that were published. Exit status 0 when all is well, 1 when not.
    """
    from inbound.eventlog.reading import snapshot
    from inbound.eventlog.verifying import Verification

    conn = _connected(settings)
    with ExitStack() as stack:
        stack.enter_context(conn)
        witnesses = stack.enter_context(_witnesses(settings, kafka))
        stack.enter_context(snapshot(conn))
        verification = Verification(conn, since)
        if since > verification.last:
            raise SetupError(f"--since-position {since}: the log ends at {verification.last}")
        tell = stack.enter_context(_progress("events"))
        found = 0
        for problem in _problems(conn, verification, witnesses, tell):
            found += 1
            if found <= show:
                click.echo(problem)
    events = verification.checker.events
    if found:
        if found > show:
            click.echo(f"and {found - show} more")
        click.echo(f"the log is not what was written: {found} problems, {events} events", err=True)
        raise click.exceptions.Exit(1)
    click.echo(_verdict(verification, witnesses))


def _problems(
    conn: "psycopg.Connection",
    verification: "Verification",
    witnesses: "Witnesses | None",
    tell: Tell,
) -> Iterator[str]:
    last = verification.last
    for problem in verification.problems(lambda position: tell(position, last)):
        yield str(problem)
    if witnesses is not None:
        for problem in witnesses.problems(conn, verification.since, last, tell):
            yield str(problem)


def _verdict(verification: "Verification", witnesses: "Witnesses | None") -> str:
    checker = verification.checker
    begin = f"from {verification.since + 1}" if verification.since else ""
    said = f"the log is what was written: {checker.events} events {begin}".rstrip()
    said += f", the last is {verification.last}"
    if checker.undigested:
        said += f"; the first {checker.undigested} are from before there were digests"
    if witnesses is None:
        return f"{said}; not held against Kafka"
    return f"{said}; {witnesses.heads} heads on Kafka fit"


@contextmanager
def _witnesses(settings: Settings, kafka: bool | None) -> "Iterator[Witnesses | None]":  # noqa: FBT001
    if not (bool(settings.kafka_bootstrap_servers) if kafka is None else kafka):
        yield None
        return
    from inbound.eventlog.witnesses import Witnesses
    from inbound.kafka.reading import open_reader
    from schemas.topics import TopicNames

    settings.require("kafka_bootstrap_servers")
    with open_reader(settings.kafka_bootstrap_servers) as reader:
        yield Witnesses(reader, TopicNames.prefixed(settings.topic_prefix))


@log.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@settings_options
def export(settings: Settings, file: Path) -> None:
    """Write the whole log into FILE (compressed lines of JSON), - for standard output."""
    from inbound.clock import utc_now
    from inbound.eventlog.exporting import export_log

    with _connected(settings) as conn, _created(file) as out, _progress("events") as tell:
        trailer = export_log(conn, out, utc_now(), tell)
    click.echo(f"exported {trailer.events} events, the last is {trailer.last_position}", err=True)


@log.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@settings_options
def import_(settings: Settings, file: Path) -> None:
    """Load a log from FILE into an empty database, - from standard input.

    All of it or nothing. Nothing is published again, and no number comes with it.
    """
    from inbound.eventlog.importing import import_log

    with _connected(settings) as conn, _opened(file) as source, _progress("events") as tell:
        trailer = import_log(conn, source, str(file), tell)
    click.echo(f"imported {trailer.events} events, the last is {trailer.last_position}")


def _connected(settings: Settings) -> "psycopg.Connection":
    from inbound.store.connecting import connect
    from inbound.store.migrating import require_current

    settings.require("database_url")
    url = settings.database_url.get_secret_value()
    require_current(url)
    return connect(url, APPLICATION_NAME, long=True)


@contextmanager
def _created(file: Path) -> Iterator[BinaryIO]:
    """A new file that has its name once it is complete and on disk."""
    if file == STANDARD:
        if sys.stdout.isatty():
            raise SetupError("standard output is a terminal: name a file, or pipe it somewhere")
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if file.exists():
        raise SetupError(f"{file} is there already: name another")
    partial = file.with_name(f"{file.name}.partial")
    try:
        with partial.open("wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        partial.rename(file)
    except OSError as error:
        raise SetupError(f"{partial}: {error.strerror}") from error
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def _opened(file: Path) -> Iterator[BinaryIO]:
    if file == STANDARD:
        yield sys.stdin.buffer
        return
    try:
        source = file.open("rb")
    except OSError as error:
        raise SetupError(f"{file}: {error.strerror}") from error
    with source:
        yield source


@contextmanager
def _progress(what: str) -> Iterator[Tell]:
    """A bar on standard error, when that is a terminal."""
    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.completed:,} of {task.total:,} " + what),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task("", total=0)
        yield lambda done, of: bar.update(task, completed=done, total=of)
