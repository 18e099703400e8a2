"""`scserv binds`: the state of every bind of every gateway."""

import time
from collections.abc import Iterator

import click
from pydantic_core import to_json

from inbound.cli._context import settings_options
from inbound.cli._format import counted
from inbound.settings import Settings
from inbound.store.bind_reports import ReportedBind, list_binds

GONE_AFTER_S = 6.0


@click.command
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@settings_options
def binds(settings: Settings, *, as_json: bool) -> None:
    """Show the binds to SMS centres: state and since when, rate, window, oldest waiting.

    Exit status 1 unless all are bound.
    """
    from inbound.store.connections import connect

    settings.require("database_url")
    with connect(settings.database_url.get_secret_value(), "scserv binds") as connection:
        seen = list_binds(connection)
    if as_json:
        for bind in seen:
            click.echo(to_json(_as_object(bind)).decode())
    elif seen:
        for bind in seen:
            for line in _lines(bind):
                click.echo(line)
    else:
        click.echo("no gateway reported a bind in the last hour")
    down = not seen or any(_state(bind) != "bound" for bind in seen)
    click.get_current_context().exit(1 if down else 0)


def _state(bind: ReportedBind) -> str:
    return str(bind.details["state"]) if bind.age_s < GONE_AFTER_S else "gone"


def _as_object(bind: ReportedBind) -> dict[str, object]:
    return {
        "bind": bind.bind,
        "gateway": bind.gateway,
        "account": bind.account,
        "seen_s_ago": round(bind.age_s, 1),
        **bind.details,
        "state": _state(bind),
    }


def _lines(bind: ReportedBind) -> Iterator[str]:
    about = bind.details
    since = time.strftime("%H:%M:%S", time.gmtime(time.time() - bind.age_s))
    match _state(bind):
        case "gone":
            state = f"gone, last seen at {since} UTC"
        case "bound":
            state = f"bound since {about['since'][11:19]} UTC"
        case other:
            state = f"{other}: {about['reason']}"
    rate = f"{about['rate']:g}/s" if about["rate"] else "no limit"
    waiting = ", ".join(f"{lane} {s:.0f} s" for lane, s in about["oldest_waiting_s"].items())
    yield f"{bind.bind} at {bind.gateway}, {about['type']} to {about['address']}: {state}"
    yield (
        f"    in flight {about['in_flight']} of {about['window']}, rate {rate}, throttled "
        f"{counted(about['throttles'], 'time')}, oldest waiting: {waiting or 'nothing'}"
    )
