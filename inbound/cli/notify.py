"""`scserv notify` has a message sent to one person."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click
from pydantic import ValidationError

from inbound.cli._context import settings_options
from inbound.cli.templates import split_field
from inbound.errors import SetupError
from inbound.settings import Settings
from inbound.startup import check_database
from inbound.terminal import echo, echo_json
from schemas.orders import Order, OrderKind, SendingHours

if TYPE_CHECKING:
    from inbound.orders.ports import Placed


@click.command
@click.option("--phone", metavar="NUMBER", required=True, help="Number with country code.")
@click.option("--text", metavar="TEXT", help="What to send.")
@click.option("--template", metavar="NAME", help="Send this template instead of a text.")
@click.option(
    "--field", "fields", metavar="KEY=VALUE", multiple=True, help="A field of the template."
)
@click.option(
    "--kind",
    type=click.Choice([OrderKind.NOTIFICATION.value, OrderKind.SERVICE.value]),
    default=OrderKind.NOTIFICATION.value,
    show_default=True,
    help="A service message goes to people who have switched notifications off, too.",
)
@click.option("--account", default="default", show_default=True, help="Who orders it.")
@click.option("--sender", metavar="NAME", help="Sender approved for the account.")
@click.option("--hours", metavar="HH:MM-HH:MM", help="Send it in these hours only.")
@click.option(
    "--once", "idempotency_key", metavar="ID", help="With the same ID it is the same order."
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@settings_options
def notify(settings: Settings, *, as_json: bool, **options: Any) -> None:  # noqa: ANN401
    """Have a message sent to NUMBER and print the id of its order.

    Exit status 1 and the reason if it is refused. What became of it:
    `scserv events --phone NUMBER`.
    """
    from inbound.orders.refusals import explain

    order = _order(settings, **options)
    check_database(settings)
    placed = asyncio.run(_place(settings, order))
    why = explain(order, placed)
    if as_json:
        echo_json(_as_json(placed, why))
    elif placed.reason is None:
        echo(placed.order_id)
    if placed.reason is not None:
        echo(f"refused: {why}", err=True)
        click.get_current_context().exit(1)


def _order(
    settings: Settings,
    *,
    fields: Sequence[str],
    hours: str | None,
    **options: Any,  # noqa: ANN401 — the others are fields of the model, which checks them
) -> Order:
    try:
        sending_hours = SendingHours.parse(hours, settings.time_zone) if hours else None
        return Order(hours=sending_hours, fields=dict(map(split_field, fields)), **options)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        what = first["msg"].removeprefix("Value error, ")
        raise SetupError(f"{where}: {what}" if where else what) from None
    except ValueError as error:
        raise SetupError(f"--hours: {error}") from None


async def _place(settings: Settings, order: Order) -> "Placed":
    from inbound.orders.wiring import IntakeConnections

    connections = IntakeConnections(settings)
    try:
        (placed,) = await connections.intake.place([order])
    finally:
        await connections.close()
    return placed


def _as_json(placed: "Placed", why: str) -> dict[str, object]:
    answer: dict[str, object] = {
        "id": placed.order_id,
        "state": placed.state,
        "parts": placed.parts,
    }
    if placed.reason is not None:
        answer |= {"reason": placed.reason.value, "detail": why}
    return answer
