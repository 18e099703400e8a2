"""Reads the forms of new broadcasts: what is sent, how fast, and to which clients. Pure."""

from datetime import datetime, time
from typing import Final
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from inbound.broadcasts.drafting import BroadcastPlan
from inbound.desk.broadcasts.broadcast_drafts import ChosenClients, TypedDraft
from inbound.desk.problems import SentForm
from inbound.store.broadcasts.rows import Broadcast
from inbound.timeline.model import Language
from schemas.sending_hours import SendingHours

FIELD: Final = "field "
"""The prefix of form fields that assign a column to a field of the text."""
MOST_PER_S: Final = 100_000
_LONGEST_RATE: Final = 9
"""Digits."""


class FormProblemError(Exception):
    """A field of the form is wrong."""

    def __init__(self, name: str, **values: object) -> None:
        super().__init__(name)
        self.name = name
        self.values = values


def wanted_draft(form: SentForm, actor: str, zone: str) -> TypedDraft:
    """Return the draft that was typed. Raises FormProblemError."""
    plan = BroadcastPlan(
        name=form["name"],
        created_by=actor,
        account=form["account"],
        text=form["text"].replace("\r\n", "\n") or None,
        template=form["template"] or None,
        sender=form["sender"].strip() or None,
        hours=_hours(form, zone),
        is_spread=bool(form["spread"]),
        rate_per_s=_rate(form["rate"].strip()),
    )
    mapping = {
        name.removeprefix(FIELD): value.strip()
        for name, value in form.fields.items()
        if name.startswith(FIELD) and value.strip()
    }
    return TypedDraft(plan, _once(form["once"]), mapping)


def typed_of(one: Broadcast, text: str | None) -> dict[str, str]:
    """Return the form that a broadcast with this text was made with, without its recipients."""
    hours = one.hours
    return {
        "name": one.name,
        "account": one.account,
        "text": text or "",
        "template": one.template or "",
        "sender": one.sender or "",
        "from": f"{hours.start:%H:%M}" if hours else "",
        "to": f"{hours.end:%H:%M}" if hours else "",
        "spread": "1" if one.is_spread else "",
        "rate": str(one.rate_per_s or ""),
    }


def like_query(like: str) -> str:
    """Return the query that names the broadcast whose form another one begins with, or ""."""
    try:
        return f"?like={UUID(like)}"
    except ValueError:
        return ""


def _once(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return uuid4()


def _hours(form: SentForm, zone: str) -> SendingHours | None:
    if not form["from"] and not form["to"]:
        return None
    try:
        start, end = time.fromisoformat(form["from"]), time.fromisoformat(form["to"])
        return SendingHours(start=start, end=end, zone=zone)
    except (ValueError, ValidationError):
        raise FormProblemError("hours") from None


def _rate(text: str) -> int | None:
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > _LONGEST_RATE:
        raise FormProblemError("rate", most=MOST_PER_S)
    if not 1 <= (rate := int(text)) <= MOST_PER_S:
        raise FormProblemError("rate", most=MOST_PER_S)
    return rate


def chosen_clients(form: SentForm, zone: str) -> ChosenClients:
    """Return which clients were chosen. Raises FormProblemError."""
    since = None
    if form["since"]:
        try:
            day = datetime.fromisoformat(form["since"])
        except ValueError:
            raise FormProblemError("since") from None
        since = day.replace(tzinfo=day.tzinfo or ZoneInfo(zone))
    return ChosenClients(
        bool(form["open_case"]),
        form["client_id"].strip() or None,
        since,
        form.choice("language", ("", *Language)) or None,
    )
