"""`scserv timeline`: what happened to a person's texts, and to messages to them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import click

from inbound.cli._backlog import ask_backlog
from inbound.cli._context import settings_options
from inbound.cli._times import parse_moment
from inbound.errors import SetupError
from inbound.keys import SubjectHasher
from inbound.settings import Settings
from inbound.startup import check_database, make_cipher
from inbound.terminal import Terminal, echo

if TYPE_CHECKING:
    import psycopg

    from inbound.freshness.model import Backlog
    from inbound.store.lookup.orders import OrderLocation
    from inbound.store.lookup.requests import RequestLocation
    from inbound.timeline.input import TimelineOptions
    from inbound.timeline.model import Timeline
    from inbound.timeline.reader import Reveal, TimelineReader

    Find = Callable[[psycopg.Connection, str], Sequence[RequestLocation | OrderLocation]]

# Argument name and option of each way to look up.
_BY: Final = {
    "phone": "--phone",
    "request": "--request",
    "order": "--order",
    "message_id": "--message-id",
    "trace": "--trace",
}
_NOT_FOUND: Final = {
    "request": "no request has this id",
    "order": "no order has this id; orders are kept for SCSERV_ORDER_DAYS",
    "message_id": "no request or order has a message with this id; ids given by an SMS centre are "
    "kept for 7 days",
    "trace": "no request or order has this trace id; orders of broadcasts are not found by it",
}
_NOT_PROCESSED: Final = {
    "request": "no request with this id has been processed",
    "order": "no order with this id has been processed",
    "message_id": "no request or order with a message of this id has been processed",
    "trace": "no request or order with this trace id has been processed",
}

Options = Mapping[str, str | int | None]


@click.command
@click.option("--phone", metavar="NUMBER", help="Everything about a number (with country code).")
@click.option("--request", metavar="ID", help="One request.")
@click.option("--order", metavar="ID", help="One notification or message of a broadcast.")
@click.option("--message-id", metavar="ID", help="By message id: ours or the SMS centre's.")
@click.option("--trace", metavar="ID", help="By trace id or traceparent.")
@click.option("--since", metavar="WHEN", help="With --phone: since 2024-05-17, or an age like 3d.")
@click.option("--until", metavar="WHEN", help="With --phone: until then.")
@click.option(
    "--limit",
    type=click.IntRange(1, 200),
    default=10,
    show_default=True,
    help="Requests and orders to show.",
)
@click.option(
    "--lang", type=click.Choice(["ru", "en"]), default="ru", show_default=True, help="Language."
)
@click.option("--reveal", metavar="REASON", help="Show full numbers; recorded in the audit.")
@click.option("--json", "as_json", is_flag=True, help="Print each timeline as a JSON object.")
@settings_options
def timeline(settings: Settings, *, as_json: bool, **options: str | int | None) -> None:
    """Show what happened to a text or an order: a sentence for the client, then every step.

    A time without an offset is in SCSERV_TIME_ZONE. Exit status 1 when nothing has the given id.
    """
    from inbound.cli._timeline_view import print_timeline
    from inbound.clock import utc_now
    from inbound.store.connections import connect

    by = [name for name in _BY if options[name] is not None]
    if len(by) != 1:
        raise SetupError(f"give exactly one of {', '.join(_BY.values())}")
    chosen, reveal = _timeline_options(settings, options), _reveal(options)
    key = _key(by[0], str(options[by[0]]))
    hasher = SubjectHasher(check_database(settings))
    # First, so that what doesn't wait is in the database when that is read.
    backlog = ask_backlog(settings, hasher.hash(key) if by[0] == "phone" else None)
    chosen = replace(chosen, now=utc_now(), backlog=backlog)
    url = settings.database_url.get_secret_value()
    with connect(url, "scserv timeline") as connection:
        timelines = _look_up(connection, _reader(settings, hasher), by[0], key, chosen, reveal)
    console = Terminal()
    for n, one in enumerate(timelines):
        if as_json:
            echo(one.to_json().decode())
            continue
        if n:
            console.print()
        print_timeline(one, console)
    if not timelines:
        echo(_not_found(by[0], backlog, settings.time_zone), err=True)
    click.get_current_context().exit(0 if timelines else 1)


def _not_found(by: str, backlog: "Backlog", zone: str) -> str:
    """Say that nothing has the id; only that nothing processed has it, while something waits."""
    from inbound.freshness.model import PendingWork
    from inbound.timeline.languages import pending_clauses

    works = (PendingWork.TEXTS, PendingWork.RESULTS, PendingWork.ORDERS)
    waits = pending_clauses(backlog, zone, *works)
    return "; ".join([_NOT_PROCESSED[by], *waits]) if waits else _NOT_FOUND[by]


def _timeline_options(settings: Settings, options: Options) -> "TimelineOptions":
    from inbound.clock import utc_now
    from inbound.timeline.input import TimelineOptions
    from inbound.timeline.model import Language

    now = utc_now()
    since, until = (
        parse_moment(str(options[name]), f"--{name}", now=now, zone=settings.time_zone)
        if options[name]
        else None
        for name in ("since", "until")
    )
    if since is not None and until is not None and since >= until:
        raise SetupError("--until must be later than --since")
    return TimelineOptions(
        now,
        settings.time_zone,
        Language(str(options["lang"])),
        since,
        until,
        limit=int(options["limit"] or 1),
    )


def _reveal(options: Options) -> "Reveal | None":
    from inbound.cli._os_user import os_user
    from inbound.store.access.audit import ReasonError, check_reason
    from inbound.timeline.reader import Reveal

    if options["reveal"] is None:
        return None
    try:
        return Reveal(os_user(), check_reason(str(options["reveal"])))
    except ReasonError as error:
        raise SetupError(f"--reveal: {error}") from None


def _key(by: str, text: str) -> str:
    """Return the number or id in canonical form. Raises SetupError for an invalid one."""
    from inbound.parsers.numbers import NumberError, parse_msisdn
    from inbound.timeline.ids import as_trace_id, as_uuid

    if by == "phone":
        try:
            return parse_msisdn(text)
        except NumberError as error:
            raise SetupError(f"--phone: {error}") from error
    if by in {"request", "order"} and as_uuid(text) is None:
        raise SetupError(f"--{by}: not an id like 7a0a6442-bd60-4496-9d09-36b591bc1f08")
    if by == "trace" and as_trace_id(text) is None:
        raise SetupError("--trace: not a trace id of 32 hex digits, nor a traceparent")
    return text


def _reader(settings: Settings, hasher: SubjectHasher) -> "TimelineReader":
    from inbound.store.sealing import Sealer
    from inbound.timeline.reader import TimelineReader

    return TimelineReader(hasher, Sealer(make_cipher(settings)), settings.rejected_mo_days)


def _look_up(
    connection: "psycopg.Connection",
    reader: "TimelineReader",
    by: str,
    key: str,
    chosen: "TimelineOptions",
    reveal: "Reveal | None",
) -> "list[Timeline]":
    from inbound.timeline import ids

    if by == "phone":
        return [reader.by_number(connection, key, chosen, reveal)]
    finds: Mapping[str, Find] = {
        "request": ids.find_by_request,
        "order": ids.find_by_order,
        "message_id": ids.find_by_message,
        "trace": ids.find_by_trace,
    }
    places = finds[by](connection, key)
    return reader.by_places(connection, places, chosen, reveal)
