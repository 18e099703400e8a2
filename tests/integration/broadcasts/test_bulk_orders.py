"""Bulk orders of programs: accounts and broadcasts share what the SMS centres take."""

from datetime import timedelta
from uuid import UUID

import pytest

from inbound.broadcasts.pump import Pump
from inbound.handlers.broadcasts import BroadcastAction
from inbound.orders.intake import MOST_IN_BATCH
from inbound.store.orders.account_records import AccountSettings, create_account
from schemas.orders import Order, OrderState
from tests.integration.broadcasts.conftest import Bench, number

PEOPLE = 200
QUEUED = "SELECT account, count(*) FROM orders WHERE state = 'queued' GROUP BY account"


@pytest.fixture
def pump(bench: Bench) -> Pump:
    bench.add_clients(number(n) for n in range(PEOPLE))
    for name in ("shop", "crm"):
        create_account(bench.conn, name, AccountSettings(rights=("send",)), actor="tests")
    return bench.pump()


async def place(bench: Bench, pump: Pump, account: str, count: int) -> list[UUID]:
    """Place bulk orders, as the SMPP server does."""
    orders = [
        Order(account=account, phone=number(n % PEOPLE), text=f"text {n}", is_bulk=True)
        for n in range(count)
    ]
    placed = []
    for start in range(0, count, MOST_IN_BATCH):
        placed += await pump._intake.place(orders[start : start + MOST_IN_BATCH])
    assert {one.state for one in placed} == {OrderState.SCHEDULED}
    return [one.order_id for one in placed]


def queued(bench: Bench) -> dict[str, int]:
    return dict(bench.conn.execute(QUEUED).fetchall())


def waiting(bench: Bench, account: str) -> int:
    query = "SELECT count(*) FROM orders WHERE account = %s AND state = 'scheduled'"
    (count,) = bench.conn.execute(query, [account]).fetchone() or (0,)
    return int(count)


async def test_an_account_with_few_does_not_wait_for_one_with_many(
    bench: Bench, pump: Pump
) -> None:
    await place(bench, pump, "shop", 5000)
    await bench.rounds(3, pump)
    assert queued(bench) == {"shop": bench.ahead}
    await place(bench, pump, "crm", 10)
    await bench.rounds(1, pump)
    assert queued(bench) == {"shop": bench.ahead, "crm": 10}, "at once, behind what was queued"
    assert waiting(bench, "shop") == 5000 - bench.ahead


async def test_accounts_and_a_broadcast_share_evenly(bench: Bench, pump: Pump) -> None:
    one = bench.create([f"{number(n)},Anna" for n in range(PEOPLE)])
    bench.act(one, BroadcastAction.START)
    bench.now += timedelta(seconds=1)
    await bench.rounds(1, pump)
    await place(bench, pump, "shop", 500)
    await place(bench, pump, "crm", 500)
    await bench.rounds(1, pump)
    found = queued(bench)
    assert sum(found.values()) <= bench.ahead
    assert {found["shop"], found["crm"], found["default"]} <= {
        bench.ahead // 3,
        bench.ahead // 3 + 1,
    }


async def test_all_of_them_go_and_each_account_in_its_order(bench: Bench, pump: Pump) -> None:
    ids = await place(bench, pump, "shop", 300)
    others = await place(bench, pump, "crm", 200)
    for _ in range(60):
        await bench.rounds(1, pump)
        bench.settle("sent", 30)
        bench.now += timedelta(seconds=1)
    assert waiting(bench, "shop") == waiting(bench, "crm") == 0
    query = "SELECT convert_from(value, 'utf8')::json ->> 'order_id' FROM outbox ORDER BY position"
    written = [UUID(order_id) for (order_id,) in bench.conn.execute(query)]
    assert sorted(written) == sorted([*ids, *others])
    turns = written[: 2 * len(others)]
    assert abs(sum(one in set(ids) for one in turns) - len(others)) < bench.ahead
    topics = bench.conn.execute("SELECT DISTINCT topic FROM outbox").fetchall()
    assert topics == [("sms.mt.bulk.v1",)]
    assert bench.conn.execute("SELECT count(*) FROM bulk_queued").fetchone() == (0,)


async def test_a_cancelled_order_is_not_queued(bench: Bench, pump: Pump) -> None:
    ids = await place(bench, pump, "shop", 3)
    states = await pump._dispatcher.cancel(ids[:1])
    assert states == {ids[0]: OrderState.CANCELLED}
    await bench.rounds(1, pump)
    assert queued(bench) == {"shop": 2}


async def test_due_orders_that_are_single_do_not_wait_behind_bulk(bench: Bench, pump: Pump) -> None:
    await place(bench, pump, "shop", 50)
    order = Order(
        account="shop", phone=number(1), text="single", not_before=bench.now + timedelta(seconds=5)
    )
    (placed,) = await pump._intake.place([order])
    bench.now += timedelta(seconds=6)
    assert await pump._dispatcher.dispatch_due() == 1
    query = "SELECT order_id FROM orders WHERE state = 'queued'"
    assert bench.conn.execute(query).fetchall() == [(placed.order_id,)]
