"""`scserv binds`: every bind of every gateway, and how it is."""

import time

import click
from pydantic_core import to_json
from rich import box
from rich.console import Console
from rich.table import Table

from inbound.cli._context import settings_options
from inbound.settings import Settings
from inbound.store.presence import SeenBind, list_binds

GONE_AFTER_S = 6.0


@click.command
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@settings_options
def binds(settings: Settings, *, as_json: bool) -> None:
    """Show every bind to an SMS centre: bound or why not, since when, rate, window, waiting.

    Exit status 1 when one of them is not bound.
    """
    from inbound.store.connecting import connect

    settings.require("database_url")
    with connect(settings.database_url.get_secret_value(), "scserv binds") as connection:
        seen = list_binds(connection)
    if as_json:
        for bind in seen:
            click.echo(to_json(_as_object(bind)).decode())
    elif seen:
        Console().print(_as_table(seen))
    else:
        click.echo("no gateway has reported a bind within the last hour")
    down = not seen or any(_state(bind) != "bound" for bind in seen)
    click.get_current_context().exit(1 if down else 0)


def _state(bind: SeenBind) -> str:
    return str(bind.details["state"]) if bind.age_s < GONE_AFTER_S else "gone"


def _as_object(bind: SeenBind) -> dict[str, object]:
    return {
        "bind": bind.bind,
        "gateway": bind.gateway,
        "account": bind.account,
        "seen_s_ago": round(bind.age_s, 1),
        **bind.details,
        "state": _state(bind),
    }


def _as_table(seen: list[SeenBind]) -> Table:
    table = Table(box=box.SIMPLE)
    for column in ("bind", "gateway", "to", "state", "window", "rate", "throttled", "waiting"):
        table.add_column(column, overflow="fold")
    for bind in seen:
        about = bind.details
        state = _state(bind)
        since = time.strftime("%H:%M:%S", time.gmtime(time.time() - bind.age_s))
        why = f"since {about['since'][11:19]}" if state == "bound" else about["reason"]
        waiting = ", ".join(f"{k} {v:.0f} s" for k, v in about["oldest_waiting_s"].items())
        table.add_row(
            bind.bind,
            bind.gateway,
            about["address"],
            f"gone, last seen {since}" if state == "gone" else f"{state}: {why}",
            f"{about['in_flight']}/{about['window']}",
            f"{about['rate']:g}" if about["rate"] else "no limit",
            str(about["throttles"]),
            waiting,
        )
    return table
