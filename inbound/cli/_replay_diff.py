"""Runs `scserv replay diff` and prints its report."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import click

from inbound.cli._format import counted
from inbound.cli._progress import progress_bar
from inbound.cli._times import local, parse_moment
from inbound.errors import ScservError, SetupError
from inbound.printing import printable
from inbound.replay.diff.candidates import Candidate, LocalCandidate
from inbound.replay.diff.classification import KINDS
from inbound.replay.diff.process import ProcessCandidate
from inbound.replay.diff.protocol import CandidateConfig
from inbound.replay.diff.report import DiffReport
from inbound.replay.diff.runner import APPLICATION_NAME, run
from inbound.replay.diff.settings import DiffSettings, change_config
from inbound.store.connections import connect
from inbound.store.log import replay_inputs
from inbound.terminal import echo, echo_json, echo_traceback

SAME, DIFFERENT, NOT_RUN = 0, 1, 2
_LONGEST_VALUE = 200


@dataclass(frozen=True, slots=True)
class DiffOptions:
    """The options of the command line."""

    since: str
    until: str | None = None
    settings_file: Path | None = None
    templates: Path | None = None
    code: Path | None = None
    trust: bool = False
    out: Path | None = None
    examples: int = 3
    time_limit_s: float = 30.0
    carry: bool = False
    as_json: bool = False


def run_diff(settings: DiffSettings, options: DiffOptions) -> int:
    """Run one diff, print the report, and return the exit status. Blocks."""
    with _exit_2_on_a_bug():
        report, span = _diff(settings, options)
        if options.as_json:
            echo_json(_as_object(report, span))
        else:
            echo(*_lines(report, span, options, settings.time_zone))
    return DIFFERENT if report.differing else SAME


def _diff(settings: DiffSettings, options: DiffOptions) -> tuple[DiffReport, replay_inputs.LogSpan]:
    now, zone = datetime.now(UTC), settings.time_zone
    since = parse_moment(options.since, "--since", now=now, zone=zone)
    until = (
        parse_moment(options.until, "--until", now=now, zone=zone)
        if options.until
        else replay_inputs.LATEST
    )
    if options.trust and options.code is None:
        raise SetupError("--trust needs --code: nothing else runs foreign code")
    if until <= since:
        raise SetupError("--until must be later than --since")
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
        span = replay_inputs.find_span(conn, since, until)
        advance = stack.enter_context(progress_bar("deciding", unit="subjects"))
        run(conn, span, candidate, report, advance)
    return report, span


def _candidate(options: DiffOptions, config: CandidateConfig) -> Candidate:
    if options.code is None:
        return LocalCandidate(config)
    return ProcessCandidate(options.code, config, options.time_limit_s, trusted=options.trust)


@contextmanager
def _exit_2_on_a_bug() -> Iterator[None]:
    """Exit with status 2 on a bug: Python's 1 would mean a difference."""
    try:
        yield
    except (ScservError, click.ClickException):
        raise
    except Exception as error:  # noqa: BLE001 — printed in full
        echo_traceback(error)
        sys.exit(NOT_RUN)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        file = path.open("wb")
    except OSError as error:
        raise SetupError(f"--out {path}: {error.strerror}") from error
    with file:
        yield file


def _as_object(report: DiffReport, span: replay_inputs.LogSpan) -> dict[str, Any]:
    return {
        "since": span.since,
        "until": None if span.until == replay_inputs.LATEST else span.until,
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


def _lines(
    report: DiffReport, span: replay_inputs.LogSpan, options: DiffOptions, zone: str
) -> Iterator[str]:
    until = "now" if span.until == replay_inputs.LATEST else local(span.until, zone)
    yield f"from {local(span.since, zone)} to {until}: " + ", ".join(
        (
            counted(report.commands, "command or order", "commands and orders"),
            counted(report.results, "result"),
            counted(report.subjects, "subject"),
            f"{counted(report.events, 'event')} read",
        )
    )
    if report.then.release != report.now.release or options.code:
        yield f"candidate: release {report.then.release}; in force: release {report.now.release}"
    yield from _policies(report)
    yield from _texts(report)
    yield ""
    if not report.commands and not report.results:
        yield "nothing was decided in that time, so there is nothing to compare"
    elif not report.differing:
        yield "no differences"
    for kind, count in report.by_kind().items():
        yield f"{count:>9}  {kind}: {KINDS.get(kind, kind)}"
        yield from (f"           {example}" for example in report.examples.get(kind, ()))
    if report.differing and options.out:
        yield f"all differences are in {options.out}"
    yield ""
    yield "not covered by this diff:"
    yield from (f"- {sentence}" for sentence in report.unseen())


def _policies(report: DiffReport) -> Iterator[str]:
    now, then = report.now.policies, report.then.policies
    for name in sorted(now.keys() | then.keys()):
        if now.get(name) != then.get(name):
            other = printable(str(then.get(name, "none")), _LONGEST_VALUE)
            yield f"policy {name}: {now.get(name, 'none')} -> {other}"


def _texts(report: DiffReport) -> Iterator[str]:
    for name, difference in report.texts.items():
        yield f"text {difference.what}"
        yield f"    now:       {report.now.texts[name].text}"
        yield f"    candidate: {report.then.texts[name].text}"
