"""The status: what it shows, what it calls wrong, and that it answers while sources are away."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from psycopg.types.json import Json

from inbound.desk.roles import Role
from inbound.errors import RetryableError
from inbound.freshness.model import PendingWork
from inbound.freshness.trouble import KafkaTrouble
from inbound.outbox.shards import SHARDS
from inbound.store.broadcasts.broadcasts import try_lock_pump
from inbound.store.connections import connect
from inbound.store.errors import StoreUnavailable
from inbound.store.outbox import feeds
from tests.bench import history
from tests.fix_store import BOUND
from tests.integration.desk.browser import Browser
from tests.integration.desk.world import DeskWorld
from tests.integration.projections.lines import catch_up

DOWN = {
    "centre": "main",
    "address": "10.0.0.5:2775",
    "type": "transceiver",
    "state": "down",
    "since": "2024-05-17T10:00:00+00:00",
    "reason": "refused <b>now</b>",
    "rate": 50.0,
    "window": 20,
    "in_flight": 3,
    "throttles": 12,
    "oldest_waiting_s": {"urgent": 44.0, "bulk": 5000.0},
}


@pytest.fixture
async def status_world(own_desk_url: str) -> AsyncIterator[DeskWorld]:
    """A desk on a database of its own: what is wrong there is wrong for nobody else."""
    made = DeskWorld(own_desk_url)
    made.now = history.END
    yield made
    await made.close()


@pytest.fixture
async def viewer(status_world: DeskWorld) -> Browser:
    return await status_world.signed_in(Role.VIEWER)


def report(world: DeskWorld, name: str, details: dict[str, Any], age: str = "0 s") -> None:
    """Report a bind as its gateway does."""
    world.rows(
        "INSERT INTO bind_presence (account, bind, gateway, sends, state, seen_at)"
        " VALUES ('a', %s, 'gateway-9', true, %s, now() - %s::interval)",
        name,
        Json(details),
        age,
    )


async def test_of_a_service_without_processes_each_missing_role_is_one_alarm(
    status_world: DeskWorld, viewer: Browser
) -> None:
    status_world.rows(BOUND)
    page = await viewer.open("/status")
    assert page.status == 200
    assert "not bound" not in page.text
    assert "does not answer" not in page.text
    for role in ("relay", "scheduler", "projector"):
        assert page.text.count(f"No {role} is running") == 1
    assert "No gateway is running" not in page.text
    assert "bound" in page.text
    assert "zone Europe/Moscow" in page.text


async def test_a_new_service_says_what_to_start_first(viewer: Browser) -> None:
    page = await viewer.open("/status")
    assert "No gateway is running." in page.text
    assert "Start scserv gateway , or read its log." in page.text


async def test_roles_that_hold_their_locks_run(status_world: DeskWorld, viewer: Browser) -> None:
    with connect(status_world.url, "tests") as relay, connect(status_world.url, "tests") as other:
        assert feeds.try_lock_shard(relay, feeds.OUTBOX, 1)
        page = await viewer.open("/status")
        assert "No relay is running" not in page.text
        assert "No scheduler is running" in page.text
        assert try_lock_pump(other)
        page = await viewer.open("/status")
        assert "No scheduler is running" not in page.text
    page = await viewer.open("/status")
    assert "No relay is running: replies wait in the database." in page.text
    assert "No scheduler is running: scheduled messages and broadcasts wait." in page.text


async def test_a_text_that_waits_for_a_decision_is_noticed_by_its_client(
    status_world: DeskWorld, viewer: Browser
) -> None:
    dead = (
        "INSERT INTO dead_letters (topic, partition, kafka_offset, part, feed, reason, retried,"
        " sealed) VALUES (%s, 0, %s, 0, 'kafka', 'no text', 0, 'x') RETURNING 1"
    )
    status_world.rows(dead, "sms.receipts.v1", 1)
    page = await viewer.open("/status")
    assert "Messages that can't be processed wait for a decision: 1." in page.text
    status_world.rows(dead, "other.sms.mo.v1", 2)
    page = await viewer.open("/status")
    assert "wait for a decision, and their clients for an answer: 1." in page.text
    assert "scserv deadletters list" in page.text


async def test_a_bind_that_is_down_is_named_with_its_reason_and_its_lanes(
    status_world: DeskWorld, viewer: Browser
) -> None:
    report(status_world, "main-9", DOWN)
    page = await viewer.open("/status")
    assert "The bind main-9 of gateway-9 is not bound: refused <b>now</b>" in page.text
    assert "<b>now" not in page.answer.text
    assert "not bound since" not in page.text
    assert "3 / 20" in page.text
    assert "50 a second" in page.text
    assert "×12" in page.text
    assert "An acknowledgement has waited for 44 s to be sent" in page.text
    assert "83 min" in page.text


async def test_a_gateway_that_reports_no_more_is_said_to(
    status_world: DeskWorld, viewer: Browser
) -> None:
    report(status_world, "main-9", {**DOWN, "state": "bound"}, "100 s")
    page = await viewer.open("/status")
    assert "no longer reporting" in page.text
    assert "No gateway is running: none has reported for 1" in page.text
    assert "44 s" not in page.text
    report(status_world, "main-8", {**DOWN, "state": "bound"})
    page = await viewer.open("/status")
    assert "No gateway is running" not in page.text
    assert "with the bind main-9 has stopped reporting" in page.text


async def test_messages_that_no_relay_publishes_are_an_alarm(
    status_world: DeskWorld, viewer: Browser
) -> None:
    relay = connect(status_world.url, "tests")
    assert feeds.try_lock_shard(relay, feeds.OUTBOX, 0)
    # The copied database may have rows of other tests.
    status_world.rows("WITH gone AS (DELETE FROM outbox RETURNING 1) SELECT count(*) FROM gone")
    for shard in range(SHARDS):
        status_world.rows(
            "INSERT INTO outbox (shard, topic, event_id, type, headers, created_at)"
            " VALUES (%s, 'sms.test.v1', 'e', 'test', '{}', %s) RETURNING 1",
            shard,
            status_world.now - timedelta(seconds=90),
        )
        page = await viewer.open("/status")
        assert "Messages to send have waited for the relay for 90 s" in page.text
        status_world.rows(
            "INSERT INTO outbox_cursors (feed, shard, position)"
            " SELECT 'outbox', %s, max(position) FROM outbox RETURNING 1",
            shard,
        )
    page = await viewer.open("/status")
    assert "waited for the relay" not in page.text
    relay.close()


async def test_texts_that_wait_for_the_workers_are_an_alarm(
    status_world: DeskWorld, viewer: Browser
) -> None:
    status_world.oldest = {(PendingWork.TEXTS, 3): status_world.now - timedelta(seconds=77)}
    page = await viewer.open("/status")
    assert "Texts have waited for the workers for 77 s." in page.text
    assert "Texts from phones 77 s" in page.text


async def test_the_last_hour_is_shown_as_charts_with_their_figures(
    status_world: DeskWorld, viewer: Browser
) -> None:
    with connect(status_world.url, "tests") as conn:
        catch_up(conn)
    [(newest, slowest)] = status_world.rows(
        "SELECT date_trunc('minute', max(arrived_at)) + interval '1 minute',"
        " max(acknowledged_at - arrived_at) FROM projections.requests"
    )
    status_world.now = newest
    page = await viewer.open("/status")
    charts = [a for tag, a in page.elements if tag == "svg" and "role" in a]
    titles = {a.get("id") for tag, a in page.elements if tag == "title"}
    assert {a["aria-labelledby"] for a in charts} <= titles
    assert len(charts) == 2
    assert "The figures of the charts, minute by minute" in page.text
    [(count,)] = status_world.rows(
        "SELECT count(*) FROM projections.requests WHERE arrived_at >= %s",
        newest - timedelta(minutes=1),
    )
    assert f"Texts within the last minute {count}" in page.text
    assert slowest > timedelta(0)
    assert "no texts in the last hour" not in page.text


async def test_the_page_answers_while_kafka_is_away(
    status_world: DeskWorld, viewer: Browser
) -> None:
    status_world.oldest = None
    status_world.trouble = KafkaTrouble("no Kafka at kafka:9092: no answer within 2 s")
    page = await viewer.open("/status")
    assert page.status == 200
    assert "Kafka does not answer." in page.text
    assert "nothing is lost" in page.text
    assert "In Kafka not known now" in page.text


async def test_the_page_answers_while_the_database_answers_nothing_but_who_asks(
    status_world: DeskWorld, viewer: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object, **__: object) -> None:
        raise RetryableError("PostgreSQL does not answer")

    monkeypatch.setattr(status_world.sources.slow, "minutes", away)
    run = status_world.sources.pool.run

    async def only_sessions(function: Any, *args: Any, **kwargs: Any) -> Any:
        if function.__name__ == "read_stored":
            raise RetryableError("PostgreSQL does not answer")
        return await run(function, *args, **kwargs)

    monkeypatch.setattr(type(status_world.sources.pool), "run", staticmethod(only_sessions))
    page = await viewer.open("/status")
    assert page.status == 200
    assert "PostgreSQL does not answer." in page.text
    assert "wait in Kafka; nothing is lost" in page.text
    assert page.text.count("not known now") >= 5


async def test_the_part_that_changes_is_asked_for_alone(viewer: Browser) -> None:
    page = await viewer.open("/status")
    [polled] = [a for _, a in page.elements if a.get("hx-get")]
    part = await viewer.open(polled["hx-get"], hx_request="true")
    assert part.status == 200
    assert "<html" not in part.answer.text
    assert [a["hx-get"] for _, a in part.elements if a.get("hx-get")] == [polled["hx-get"]]


@pytest.mark.parametrize(
    ("language", "said"), [("en", "The database does not answer."), ("ru", "База данных не")]
)
async def test_while_nobody_can_be_recognised_the_page_says_why(
    status_world: DeskWorld, monkeypatch: pytest.MonkeyPatch, language: str, said: str
) -> None:
    async def away(*_: object, **__: object) -> None:
        raise StoreUnavailable("PostgreSQL at secret-host does not answer")

    browser = await status_world.signed_in(Role.OPERATOR, language=language)
    monkeypatch.setattr(status_world.desk.sign_in.sessions, "find", away)
    page = await browser.open("/status")
    assert page.status == 503
    assert said in page.text
    assert "PostgreSQL" in page.text
    assert "secret-host" not in page.answer.text
    assert page.answer.headers["retry-after"]
