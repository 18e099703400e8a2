"""Routes for writing to one person: the form, its live preview, and sending."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Final
from urllib.parse import urlencode
from uuid import uuid4

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, Response

from inbound.desk.access import Desk, DeskDep, see_other
from inbound.desk.messages.message_templates import Version
from inbound.desk.messages.send_forms import (
    FIELD,
    NOBODY,
    RULES,
    Typed,
    order_of,
    problems_of,
    typed_in,
    wrong,
)
from inbound.desk.messages.sending import Addressee, price_of
from inbound.desk.messages.text_sizes import TextSize, size_of
from inbound.desk.moments import input_time
from inbound.desk.navigation import MenuEntry
from inbound.desk.person.typed_numbers import why_no_number
from inbound.desk.problems import ErrorPage
from inbound.desk.roles import Right
from inbound.desk.visitors import Action, Does, Sees, Visitor
from inbound.desk.words import Sayable
from inbound.errors import RetryableError
from inbound.orders.ports import Placed, RenderedText
from inbound.orders.templates.fields import FieldDefinition
from inbound.parsers.numbers import mask
from inbound.store.orders.account_records import AccountRecord
from inbound.store.orders.rows import SERVICE
from inbound.timeline.model import OrderTimeline
from schemas.orders import LONGEST_TEXT, OrderKind, RefusalReason

PATH: Final = "/send"
SENT_PATH: Final = f"{PATH}/sent"
PLACE: Final = MenuEntry(PATH, "Messages", "sent", Right.PEOPLE)
_PREVIEW: Final = "preview"
_IN_BRACES: Final = re.compile(r"\{[^\W\d]\w{0,63}\}")

router = APIRouter()
MaySee = Annotated[Visitor, Depends(Sees(Right.PEOPLE))]
MaySend = Annotated[Action, Depends(Does(Right.SEND))]


@dataclass(frozen=True, slots=True)
class Compose:
    """A message that is being written, with everything that its page shows."""

    typed: Typed
    accounts: list[AccountRecord]
    account: AccountRecord | None
    names: list[str]
    version: Version | None
    who: Addressee | None
    text: str
    size: TextSize | None
    price: str

    @property
    def fields(self) -> Mapping[str, FieldDefinition]:
        """The fields of the template, by name."""
        return self.version.definition.fields if self.version else {}

    @property
    def senders(self) -> list[str]:
        """The senders that the account may use beside the service's own."""
        if self.account is None:
            return []
        return [one.sender for one in self.account.senders if one.approved_at is not None]

    @property
    def kinds(self) -> list[OrderKind]:
        """The kinds of messages that the account may send to one person."""
        has_service = self.account is not None and SERVICE in self.account.settings.rights
        return [OrderKind.NOTIFICATION, *([OrderKind.SERVICE] if has_service else [])]

    @property
    def masked(self) -> str:
        """The number as it is shown."""
        return mask(self.who.number) if self.who else ""

    @property
    def unfilled(self) -> str:
        """The first name in braces of a text of one's own: it is sent as it stands; "" if none."""
        found = None if self.typed.template else _IN_BRACES.search(self.typed.text)
        return found[0] if found else ""

    @property
    def most_parts(self) -> int:
        """How many parts the account may send."""
        return self.account.settings.max_parts if self.account else 0


@router.get(PATH)
async def form(
    request: Request, desk: DeskDep, visitor: MaySee, person: str = "", template: str = ""
) -> Response:
    """Show an empty form, perhaps for somebody, or with a template."""
    if not visitor.may(Right.SEND):
        return see_other(SENT_PATH)
    return await _answer(request, desk, Typed(person=person, template=template))


@router.post(f"{PATH}/form")
async def update(request: Request, desk: DeskDep, action: MaySend) -> Response:
    """Show the form again, with the fields of another template or account, and the preview."""
    typed = typed_in(action.form.fields)
    request.state.is_quiet = True  # a line for each pause in typing would fill the log
    if request.headers.get("hx-target") == _PREVIEW:
        return await _answer(request, desk, typed, template="send_preview.html")
    if "hx-request" in request.headers:
        return await _answer(request, desk, typed, template="send_live.html")
    return await _answer(request, desk, typed)


@router.post(PATH)
async def send(request: Request, desk: DeskDep, action: MaySend) -> Response:
    """Send the message, now or later."""
    typed = typed_in(action.form.fields)
    compose = await _compose(request, desk, typed)
    fields = compose.fields if compose.version else None
    zone, days = desk.sources.zone, desk.sending.rules.ahead_days
    problems = problems_of(typed, fields, desk.clock(), zone, days)
    if compose.who is None and "to" not in problems:
        problems["to"] = why_no_number(typed.to) or NOBODY
    if problems:
        return await _answer(request, desk, typed, problems, status=422)
    number = compose.who.number if compose.who and typed.person else None
    try:
        order = order_of(typed, number, zone, compose.fields)
    except ValueError:
        problems = wrong("", "Nothing was sent: the form has something that can't be sent.")
        return await _answer(request, desk, typed, problems, status=422)
    try:
        placed = await desk.sending.place(action.visitor.session.actor, order)
    except RetryableError:
        raise ErrorPage(
            503,
            "The service can't answer at this moment.",
            "Go back and send the form again, as it is: it is sent once, however often.",
            "It is not certain whether your message was accepted.",
        ) from None
    if placed.reason is None:
        return see_other(f"{PATH}/orders/{placed.order_id}?done=sent")
    return await _refused(request, desk, typed, placed)


async def _refused(request: Request, desk: Desk, typed: Typed, placed: Placed) -> Response:
    """Show the form again with the reason.

    It now makes another order, because the id keeps its answer.
    """
    refused: OrderTimeline | None = None
    if placed.reason is not RefusalReason.IDEMPOTENCY_KEY_REUSED:
        found = await desk.sending.order(placed.order_id, request.state.language)
        refused = found.orders[0] if found else None
    again = replace(typed, once=str(uuid4()))
    return await _answer(request, desk, again, refused=refused, is_refused=True, status=422)


async def _compose(request: Request, desk: Desk, typed: Typed) -> Compose:
    accounts = await desk.sending.accounts()
    account = next((one for one in accounts if one.account == typed.account), None)
    account = account or (accounts[0] if accounts else None)
    if account is not None:
        typed = replace(typed, account=account.account)
    versions = await desk.templates.versions(typed.template) if typed.template else []
    version = next((one for one in versions if not one.is_retired), None)
    who = await _addressee(desk, typed)
    text = await _text(desk, typed, version, who)
    size = size_of(text, desk.sending.rules.alphabet)
    language = request.state.language
    price = price_of(account, size.parts, language) if account and size and text else ""
    names = await desk.templates.names()
    return Compose(typed, accounts, account, names, version, who, text, size, price)


async def _addressee(desk: Desk, typed: Typed) -> Addressee | None:
    if typed.person:
        who = await desk.people.find(typed.person)
        return await desk.sending.addressee(who.number) if who else None
    return await desk.sending.addressee(typed.to) if typed.to else None


async def _text(desk: Desk, typed: Typed, version: Version | None, who: Addressee | None) -> str:
    """Return the text as it would be sent; fields without a fitting value are shown by name."""
    if not typed.template:
        return typed.text
    if version is None:
        return ""
    rendered = await desk.sending.render(version.name, typed.fields, who)
    return rendered.text if isinstance(rendered, RenderedText) else _with_gaps(typed, version)


def _latest(desk: Desk) -> datetime:
    return desk.clock() + timedelta(days=desk.sending.rules.ahead_days)


def _with_gaps(typed: Typed, version: Version) -> str:
    definition = version.definition
    language = definition.default_language
    values = {
        name: typed.fields.get(name, "").strip() or f"{{{name}}}" for name in definition.fields
    }
    return definition.parsed[language].render(values)


async def _answer(
    request: Request,
    desk: Desk,
    typed: Typed,
    problems: Mapping[str, Sayable] | None = None,
    *,
    template: str = "send.html",
    status: int = 200,
    **more: Any,  # noqa: ANN401 — values of the template
) -> HTMLResponse:
    values = {"refused": None, "is_refused": False, **more}
    chosen = {"person": typed.person, "template": typed.template}
    query = urlencode({name: value for name, value in chosen.items() if value})
    return desk.pages.answer(
        request,
        template,
        status,
        compose=await _compose(request, desk, typed),
        problems=problems or {},
        longest=LONGEST_TEXT,
        latest_local=input_time(_latest(desk), desk.sources.zone),
        service_sender=desk.sending.rules.sender,
        field_prefix=FIELD,
        rules=RULES,
        back=f"{PATH}?{query}" if query else PATH,
        **values,
    )
