"""Routes of messages: send, cancel, look up and list.

An account sees its own messages only; another one's is not found.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Header, Path, Query

from inbound.api.access import BackendDep, MayLookUp, MayRead, MaySend, RevealReason
from inbound.api.admission import SENDING_PATH, Principal
from inbound.api.backend import Backend
from inbound.api.idempotency import MessageKey
from inbound.api.json_bodies import JsonRoute
from inbound.api.languages import ChosenLanguage
from inbound.api.list_freshness import result_freshness
from inbound.api.message_models import (
    FullMessageReport,
    MessageLookUp,
    PlacedMessage,
    PlacedMessages,
    history_of,
    refusal_of_order,
)
from inbound.api.message_pages import PATH, MessagePage, MessageSearch, find_page
from inbound.api.message_requests import MessagesToSend, MessageToSend
from inbound.api.patterns import TEXT
from inbound.api.problems import FieldProblem, ProblemKind, Refusal, invalid, no_such_id
from inbound.api.timelines import TimelineQuery, Timelines, follow, not_found_yet, reveal_of
from inbound.api.tokens import Scope
from inbound.faults import MOST_SHOWN
from inbound.freshness.model import PendingWork
from inbound.ops.telemetry import parse_traceparent
from inbound.orders.comments import comments_of
from inbound.orders.horizon import beyond_horizon, too_far
from inbound.store.orders.lookup import FoundOrder, events_of_order, find_order
from inbound.store.people.subjects import numbers_of
from inbound.timeline.ids import find_by_any_id
from schemas.orders import Order, OrderState

REVEAL: Final = "message.reveal"

_ENDED: Final = "the message has ended ({}): there is nothing to cancel"
_NOT_CANCELLED: Final[Mapping[OrderState, str]] = {
    **{state: _ENDED.format(state.value) for state in OrderState},
    OrderState.QUEUED: "the message is queued and may be sent at any moment; only a scheduled "
    "message can be cancelled",
    OrderState.SENT: "the message was sent; only a scheduled message can be cancelled",
}

router = APIRouter(tags=["messages"], route_class=JsonRoute)

Traceparent = Annotated[str | None, Header(include_in_schema=False)]
AnyMessageId = Annotated[
    str, Path(min_length=1, max_length=65, pattern=TEXT, description="our id, or the SMS centre's")
]
MessageId = Annotated[UUID, Path(description="the id in the answer to `POST /v1/messages`")]


@router.post(
    SENDING_PATH,
    operation_id="sendMessages",
    status_code=202,
    summary="Send a message",
    description="One message, or a list of up to 1,000. It is stored when the answer arrives. A "
    "refused message is answered with the problem `refused` and its `reason`; in a list each "
    "message has its own answer. If a field is invalid, nothing of a list is placed. Without the "
    "header `Idempotency-Key` a request that got no answer must not be repeated: its message may "
    "have been placed.",
    response_description="The message, or one answer for each message of the list.",
    response_model_exclude_none=True,
)
async def send_messages(
    body: MessagesToSend,
    backend: BackendDep,
    who: MaySend,
    idempotency_key: MessageKey = None,
    traceparent: Traceparent = None,
) -> PlacedMessages:
    """Place the orders of a request."""
    trace = traceparent if parse_traceparent(traceparent) else None
    orders = _orders(body.root, who.account, backend.sending.zone, idempotency_key, trace)
    _check_horizon(orders, backend, is_list=isinstance(body.root, list))
    placed = await backend.sending.place(orders)
    if isinstance(body.root, list):
        return PlacedMessages(
            [PlacedMessage.of(*pair) for pair in zip(orders, placed, strict=True)]
        )
    if placed[0].reason is not None:
        raise refusal_of_order(orders[0], placed[0])
    return PlacedMessages(PlacedMessage.of(orders[0], placed[0]))


@router.get(
    PATH,
    operation_id="searchMessages",
    summary="Search messages",
    description="Those of the token's account, newest first, in pages.",
    response_description="A page of messages.",
    response_model_exclude_none=True,
)
async def search_messages(
    asked: Annotated[MessageSearch, Query()], backend: BackendDep, who: MaySend
) -> MessagePage:
    """Answer with a page of the account's messages."""
    if asked.since and asked.until and asked.since >= asked.until:
        raise invalid("query.until", "has to be later than `since`")
    return await find_page(backend, asked, who.account)


@router.get(
    "/v1/timelines/{message_id:path}",
    operation_id="messageTimelines",
    summary="Timeline of this message",
    description="For support: by the id of a message that was sent for any account, of one that "
    "answers a request, or the id that an SMS centre gave to a part of it, which is kept for 7 "
    "days. SMS centres reuse ids, so there may be several.",
    response_description="A timeline for each request or message.",
    response_model_exclude_none=True,
)
async def message_timelines(
    message_id: AnyMessageId,
    query: Annotated[TimelineQuery, Query()],
    backend: BackendDep,
    who: MayRead,
    reveal: RevealReason,
    language: ChosenLanguage,
) -> Timelines:
    """Answer with timelines by any id of a message."""
    lang, revealing = language.choose(query.lang), reveal_of(who, reveal)
    return await follow(backend, who, find_by_any_id, message_id, lang, revealing)


@router.get(
    "/v1/messages/{message_id:path}",
    operation_id="message",
    summary="What happened to this message?",
    description="With the scope `send` and the id of a message of the token's account: its state "
    "and history. With the scope `read`, any other id: what `/v1/timelines/{id}` answers.",
    response_description="The message, or a timeline for each request.",
    response_model_exclude_none=True,
    openapi_extra={"security": [{"token": ["read"]}]},
)
async def message(
    message_id: AnyMessageId,
    query: Annotated[TimelineQuery, Query()],
    backend: BackendDep,
    who: MayLookUp,
    reveal: RevealReason,
    language: ChosenLanguage,
) -> MessageLookUp:
    """Answer with a message of the account, or with timelines."""
    order = await _find(backend, who, _uuid(message_id)) if who.may(Scope.SEND) else None
    if order is None and not who.may(Scope.READ):
        if (order_id := _uuid(message_id)) is None:
            raise no_such_id("path.message_id", "has to be a UUID, as `POST /v1/messages` answers")
        order = await _find_or_refuse(backend, who, order_id)
    if order is not None:
        subjects = [order.subject_id] if order.subject_id else []
        freshness = await result_freshness(backend, subjects)
        # Read again: orders that were processed meanwhile are no longer pending.
        order = await _find(backend, who, order.order_id) or order
        events = await backend.run(events_of_order, order)
        if reveal is not None:
            await backend.record(who, REVEAL, reveal, [order.subject_id])
        number = await _number(backend, order)
        values = FullMessageReport.values_of(order, number, is_revealed=reveal is not None)
        current = FullMessageReport.current(freshness)
        comments = await backend.run(comments_of, backend.sources.sealer, [order.order_id])
        history, comment = history_of(order, events), comments.get(order.order_id)
        return MessageLookUp(
            FullMessageReport(**values, **current, comment=comment, history=history)
        )
    lang, revealing = language.choose(query.lang), reveal_of(who, reveal)
    return MessageLookUp(await follow(backend, who, find_by_any_id, message_id, lang, revealing))


@router.delete(
    "/v1/messages/{message_id:path}",
    operation_id="cancelMessage",
    summary="Cancel a scheduled message",
    description="It is not sent any more. Safe to repeat. A message that is queued or was sent is "
    "answered with the problem `not-scheduled`.",
    response_description="The cancelled message.",
    response_model_exclude_none=True,
)
async def cancel_message(message_id: MessageId, backend: BackendDep, who: MaySend) -> PlacedMessage:
    """Cancel a message of the account, if it is scheduled."""
    order = await _find_or_refuse(backend, who, message_id)
    state = await backend.sending.cancel_scheduled(order.order_id)
    if state is None:
        raise Refusal(ProblemKind.NOT_FOUND, "the message is not kept any more")
    if state is not OrderState.CANCELLED:
        raise Refusal(ProblemKind.NOT_SCHEDULED, _NOT_CANCELLED[state])
    return PlacedMessage(id=order.order_id, state=state, parts=order.parts)


def _orders(
    given: MessageToSend | Sequence[MessageToSend],
    account: str,
    zone: str,
    key: str | None,
    trace: str | None,
) -> list[Order]:
    """Translate a body. Keys of other entry points have other prefixes, and so have lists."""

    def order(one: MessageToSend, own_key: str | None) -> Order:
        return one.order(account=account, zone=zone, idempotency_key=own_key, traceparent=trace)

    if isinstance(given, MessageToSend):
        return [order(given, None if key is None else f"http:{key}")]
    return [
        order(one, None if key is None else f"http-list:{place}:{key}")
        for place, one in enumerate(given)
    ]


def _check_horizon(orders: Sequence[Order], backend: Backend, *, is_list: bool) -> None:
    now, days = backend.clock(), backend.sending.ahead_days
    errors = [
        FieldProblem(
            where=f"body.{place}.{name}" if is_list else f"body.{name}", problem=too_far(days)
        )
        for place, order in enumerate(orders)
        for name in beyond_horizon(order, now, days)
    ]
    if errors:
        raise Refusal(ProblemKind.INVALID, errors=errors[:MOST_SHOWN])


async def _find(backend: Backend, who: Principal, order_id: UUID | None) -> FoundOrder | None:
    if order_id is None:
        return None
    return await backend.run(find_order, who.account, order_id)


async def _number(backend: Backend, order: FoundOrder) -> str | None:
    if order.subject_id is None:
        return None
    numbers = await backend.run(numbers_of, backend.sources.sealer, [order.subject_id])
    return numbers.get(order.subject_id)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


async def _find_or_refuse(backend: Backend, who: Principal, order_id: UUID) -> FoundOrder:
    """Return a message of the account. Raises Refusal, which says whether orders wait in Kafka."""
    if order := await _find(backend, who, order_id):
        return order
    backlog = await backend.sources.backlog.ask()
    # Again, because orders that were processed meanwhile are no longer in the backlog.
    if order := await _find(backend, who, order_id):
        return order
    raise not_found_yet("message of the account", backend, backlog, PendingWork.ORDERS)
