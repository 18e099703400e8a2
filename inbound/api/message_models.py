"""Models of messages to send, and of their state and history."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import Discriminator, Field, RootModel, Tag, ValidationError

from inbound.api.examples import ORDER, SUBJECT
from inbound.api.models import ClientId, Moment, RequestModel, ResponseModel, example
from inbound.api.problems import LIST, ONE, FieldProblem, ProblemKind, Refusal
from inbound.api.timelines import Timelines
from inbound.field_rules import rule_of
from inbound.handlers.order_progress import change_of
from inbound.orders.intake import MOST_IN_BATCH
from inbound.orders.ports import Placed
from inbound.orders.refusals import explain
from inbound.parsers.numbers import mask
from inbound.store.orders.lookup import FoundOrder
from schemas.base import UtcTime
from schemas.domain_event import DomainEvent
from schemas.events import DeliveryEvent, MessageEvent
from schemas.order_events import OrderAccepted, OrderRefused, OrderRescheduled
from schemas.orders import (
    LONGEST_TEXT,
    MOST_FIELDS,
    Order,
    OrderKind,
    OrderState,
    RefusalReason,
    SenderName,
    SendingHours,
    TemplateName,
)

LONGEST_KEY: Final = 200
_LIKE_A_NUMBER: Final = 7
_HOUR: Final = "([01][0-9]|2[0-3]):[0-5][0-9]"
# Names of fields of an order that are other ones here.
_NAMES: Final = {"phone": "to", "zone": "time_zone"}


class MessageToSend(RequestModel):
    """A message to send: to one of `to`, `client_id` and `subject_id`; a text or a template."""

    to: str | None = Field(
        default=None,
        min_length=1,
        max_length=40,
        description="a mobile number with its country code, in any usual format",
        examples=["+79161234567"],
    )
    client_id: ClientId | None = None
    subject_id: UUID | None = Field(default=None, description="a subject, as in events")
    text: str | None = Field(
        default=None, min_length=1, max_length=LONGEST_TEXT, description="what to send"
    )
    template: TemplateName | None = Field(
        default=None, description="a template, in the client's language"
    )
    template_version: int | None = Field(
        default=None, ge=1, le=2**31 - 1, description="default: the newest one"
    )
    fields: dict[
        Annotated[str, Field(min_length=1, max_length=64)], Annotated[str, Field(max_length=1000)]
    ] = Field(
        default_factory=dict,
        max_length=MOST_FIELDS,
        description="the template's fields, as text",
        json_schema_extra={"default": {}},
    )
    kind: Literal[OrderKind.NOTIFICATION, OrderKind.SERVICE] = Field(
        default=OrderKind.NOTIFICATION,
        description="a `notification` is not sent to people who have switched notifications off; a "
        "`service` message is, and needs a right of the account",
    )
    sender: SenderName | None = Field(
        default=None, description="approved for the account; default: the service's own"
    )
    not_before: Moment | None = Field(default=None, description="send it then or later")
    expires_at: Moment | None = Field(default=None, description="don't send it after that")
    hours: str | None = Field(
        default=None,
        pattern=f"^{_HOUR}-{_HOUR}$",
        description="send it in these hours of a day only; they may go past midnight",
        examples=["10:00-12:00"],
    )
    time_zone: str | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        description="IANA time zone of `hours`; default: the service's own",
        examples=["Europe/Moscow"],
    )
    callback: bool = Field(
        default=True, description="whether the account's URL, if it has one, is called at the end"
    )


def _choose(body: object) -> str:
    return LIST if isinstance(body, list) else ONE


class MessagesToSend(
    RootModel[
        Annotated[
            Annotated[MessageToSend, Tag(ONE)]
            | Annotated[
                list[MessageToSend], Field(min_length=1, max_length=MOST_IN_BATCH), Tag(LIST)
            ],
            Discriminator(_choose),
        ]
    ]
):
    """One message, or a list of up to 1,000 that are placed together."""

    model_config = {
        "frozen": True,
        "hide_input_in_errors": True,
        "json_schema_extra": {
            "examples": [
                {"to": "+79161234567", "text": "Заявка 4711 выполнена.", "kind": "notification"},
                [
                    {
                        "client_id": "C-1001",
                        "template": "case-done",
                        "fields": {"number": "4711"},
                        "hours": "10:00-12:00",
                        "time_zone": "Europe/Moscow",
                    },
                    {"subject_id": SUBJECT, "text": "Заявка 4712 выполнена."},
                ],
            ]
        },
    }


class PlacedMessage(ResponseModel):
    """A message that was accepted; in the answer to a list also one that was refused."""

    model_config = example({"id": ORDER, "state": "queued", "parts": 1})

    id: UUID
    state: OrderState = Field(description="`queued`, `scheduled`, or in a list `refused`")
    parts: int = Field(description="SMS parts of the text")
    reason: RefusalReason | None = Field(default=None, description="why it was refused")
    detail: str | None = Field(default=None, description="the reason in words")

    @classmethod
    def of(cls, order: Order, placed: Placed) -> "PlacedMessage":
        """Return the answer to one order."""
        return cls(
            id=placed.order_id,
            state=OrderState(placed.state),
            parts=placed.parts,
            reason=placed.reason,
            detail=None if placed.reason is None else _detail(order, placed),
        )


class PlacedMessages(RootModel[PlacedMessage | list[PlacedMessage]]):
    """The answer to one message, or one for each of a list, in the same order."""

    model_config = example(
        [
            {"id": ORDER, "state": "queued", "parts": 1},
            {
                "id": "e2f3b0a4-2a51-4d5b-8f6d-0d2b8f0c7a15",
                "state": "refused",
                "parts": 1,
                "reason": "opted_out",
                "detail": "the recipient has switched notifications off; they come back when the "
                "client texts CLIENT sms start, and service messages are sent all the same",
            },
        ]
    )


class HistoryItem(ResponseModel):
    """One step of a message's way."""

    at: UtcTime
    event: str = Field(description="type of the event on `sms.events.v1`")
    state: OrderState = Field(description="the state from then on")
    reason: str | None = Field(default=None, description="why it was refused or withheld")
    attempt: int | None = Field(default=None, description="number of the attempt to send it")
    error: str | None = Field(default=None, description="the SMS centre's error code")
    due_at: UtcTime | None = Field(default=None, description="when it is to be sent")


class MessageReport(ResponseModel):
    """What became of a message. What does not apply is absent."""

    id: UUID
    state: OrderState = Field(description="its state now")
    parts: int = Field(description="SMS parts of the text")
    kind: OrderKind
    to: str | None = Field(
        default=None, description="the number, masked; absent if it is unknown or was erased"
    )
    template: str = Field(description="`text` for a message with its own text")
    template_version: int | None = None
    sender: str | None = Field(default=None, description="absent: the service's own")
    reason: str | None = Field(default=None, description="why it was refused or withheld")
    price: str | None = Field(default=None, description="what the account paid, as decimal text")
    created_at: UtcTime
    changed_at: UtcTime = Field(description="when its state last changed")
    due_at: UtcTime | None = Field(
        default=None, description="when it is to be sent, while it is scheduled"
    )
    expires_at: UtcTime | None = Field(default=None, description="when it expires")
    broadcast_id: UUID | None = None

    @classmethod
    def values_of(cls, found: FoundOrder, number: str | None) -> dict[str, Any]:
        """Return the values of these fields for an order."""
        return {
            "id": found.order_id,
            "state": OrderState(found.state),
            "parts": found.parts,
            "kind": OrderKind(found.kind),
            "to": None if number is None else mask(number),
            "template": found.template,
            "template_version": found.template_version,
            "sender": found.sender,
            "reason": found.reason,
            "price": found.price,
            "created_at": found.created_at,
            "changed_at": found.changed_at,
            "due_at": found.due_at,
            "expires_at": found.last_at,
            "broadcast_id": found.broadcast_id,
        }


_REPORT: Final[dict[str, Any]] = {
    "id": ORDER,
    "state": "delivered",
    "parts": 1,
    "kind": "notification",
    "to": "+7916*****67",
    "template": "text",
    "created_at": "2024-05-17T12:00:00.100000Z",
    "changed_at": "2024-05-17T12:00:02.500000Z",
    "expires_at": "2024-05-18T12:00:00.100000Z",
}
_HISTORY: Final = [
    {"at": "2024-05-17T12:00:00.100000Z", "event": "order.accepted", "state": "queued"},
    {
        "at": "2024-05-17T12:00:00.160000Z",
        "event": "message.submitted",
        "state": "sent",
        "attempt": 1,
    },
    {"at": "2024-05-17T12:00:02.500000Z", "event": "message.delivered", "state": "delivered"},
]


class ListedMessage(MessageReport):
    """One message of a page."""

    model_config = example(_REPORT)


class FullMessageReport(MessageReport):
    """What became of a message, and every step of its way."""

    model_config = example({**_REPORT, "history": _HISTORY})

    history: list[HistoryItem]


class MessageLookUp(RootModel[FullMessageReport | Timelines]):
    """By the id of a message that was sent for the account; or by any other id, timelines."""

    model_config = example({**_REPORT, "history": _HISTORY})


def refusal_of_order(order: Order, placed: Placed) -> Refusal:
    """Return the problem that answers a refused order."""
    return Refusal(
        ProblemKind.REFUSED,
        _detail(order, placed),
        reason=placed.reason,
        message_id=placed.order_id,
    )


def _detail(order: Order, placed: Placed) -> str:
    # A number in the place of the sender must not end up in the caller's log.
    if order.sender is not None and sum(map(str.isdigit, order.sender)) >= _LIKE_A_NUMBER:
        order = order.model_copy(update={"sender": mask(order.sender)})
    return explain(order, placed)


def order_of(
    message: MessageToSend, where: str, *, account: str, zone: str, **more: str | None
) -> Order:
    """Translate a message; `zone` is the default one. Raises Refusal with the path of a field."""
    given = message.model_dump(exclude={"to", "hours", "time_zone"}, exclude_none=True)
    field = where
    try:
        if message.hours is not None:
            field = f"{where}.hours"
            given["hours"] = SendingHours.parse(message.hours, message.time_zone or zone)
        field = where
        return Order(**given, phone=message.to, account=account, **more)  # type: ignore[arg-type]
    except ValidationError as error:
        problems = [
            FieldProblem(where=_where(field, one["loc"]), problem=rule_of(one))
            for one in error.errors(include_input=False, include_url=False)
        ]
        raise Refusal(ProblemKind.INVALID, errors=problems) from None


def history_of(events: Sequence[DomainEvent]) -> list[HistoryItem]:
    """Return the steps of an order's events."""
    items: list[HistoryItem] = []
    state = OrderState.QUEUED
    for event in events:
        change = change_of(event)
        state = _first_state(event) or (change.state if change else state)
        due_at = None
        if state is OrderState.SCHEDULED and isinstance(event, OrderAccepted | OrderRescheduled):
            due_at = event.due_at
        items.append(
            HistoryItem(
                at=_moment(event),
                event=event.TYPE,
                state=state,
                reason=getattr(event, "reason", None),
                attempt=event.attempt if isinstance(event, MessageEvent) else None,
                error=event.error if isinstance(event, DeliveryEvent) else None,
                due_at=due_at,
            )
        )
    return items


def _first_state(event: DomainEvent) -> OrderState | None:
    match event:
        case OrderRefused():
            return OrderState.REFUSED
        case OrderAccepted():
            is_due = event.due_at <= event.facts.decided_at
            return OrderState.QUEUED if is_due else OrderState.SCHEDULED
    return None


def _moment(event: DomainEvent) -> datetime:
    if isinstance(event, OrderAccepted | OrderRefused):
        return event.facts.decided_at
    at: datetime = event.at  # type: ignore[attr-defined]  # all others have it
    return at


def _where(field: str, path: Sequence[int | str]) -> str:
    return ".".join([field, *(_NAMES.get(str(step), str(step)) for step in path)])
