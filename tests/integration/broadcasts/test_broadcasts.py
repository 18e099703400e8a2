"""Broadcasts from the table to the orders: nobody left out, nobody written to twice."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest

from inbound.broadcasts.control import NotPossibleError
from inbound.broadcasts.loading import find_exclusions
from inbound.broadcasts.pump import CursorMovedError, MovingCursor
from inbound.erasure.eraser import Eraser
from inbound.handlers.broadcasts import BroadcastAction, BroadcastState
from inbound.store.broadcasts.broadcasts import (
    find_recipients,
    sum_up_progress,
    try_lock_pump,
)
from inbound.store.broadcasts.rows import Progress
from inbound.store.connections import connect
from inbound.store.retention_sweep import sweep_audiences
from inbound.store.transactions.changes import Changes
from inbound.subjects import StateCache, Subjects
from schemas.events import SubscriptionStopped
from schemas.sending_hours import SendingHours
from tests.fix_store import until
from tests.integration.broadcasts.conftest import START, Bench, number, rows_of


async def opt_out(bench: Bench, *numbers: str) -> None:
    async with bench.store.transaction() as tx:
        found = await tx.subjects({bench.hasher.hash(one): one for one in numbers})
        subjects = Subjects(tx, StateCache())
        await subjects.load(found.values())
        for subject_id in found.values():
            stopped = SubscriptionStopped(request_id=uuid4(), at=START)
            subjects.append(subject_id, [stopped], None)
        await tx.write(Changes(events=subjects.events, states=subjects.states()))


async def test_an_audience_is_checked_and_every_excluded_row_has_its_reason(bench: Bench) -> None:
    bench.add_clients(map(number, range(5)))
    await opt_out(bench, number(1))
    one = bench.create(
        [
            f"{number(0)},Анна",
            f"{number(1)},Борис",
            "12345,Вера",
            f"{number(2)},",
            f"8{number(2)[2:]},Глеб",
            f"{number(0)},Анна снова",
            f"{number(9)},Дина",
            f"{number(3)},Ева,лишнее",
        ]
    )
    assert (one.state, one.lifecycle.recipients) == (BroadcastState.DRAFT, 2)
    reasons = {
        row.row_no: (row.reason.value, row.number)
        for row in find_exclusions(bench.conn, one.broadcast_id, bench.sealer)
    }
    assert reasons == {
        3: ("opted_out", number(1)),
        4: ("number", None),
        5: ("fields", number(2)),
        7: ("repeated", number(0)),
        8: ("not_a_client", number(9)),
        9: ("row", None),
    }
    assert sum(one.excluded.values()) == len(reasons)


async def test_every_recipient_gets_one_order_whoever_pumps(bench: Bench) -> None:
    bench.add_clients(map(number, range(250)))
    one = bench.act(bench.create(rows_of(range(250))), BroadcastAction.START)
    while bench.now_of(one).state is not BroadcastState.DONE:
        await bench.rounds()  # by a new process each time
        bench.settle("sent", 70)
        assert bench.progress(one).waiting >= 0
    assert bench.progress(one) == Progress(250, sent=250)
    people = bench.conn.execute("SELECT count(*), count(DISTINCT subject_id) FROM orders")
    assert people.fetchone() == (250, 250)


async def test_two_pumps_at_once_place_nobody_twice(bench: Bench) -> None:
    bench.add_clients(map(number, range(60)))
    bench.ahead = 1000
    one = bench.act(bench.create(rows_of(range(60))), BroadcastAction.START)
    await bench.rounds()
    await asyncio.gather(*(bench.rounds() for _ in range(3)))
    assert bench.progress(one).waiting == 60
    assert bench.conn.execute("SELECT count(*) FROM orders").fetchone() == (60,)


async def test_the_pump_stays_a_bounded_number_of_messages_ahead(bench: Bench) -> None:
    bench.add_clients(map(number, range(300)))
    bench.act(bench.create(rows_of(range(300))), BroadcastAction.START)
    pump = bench.pump()
    assert await bench.rounds(10, pump) == 100
    bench.settle("sent", 40)
    assert await bench.rounds(10, pump) == 40


async def test_a_rate_is_kept(bench: Bench) -> None:
    bench.add_clients(map(number, range(100)))
    bench.act(bench.create(rows_of(range(100)), rate_per_s=10), BroadcastAction.START)
    pump = bench.pump()
    placed = 0
    for _ in range(41):
        placed += await bench.rounds(1, pump)
        bench.now += timedelta(seconds=0.1)
    assert placed == pytest.approx(40, abs=2)


async def test_after_an_outage_a_rate_is_exceeded_for_seconds_at_most(bench: Bench) -> None:
    bench.add_clients(map(number, range(100)))
    bench.ahead = 1000
    bench.act(bench.create(rows_of(range(100)), rate_per_s=2), BroadcastAction.START)
    pump = bench.pump()
    placed = 0
    for _ in range(60):
        placed += await bench.rounds(1, pump)
        bench.now += timedelta(seconds=1)
    assert placed == 20
    bench.settle("sent", 5)
    assert sum([await bench.rounds(1, pump) for _ in range(5)]) <= 5


async def test_pause_stops_it_and_resume_sends_what_came_back(bench: Bench) -> None:
    bench.add_clients(map(number, range(150)))
    one = bench.act(bench.create(rows_of(range(150))), BroadcastAction.START)
    await bench.rounds(2)
    bench.act(one, BroadcastAction.PAUSE)
    assert await bench.rounds(3) == 0
    # What a gateway does with queued messages of a paused broadcast.
    bench.conn.execute("UPDATE orders SET state = 'scheduled', due_at = NULL, dispatch = 2")
    assert bench.progress(one) == Progress(150, waiting=150)
    bench.act(one, BroadcastAction.RESUME)
    await bench.rounds()
    due = bench.conn.execute("SELECT count(*) FROM orders WHERE due_at IS NOT NULL").fetchone()
    assert due == (100,)


async def test_cancel_withholds_the_rest(bench: Bench) -> None:
    bench.add_clients(map(number, range(150)))
    one = bench.act(bench.create(rows_of(range(150))), BroadcastAction.START)
    await bench.rounds(2)
    bench.settle("delivered", 60)
    bench.act(one, BroadcastAction.CANCEL)
    assert await bench.rounds() == 0
    assert bench.progress(one) == Progress(
        150, waiting=40, delivered=60, withheld=50, withheld_by_reason={"cancelled": 50}
    )
    bench.settle("withheld")
    await bench.rounds()
    assert bench.progress(one) == Progress(
        150, delivered=60, withheld=90, withheld_by_reason={"cancelled": 50}
    )
    assert bench.now_of(one).ended_at is not None
    with pytest.raises(NotPossibleError, match="cancelled"):
        bench.act(one, BroadcastAction.RESUME)


async def test_a_recipient_who_opts_out_after_the_start_is_withheld(bench: Bench) -> None:
    bench.add_clients(map(number, range(4)))
    one = bench.act(bench.create(rows_of(range(4))), BroadcastAction.START)
    await opt_out(bench, number(1), number(2))
    await bench.rounds(2)
    bench.settle("sent", 1)
    # The other one opts out while its message is queued: the claim withholds it.
    bench.conn.execute(
        "UPDATE orders SET state = 'withheld', reason = 'opted_out' WHERE state = 'queued'"
    )
    reasons = {"opted_out": 3}
    assert bench.progress(one) == Progress(4, sent=1, withheld=3, withheld_by_reason=reasons)
    sum_up_progress(bench.conn, one.broadcast_id)
    assert bench.progress(one) == Progress(4, sent=1, withheld=3, withheld_by_reason=reasons)


async def test_refusals_are_counted_by_reason(bench: Bench) -> None:
    bench.add_clients(map(number, range(5)))
    bench.conn.execute("UPDATE accounts SET day_limit = 2")
    one = bench.act(bench.create(rows_of(range(5))), BroadcastAction.START)
    await bench.rounds(2)
    assert bench.progress(one) == Progress(
        5, waiting=2, refused=3, refused_by_reason={"daily_limit": 3}
    )


async def test_a_large_broadcast_needs_a_second_person(bench: Bench) -> None:
    bench.add_clients(map(number, range(3)))
    bench.need_approval_above(2)
    one = bench.act(bench.create(rows_of(range(3))), BroadcastAction.START)
    assert one.state is BroadcastState.AWAITING_APPROVAL
    with pytest.raises(NotPossibleError, match="somebody else"):
        bench.act(one, BroadcastAction.APPROVE)
    assert await bench.rounds() == 0
    assert bench.act(one, BroadcastAction.APPROVE, by="bob").state is BroadcastState.SCHEDULED
    assert await bench.rounds(2) == 3
    actions = bench.conn.execute("SELECT actor, action FROM audit ORDER BY id").fetchall()
    assert actions == [
        ("ann", "broadcast.create"),
        ("ann", "broadcast.request"),
        ("bob", "broadcast.approve"),
    ]


async def test_a_missed_start_has_to_be_confirmed(bench: Bench) -> None:
    bench.add_clients([number(0)])
    starts_at = START + timedelta(hours=1)
    one = bench.act(bench.create(rows_of([0])), BroadcastAction.START, starts_at=starts_at)
    assert await bench.rounds() == 0
    bench.now = starts_at + timedelta(hours=2)
    assert await bench.rounds(2) == 0
    assert bench.now_of(one).lifecycle.needs_confirmation
    bench.act(one, BroadcastAction.CONFIRM)
    assert await bench.rounds(2) == 1


async def test_nothing_is_placed_outside_the_sending_hours(bench: Bench) -> None:
    bench.add_clients(map(number, range(3)))
    hours = SendingHours.parse("10:00-12:00", "Europe/Moscow")  # 7:00 to 9:00 UTC
    one = bench.act(bench.create(rows_of(range(3)), hours=hours), BroadcastAction.START)
    assert await bench.rounds(3) == 0
    bench.now = START + timedelta(hours=22, minutes=30)
    assert await bench.rounds(2) == 3
    assert bench.progress(one).waiting == 3


async def test_a_broadcast_that_fails_is_paused_and_holds_up_no_other(bench: Bench) -> None:
    bench.add_clients(map(number, range(3)))
    bad = bench.act(bench.create(rows_of(range(3))), BroadcastAction.START)
    good = bench.act(bench.create(rows_of(range(3))), BroadcastAction.START)
    bench.conn.execute(
        "UPDATE broadcast_recipients SET number_sealed = 'damaged' WHERE broadcast_id = %s",
        [bad.broadcast_id],
    )
    assert await bench.rounds(2) == 3
    assert bench.now_of(bad).state is BroadcastState.PAUSED
    assert "sealed" in (bench.now_of(bad).problem or "")
    assert bench.now_of(good).state is BroadcastState.RUNNING


async def test_a_broadcast_waits_while_its_account_is_disabled(bench: Bench) -> None:
    bench.add_clients(map(number, range(3)))
    one = bench.act(bench.create(rows_of(range(3))), BroadcastAction.START)
    await bench.rounds()
    bench.conn.execute("UPDATE accounts SET enabled = false")
    assert await bench.rounds() == 0
    assert bench.now_of(one).problem == "the account default is disabled"
    bench.conn.execute("UPDATE accounts SET enabled = true")
    bench.act(one, BroadcastAction.RESUME)
    assert await bench.rounds() == 3


async def test_one_scheduler_pumps_until_it_dies(bench: Bench, database_url: str) -> None:
    first, second = connect(database_url, "first"), connect(database_url, "second")
    assert (try_lock_pump(first), try_lock_pump(second)) == (True, False)
    first.close()
    await until(lambda: try_lock_pump(second))
    second.close()


async def test_progress_is_summed_up(bench: Bench, conn: psycopg.Connection) -> None:
    bench.add_clients(map(number, range(30)))
    one = bench.act(bench.create(rows_of(range(30))), BroadcastAction.START)
    await bench.rounds(2)
    for _ in range(10):
        bench.settle("sent", 2)
    before = bench.progress(one)
    sum_up_progress(conn, one.broadcast_id)
    assert bench.progress(one) == before == Progress(30, waiting=10, sent=20)
    assert conn.execute("SELECT count(*) FROM broadcast_progress").fetchone() == (2,)


async def erase(bench: Bench, one: str) -> None:
    eraser = Eraser(bench.store, bench.hasher, clock=lambda: bench.now)
    assert await eraser.erase(one, actor="ann", reason="asked for it") is not None


async def test_an_erased_person_leaves_every_audience(bench: Bench) -> None:
    bench.add_clients(map(number, range(150)))
    one = bench.act(bench.create(rows_of(range(150))), BroadcastAction.START)
    await bench.rounds(2)
    await erase(bench, number(3))
    await erase(bench, number(120))
    bench.settle("sent")
    await bench.rounds(2)
    bench.settle("sent")
    await bench.rounds()
    assert bench.now_of(one).state is BroadcastState.DONE
    assert bench.progress(one) == Progress(
        150, sent=149, withheld=1, withheld_by_reason={"erased": 1}
    )
    for gone in (3, 120):
        left = bench.conn.execute(
            "SELECT count(*) FROM broadcast_recipients WHERE number_hash = %s",
            [bench.hasher.hash(number(gone))],
        )
        assert left.fetchone() == (0,)


async def test_a_person_who_is_erased_while_a_batch_is_placed_gets_nothing(bench: Bench) -> None:
    bench.add_clients(map(number, range(5)))
    one = bench.act(bench.create(rows_of(range(5))), BroadcastAction.START)
    await bench.rounds()
    running = bench.now_of(one)
    recipients = find_recipients(bench.conn, one.broadcast_id, 0, 5)
    await erase(bench, number(2))
    with pytest.raises(CursorMovedError):
        async with bench.store.transaction() as tx:
            await MovingCursor(running, recipients[-1].no, len(recipients)).begin(tx)
    assert await bench.rounds() == 4


async def test_audiences_are_deleted_when_they_were_kept_long_enough(bench: Bench) -> None:
    bench.add_clients(map(number, range(3)))
    done = bench.act(bench.create([*rows_of(range(3)), "12,x"]), BroadcastAction.START)
    await bench.rounds(2)
    bench.settle("sent")
    await bench.rounds()
    left_lying = bench.create(rows_of(range(3)))
    bench.now += timedelta(days=89)
    fresh = bench.create(rows_of(range(3)))
    sweep_audiences(bench.conn, bench.now + timedelta(days=2), 90)
    kept = bench.conn.execute("SELECT DISTINCT broadcast_id FROM broadcast_recipients").fetchall()
    assert kept == [(fresh.broadcast_id,)]
    assert bench.conn.execute("SELECT count(*) FROM broadcast_exclusions").fetchone() == (0,)
    assert bench.now_of(done).text_sealed is None
    assert bench.now_of(done).state is BroadcastState.DONE
    assert bench.now_of(left_lying).state is BroadcastState.CANCELLED
    assert bench.progress(done) == Progress(3, sent=3)
