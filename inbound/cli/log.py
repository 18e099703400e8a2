"""`scserv log`: verifies the event log, and moves it to another database."""

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from inbound.cli._context import settings_options
from inbound.cli._database import open_database
from inbound.cli._format import counted
from inbound.cli._log_recovery import recover
from inbound.cli._progress import Advance, progress_bar
from inbound.errors import SetupError
from inbound.settings import Settings
from inbound.terminal import echo

if TYPE_CHECKING:
    import psycopg

    from inbound.eventlog.archive import Trailer
    from inbound.eventlog.published_heads import PublishedHeads
    from inbound.eventlog.verification import Verification

STANDARD = Path("-")
APPLICATION_NAME = "scserv log"


@click.group
def log() -> None:
    """Verify, export and import the event log; complete it after a restore."""


log.add_command(recover)


@log.command
@click.option(
    "--kafka/--no-kafka",
    default=None,
    help="Also check the heads published on Kafka.  [default: if Kafka is set]",
)
@click.option(
    "--since-position",
    "since",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Trust all events up to this position.",
)
@click.option(
    "--show", default=20, show_default=True, help="Problems to print; the rest are counted."
)
@settings_options
def verify(settings: Settings, *, kafka: bool | None, since: int, show: int) -> None:
    """Check that nobody altered the event log.

    Checks positions, versions, schemas, the digest chains and their heads; with Kafka also
    the published heads. Exit status 0 when the log is intact, 1 when it is not.
    """
    from inbound.eventlog.log_reader import snapshot
    from inbound.eventlog.verification import Verification

    conn = _connected(settings)
    with ExitStack() as stack:
        stack.enter_context(conn)
        published = stack.enter_context(_published_heads(settings, kafka))
        stack.enter_context(snapshot(conn))
        verification = Verification(conn, since)
        if since > verification.last:
            raise SetupError(f"--since-position {since}: the log ends at {verification.last}")
        advance = stack.enter_context(_events_bar())
        found = 0
        for problem in _problems(conn, verification, published, advance):
            found += 1
            if found <= show:
                echo(problem)
    events = verification.checker.events
    if found:
        if found > show:
            echo(f"and {found - show} more")
        problems = counted(found, "problem")
        echo(f"the log was altered: {problems} in {counted(events, 'event')}", err=True)
        raise click.exceptions.Exit(1)
    echo(_summary(verification, published))


def _problems(
    conn: "psycopg.Connection",
    verification: "Verification",
    published: "PublishedHeads | None",
    advance: Advance,
) -> Iterator[str]:
    last = verification.last
    for problem in verification.problems(lambda position: advance(position, last)):
        yield str(problem)
    if published is not None:
        for problem in published.problems(conn, verification.since, last, advance):
            yield str(problem)


def _summary(verification: "Verification", published: "PublishedHeads | None") -> str:
    checker = verification.checker
    begin = f" from position {verification.since + 1}" if verification.since else ""
    text = f"the log is intact: {counted(checker.events, 'event')}{begin}"
    text += f", last position {verification.last}"
    if checker.undigested:
        text += f"; the first {checker.undigested} predate digests and were not checked by digest"
    if published is None:
        return f"{text}; not compared with Kafka"
    return f"{text}; {counted(published.heads, 'head')} on Kafka matched"


@contextmanager
def _published_heads(settings: Settings, kafka: bool | None) -> "Iterator[PublishedHeads | None]":  # noqa: FBT001
    if not (bool(settings.kafka_bootstrap_servers) if kafka is None else kafka):
        yield None
        return
    from inbound.eventlog.published_heads import PublishedHeads
    from inbound.kafka.topic_reader import open_reader
    from schemas.topics import TopicNames

    with open_reader(settings.kafka()) as reader:
        yield PublishedHeads(reader, TopicNames.prefixed(settings.topic_prefix))


@log.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@settings_options
def export(settings: Settings, file: Path) -> None:
    """Write the whole event log to FILE (NDJSON in zstd); - means standard output."""
    from inbound.clock import utc_now
    from inbound.eventlog.exporter import export_log

    with (
        _connected(settings) as conn,
        _created(file) as out,
        progress_bar("", unit="events") as advance,
    ):
        trailer = export_log(conn, out, utc_now(), advance)
    echo(f"exported {_extent(trailer)}", err=True)


@log.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@settings_options
def import_(settings: Settings, file: Path) -> None:
    """Load an exported event log into an empty database; - means standard input.

    Loads everything or nothing. Publishes nothing. The file contains no phone numbers.
    """
    from inbound.eventlog.importer import import_log

    with (
        _connected(settings) as conn,
        _opened(file) as source,
        progress_bar("", unit="events") as advance,
    ):
        trailer = import_log(conn, source, str(file), advance)
    echo(f"imported {_extent(trailer)}")


def _connected(settings: Settings) -> "psycopg.Connection":
    return open_database(settings, APPLICATION_NAME, long=True)


@contextmanager
def _created(file: Path) -> Iterator[BinaryIO]:
    """Create a file that gets its name when it is complete and on disk."""
    if file == STANDARD:
        if sys.stdout.isatty():
            raise SetupError("standard output is a terminal: name a file or use a pipe")
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if file.exists():
        raise SetupError(f"{file} exists: choose another name")
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


def _events_bar() -> "AbstractContextManager[Advance]":
    return progress_bar("", unit="events")


def _extent(trailer: "Trailer") -> str:
    return f"{counted(trailer.events, 'event')}, last position {trailer.last_position}"
