"""`scserv replay`: what a change would have done, and history for a new subscriber."""

import re
from pathlib import Path
from typing import Any

import click

from inbound.cli._context import settings_of
from inbound.replay.diff.settings import DiffSettings
from inbound.replay.publish.settings import PublishSettings

DIFF_HELP = """Decide the requests of the past again with a changed configuration or release.

Takes the commands and submit results since WHEN from the event log, with the facts that were
known when each was decided, and tells what the candidate would have decided otherwise. It
only reads the database; nothing is sent or published. Without --settings, --templates and
--code it compares what is in force now with what was decided then.

Exit status: 0 when nothing differs, 1 when something does, 2 when it could not be run.
"""

PUBLISH_HELP = """Publish events of the past on a topic for a new subscriber.

The records are those of sms.events.v1, in the same order for each subject and with the same
ids; the attribute `replay` says that they come again. The service's own topics are refused.
A second run goes on where the first one stopped: each says how.
"""


def _checked_id(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    if value is not None and not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", value):
        raise click.BadParameter("letters, digits, '.', '_' and '-', at most 64")
    return value


@click.group
def replay() -> None:
    """Decide the past again, or hand it to a new subscriber."""


@replay.command("diff", help=DIFF_HELP)
@click.option("--since", required=True, metavar="WHEN", help="2024-05-17, or how long ago: 30d.")
@click.option("--until", metavar="WHEN", help="Until then; now, when it is left out.")
@click.option(
    "--settings",
    "settings_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="TOML file with changed policies, templates_file or alphabet; the rest stays as it is.",
)
@click.option(
    "--templates",
    type=click.Path(path_type=Path, dir_okay=False),
    help="TOML file with changed reply texts.",
)
@click.option("--code", type=click.Path(path_type=Path), help="Another release: wheel or folder.")
@click.option("--carry", is_flag=True, help="Let the candidate's decisions change later ones.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write every difference into this file, as NDJSON.",
)
@click.option(
    "--examples",
    type=click.IntRange(0, 1000),
    default=3,
    show_default=True,
    help="Show so many of each kind.",
)
@click.option(
    "--time-limit",
    "time_limit_s",
    type=click.FloatRange(0.1, 3600),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="For each answer of another release.",
)
@click.option("--json", "as_json", is_flag=True, help="The result as one JSON object.")
@settings_of(DiffSettings)
def diff(settings: DiffSettings, **options: Any) -> None:  # noqa: ANN401 — the fields of the options class
    """Decide the past again."""
    from inbound.cli._replay_diff import DiffOptions, run_diff

    click.get_current_context().exit(run_diff(settings, DiffOptions(**options)))


@replay.command("publish", help=PUBLISH_HELP)
@click.option("--to-topic", required=True, metavar="TOPIC", help="Topic of the new subscriber.")
@click.option("--since", required=True, metavar="WHEN", help="2024-05-17, or how long ago: 30d.")
@click.option("--until", metavar="WHEN", help="Until then; now, when it is left out.")
@click.option("--types", metavar="TYPE,...", help="Only these, as request.accepted.")
@click.option(
    "--rate",
    type=click.FloatRange(0),
    default=0,
    metavar="N",
    help="At most N events a second; 0: as fast as Kafka takes them.",
)
@click.option("--create", is_flag=True, help="Create the topic when there is none.")
@click.option(
    "--from-position",
    type=click.IntRange(1),
    metavar="N",
    help="Go on with this position of the log.",
)
@click.option(
    "--replay-id",
    metavar="ID",
    callback=_checked_id,
    help="Value of the attribute `replay`; a new one, when it is left out.",
)
@settings_of(PublishSettings)
def publish(settings: PublishSettings, **options: Any) -> None:  # noqa: ANN401 — the fields of the options class
    """Hand the past to a new subscriber."""
    from inbound.cli._replay_publish import PublishOptions, run_publish

    click.get_current_context().exit(run_publish(settings, PublishOptions(**options)))
