"""`scserv messages`: the messages that an account or a broadcast ordered."""

from contextlib import closing
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

import click

from inbound.cli._backlog import ask_backlog
from inbound.cli._command_line import command_line
from inbound.cli._context import service_settings_options
from inbound.cli._database import open_database
from inbound.cli._times import local, parse_moment
from inbound.clock import utc_now
from inbound.money import amount_text, money
from inbound.settings import Settings
from inbound.terminal import echo, echo_json
from schemas.orders import OrderKind, OrderState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import psycopg

    from inbound.freshness.model import Freshness
    from inbound.store.orders.lookup import FoundOrder

APPLICATION_NAME: Final = "scserv messages"
_DAYS: Final = 30


@click.command
@click.option(
    "--account", metavar="NAME", default="default", show_default=True, help="Those of this account."
)
@click.option(
    "--broadcast", "broadcast_id", type=click.UUID, metavar="ID", help="Of this broadcast only."
)
@click.option(
    "--state", type=click.Choice([one.value for one in OrderState]), help="In this state only."
)
@click.option(
    "--kind", type=click.Choice([one.value for one in OrderKind]), help="Of this kind only."
)
@click.option(
    "--since",
    metavar="WHEN",
    help=f"Ordered since then: 2024-05-17, or an age; {_DAYS}d if absent.",
)
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@service_settings_options
def messages(
    settings: Settings,
    *,
    account: str,
    broadcast_id: UUID | None,
    since: str | None,
    state: str | None,
    kind: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """Show the messages that an account or a broadcast ordered, newest first.

    Numbers are masked. Every step of one of them: `scserv timeline --order ID`.
    """
    from inbound.broadcasts.control import found as found_broadcast
    from inbound.store.orders.lookup import OrderQuery, search_orders

    now = utc_now()
    begins = now - timedelta(days=_DAYS)
    if since is not None:
        begins = parse_moment(since, "--since", now=now, zone=settings.time_zone)
    with closing(open_database(settings, APPLICATION_NAME, unseals=True)) as conn:
        if broadcast_id is not None:
            one = found_broadcast(conn, broadcast_id)
            account, begins = one.account, one.created_at if since is None else begins
        freshness = _freshness(conn, settings)
        query = OrderQuery(account, begins, None, state, kind, broadcast_id=broadcast_id)
        found = search_orders(conn, query, None, limit + 1)
        numbers = _masked(conn, settings, found)
    shown = found[:limit]
    for order in shown:
        number = numbers.get(order.subject_id) if order.subject_id else None
        if as_json:
            echo_json({**_as_json(order, number), **_current(freshness)})
        else:
            echo(_line(order, number, settings.time_zone))
    if as_json:
        return
    echo(*_pending(freshness, settings.time_zone))
    if not shown:
        echo(f"no such message of the account {account} since {local(begins, settings.time_zone)}")
    elif len(found) > len(shown):
        echo(f"older ones exist: use --limit {2 * limit}", err=True)
    else:
        order_id = str(shown[0].order_id)
        echo(f"every step of the first: {command_line('timeline', '--order', order_id)}", err=True)


def _freshness(conn: "psycopg.Connection", settings: Settings) -> "Freshness":
    from inbound.freshness.model import PendingWork
    from inbound.freshness.people import freshness_of_people

    works = (PendingWork.RESULTS, PendingWork.ORDERS)
    return freshness_of_people(conn, ask_backlog(settings), None, *works)


def _masked(
    conn: "psycopg.Connection", settings: Settings, found: "Sequence[FoundOrder]"
) -> "Mapping[UUID, str]":
    from inbound.keys import VaultCipher
    from inbound.parsers.numbers import mask
    from inbound.store.people.subjects import numbers_of
    from inbound.store.sealing import Sealer

    sealer = Sealer(VaultCipher(settings.vault_keys()))
    subjects = {one.subject_id for one in found if one.subject_id}
    return {one: mask(number) for one, number in numbers_of(conn, sealer, subjects).items()}


def _current(freshness: "Freshness") -> dict[str, object]:
    pending = [one.model_dump(mode="json") for one in freshness.pending]
    return {"as_of": freshness.as_of, "pending": pending}


def _pending(freshness: "Freshness", zone: str) -> "Iterator[str]":
    from zoneinfo import ZoneInfo

    from inbound.timeline.english import English

    yield from map(English(ZoneInfo(zone)).pending, freshness.pending)


def _as_json(order: "FoundOrder", number: str | None) -> dict[str, object]:
    """Return a message with the names that it has in the API."""
    values = asdict(order)
    for ours, name in (("order_id", "id"), ("last_at", "expires_at")):
        values[name] = values.pop(ours)
    values.pop("subject_id")
    price = None if order.price is None else amount_text(order.price)
    return {**values, "to": number, "price": price}


def _line(order: "FoundOrder", number: str | None, zone: str) -> str:
    state = order.state if order.reason is None else f"{order.state} ({order.reason})"
    told = [
        local(order.created_at, zone),
        str(order.order_id),
        number or "no number",
        order.kind,
        state,
    ]
    if order.price is not None and order.currency is not None:
        back = ", given back" if order.refunded else ""
        told.append(money(order.price, order.currency) + back)
    return "  ".join(told)
