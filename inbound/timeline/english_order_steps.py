"""The steps that only orders have, in English, for people who know the service."""

from datetime import tzinfo
from typing import Final, Literal, assert_never

from inbound.timeline.model import StepKind
from inbound.timeline.words import Details, english_money, written_moment
from schemas.orders import OrderKind, RefusalReason, WithheldReason

OrderStep = Literal[
    StepKind.ORDERED,
    StepKind.ORDER_ACCEPTED,
    StepKind.ORDER_REFUSED,
    StepKind.RESCHEDULED,
    StepKind.WITHHELD,
    StepKind.CANCELLED,
    StepKind.EXPIRED,
    StepKind.ERASED,
]

_MOMENT: Final = "%Y-%m-%d %H:%M:%S"
_PERIODS: Final = ("day", "week", "month")


def step_text(kind: OrderStep, d: Details, zone: tzinfo) -> str:
    """Return what happened at a step. `d` are its details (`inbound.timeline.order_steps`)."""
    match kind:
        case StepKind.ORDERED:
            return _ordered(d, zone)
        case StepKind.ORDER_ACCEPTED:
            return f"accepted, {_times(d, zone)}: {_facts(d)}"
        case StepKind.ORDER_REFUSED:
            return f"refused, {refusal(RefusalReason(d['reason']))}{_field(d)}: {_facts(d)}"
        case StepKind.RESCHEDULED:
            return _rescheduled(d, zone)
        case StepKind.WITHHELD:
            return f"{message_of(d)} withheld, {_withheld(WithheldReason(d['reason']))}"
        case StepKind.CANCELLED:
            return "order cancelled"
        case StepKind.EXPIRED:
            return "order expired while it waited to be sent"
        case StepKind.ERASED:
            return "the person was erased"
        case _:
            assert_never(kind)


def _ordered(d: Details, zone: tzinfo) -> str:
    version = f" version {d['template_version']}" if d["template_version"] else ""
    template = "a text of its own" if d["template"] == "text" else f"template {d['template']}"
    language = f" in {d['language']}" if d["language"] else ""
    sender = f", sender {d['sender']}" if d["sender"] else ""
    parts = f", {d['parts']} parts" if d["parts"] > 1 else ""
    since = f", not before {_moment(d['not_before'], zone)}" if d["not_before"] else ""
    until = f", expires {_moment(d['expires_at'], zone)}" if d["expires_at"] else ""
    channel = f", channel {d['channel']}" if d.get("channel") else ""
    broadcast = f", broadcast {d['broadcast_id']}" if d["broadcast_id"] else ""
    return (
        f"{_kind(OrderKind(d['kind']))} ordered by account {d['account']}: {template}{version}"
        f"{channel}{language}{sender}{parts}{_hours(d)}{since}{until}{broadcast}"
    )


def _moment(moment: str, zone: tzinfo) -> str:
    return written_moment(moment, zone, _MOMENT)


def message_of(d: Details) -> str:
    """Name a message by its purpose; a service message is one of the kind of its order."""
    return "service message" if d.get("kind") == OrderKind.SERVICE else str(d["purpose"])


def _hours(d: Details) -> str:
    hours = d["hours"]
    return f", {hours['start']}-{hours['end']} {hours['zone']}" if hours else ""


def _kind(kind: OrderKind) -> str:
    match kind:
        case OrderKind.NOTIFICATION:
            return "notification"
        case OrderKind.BROADCAST:
            return "message of a broadcast"
        case OrderKind.SERVICE:
            return "service message"
        case _:
            assert_never(kind)


def _times(d: Details, zone: tzinfo) -> str:
    until = _moment(d["not_after"], zone)
    if d["at_once"]:
        return f"to be sent at once, by {until}"
    return f"to be sent between {_moment(d['due_at'], zone)} and {until}"


def _field(d: Details) -> str:
    if field := d.get("missing_field"):
        return f" ({field} is missing)"
    field = d.get("unfit_field")
    return f" (the value of {field} doesn't fit)" if field else ""


def _facts(d: Details) -> str:
    client = f"the number is {'' if d['client_known'] else 'not '}in the client directory"
    on = f"notifications were {'on' if d['notifications_on'] else 'off'}"
    limits = "".join(
        f", {limit['used']} of {limit['limit']} used this {period}"
        for period in _PERIODS
        if (limit := d["limits"].get(period))
    )
    currency = d.get("currency")
    money = f", price {english_money(d['price'], currency)}" if d["price"] is not None else ""
    if d["balance"] is not None:
        money += f", balance {english_money(d['balance'], currency)}"
    own = d.get("waiting_of_account")
    of_account = "" if own is None else f", {own} of them of this account"
    waiting = f", {d['waiting']} open{of_account}" if d["waiting"] else ""
    return f"{client}, {on}{waiting}{limits}{money}"


def _rescheduled(d: Details, zone: tzinfo) -> str:
    number = f"message {d['dispatch']} follows"
    if d["due_at"] is None:
        return f"{number} when the broadcast is resumed"
    since, until = _moment(d["due_at"], zone), _moment(d["not_after"], zone)
    return f"{number} between {since} and {until}"


def _withheld(reason: WithheldReason) -> str:
    match reason:
        case WithheldReason.OPTED_OUT:
            return "notifications were off when it was to be submitted"
        case WithheldReason.CANCELLED:
            return "the order or its broadcast was cancelled"
        case WithheldReason.PAUSED:
            return "its broadcast was paused"
        case _:
            assert_never(reason)


def refusal(reason: RefusalReason) -> str:
    """Return why an order was refused, in a few words."""
    return reason.value.replace("_", " ")
