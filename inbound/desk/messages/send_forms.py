"""The form of a message: what was typed, what is wrong with it, and the order it means. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Final
from uuid import UUID, uuid4

from inbound.desk.moments import MomentError, latest_time, parse_moment
from inbound.desk.words import Phrase, Sayable, grouped_number
from inbound.orders.templates.fields import FieldDefinition, FieldError, FieldType, TemplateLanguage
from inbound.parsers.numbers import NumberError, parse_msisdn
from schemas.orders import DEFAULT_ACCOUNT, LONGEST_TEXT, Order, OrderKind
from schemas.sending_hours import SendingHours
from schemas.texts import check_text, is_blank

FIELD: Final = "f."
"""The prefix of inputs that hold a template's field."""

RULES: Final[Mapping[FieldType, str]] = {
    FieldType.TEXT: "Any text",
    FieldType.CODE: "Latin letters, digits and _ . / # -",
    FieldType.INTEGER: "A whole number",
    FieldType.DECIMAL: "A number like 12.50",
    FieldType.DATE: "A date like 31.01.2026",
    FieldType.TIME: "A time like 18:30",
}
"""What people read about each type."""

NOBODY: Final = (
    "Nobody is known by this. Write a mobile number with its country code, or 8 for Russia, or a "
    "client id of the directory."
)
TOO_FAR: Final = "This is too far ahead: the latest possible time is {latest}."
_KINDS: Final = (OrderKind.NOTIFICATION, OrderKind.SERVICE)
_LONGEST_RECIPIENT: Final = 64
_NAMES: Final = (
    *("to", "person", "account", "kind", "sender", "template", "text", "at", "once"),
    *("hours_from", "hours_to"),
)
_A_MOMENT_AGO: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Typed:
    """What was typed. `once` makes the order the same one when it is sent twice."""

    to: str = field(default="", repr=False)
    person: str = ""
    account: str = DEFAULT_ACCOUNT
    kind: str = OrderKind.NOTIFICATION.value
    sender: str = ""
    template: str = ""
    text: str = field(default="", repr=False)
    at: str = ""
    hours_from: str = ""
    hours_to: str = ""
    once: str = field(default_factory=lambda: str(uuid4()))
    fields: Mapping[str, str] = field(default_factory=dict, repr=False)


def typed_in(sent: Mapping[str, str]) -> Typed:
    """Return the values of a form."""
    own = {name: sent[name].strip() for name in _NAMES if name in sent}
    if "text" in sent:
        own["text"] = sent["text"].replace("\r\n", "\n")
    fields = {
        name.removeprefix(FIELD): value for name, value in sent.items() if name.startswith(FIELD)
    }
    return Typed(**own, fields=fields)


def problems_of(
    typed: Typed, fields: Mapping[str, FieldDefinition] | None, now: datetime, zone: str, days: int
) -> dict[str, Sayable]:
    """Return what is wrong, as keys of words by the name of the input; nothing if all is right.

    `fields` are those of the template, None for an unknown one; `days` is how far ahead it may be.
    """
    found: dict[str, Sayable] = {}
    if not typed.person:
        found |= _recipient(typed.to)
    if typed.template:
        if fields is None:
            found |= wrong("template", "This template is not there any more. Choose another.")
        for name, definition in (fields or {}).items():
            found |= _field(name, typed.fields.get(name, ""), definition)
    else:
        blank = wrong("text", "Type a text, or choose a template.")
        found |= blank if is_blank(typed.text) else wrong_text("text", typed.text)
    if typed.at:
        found |= _time(typed.at, now, zone, days)
    try:
        hours_of(typed, zone)
    except ValueError:
        found |= wrong("hours", "Give both times, and two different ones, or neither.")
    return found


def hours_of(typed: Typed, zone: str) -> SendingHours | None:
    """Return in which hours it may be sent; None for any. Raises ValueError."""
    if not typed.hours_from and not typed.hours_to:
        return None
    start, end = time.fromisoformat(typed.hours_from), time.fromisoformat(typed.hours_to)
    return SendingHours(start=start, end=end, zone=zone)


def order_of(typed: Typed, number: str | None, zone: str, fields: Mapping[str, object]) -> Order:
    """Return the order. Raises ValueError for a form that its page did not make.

    `number` is that of the person whom the form names, or None; `fields` are the template's.
    """
    kind = OrderKind(typed.kind)
    if kind not in _KINDS:
        raise ValueError("no kind of message to one person")
    order_id = UUID(typed.once)
    try:
        phone: str | None = number or parse_msisdn(typed.to)
    except NumberError:
        phone = None
    has_template = bool(typed.template)
    return Order(
        account=typed.account,
        kind=kind,
        phone=phone,
        client_id=None if phone else typed.to,
        text=None if has_template else typed.text,
        template=typed.template or None,
        fields={name: typed.fields.get(name, "") for name in fields} if has_template else {},
        sender=typed.sender or None,
        not_before=parse_moment(typed.at, zone) if typed.at else None,
        hours=hours_of(typed, zone),
        idempotency_key=str(order_id),
        order_id=order_id,
    )


def wrong(name: str, text: str, **values: object) -> dict[str, Sayable]:
    """Return what is wrong with an input; `text` is a key of the desk's words, with its values."""
    return {name: Phrase(text, values) if values else text}


def wrong_text(name: str, text: str) -> dict[str, Sayable]:
    """Return what is wrong with the length or the characters of a text; nothing if all is right."""
    if len(text) > LONGEST_TEXT:
        said = "The text is too long: {count} characters, and at most {most} are possible."
        return wrong(name, said, count=grouped_number(len(text)), most=grouped_number(LONGEST_TEXT))
    try:
        check_text(text)
    except ValueError:
        return wrong(name, "The text has an invisible control character. Type it again by hand.")
    return {}


def _recipient(to: str) -> dict[str, Sayable]:
    if not to:
        return wrong("to", "Say whom it is for: a phone number or a client id.")
    if len(to) > _LONGEST_RECIPIENT:
        return wrong("to", NOBODY)
    return {}


def _field(name: str, value: str, definition: FieldDefinition) -> dict[str, Sayable]:
    if is_blank(value):
        return wrong(FIELD + name, "Fill this in.")
    try:
        definition.render(value, TemplateLanguage.RUSSIAN)
        definition.render(value, TemplateLanguage.ENGLISH)
    except FieldError:
        return wrong(FIELD + name, "This does not fit. What fits stands above.")
    return {}


def _time(at: str, now: datetime, zone: str, days: int) -> dict[str, Sayable]:
    try:
        moment = parse_moment(at, zone)
    except MomentError as error:
        return wrong("at", str(error))
    if moment < now - _A_MOMENT_AGO:
        return wrong("at", "This time is past. Leave it empty to send now.")
    if moment > now + timedelta(days=days):
        return wrong("at", TOO_FAR, latest=latest_time(now, days, zone))
    return {}
