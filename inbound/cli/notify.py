"""`scserv notify` has a message sent to one person."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import click
from pydantic import ValidationError

from inbound.cli._command_line import command_line
from inbound.cli._context import service_settings_options
from inbound.cli._named_templates import require_fields, split_fields
from inbound.cli._sending_hours import sending_hours
from inbound.errors import SetupError
from inbound.field_rules import rule_of
from inbound.keys import IndexKey
from inbound.settings import Settings
from inbound.startup import check_database
from inbound.terminal import echo, echo_json
from schemas.orders import LONGEST_TEXT, MOST_FIELDS, Order, OrderKind

if TYPE_CHECKING:
    from inbound.orders.ports import Placed

_RIGHT: Final = {
    "phone": "write a number with its country code, like +79161234567",
    "text": f"write what to send, in up to {LONGEST_TEXT} characters",
    "template": "name a template; `scserv templates list` shows them",
    "fields": f"give up to {MOST_FIELDS} fields, with names of up to 64 and values of up to 1000 "
    "characters",
    "account": "name an account; `scserv accounts list` shows them",
    "sender": "use up to 11 Latin letters, digits and signs, or up to 15 digits",
    "idempotency_key": "use up to 255 letters, digits and signs of ASCII, without blanks",
}
"""What would be right for an option that the order can't take."""


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
    "--once",
    "idempotency_key",
    metavar="ID",
    help="Send it once: with the same ID again, nothing more is sent and the first id is printed.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@service_settings_options
def notify(settings: Settings, *, as_json: bool, **options: Any) -> None:  # noqa: ANN401
    """Have a message sent to NUMBER and print the id of its order.

    Exit status 1 and the reason if it is refused. What happened to it:
    `scserv timeline --phone NUMBER`.
    """
    from inbound.orders.refusals import explain

    order = _order(settings, **options)
    index_key = check_database(settings)
    if order.template is not None and order.fields:
        require_fields(settings, order.template, order.fields)
    placed = asyncio.run(_place(settings, index_key, order))
    why = explain(order, placed)
    if as_json:
        echo_json(_as_json(placed, why))
    elif placed.reason is None:
        echo(placed.order_id)
    if placed.reason is not None:
        about = command_line("timeline", "--order", str(placed.order_id))
        echo(f"refused: {why}", f"the order is {placed.order_id}: {about}", err=True)
        click.get_current_context().exit(1)


def _order(
    settings: Settings,
    *,
    fields: Sequence[str],
    hours: str | None,
    **options: Any,  # noqa: ANN401 — the others are fields of the model, which checks them
) -> Order:
    if (options["text"] is None) == (options["template"] is None):
        raise SetupError("give either --text or --template")
    if fields and options["template"] is None:
        raise SetupError("--field: fields need a --template")
    hours_ = sending_hours(hours, settings.time_zone)
    try:
        return Order(hours=hours_, fields=split_fields(fields), **options)
    except ValidationError as error:
        raise SetupError(_complaint(error)) from None


def _complaint(error: ValidationError) -> str:
    """Return what is wrong with which option, and what would be right."""
    first = error.errors(include_input=False, include_url=False)[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    option = {"fields": "--field", "idempotency_key": "--once"}.get(name, f"--{name}")
    right = _RIGHT.get(name)
    return f"{option}: {rule_of(first) if first['type'] == 'value_error' or not right else right}"


async def _place(settings: Settings, index_key: IndexKey, order: Order) -> "Placed":
    from inbound.orders.wiring import IntakeConnections

    connections = IntakeConnections(settings, index_key)
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
