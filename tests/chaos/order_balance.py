"""The balance of orders: each was decided once, and came as often as the log says. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from uuid import UUID

from tests.chaos.balance import Balance
from tests.chaos.orders import PlacedOrder
from tests.chaos.smsc_faults import AcceptedSubmit
from tests.fix_service import Event

_DECISIONS: Final = {"order.accepted", "order.refused"}
_UNSENT: Final = {
    "message.withheld",
    "message.rejected",
    "message.expired",
    "order.expired",
    "order.cancelled",
}


def is_of_order(event: Event) -> bool:
    """Whether an event is about an order or its message."""
    return event.data.get("order_id") is not None


def balance_orders(
    result: Balance,
    placed: Sequence[PlacedOrder],
    broadcasts: Mapping[UUID, str],
    taken: Iterable[AcceptedSubmit],
    streams: Mapping[str, Sequence[Event]],
) -> None:
    """Add the figures of orders. `taken` are submits of their texts, `streams` events by number."""
    copies = Counter((one.number, one.text) for one in taken)
    by_order: dict[str, list[Event]] = defaultdict(list)
    for events in streams.values():
        for event in events:
            if is_of_order(event):
                by_order[event.data["order_id"]].append(event)
    for order in placed:
        events = by_order.pop(str(order.order_id), [])
        if order.is_refused:
            came = copies[order.number, order.text]
            result.say("doubled", came, f"{order.number}: {order.text} came, but was refused")
        else:
            _check(result, order.number, order.text, events, copies)
    for number, events in streams.items():
        for id_ in _of_broadcasts(events, broadcasts):
            of_one = by_order.pop(id_, [])
            text = broadcasts[UUID(of_one[0].data["broadcast_id"])]
            _check(result, number, text, of_one, copies)
    for (number, text), count in copies.items():
        known = {one.text for one in placed if one.number == number} | {*broadcasts.values()}
        result.say("doubled", 0 if text in known else count, f"{number}: {text} was not ordered")
    refused = {id_ for id_, events in by_order.items() if events[0].type == "order.refused"}
    for id_ in by_order.keys() - refused:
        result.say("doubled", 1, f"order {id_} was accepted, but nobody has placed it")


def _of_broadcasts(events: Sequence[Event], broadcasts: Mapping[UUID, str]) -> list[str]:
    return [
        event.data["order_id"]
        for event in events
        if event.type in _DECISIONS
        and event.data.get("broadcast_id") is not None
        and UUID(event.data["broadcast_id"]) in broadcasts
    ]


def _check(
    result: Balance,
    number: str,
    text: str,
    events: Sequence[Event],
    copies: Counter[tuple[str, str]],
) -> None:
    who, came = f"{number}: {text}", copies[number, text]
    types = Counter(event.type for event in events)
    decided = types["order.accepted"] + types["order.refused"]
    result.orders += 1
    result.say("lost", int(decided == 0), f"{who} was placed and never decided")
    result.say("doubled", max(decided - 1, 0), f"{who} was decided {decided} times")
    unknown = {
        (event.data["message_id"], event.data["attempt"])
        for event in events
        if event.type == "message.unknown"
    }
    is_submitted = types["message.submitted"] > 0
    is_final = any(e.type == "message.unknown" and e.data["final"] for e in events)
    ended = is_submitted or is_final or types["order.refused"] or any(types[one] for one in _UNSENT)
    result.say("unfinished", int(decided > 0 and not ended), f"{who}, {dict(types)}")
    result.unknown += len(unknown)
    result.max_copies = max(result.max_copies, came)
    owed = int(is_submitted)
    more = max(came - owed, 0)
    allowed = min(more, len(unknown))
    result.doubled_allowed += allowed
    result.say("doubled", more - allowed, f"{who} came {came} times, {dict(types)}")
    result.say("lost", int(is_submitted and came == 0), f"{who} was submitted and never came")
    result.say("too_many_copies", int(is_final and came > 1), f"{who} came {came} times")
