"""Runs `scserv replay publish` and prints how far it got."""

import difflib
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import uuid4

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from inbound.cli._command_line import command_line
from inbound.cli._format import counted
from inbound.cli._times import parse_moment
from inbound.errors import RetryableError, SetupError
from inbound.kafka.producer import Producer, RenewableProducer
from inbound.replay.publish.publisher import PublishStoppedError, ReplayPublisher
from inbound.replay.publish.settings import PublishSettings
from inbound.replay.publish.topics import check_name, prepare
from inbound.store.connections import connect
from inbound.store.log import replay_inputs
from inbound.terminal import Terminal, echo
from schemas.events import EVENTS
from schemas.orders import utc
from schemas.topics import PARTITIONS

APPLICATION_NAME = "scserv replay publish"
DONE, INCOMPLETE, INTERRUPTED = 0, 1, 130
_REFUSED_SHOWN = 10


@dataclass(frozen=True, slots=True)
class PublishOptions:
    """The options of the command line."""

    to_topic: str
    since: str
    until: str | None = None
    types: str | None = None
    rate: float = 0
    create: bool = False
    from_position: int | None = None
    replay_id: str | None = None


@dataclass(frozen=True, slots=True)
class _PublishPlan:
    """The options, parsed and checked."""

    topic: str
    replay: str
    since: datetime
    until: datetime
    types: tuple[str, ...] | None

    def command(self, from_position: int, rate: float) -> str:
        """Return the command that resumes at a position."""
        words = ["replay", "publish", "--to-topic", self.topic]
        words += ["--since", str(utc(self.since))]
        if self.until != replay_inputs.LATEST:
            words += ["--until", str(utc(self.until))]
        if self.types is not None:
            words += ["--types", ",".join(self.types)]
        if rate:
            words += ["--rate", f"{rate:g}"]
        words += ["--replay-id", self.replay, "--from-position", str(from_position)]
        return command_line(*words)


def run_publish(settings: PublishSettings, options: PublishOptions) -> int:
    """Publish, print the result, and return the exit status. Blocks."""
    plan = _parse(options, settings.time_zone)
    url, kafka = settings.require()
    prepared = prepare(kafka, plan.topic, settings.kafka_replication_factor, create=options.create)
    if prepared.created:
        echo(f"created {plan.topic}")
    if prepared.other_partitions is not None:
        echo(
            f"{plan.topic} has {prepared.other_partitions} partitions, sms.events.v1 has "
            f"{PARTITIONS}: the records are in other partitions than there. The events of each "
            "subject stay in order; a digest chain spreads over several partitions",
            err=True,
        )
    with ExitStack() as stack:
        conn = connect(url, APPLICATION_NAME, long=True, read_only=True)
        stack.enter_context(conn)
        span = replay_inputs.find_span(conn, plan.since, plan.until)
        after = span.after if options.from_position is None else options.from_position - 1
        publisher = ReplayPublisher(
            read=lambda position, limit: replay_inputs.read_events_between(
                conn, replace(span, after=position), limit, plan.types
            ),
            producer=stack.enter_context(closing(RenewableProducer(lambda: Producer(kafka)))),
            topic=plan.topic,
            replay=plan.replay,
            position=after,
            rate=options.rate,
            progress=stack.enter_context(_progress(after, span.upto)),
            stopping=stack.enter_context(_stopped_by_signals()),
        )
        try:
            finished = publisher.run()
        except PublishStoppedError as error:
            raise RetryableError(f"{error}\n{_how_to_resume(publisher, plan)}") from error
    for position, reason in publisher.refused[:_REFUSED_SHOWN]:
        echo(f"not published: Kafka refuses the event at position {position} ({reason})", err=True)
    if (more := len(publisher.refused) - _REFUSED_SHOWN) > 0:
        echo(f"not published: {more} more", err=True)
    if not finished:
        echo(*_how_to_resume(publisher, plan).split("\n"))
        return INTERRUPTED
    echo(
        f"published {counted(publisher.events, 'event')} to {plan.topic}, up to position "
        f"{publisher.position}; replay {plan.replay}"
    )
    return INCOMPLETE if publisher.refused else DONE


def _parse(options: PublishOptions, zone: str) -> _PublishPlan:
    check_name(options.to_topic)
    now = datetime.now(UTC)
    since = parse_moment(options.since, "--since", now=now, zone=zone)
    until = (
        parse_moment(options.until, "--until", now=now, zone=zone)
        if options.until
        else replay_inputs.LATEST
    )
    if until <= since:
        raise SetupError("--until must be later than --since")
    types = None if options.types is None else _parse_types(options.types)
    return _PublishPlan(options.to_topic, options.replay_id or uuid4().hex, since, until, types)


def _parse_types(given: str) -> tuple[str, ...]:
    known = [event.TYPE for event in EVENTS]
    types = tuple(dict.fromkeys(name.strip() for name in given.split(",")))
    for name in types:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"use {', '.join(known)}"
            raise SetupError(f"--types: {name!r} is not an event type; {hint}")
    return types


def _how_to_resume(publisher: ReplayPublisher, plan: _PublishPlan) -> str:
    return (
        f"published {counted(publisher.events, 'event')}, up to position {publisher.position}; "
        f"resume with:\n{plan.command(publisher.position + 1, publisher.rate)}"
    )


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    """Yield an event that SIGINT and SIGTERM set; a second signal exits at once."""
    stopping = threading.Event()
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}

    def stop(number: int, _: object) -> None:
        # First, because a second signal may interrupt `set`, which holds the event's lock.
        signal.signal(number, before[signal.Signals(number)])
        stopping.set()

    for number in numbers:
        signal.signal(number, stop)
    try:
        yield stopping
    finally:
        for number in numbers:
            signal.signal(number, before[number])


@contextmanager
def _progress(after: int, upto: int) -> Iterator[Callable[[int, int], None]]:
    """Show a bar over the positions, on standard error if that is a terminal."""
    console = Terminal(stderr=True)
    with Progress(
        TextColumn("publishing"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[events]} events"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task("", total=max(1, upto - after), events=0)
        yield lambda position, events: bar.update(task, completed=position - after, events=events)
