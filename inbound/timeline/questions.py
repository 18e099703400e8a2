"""The facts for the answers to two questions of clients other than "I got no reply". Pure.

"I got it twice" and "I switched it off and still get messages".
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from inbound.freshness.model import Pending, PendingWork
from inbound.timeline.cases import goes_again
from inbound.timeline.incidents import last_change
from inbound.timeline.input import SelectedHistory, TimelineInput
from inbound.timeline.message_steps import is_given_up
from inbound.timeline.orders import OrderHistory
from inbound.timeline.question_cases import (
    Copies,
    SameText,
    SentAfterStop,
    SwitchedOffCase,
    TwiceCase,
    WhySent,
)
from schemas.message_events import MessageEvent, MessageSubmitted, MessageUnknown
from schemas.messages import Purpose
from schemas.orders import OrderKind

_OF_MESSAGES: Final = frozenset({PendingWork.RESULTS, PendingWork.ORDERS})


def twice_case(found: TimelineInput) -> TwiceCase | None:
    """Return the case of copies, None if no message was sent that could have copies."""
    selection = found.selection
    if not selection.requests and not selection.orders:
        return None
    copies = sorted(_copies(selection), key=lambda one: one.at, reverse=True)
    unread = [one for one in _pending(found) if one.work is PendingWork.RESULTS]
    return TwiceCase(
        copies,
        any(request.accepted.confirm for request in selection.requests),
        unread[0] if unread else None,
        list(_same_texts(found)),
    )


def switched_off_case(found: TimelineInput, missed: str | None) -> SwitchedOffCase | None:
    """Return the case of a stop, None if the timeline is not that of a number."""
    if found.all_switches is None:
        return None
    switch, selection = last_change(found.all_switches), found.selection
    sent: list[SentAfterStop] = []
    is_whole = True
    if switch is not None and not switch.notifications_on:
        afterwards = (_after(order, switch.at) for order in selection.orders)
        sent = [one for one in afterwards if one is not None]
        oldest = selection.oldest_at
        is_whole = not selection.left_out or (oldest is not None and oldest < switch.at)
    is_off = switch is not None and not switch.notifications_on
    pending = [one for one in _pending(found) if is_off or one.work not in _OF_MESSAGES]
    return SwitchedOffCase(switch, sent, is_whole, pending, missed)


def _pending(found: TimelineInput) -> Sequence[Pending]:
    return found.freshness.pending if found.freshness else ()


def _copies(selection: SelectedHistory) -> Iterator[Copies]:
    for request in selection.requests:
        for purpose in (Purpose.ACKNOWLEDGEMENT, Purpose.FULFILMENT):
            if (count := _count(request.results(purpose))) > 1:
                yield Copies(request.at, count, purpose)
    for order in selection.orders:
        if (count := _count(order.results(order.message_id))) > 1:
            yield Copies(order.at, count, order.purpose, order.decided.kind)


def _same_texts(found: TimelineInput) -> Iterator[SameText]:
    """Yield the texts that were ordered more than once and may have been sent each time."""
    digests = {row.order_id: row.text_digest for row in found.rows}
    of_text: defaultdict[bytes, list[OrderHistory]] = defaultdict(list)
    for order in sorted(found.selection.orders, key=lambda one: one.at):
        digest = digests.get(order.decided.order_id)
        if digest is not None and _count(order.results(order.message_id)):
            of_text[digest].append(order)
    for orders in of_text.values():
        if len(orders) > 1:
            yield SameText([one.at for one in orders], [one.decided.kind for one in orders])


def _count(results: Sequence[MessageEvent]) -> int:
    """Return how often a message may have been sent, including an attempt that follows."""
    sent = [
        one
        for one in results
        if isinstance(one, MessageSubmitted)
        or (isinstance(one, MessageUnknown) and not is_given_up(one))
    ]
    attempts = len({one.attempt for one in sent})
    is_open = bool(sent) and all(map(goes_again, results))
    submitted = sum(isinstance(one, MessageSubmitted) for one in sent)
    return max(attempts + is_open, submitted)


def _after(order: OrderHistory, stopped_at: datetime) -> SentAfterStop | None:
    """Return why the message of an order reached the person after a stop, None if it did not."""
    kind = order.decided.kind
    sent = [
        one.sent_at or one.at
        for one in order.results(order.message_id)
        if isinstance(one, MessageSubmitted | MessageUnknown)
    ]
    delivery = order.delivery()
    if sent and max(sent) > stopped_at:
        why = WhySent.SERVICE if kind is OrderKind.SERVICE else WhySent.BEING_SENT
    elif sent and delivery is not None and delivery.at > stopped_at:
        why = WhySent.SENT_BEFORE
    else:
        return None
    return SentAfterStop(order.at, kind, why)
