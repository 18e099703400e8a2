"""Names what a form that was sent without a session would do, before it is offered again.

If that can't be named, the page with its button is offered instead of the form.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from starlette.requests import Request
from starlette.responses import HTMLResponse

from inbound.broadcasts.control import UnknownBroadcastError
from inbound.desk.access import Desk
from inbound.desk.problems import SentForm
from inbound.desk.roles import Right
from inbound.desk.visitors import Visitor

TYPED: Final[Mapping[str, str]] = {
    "text": "Text",
    "to": "To",
    "at": "When",
    "name": "Name",
    "reason": "Reason",
    "number": "Number",
    "client": "Client id",
    "ru": "Russian",
    "en": "English",
}
"""What people type themselves, by the name of the input, with its label: a key of words."""
_ID: Final = "[^/]+"
_ACTIONS: Final[Mapping[str, tuple[Right, str]]] = {
    "/people/search": (Right.PEOPLE, "Search for “{q}”"),
    "/people/{person}/send": (Right.SEND, "Send a notification to {number}"),
    "/people/{person}/switch=on": (Right.SWITCH, "Switch notifications to {number} on"),
    "/people/{person}/switch=off": (Right.SWITCH, "Switch notifications to {number} off"),
    "/broadcasts/{broadcast}/start": (
        Right.PREPARE_BROADCASTS,
        "Start the broadcast “{broadcast}”",
    ),
    "/broadcasts/{broadcast}/approve": (
        Right.APPROVE_BROADCASTS,
        "Approve the broadcast “{broadcast}”",
    ),
    "/broadcasts/{broadcast}/confirm": (
        Right.CONTROL_BROADCASTS,
        "Start the broadcast “{broadcast}” now, after its time",
    ),
    "/broadcasts/{broadcast}/pause": (
        Right.CONTROL_BROADCASTS,
        "Pause the broadcast “{broadcast}”",
    ),
    "/broadcasts/{broadcast}/resume": (
        Right.CONTROL_BROADCASTS,
        "Go on with the broadcast “{broadcast}”",
    ),
    "/broadcasts/{broadcast}/cancel": (
        Right.CONTROL_BROADCASTS,
        "Cancel the broadcast “{broadcast}” for good",
    ),
    "/broadcasts/new/table/{id}": (Right.PREPARE_BROADCASTS, "Save the broadcast “{name}”"),
    "/broadcasts/new/clients": (Right.PREPARE_BROADCASTS, "Save the broadcast “{name}”"),
    "/send": (Right.SEND, "Send this message"),
    "/templates/_new": (Right.TEMPLATES_CHANGE, "Save the template “{name}”"),
    "/templates/{id}/change": (Right.TEMPLATES_CHANGE, "Save the template “{id}”"),
    "/clients/search": (Right.CLIENTS, "Search for “{client}”"),
    "/clients/{person}": (Right.CLIENTS_CHANGE, "Change the client of {number}"),
    "/accounts/{id}": (Right.ACCOUNTS_CHANGE, "Save the settings of the account “{id}”"),
    "/handset/text": (Right.HANDSET, "Send this text from {phone}"),
}
"""By path, with the value of `to` where that decides."""
_SPECIAL: Final = frozenset({"new", "import", "rejected", "search", "_form", "_new"})
_OF_ONE: Final = frozenset({"people", "broadcasts", "clients", "accounts", "users", "templates"})


@dataclass(frozen=True, slots=True)
class Unsent:
    """A form, what it would do as a key of words ("" if that can't be named), and its page."""

    form: SentForm
    page: str
    action: str = ""
    values: Mapping[str, object] = field(default_factory=dict)

    def action_has(self, name: str) -> bool:
        """Whether the name of the action has a field already."""
        return name in self.values or (name == "to" and self.form.path.endswith("/switch"))


async def continue_page(
    request: Request, desk: Desk, form: SentForm, visitor: Visitor
) -> HTMLResponse:
    """Return the page that offers a form again. Raises RetryableError."""
    unsent = await _named(desk, form, visitor)
    return desk.pages.answer(request, "continue.html", unsent=unsent, labels=TYPED)


async def _named(desk: Desk, form: SentForm, visitor: Visitor) -> Unsent:
    nameless = Unsent(form, _page_of(form.path))
    for pattern, (right, action) in _ACTIONS.items():
        path, _, to = pattern.partition("=")
        match = re.fullmatch(re.sub(r"\{(\w+)\}", rf"(?P<\1>{_ID})", path), form.path)
        if match is None or (to and form["to"] != to) or not visitor.may(right):
            continue
        values = await _values(desk, {**form.fields, **match.groupdict()})
        named = re.findall(r"\{(\w+)\}", action)
        if all(str(values.get(one, "")).strip() for one in named):
            return Unsent(form, nameless.page, action, {one: values[one] for one in named})
    return nameless


async def _values(desk: Desk, given: Mapping[str, str]) -> dict[str, object]:
    """Return the values that name an action; none for a person or broadcast that doesn't exist."""
    values: dict[str, object] = {**given}
    if "person" in given:
        who = await desk.people.find(given["person"])
        values["number"] = desk.people.masked(who) if who else ""
    if "broadcast" in given:
        try:
            found = await desk.broadcasts.live(UUID(given["broadcast"]))
            values["broadcast"] = found.one.name
        except (ValueError, UnknownBroadcastError):
            values["broadcast"] = ""
    return values


def _page_of(path: str) -> str:
    """Return the page that has the button of a form."""
    place, *rest = path.removeprefix("/").split("/")
    if place in _OF_ONE and rest and rest[0] not in _SPECIAL:
        return f"/{place}/{rest[0]}"
    if place == "status":
        return "/status/dead-letters"
    return f"/{place}"
