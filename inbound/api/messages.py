"""Routes of messages: send, cancel, look up and list.

An account sees its own messages only; another one's is not found.
"""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Path, Query

from inbound.api.access import BackendDep, MayLookUp, MaySend, RevealReason
from inbound.api.admission import SENDING_PATH, Principal
from inbound.api.backend import Backend
from inbound.api.languages import ChosenLanguage
from inbound.api.message_models import (
    LONGEST_KEY,
    FullMessageReport,
    MessageLookUp,
    MessagesToSend,
    MessageToSend,
    PlacedMessage,
    PlacedMessages,
    history_of,
    order_of,
    refusal_of_order,
)
from inbound.api.message_pages import PATH, MessagePage, MessageSearch, find_page
from inbound.api.models import TEXT
from inbound.api.problems import ProblemKind, Refusal, invalid
from inbound.api.timelines import TimelineQuery, follow, reveal_of
from inbound.api.tokens import Scope
from inbound.ops.telemetry import parse_traceparent
from inbound.store.orders.lookup import FoundOrder, events_of_order, find_order
from inbound.store.people.subjects import numbers_of
from inbound.timeline.reader import find_by_message
from schemas.orders import Order, OrderState

router = APIRouter(tags=["messages"])

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="Makes the request safe to repeat: with the same key it is the same message, "
        "and gets the same answer. With another body it is refused. In a list it counts for "
        "each message with its place. A key belongs to the account and counts as long as the "
        "message is kept.",
        examples=["case-4711-done"],
        min_length=1,
        max_length=LONGEST_KEY,
        pattern=r"^[!-~]+$",
    ),
]
Traceparent = Annotated[str | None, Header(include_in_schema=False)]
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
    idempotency_key: IdempotencyKey = None,
    traceparent: Traceparent = None,
) -> PlacedMessages:
    """Place the orders of a request."""
    trace = traceparent if parse_traceparent(traceparent) else None
    orders = _orders(body.root, who.account, backend.sending.zone, idempotency_key, trace)
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
    "/v1/messages/{message_id:path}",
    operation_id="message",
    summary="What became of this message?",
    description="With the scope `send` and the id of a message of the token's account: its state "
    "and history. With the scope `read` also the id of a message that answers a request, or the "
    "id that an SMS centre gave to a part of it, which is kept for 7 days: the timeline of that "
    "request. SMS centres reuse ids, so there may be several.",
    response_description="The message, or a timeline for each request.",
    response_model_exclude_none=True,
    openapi_extra={"security": [{"token": ["read"]}]},
)
async def message(
    message_id: Annotated[
        str,
        Path(min_length=1, max_length=65, pattern=TEXT, description="our id, or the SMS centre's"),
    ],
    query: Annotated[TimelineQuery, Query()],
    backend: BackendDep,
    who: MayLookUp,
    reveal: RevealReason,
    language: ChosenLanguage,
) -> MessageLookUp:
    """Answer with a message of the account, or with timelines."""
    if who.may(Scope.SEND) and (order := await _find(backend, who, _uuid(message_id))):
        events = await backend.run(events_of_order, order)
        number = await _number(backend, order)
        report = FullMessageReport(
            **FullMessageReport.values_of(order, number), history=history_of(events)
        )
        return MessageLookUp(report)
    if not who.may(Scope.READ):
        raise _not_found()
    lang, revealing = language.choose(query.lang), reveal_of(who, reveal)
    return MessageLookUp(await follow(backend, find_by_message, message_id, lang, revealing))


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
    order = await _find(backend, who, message_id)
    if order is None:
        raise _not_found()
    state = await backend.sending.cancel_scheduled(order.order_id)
    if state is not OrderState.CANCELLED:
        raise Refusal(ProblemKind.NOT_SCHEDULED, f"the message is {state or 'gone'}")
    return PlacedMessage(id=order.order_id, state=state, parts=order.parts)


def _orders(
    given: MessageToSend | Sequence[MessageToSend],
    account: str,
    zone: str,
    key: str | None,
    trace: str | None,
) -> list[Order]:
    """Translate a body. Keys of other entry points have other prefixes, and so have lists."""
    if isinstance(given, MessageToSend):
        own_key = None if key is None else f"http:{key}"
        return [
            order_of(
                *(given, "body"), account=account, zone=zone, idempotency_key=own_key,
                traceparent=trace,
            )
        ]  # fmt: skip
    return [
        order_of(
            *(one, f"body.{place}"),
            account=account,
            zone=zone,
            idempotency_key=None if key is None else f"http-list:{place}:{key}",
            traceparent=trace,
        )
        for place, one in enumerate(given)
    ]


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


def _not_found() -> Refusal:
    return Refusal(ProblemKind.NOT_FOUND, "the account has no message with this id")
