"""Orders in the timeline of a number, and by an id, over rows that the intake wrote."""

import json
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import psycopg
import pytest

from inbound.clock import utc_now
from inbound.erasure.eraser import Eraser
from inbound.freshness.model import Backlog, PendingWork
from inbound.handlers.orders import dispatched_message_id
from inbound.handlers.registrations import Operator
from inbound.keys import SubjectHasher
from inbound.orders.intake import Intake
from inbound.outbox.shards import SHARDS
from inbound.registrations.stops import Stops, StopSpan
from inbound.registrations.switching import Switching
from inbound.store.access import audit
from inbound.store.lookup import events, orders
from inbound.store.outbox import feeds
from inbound.store.outbox.feeds import OUTBOX, Shard
from inbound.timeline import ids
from inbound.timeline.input import TimelineOptions
from inbound.timeline.model import Language, StepKind
from inbound.timeline.reader import ACTION, Reveal, TimelineReader
from schemas.orders import OrderState, RefusalReason
from tests.fix_orders import CLIENT, STRANGER, intake_on, order
from tests.fix_store import NOON, SUBJECT_KEY
from tests.integration.streams.world import NUMBER, World
from tests.integration.timeline.test_command import run

ASKED = TimelineOptions(NOON + timedelta(hours=1), "Europe/Moscow", Language.EN)


def place_of(conn: psycopg.Connection, order_id: UUID) -> UUID:
    """The stream that has the order's events."""
    found = conn.execute(
        "SELECT stream_id FROM events WHERE data ->> 'order_id' = %s", [str(order_id)]
    ).fetchone()
    assert found is not None
    return UUID(str(found[0]))


@pytest.fixture
def intake(postgres_world: World) -> Intake:
    """Orders at the same time as the worker decides."""
    return intake_on(postgres_world.backend.store, clock=lambda: postgres_world.now)


async def test_orders_stand_among_requests(
    postgres_world: World, intake: Intake, conn: psycopg.Connection, desk: TimelineReader
) -> None:
    world = postgres_world
    world.clients[CLIENT] = world.clients[NUMBER]
    await intake.place([order()])
    world.now += timedelta(minutes=1)
    await world.commands([world.text("CLIENT sms stop", CLIENT)])
    stopped_at = world.now
    world.now += timedelta(minutes=1)
    [refused] = await intake.place([order(text="another")])
    timeline = desk.by_number(conn, CLIENT, ASKED)
    assert [one.verdict for one in timeline.orders] == [OrderState.REFUSED, OrderState.QUEUED]
    [newest, _] = timeline.orders
    assert (newest.order_id, newest.reason) == (refused.order_id, RefusalReason.OPTED_OUT)
    switched = stopped_at + timedelta(hours=3)
    assert f"notifications had been switched off at {switched:%H:%M} by a text" in newest.sentence
    assert "CLIENT sms stop" in timeline.sentence  # about the last text
    page = desk.by_number(conn, CLIENT, replace(ASKED, limit=2))
    assert (len(page.requests), len(page.orders)) == (1, 1)
    assert (page.requests_left_out, page.orders_left_out) == (0, 1)
    older = desk.by_number(conn, CLIENT, replace(ASKED, until=page.next_until))
    assert [one.order_id for one in older.orders] == [timeline.orders[1].order_id]
    assert older.requests == ()


async def test_a_page_goes_by_time_although_a_text_waited(
    postgres_world: World, intake: Intake, conn: psycopg.Connection, desk: TimelineReader
) -> None:
    world = postgres_world
    world.now += timedelta(minutes=5)
    [placed] = await intake.place([order()])
    await world.commands([world.text("CLIENT info", CLIENT, at=NOON)])  # decided after the order
    page = desk.by_number(conn, CLIENT, replace(ASKED, limit=1))
    assert [one.order_id for one in page.orders] == [placed.order_id]
    assert page.requests == ()
    older = desk.by_number(conn, CLIENT, replace(ASKED, limit=1, until=page.next_until))
    assert [one.arrived_at for one in older.requests] == [NOON]


async def test_by_its_id_and_by_those_of_its_message(
    intake: Intake, conn: psycopg.Connection, desk: TimelineReader
) -> None:
    placed, _ = await intake.place([order(), order(text="another")])
    message_id = dispatched_message_id(placed.order_id, 1)
    [place] = ids.find_by_order(conn, str(placed.order_id).upper())
    conn.execute(
        "INSERT INTO mt_claims VALUES (%s, 1, 'gw-1', %s)", [message_id, NOON + timedelta(1)]
    )
    [timeline] = desk.by_places(conn, [place], ASKED, Reveal("ivan", "case 7"))
    assert timeline.number == CLIENT
    [shown] = timeline.orders
    assert shown.order_id == placed.order_id
    assert [step.step for step in shown.steps][-2:] == [StepKind.QUEUED, StepKind.CLAIMED]
    [entry] = audit.entries(conn, limit=1)
    assert (entry.action, entry.subject_id) == (ACTION, place.subject_id)
    conn.execute(
        "INSERT INTO smsc_messages (message_id, subject_id, purpose, template, part, parts, "
        "centre, smsc_message_id, submitted_at, order_id) "
        "VALUES (%s, %s, 'notification', 'text', 1, 1, 'main', '1a2b', %s, %s)",
        [message_id, place.subject_id, NOON, placed.order_id],
    )
    for written in (str(message_id), "1A2B"):
        [found] = ids.find_by_message(conn, written)
        assert found.id == placed.order_id


async def test_until_a_relay_has_published_it_an_order_waits_for_that(
    intake: Intake, conn: psycopg.Connection, desk: TimelineReader
) -> None:
    await intake.place([order()])
    asked = replace(ASKED, now=utc_now() + timedelta(minutes=1))
    assert "for our service to pass it on" in desk.by_number(conn, CLIENT, asked).sentence
    rows = feeds.read_outbox(conn, dict.fromkeys(range(SHARDS), 10))
    feeds.advance_cursors(conn, {Shard(OUTBOX, row.shard): row.position for row in rows})
    said = desk.by_number(conn, CLIENT, asked).sentence
    assert "has been waiting to be sent since" in said


async def test_an_erased_persons_order_is_found_by_its_id(
    postgres_world: World, intake: Intake, conn: psycopg.Connection, desk: TimelineReader
) -> None:
    later = NOON + timedelta(hours=5)
    queued, waiting = await intake.place([order(), order(text="another", not_before=later)])
    store = postgres_world.backend.store
    eraser = Eraser(store, SubjectHasher(SUBJECT_KEY), clock=lambda: NOON)
    assert await eraser.erase(CLIENT, actor="ivan", reason="asked for it")
    assert desk.by_number(conn, CLIENT, ASKED).orders == ()
    for placed, verdict in ((queued, OrderState.QUEUED), (waiting, OrderState.ERASED)):
        [timeline] = desk.by_places(conn, ids.find_by_order(conn, str(placed.order_id)), ASKED)
        assert timeline.number is None
        assert timeline.orders[0].verdict is verdict
    assert "erased" in timeline.sentence
    conn.execute("DELETE FROM orders")  # as the retention sweep does; the log tells the same
    place = orders.OrderLocation(place_of(conn, waiting.order_id), waiting.order_id, NOON)
    assert desk.by_places(conn, [place], ASKED)[0].orders == timeline.orders


async def test_an_order_to_nobody(
    intake: Intake, conn: psycopg.Connection, desk: TimelineReader
) -> None:
    [placed] = await intake.place([order(client_id="c-404")])
    [timeline] = desk.by_places(conn, ids.find_by_order(conn, str(placed.order_id)), ASKED)
    assert (timeline.number, timeline.subject_id) == (None, None)
    assert timeline.orders[0].reason == RefusalReason.RECIPIENT_UNKNOWN


def test_ids_that_lead_nowhere(conn: psycopg.Connection) -> None:
    for text in (str(UUID(int=7)), "nonsense", ""):
        assert ids.find_by_order(conn, text) == []


@pytest.mark.usefixtures("settings_of_the_service")
async def test_raw_events_of_orders(intake: Intake) -> None:
    broadcast = uuid4()
    orders = [order(), order(client_id="c-404"), order(text="news", broadcast_id=broadcast)]
    one, nobody, news = [str(placed.order_id) for placed in await intake.place(orders)]

    def ids(*arguments: str) -> list[str]:
        lines = run("events", *arguments).output.splitlines()
        return [json.loads(line)["data"]["order_id"] for line in lines]

    assert ids("--order", one) == [one]
    assert ids("--order", nobody) == [nobody]
    assert ids("--broadcast", str(broadcast)) == [news]
    assert set(ids("--account", "default")) == {one, nobody, news}
    assert len(ids("--account", "default", "--limit", "2")) == 2
    assert ids("--account", "nobodys") == []


async def test_many_orders_are_counted_up_to_a_limit(
    intake: Intake, conn: psycopg.Connection, desk: TimelineReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "COUNT_LIMIT", 4)
    await intake.place([order(text=f"Заявка {n}") for n in range(9)])
    timeline = desk.by_number(conn, CLIENT, replace(ASKED, limit=2))
    assert (len(timeline.orders), timeline.orders_left_out) == (2, 2)


async def test_the_sentence_is_about_the_last_text_behind_however_many_orders(
    intake: Intake, postgres_world: World, conn: psycopg.Connection, desk: TimelineReader
) -> None:
    await postgres_world.commands([postgres_world.text("CLIENT sms stop", CLIENT)])
    postgres_world.now += timedelta(minutes=1)
    await intake.place([order(text=f"Заявка {n}") for n in range(4)])
    for language, words in ((Language.EN, "Your text with"), (Language.RU, "Ваше сообщение с")):
        asked = replace(ASKED, limit=2, language=language)
        timeline = desk.by_number(conn, CLIENT, asked)
        assert (len(timeline.requests), len(timeline.orders)) == (0, 2)
        assert timeline.requests_left_out == 1
        assert timeline.sentence.startswith(words)


@pytest.mark.usefixtures("settings_of_the_service")
async def test_the_command_by_order(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    [placed] = await intake.place([order()])
    [line] = run("timeline", "--order", str(placed.order_id), "--json").output.splitlines()
    [shown] = json.loads(line)["orders"]
    assert (shown["account"], shown["verdict"]) == ("default", "queued")
    said = run("timeline", "--order", str(placed.order_id)).output
    assert "\nСМС-уведомление от " in said
    nowhere = run("timeline", "--order", str(uuid4()))
    assert (nowhere.exit_code, nowhere.output.startswith("no order has this id")) == (1, True)
    waiting = Backlog(utc_now(), {(PendingWork.ORDERS, 3): utc_now()})
    monkeypatch.setattr("inbound.cli.timeline.ask_backlog", lambda *_: waiting)
    said = run("timeline", "--order", str(uuid4())).output
    assert said.startswith("no order with this id has been processed; orders of other programs ")
    assert said.endswith("have not been processed yet\n")


@pytest.mark.usefixtures("settings_of_the_service")
async def test_an_order_to_a_stranger_is_in_their_timeline(
    intake: Intake, postgres_world: World, conn: psycopg.Connection, desk: TimelineReader
) -> None:
    [placed] = await intake.place([order(phone=STRANGER)])
    assert placed.reason is RefusalReason.RECIPIENT_NOT_A_CLIENT
    [refused] = desk.by_number(conn, STRANGER, ASKED).orders
    assert (refused.order_id, refused.subject_id) == (placed.order_id, None)
    assert "not in our client directory" in desk.by_number(conn, STRANGER, ASKED).sentence
    shown = run("timeline", "--order", str(placed.order_id), "--lang", "en")
    assert "not in our client directory" in " ".join(shown.output.split())
    assert desk.by_number(conn, CLIENT, ASKED).orders == ()
    eraser = Eraser(postgres_world.backend.store, SubjectHasher(SUBJECT_KEY), clock=lambda: NOON)
    assert await eraser.erase(STRANGER, actor="ann", reason="asked for it") is not None
    assert desk.by_number(conn, STRANGER, ASKED).orders == ()


async def test_orders_from_before_and_after_the_first_subject_are_one_timeline(
    intake: Intake, postgres_world: World, conn: psycopg.Connection, desk: TimelineReader
) -> None:
    await intake.place([order(phone=STRANGER)])
    postgres_world.now += timedelta(minutes=1)
    conn.execute("UPDATE accounts SET rights = rights || '{strangers}'")
    await intake.place([order(phone=STRANGER)])
    found = desk.by_number(conn, STRANGER, ASKED).orders
    assert [one.verdict for one in found] == [OrderState.QUEUED, OrderState.REFUSED]
    one = desk.by_number(conn, STRANGER, replace(ASKED, limit=1))
    assert [order.verdict for order in one.orders] == [OrderState.QUEUED]
    assert one.orders_left_out == 1


def switching(world: World) -> Switching:
    store = world.backend.store
    hasher = SubjectHasher(SUBJECT_KEY)
    return Switching(store, hasher, clock=lambda: world.now, new_id=uuid4)


async def test_a_switch_at_the_desk_is_as_good_as_a_text(
    postgres_world: World, intake: Intake, conn: psycopg.Connection, desk: TimelineReader
) -> None:
    world, anna = postgres_world, Operator("anna", "asked by phone, case 12")
    world.clients[CLIENT] = world.clients[NUMBER]
    assert await switching(world).switch(CLIENT, anna, on=False)
    assert not await switching(world).switch(CLIENT, anna, on=False)
    world.now += timedelta(minutes=1)
    [refused] = await intake.place([order()])
    assert refused.reason is RefusalReason.OPTED_OUT
    for language, said in (
        (Language.EN, "We switched off notifications and broadcasts"),
        (Language.RU, "Мы отключили СМС-уведомления и СМС-оповещения"),
    ):
        timeline = desk.by_number(conn, CLIENT, replace(ASKED, language=language))
        [switch] = timeline.switches
        assert (switch.by, switch.reason) == (anna.name, anna.reason)
        assert said in switch.sentence
        assert "anna" not in switch.sentence
    [entry] = audit.entries(conn, limit=5)
    assert (entry.actor, entry.action, entry.subject_id) == (
        "anna",
        "subscription.stop",
        timeline.subject_id,
    )
    await world.commands([world.text("CLIENT sms start", CLIENT)])
    world.now += timedelta(minutes=1)
    [placed] = await intake.place([order(text="another")])
    assert placed.reason is None
    assert await switching(world).switch(CLIENT, anna, on=False)


async def test_a_wish_that_changes_nothing_is_not_told_as_a_switch(
    postgres_world: World, conn: psycopg.Connection, desk: TimelineReader
) -> None:
    world = postgres_world
    world.clients[CLIENT] = world.clients[NUMBER]
    await world.commands([world.text("CLIENT sms stop", CLIENT)])
    world.now += timedelta(minutes=1)
    assert not await switching(world).switch(CLIENT, Operator("anna", "by phone"), on=False)
    for language, said, denied in (
        (Language.EN, "they were off already", "We switched"),
        (Language.RU, "они уже были отключены", "Мы отключили"),
    ):
        [switch] = desk.by_number(conn, CLIENT, replace(ASKED, language=language)).switches
        assert said in switch.sentence
        assert denied not in switch.sentence


async def test_switching_a_stranger_on_remembers_nobody(
    postgres_world: World, conn: psycopg.Connection
) -> None:
    assert not await switching(postgres_world).switch(STRANGER, Operator("anna", "x"), on=True)
    assert conn.execute("SELECT count(*) FROM subjects").fetchone() == (0,)


@pytest.mark.parametrize("texted_before", [False, True])
async def test_undoing_stops_leaves_one_that_was_asked_for_at_the_desk(
    postgres_world: World,
    conn: psycopg.Connection,
    texted_before: bool,
) -> None:
    """Also if a text, perhaps of somebody else, had switched notifications off before."""
    world, anna = postgres_world, Operator("anna", "asked by phone")
    world.clients[CLIENT] = world.clients[NUMBER]
    if texted_before:
        await world.commands([world.text("CLIENT sms stop", CLIENT)])
    assert await switching(world).switch(CLIENT, anna, on=False) is not texted_before
    assert not await switching(world).switch(CLIENT, anna, on=False)
    stopped = "SELECT count(*) FROM events WHERE type = 'subscription.stopped'"
    assert conn.execute(stopped).fetchone() == (2 if texted_before else 1,)
    (subject_id,) = conn.execute("SELECT subject_id FROM subjects").fetchone() or (None,)
    (now,) = conn.execute("SELECT clock_timestamp()").fetchone() or (NOON,)
    span = StopSpan(now - timedelta(hours=1), now + timedelta(hours=1))
    stops = Stops(world.backend.store, clock=lambda: world.now)
    assert await stops.undo([subject_id], span, anna, dry_run=False) == 0
