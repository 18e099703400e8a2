"""`scserv audit`: what operators and programs did that has to be accounted for, and why."""

import click
from pydantic_core import to_json

from inbound.cli._context import settings_options
from inbound.cli._database import open_database
from inbound.cli._times import local, parse_moment
from inbound.settings import Settings
from inbound.store.access.audit import AuditEntry
from inbound.terminal import echo


@click.command
@click.option("--since", metavar="WHEN", help="Entries since 2024-05-17, or an age like 3d.")
@click.option(
    "--limit",
    type=click.IntRange(1, 10_000),
    default=100,
    show_default=True,
    help="Entries to show.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@settings_options
def audit(settings: Settings, since: str | None, limit: int, *, as_json: bool) -> None:
    """Show who did what for which reason, newest first. Times are in SCSERV_TIME_ZONE.

    Recorded are revealed and resolved numbers and messages, decisions about held registrations and
    the switch, undone stops, dead letters revealed, retried or discarded, imports and changes of
    clients, changes of tokens, accounts, callbacks, templates and users of the desk, their
    sign-ins and those that failed, addresses that the ingress banned, and what was done with
    broadcasts, files with their numbers included. `scserv erasures` shows who was erased.
    """
    from inbound.clock import utc_now
    from inbound.store.access.audit import entries

    zone = settings.time_zone
    moment = parse_moment(since, "--since", now=utc_now(), zone=zone) if since else None
    with open_database(settings, "scserv audit") as connection:
        found = entries(connection, limit=limit + 1, since=moment)
    for entry in found[:limit]:
        echo(to_json(entry).decode() if as_json else _line(entry, zone))
    if as_json:
        return
    if not found:
        echo("no entries" + (f" since {local(moment, zone)}" if moment else ""))
    elif len(found) > limit:
        echo(f"older entries exist: use --limit {2 * limit}", err=True)


def _line(entry: AuditEntry, zone: str) -> str:
    about = [
        f"{what} {id_}"
        for what, id_ in (
            ("subject", entry.subject_id),
            ("request", entry.request_id),
            ("broadcast", entry.broadcast_id),
        )
        if id_ is not None
    ]
    what = ", ".join([entry.actor, entry.action, *about])
    return f"{local(entry.at, zone)}  {what}: {entry.reason}"
