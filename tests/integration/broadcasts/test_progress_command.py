"""What `scserv broadcast show` says of a broadcast under way."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from inbound.broadcasts.control import found
from inbound.handlers.broadcasts import BroadcastAction
from schemas.sending_hours import SendingHours
from tests.integration.broadcasts.commands import create, run, table
from tests.integration.broadcasts.conftest import Bench, number

pytestmark = pytest.mark.usefixtures("settings_of_the_service")


async def test_show_says_who_did_what_and_how_fast_it_goes(bench: Bench, tmp_path: Path) -> None:
    bench.add_clients(map(number, range(4)))
    bench.need_approval_above(2)
    bench.ahead = 10
    path = table(tmp_path, *(f"{number(n)},Ann,Omsk" for n in range(4)))
    id_ = create(path, "Closed.", "--rate", "2")["id"]
    await asyncio.to_thread(run, "start", id_)
    one = bench.act(found(bench.conn, UUID(id_)), BroadcastAction.APPROVE, by="chief")
    bench.now = datetime.now(UTC)
    await bench.rounds(2)
    bench.settle("sent")
    shown = json.loads(await asyncio.to_thread(run, "show", id_, "--json"))
    assert shown["recent_rate"] > 0
    assert shown["expected_end"] is not None
    bench.act(one, BroadcastAction.PAUSE, by="ann")
    printed = await asyncio.to_thread(run, "show", id_)
    for line in ("created 20", "approval asked for 20", "approved 20", "paused 20"):
        assert line in printed
    assert " by chief" in printed
    shown = json.loads(await asyncio.to_thread(run, "show", id_, "--json"))
    actions = [step["action"] for step in shown["history"]]
    assert actions == ["create", "request", "approve", "pause"]
    assert [step["by"] for step in shown["history"]][2:] == ["chief", "ann"]
    assert shown["expected_end"] is None


async def test_a_broadcast_that_stands_still_has_no_end(bench: Bench) -> None:
    bench.add_clients(map(number, range(4)))
    bench.now, bench.ahead = datetime.now(UTC) - timedelta(hours=1), 2
    one = bench.create([f"{number(n)},Ann" for n in range(4)], rate_per_s=2)
    bench.act(one, BroadcastAction.START)
    await bench.rounds(2)  # two are queued, an hour ago, and nothing has happened since
    id_ = str(one.broadcast_id)
    printed = await asyncio.to_thread(run, "show", id_)
    assert "0 of 4 sent, 0.0 a second in the last minute" in printed
    assert "ends about" not in printed
    shown = json.loads(await asyncio.to_thread(run, "show", id_, "--json"))
    assert (shown["recent_rate"], shown["expected_end"]) == (0, None)


def test_a_start_that_no_scheduler_has_made_is_overdue(bench: Bench) -> None:
    bench.add_clients([number(0)])
    bench.now = datetime.now(UTC) - timedelta(minutes=1)
    one = bench.create([f"{number(0)},Ann"], rate_per_s=1)
    bench.act(one, BroadcastAction.START)
    printed = run("show", str(one.broadcast_id))
    assert "and no scheduler has begun it; see `scserv status`" in printed
    assert "sends from" not in printed
    shown = json.loads(run("show", str(one.broadcast_id), "--json"))
    assert datetime.fromisoformat(shown["overdue_since"]) == bench.now
    assert shown["expected_end"] is None


async def test_between_its_sending_hours_a_broadcast_goes_on_in_the_next_ones(
    bench: Bench,
) -> None:
    bench.add_clients(map(number, range(4)))
    begins = datetime.now(UTC) - timedelta(hours=3)
    hours = SendingHours.parse(f"{begins:%H:%M}-{begins + timedelta(hours=1):%H:%M}", "UTC")
    bench.now, bench.ahead = begins + timedelta(seconds=90), 2
    one = bench.create([f"{number(n)},Ann" for n in range(4)], rate_per_s=2, hours=hours)
    bench.act(one, BroadcastAction.START)
    await bench.rounds(2)
    shown = json.loads(await asyncio.to_thread(run, "show", str(one.broadcast_id), "--json"))
    assert shown["recent_rate"] is None
    assert shown["expected_end"] > shown["waits_until"] > datetime.now(UTC).isoformat()
    printed = await asyncio.to_thread(run, "show", str(one.broadcast_id))
    assert "ends about" in printed
    assert "a second in the last minute" not in printed


async def test_history_is_in_the_order_of_time(bench: Bench) -> None:
    bench.add_clients([number(0)])
    bench.now = datetime.now(UTC) - timedelta(hours=1)
    one = bench.create([f"{number(0)},Ann"])
    bench.act(one, BroadcastAction.START)
    await bench.rounds(2)
    bench.act(one, BroadcastAction.CANCEL)
    printed = await asyncio.to_thread(run, "show", str(one.broadcast_id))
    steps = [line.split()[0] for line in printed.splitlines() if " by " in line or "began" in line]
    # The audit has the database's time; the broadcast began an hour before that.
    assert steps == ["began", "created", "started", "cancelled"]


async def test_without_a_bind_show_says_that_nothing_can_be_sent(
    bench: Bench, tmp_path: Path
) -> None:
    bench.add_clients(map(number, range(4)))
    path = table(tmp_path, *(f"{number(n)},Ann,Omsk" for n in range(4)))
    id_ = create(path, "Closed.", "--rate", "1")["id"]
    later = create(path, "Closed.", "--rate", "1")["id"]
    await asyncio.to_thread(run, "start", later, "--at", "3d")
    bench.conn.execute("UPDATE bind_presence SET seen_at = '2026-05-17 12:00:00+00'")
    draft = await asyncio.to_thread(run, "show", id_)
    await asyncio.to_thread(run, "start", id_)
    bench.now = datetime.now(UTC)
    await bench.rounds(2)  # the pump goes ahead, and nothing is sent
    running = await asyncio.to_thread(run, "show", id_)
    for shown in (draft, running):
        assert "nothing can be sent now: no bind to an SMS centre is up" in shown
        assert "until about" not in shown
    shown = json.loads(await asyncio.to_thread(run, "show", id_, "--json"))
    told = [shown[name] for name in ("can_send", "expected_end", "recent_rate")]
    assert told == [False, None, None]
    assert "it sends from" in (await asyncio.to_thread(run, "show", later)).replace("\n  ", " it ")
    bench.conn.execute("UPDATE bind_presence SET seen_at = now() + interval '1 year'")
    assert json.loads(await asyncio.to_thread(run, "show", id_, "--json"))["can_send"]


async def test_a_broadcast_that_has_ended_shows_what_it_has_cost(
    bench: Bench, tmp_path: Path
) -> None:
    bench.add_clients(map(number, range(3)))
    change = ("change", "default", "--price", "2.5", "--balance", "100")
    await asyncio.to_thread(run, *change, command="accounts")
    path = table(tmp_path, *(f"{number(n)},Ann,Omsk" for n in range(3)))
    id_ = create(path, "Closed.")["id"]
    await asyncio.to_thread(run, "start", id_)
    bench.now = datetime.now(UTC)
    await bench.rounds(2)
    assert json.loads(await asyncio.to_thread(run, "show", id_, "--json"))["cost"] is None
    bench.settle("sent", 1)
    bench.conn.execute("UPDATE orders SET state = 'scheduled' WHERE state = 'queued'")
    await asyncio.to_thread(run, "cancel", id_)
    await bench.rounds(2)
    shown = json.loads(await asyncio.to_thread(run, "show", id_, "--json"))
    assert [float(shown[name]) for name in ("cost", "refunded", "balance")] == [2.5, 5, 97.5]
    line = "cost 2.50 RUB of 7.50 RUB at most; 5.00 RUB given back; balance 97.50 RUB"
    assert line in await asyncio.to_thread(run, "show", id_)
