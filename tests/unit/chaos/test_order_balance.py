"""The balance of orders: which copies the log explains, and what it counts as broken."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.chaos.balance import Balance
from tests.chaos.order_balance import balance_orders
from tests.chaos.orders import PlacedOrder
from tests.chaos.smsc_faults import AcceptedSubmit
from tests.fix_service import Event

NUMBER, TEXT = "+79161234567", "Заказ 1 готов"
ORDER = PlacedOrder(uuid4(), NUMBER, TEXT)


def event(type_: str, order: UUID | None = ORDER.order_id, **data: Any) -> Event:
    data |= {"order_id": str(order), "message_id": "m", "attempt": data.get("attempt", 1)}
    return Event(1, uuid4(), 1, type_, data, {})


def figures(
    events: list[Event], came: int, *, order: PlacedOrder = ORDER, text: str = TEXT
) -> Balance:
    result = Balance()
    taken = [AcceptedSubmit(NUMBER, text, 0, 1, 0.0)] * came
    balance_orders(result, [order], {}, taken, {NUMBER: events})
    return result


ACCEPTED, SUBMITTED = event("order.accepted"), event("message.submitted")
UNKNOWN = event("message.unknown", final=False)
GIVEN_UP = event("message.unknown", final=True)


def test_one_order_one_message() -> None:
    result = figures([ACCEPTED, SUBMITTED], 1)
    assert (result.orders, result.broken) == (1, [])


def test_a_copy_is_explained_by_an_unknown_attempt() -> None:
    result = figures([ACCEPTED, UNKNOWN, SUBMITTED], 2)
    assert (result.doubled_allowed, result.broken) == (1, [])
    assert figures([ACCEPTED, GIVEN_UP], 0).broken == []
    assert figures([ACCEPTED, GIVEN_UP], 1).broken == []


@pytest.mark.parametrize(
    ("events", "came", "broken"),
    [
        ([], 0, ["lost"]),
        ([ACCEPTED, SUBMITTED], 0, ["lost"]),
        ([ACCEPTED, SUBMITTED], 2, ["doubled"]),
        ([ACCEPTED, ACCEPTED, SUBMITTED], 1, ["doubled"]),
        ([ACCEPTED, event("message.withheld")], 1, ["doubled"]),
        ([event("order.refused")], 1, ["doubled"]),
        ([ACCEPTED], 0, ["unfinished"]),
        ([ACCEPTED, event("order.accepted", uuid4()), SUBMITTED], 1, ["doubled"]),
    ],
)
def test_what_is_broken(events: list[Event], came: int, broken: list[str]) -> None:
    assert figures(events, came).broken == broken


def test_nothing_comes_of_a_refusal_or_unasked() -> None:
    refused = PlacedOrder(None, NUMBER, TEXT, is_refused=True)
    assert figures([], 0, order=refused).broken == []
    assert figures([], 1, order=refused).broken == ["doubled"]
    assert figures([ACCEPTED, SUBMITTED], 1, text="Заказ 2 готов").broken == ["doubled", "lost"]


def test_recipients_of_a_broadcast_are_orders() -> None:
    broadcast = uuid4()
    accepted = event("order.accepted", broadcast_id=str(broadcast))
    for came, broken in ((1, []), (2, ["doubled"]), (0, ["lost"])):
        result = Balance()
        taken = [AcceptedSubmit(NUMBER, "Рассылка 1", 0, 1, 0.0)] * came
        streams = {NUMBER: [accepted, SUBMITTED]}
        balance_orders(result, [], {broadcast: "Рассылка 1"}, taken, streams)
        assert result.broken == broken
