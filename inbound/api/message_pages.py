"""Searching an account's messages: parameters and pages of the answer."""

from datetime import timedelta
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from pydantic import Field

from inbound.api.backend import Backend
from inbound.api.cursors import CURSOR, read_cursor, write_cursor
from inbound.api.list_freshness import result_freshness
from inbound.api.message_models import ListedMessage
from inbound.api.models import CurrentAnswer, RequestModel, example
from inbound.api.patterns import TEXT
from inbound.api.request_pages import DEFAULT_DAYS, MAX_PAGE_SIZE
from inbound.freshness.model import PendingWork
from inbound.orders.comments import comments_of, words_of
from inbound.store.orders.lookup import OrderKey, OrderQuery, search_orders
from inbound.store.people.subjects import numbers_of
from schemas.moments import Moment
from schemas.orders import OrderKind, OrderState, TemplateName

PATH: Final = "/v1/messages"


class MessageSearch(RequestModel):
    """Search criteria; a message has to match all of them."""

    since: Moment | None = Field(
        default=None,
        description=f"placed then or later; default: {DEFAULT_DAYS} days before `until`",
    )
    until: Moment | None = Field(default=None, description="placed before; default: now")
    state: OrderState | None = Field(default=None, description="state of the message")
    kind: OrderKind | None = Field(default=None, description="what it is for")
    template: TemplateName | None = Field(
        default=None, description="name of its template; `text` for its own text"
    )
    broadcast: UUID | None = Field(default=None, description="messages of this broadcast")
    comment: str | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        pattern=TEXT,
        description="words of the comment that a program sent with it over SMPP; whole words, in "
        "any order",
    )
    limit: int = Field(default=50, ge=1, le=MAX_PAGE_SIZE, description="messages per page at most")
    cursor: str | None = Field(
        default=None,
        pattern=CURSOR,
        description="taken from `next` of the previous page; keep the other parameters",
    )

    def after(self) -> OrderKey | None:
        """Return the last row of the previous page, None for the first page."""
        return None if self.cursor is None else OrderKey(*read_cursor(self.cursor))

    def next_link(self, cursor: str) -> str:
        """Return the link to the page after a cursor."""
        given = self.model_dump(mode="json", exclude_none=True, exclude={"cursor"})
        return f"{PATH}?{urlencode({**given, 'cursor': cursor})}"


class MessagePage(CurrentAnswer):
    """Messages, newest first."""

    model_config = example(
        {
            "messages": ListedMessage.model_config["json_schema_extra"]["examples"],  # type: ignore[index]
            "next": "/v1/messages?limit=1&cursor=618a51750b6a07c9e6679742540de944be07fc1f90ae7",
            "next_cursor": "618a51750b6a07c9e6679742540de944be07fc1f90ae7",
            "as_of": "2024-05-17T12:01:00Z",
            "pending": [],
        }
    )

    messages: list[ListedMessage]
    next: str | None = Field(
        default=None, description="path of the next page; absent on the last one"
    )
    next_cursor: str | None = Field(
        default=None,
        description="the `cursor` in `next`, for programs that keep the other parameters "
        "themselves; absent on the last page",
    )


async def find_page(backend: Backend, asked: MessageSearch, account: str) -> MessagePage:
    """Return one page of an account's messages."""
    since = asked.since or (asked.until or backend.clock()) - timedelta(days=DEFAULT_DAYS)
    asked = asked.model_copy(update={"since": since})
    query = OrderQuery(
        account=account,
        since=since,
        until=asked.until,
        state=asked.state,
        kind=asked.kind,
        template=asked.template,
        broadcast_id=asked.broadcast,
        words=_words(backend, asked.comment, account),
    )
    freshness = await result_freshness(backend, None, PendingWork.ORDERS)
    # One more shows whether there is a next page.
    found = await backend.run(search_orders, query, asked.after(), asked.limit + 1)
    page = found[: asked.limit]
    subject_ids = {one.subject_id for one in page if one.subject_id}
    numbers = await backend.run(numbers_of, backend.sources.sealer, subject_ids)
    order_ids = [one.order_id for one in page]
    comments = await backend.run(comments_of, backend.sources.sealer, order_ids)
    messages = [
        ListedMessage(
            **ListedMessage.values_of(one, numbers.get(one.subject_id) if one.subject_id else None),
            comment=comments.get(one.order_id),
        )
        for one in page
    ]
    more = len(found) > len(page)
    cursor = write_cursor(messages[-1].created_at, messages[-1].id) if more else None
    return MessagePage(
        messages=messages,
        next=None if cursor is None else asked.next_link(cursor),
        next_cursor=cursor,
        **MessagePage.current(freshness),
    )


def _words(backend: Backend, comment: str | None, account: str) -> tuple[bytes, ...] | None:
    """Return the hashes of the words to look for, None for any comment."""
    if comment is None:
        return None
    return words_of(backend.broadcasting.order_hasher, account, comment)
