"""`scserv replay`: tests a change against past requests, and feeds new subscribers."""

import re
from pathlib import Path
from typing import Any

import click

from inbound.cli._context import settings_of
from inbound.replay.diff.settings import DiffSettings
from inbound.replay.publish.settings import PublishSettings

DIFF_HELP = """Show what a changed configuration or release would have decided differently.

Reads the commands and submit results since WHEN from the event log, with the facts known at
the time of each decision, and lets the candidate decide them again. Only reads the database;
sends and publishes nothing. Without --settings, --templates and --code the candidate is the
configuration now in force. The code of another release runs isolated: it sees its own files
only, and no network. A time without an offset is in SCSERV_TIME_ZONE.

Exit status: 0 without differences, 1 with differences, 2 when it could not run.
"""

PUBLISH_HELP = """Publish past events to the topic of a new subscriber.

The records equal those of sms.events.v1, in the same order for each subject and with the
same ids, plus the attribute `replay`. Topics of the service are refused. A time without an
offset is in SCSERV_TIME_ZONE. When it stops early it prints the command that resumes it.
"""


def _checked_id(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    if value is not None and not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", value):
        raise click.BadParameter("use at most 64 letters, digits, '.', '_' and '-'")
    return value


@click.group
def replay() -> None:
    """Test a change against past requests; feed a new subscriber."""


@replay.command("diff", help=DIFF_HELP)
@click.option("--since", required=True, metavar="WHEN", help="From 2024-05-17, or an age like 30d.")
@click.option("--until", metavar="WHEN", help="End; default: now.")
@click.option(
    "--settings",
    "settings_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="TOML file that changes policies, templates_file or alphabet.",
)
@click.option(
    "--templates",
    type=click.Path(path_type=Path, dir_okay=False),
    help="TOML file with changed reply texts.",
)
@click.option("--code", type=click.Path(path_type=Path), help="Another release: wheel or folder.")
@click.option("--trust", is_flag=True, help="Run --code with all your rights, not isolated.")
@click.option("--carry", is_flag=True, help="Let the candidate's decisions affect later ones.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write every difference to this file as NDJSON.",
)
@click.option(
    "--examples",
    type=click.IntRange(0, 1000),
    default=3,
    show_default=True,
    help="Examples of each kind to show.",
)
@click.option(
    "--time-limit",
    "time_limit_s",
    type=click.FloatRange(0.1, 3600),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="Time limit of --code for each batch.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@settings_of(DiffSettings)
def diff(settings: DiffSettings, **options: Any) -> None:  # noqa: ANN401 — see DiffOptions and PublishOptions
    """Run `scserv replay diff`."""
    from inbound.cli._replay_diff import DiffOptions, run_diff

    click.get_current_context().exit(run_diff(settings, DiffOptions(**options)))


@replay.command("publish", help=PUBLISH_HELP)
@click.option("--to-topic", required=True, metavar="TOPIC", help="Topic of the new subscriber.")
@click.option("--since", required=True, metavar="WHEN", help="From 2024-05-17, or an age like 30d.")
@click.option("--until", metavar="WHEN", help="End; default: now.")
@click.option("--types", metavar="TYPE,...", help="Only these types, like request.accepted.")
@click.option(
    "--rate",
    type=click.FloatRange(0),
    default=0,
    metavar="N",
    help="At most N events per second; 0: no limit.",
)
@click.option("--create", is_flag=True, help="Create the topic if it is missing.")
@click.option(
    "--from-position",
    type=click.IntRange(1),
    metavar="N",
    help="Resume at this position of the log.",
)
@click.option(
    "--replay-id",
    metavar="ID",
    callback=_checked_id,
    help="Value of the attribute `replay`; default: a new id.",
)
@settings_of(PublishSettings)
def publish(settings: PublishSettings, **options: Any) -> None:  # noqa: ANN401 — see DiffOptions and PublishOptions
    """Run `scserv replay publish`."""
    from inbound.cli._replay_publish import PublishOptions, run_publish

    click.get_current_context().exit(run_publish(settings, PublishOptions(**options)))
