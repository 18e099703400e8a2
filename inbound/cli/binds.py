"""`scserv binds`: the state of every bind of every gateway."""

from collections.abc import Iterator
from datetime import datetime

import click

from inbound.cli._context import settings_options
from inbound.cli._format import counted
from inbound.cli._times import local
from inbound.settings import Settings
from inbound.store.bind_reports import (
    ReportedBind,
    known_centres,
    lacking_centres,
    list_binds,
    shared_names,
    without_replaced,
)
from inbound.terminal import echo, echo_json


@click.command
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@settings_options
def binds(settings: Settings, *, as_json: bool) -> None:
    """Show the binds to SMS centres: state and since when, rate, window, oldest waiting.

    Times are in SCSERV_TIME_ZONE. A bind that is gone is left out once another gateway has one of
    its name. Exit status 1 unless all are bound, every gateway has a bind to every SMS centre, and
    no two gateways have a bind of the same name.
    """
    from inbound.store.connections import connect

    settings.require("database_url")
    with connect(settings.database_url.get_secret_value(), "scserv binds") as connection:
        seen = without_replaced(list_binds(connection))
    shared = shared_names(seen)
    lacking = lacking_centres(known_centres(seen))
    if as_json:
        for bind in seen:
            about = _as_object(bind) | {"lacking_centres": lacking.get(bind.gateway, ())}
            echo_json(about)
    elif seen:
        for bind in seen:
            for line in _lines(bind, settings.time_zone):
                echo(line)
        for gateway, centres in lacking.items():
            echo(
                f"{gateway} lacks a bind to the SMS centre {', '.join(centres)}: "
                "every gateway needs a bind to every SMS centre"
            )
        for name, gateways in shared.items():
            echo(
                f"{' and '.join(gateways)} both have a bind named {name}: give each another name,"
                " or events and metrics don't tell them apart"
            )
    else:
        echo("no gateway is running")
    down = not seen or any(bind.shown_state != "bound" for bind in seen)
    click.get_current_context().exit(1 if down or lacking or shared else 0)


def _as_object(bind: ReportedBind) -> dict[str, object]:
    return {
        "bind": bind.bind,
        "gateway": bind.gateway,
        "account": bind.account,
        "seen_s_ago": round(bind.age_s, 1),
        **bind.details,
        "state": bind.shown_state,
    }


def _lines(bind: ReportedBind, zone: str) -> Iterator[str]:
    about = bind.details
    since = local(datetime.fromisoformat(about["since"]), zone)
    match bind.shown_state:
        case "gone":
            state = f"gone, last seen at {local(bind.seen_at, zone)}"
        case "bound":
            state = f"bound since {since}"
        case "unbinding":
            state = f"unbinding since {since}: {about['reason']}"
        case other:
            state = f"{other}, not bound since {since}: {about['reason']}"
    rate = f"{about['rate']:g}/s" if about["rate"] else "no limit"
    waiting = ", ".join(f"{lane} {s:.0f} s" for lane, s in about["oldest_waiting_s"].items())
    yield f"{bind.bind} at {bind.gateway}, {about['type']} to {about['address']}: {state}"
    yield (
        f"    in flight {about['in_flight']} of {about['window']}, rate {rate}, throttled "
        f"{counted(about['throttles'], 'time')}, oldest waiting: {waiting or 'nothing'}"
    )
