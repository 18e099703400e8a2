"""Running `scserv replay diff`, and telling what came of it."""

import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import click
from pydantic_core import to_json
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from inbound.cli._times import parse_moment
from inbound.errors import ScservError, SetupError
from inbound.replay.diff.candidates import Candidate, LocalCandidate
from inbound.replay.diff.classification import KINDS
from inbound.replay.diff.process import ProcessCandidate
from inbound.replay.diff.protocol import CandidateConfig
from inbound.replay.diff.report import DiffReport
from inbound.replay.diff.runner import APPLICATION_NAME, run
from inbound.replay.diff.settings import DiffSettings, change_config
from inbound.store import past
from inbound.store.connecting import connect

SAME, DIFFERENT, NOT_RUN = 0, 1, 2


@dataclass(frozen=True, slots=True)
class DiffOptions:
    """What the command line said."""

    since: str
    until: str | None = None
    settings_file: Path | None = None
    templates: Path | None = None
    code: Path | None = None
    out: Path | None = None
    examples: int = 3
    time_limit_s: float = 30.0
    carry: bool = False
    as_json: bool = False


def run_diff(settings: DiffSettings, options: DiffOptions) -> int:
    """Run one diff, print what came of it, and return the exit status."""
    with _no_bug_looks_like_a_difference():
        report, span = _diff(settings, options)
        if options.as_json:
            click.echo(to_json(_as_object(report, span)))
        else:
            click.echo("\n".join(_lines(report, span, options)))
    return DIFFERENT if report.differing else SAME


def _diff(settings: DiffSettings, options: DiffOptions) -> tuple[DiffReport, past.Span]:
    now = datetime.now(UTC)
    since = parse_moment(options.since, "--since", now=now)
    until = parse_moment(options.until, "--until", now=now) if options.until else past.FOR_EVER
    if until <= since:
        raise SetupError("--until is not after --since: there is nothing between them")
    url = settings.require_database()
    current = settings.current_config()
    config = change_config(current, options.settings_file, options.templates, carry=options.carry)
    with ExitStack() as stack:
        baseline = LocalCandidate(current).description
        candidate = _candidate(options, config)
        stack.callback(candidate.close)
        out = stack.enter_context(_opened(options.out)) if options.out else None
        report = DiffReport(baseline, candidate.description, out, options.examples)
        conn = connect(url, APPLICATION_NAME, long=True, read_only=True)
        stack.enter_context(conn)
        span = past.find_span(conn, since, until)
        progress = stack.enter_context(_progress())
        run(conn, span, candidate, report, progress)
    return report, span


def _candidate(options: DiffOptions, config: CandidateConfig) -> Candidate:
    if options.code is None:
        return LocalCandidate(config)
    return ProcessCandidate(options.code, config, options.time_limit_s)


@contextmanager
def _no_bug_looks_like_a_difference() -> Iterator[None]:
    """End with status 2, not Python's 1, which would be an answer."""
    try:
        yield
    except (ScservError, click.ClickException):
        raise
    except Exception:  # noqa: BLE001 — it is printed in full
        traceback.print_exc()
        sys.exit(NOT_RUN)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        file = path.open("wb")
    except OSError as error:
        raise SetupError(f"--out {path}: {error.strerror}") from error
    with file:
        yield file


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error, when that is a terminal."""
    console = Console(stderr=True)
    with Progress(
        TextColumn("deciding again"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("subjects"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task("")
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _as_object(report: DiffReport, span: past.Span) -> dict[str, Any]:
    return {
        "since": span.since,
        "until": None if span.until == past.FOR_EVER else span.until,
        "positions": [span.after + 1, span.upto],
        "release": report.now.release,
        "candidate": report.then.release,
        "subjects": report.subjects,
        "events": report.events,
        "commands": report.commands,
        "results": report.results,
        "differing": report.differing,
        "kinds": report.by_kind(),
        "examples": report.examples,
        "unseen": report.unseen(),
    }


def _lines(report: DiffReport, span: past.Span, options: DiffOptions) -> Iterator[str]:
    until = "now" if span.until == past.FOR_EVER else f"{span.until:%Y-%m-%d %H:%M} UTC"
    yield f"from {span.since:%Y-%m-%d %H:%M} UTC to {until}: " + ", ".join(
        (
            _counted(report.commands, "command"),
            _counted(report.results, "result"),
            _counted(report.subjects, "subject"),
            f"{_counted(report.events, 'event')} read",
        )
    )
    if report.then.release != report.now.release or options.code:
        yield f"candidate: release {report.then.release}; this is {report.now.release}"
    yield from _policies(report)
    yield from _texts(report)
    yield ""
    if not report.commands and not report.results:
        yield "nothing was decided in that time, so nothing is known of the candidate"
    elif not report.differing:
        yield "nothing would be different"
    for kind, count in report.by_kind().items():
        yield f"{count:>9}  {kind}: {KINDS.get(kind, kind)}"
        yield from (f"           {example}" for example in report.examples.get(kind, ()))
    if report.differing and options.out:
        yield f"every one is in {options.out}"
    yield ""
    yield "what this can't show:"
    yield from (f"- {sentence}" for sentence in report.unseen())


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _policies(report: DiffReport) -> Iterator[str]:
    now, then = report.now.policies, report.then.policies
    for name in sorted(now.keys() | then.keys()):
        if now.get(name) != then.get(name):
            yield f"policy {name}: {now.get(name, 'none')} -> {then.get(name, 'none')}"


def _texts(report: DiffReport) -> Iterator[str]:
    for name, told in report.texts.items():
        yield f"text {told.what}"
        yield f"    now:       {report.now.texts[name].text}"
        yield f"    candidate: {report.then.texts[name].text}"
