"""`scserv audit`: who looked behind a subject, and why."""

import os
import pwd
from datetime import datetime

import click
from pydantic_core import to_json

from inbound.cli._context import settings_options
from inbound.cli._times import parse_moment
from inbound.settings import Settings
from inbound.store.audit import AuditEntry


@click.command
@click.option("--since", metavar="WHEN", help="From then on: 2024-05-17, or how long ago: 3d.")
@click.option(
    "--limit",
    type=click.IntRange(1, 10_000),
    default=100,
    show_default=True,
    help="The newest so many.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@settings_options
def audit(settings: Settings, since: str | None, limit: int, *, as_json: bool) -> None:
    """Show who revealed numbers or resolved subjects, and why; the newest first."""
    from inbound.clock import utc_now
    from inbound.store.audit import entries
    from inbound.store.connecting import connect
    from inbound.store.migrating import require_current

    moment = parse_moment(since, "--since", now=utc_now()) if since else None
    settings.require("database_url")
    url = settings.database_url.get_secret_value()
    require_current(url)
    with connect(url, "scserv audit") as connection:
        found = entries(connection, limit=limit + 1, since=moment)
    for entry in found[:limit]:
        click.echo(to_json(entry).decode() if as_json else _line(entry))
    if as_json:
        return
    if not found:
        click.echo("nothing is recorded" + (f" since {_time(moment)}" if moment else ""))
    elif len(found) > limit:
        click.echo(f"there are older entries: --limit {2 * limit}", err=True)


def os_user() -> str:
    """Return who runs this command, for the audit: the operating system's name of the user."""
    user = os.getuid()
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:  # in a container a user may have a number only
        return f"uid {user}"


def _line(entry: AuditEntry) -> str:
    about = [
        f"{what} {id_}"
        for what, id_ in (("subject", entry.subject_id), ("request", entry.request_id))
        if id_ is not None
    ]
    return f"{_time(entry.at)}  {', '.join([entry.actor, entry.action, *about])}: {entry.reason}"


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
