"""From texts and results to rows: the same on both stores, and again and again the same."""

import json
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from inbound.handlers.policies import Policies
from inbound.kafka.decoding import TopicRecord
from schemas.messages import Outcome
from tests.integration.streams.world import (
    CODE,
    LOGIN,
    NUMBER,
    PASSWORD,
    STRANGER,
    TRACEPARENT,
    Backend,
    PostgresBackend,
    World,
    by_purpose,
)

CANARIES = CODE, LOGIN, PASSWORD, NUMBER[1:], STRANGER[1:]


async def run_through(world: World, text: str = "CLIENT info", source: str = NUMBER) -> None:
    """One command from arrival to its final state."""
    before = len(world.owed())
    await world.commands([world.text(text, source)])
    await world.submitted(world.owed()[before])
    await world.submitted(world.owed()[before + 1])


# -- decisions carried out ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "source", "plan", "switched"),
    [
        ("CLIENT info", NUMBER, "registration", []),
        ("CLIENT sms stop", NUMBER, "stopped", ["subscription.stopped"]),
        ("CLIENT sms start", NUMBER, "started", []),
        ("CLIENT info", STRANGER, "unknown_number", []),
        ("CLIENT sms stop", STRANGER, "unknown_number", []),
    ],
)
async def test_a_command_from_arrival_to_its_final_state(
    world: World, text: str, source: str, plan: str, switched: list[str]
) -> None:
    await run_through(world, text, source)
    events = await world.events()
    assert [event.type for event in events] == [
        "request.accepted",
        *switched,
        "message.submitted",
        "message.submitted",
        "request.completed",
    ]
    accepted = json.loads(events[0].data)
    assert accepted["plan"] == plan
    registrations = accepted["facts"].pop("registrations", None)
    assert (registrations is not None) == (plan == "registration")
    asked = {} if source == NUMBER else {"is_recipient": False}
    assert accepted["facts"] == asked | {
        "client_known": source == NUMBER,
        "notifications_on": True,
        "decided_at": "2024-05-17T12:00:00Z",
    }
    refused = plan == "unknown_number"
    assert json.loads(events[-1].data)["completion"] == ("refused" if refused else "fulfilled")
    assert [message.template for message in world.owed()] == ["acknowledgement", plan]
    assert [json.loads(event.metadata)["traceparent"] for event in events] == [TRACEPARENT] * len(
        events
    )


async def test_the_fulfilment_is_owed_once_the_acknowledgement_met_its_fate(world: World) -> None:
    await world.commands([world.text("CLIENT sms stop")])
    assert by_purpose(world.owed()) == ["acknowledgement"]
    [acknowledgement] = world.owed()
    unknown = world.result(acknowledgement, Outcome.UNKNOWN, final=False)
    await world.delivery([world.results(unknown)])
    assert by_purpose(world.owed()) == ["acknowledgement"]
    await world.delivery([world.results(world.result(acknowledgement, Outcome.REJECTED))])
    assert by_purpose(world.owed()) == ["acknowledgement", "fulfilment"]
    assert "acknowledgement.late" in await world.types()


async def test_a_late_acknowledgement_is_an_event(world: World) -> None:
    await world.commands([world.text("CLIENT sms stop")])
    late = world.result(world.owed()[0], Outcome.SUBMITTED, at=world.now + timedelta(seconds=120.5))
    await world.delivery([world.results(late)])
    [event] = [event for event in await world.events() if event.type == "acknowledgement.late"]
    assert json.loads(event.data)["after_s"] == 120.5


# -- once is enough --------------------------------------------------------------------------


async def test_a_batch_that_comes_again_changes_nothing(
    world: World, new_world: Callable[[], World]
) -> None:
    texts = [
        world.text("CLIENT sms stop"),
        world.text("CLIENT info", STRANGER),
        world.text("CLIENT sms start"),
        world.text("hello"),
    ]
    await world.commands(texts)
    results = world.results(*(world.result(m, Outcome.SUBMITTED) for m in world.owed()))
    await world.delivery([results])
    before = await world.everything()
    for again in (world, new_world()):
        await again.commands(texts)
        await again.commands(texts[1:])
        await again.delivery([results, results])
    assert await world.everything() == before


async def test_a_record_twice_in_one_batch_counts_once(world: World) -> None:
    text = world.text("CLIENT sms stop")
    await world.commands([text, text])
    [acknowledgement] = world.owed()
    result = world.results(world.result(acknowledgement, Outcome.SUBMITTED))
    await world.delivery([result, result])
    assert by_purpose(world.owed()) == ["acknowledgement", "fulfilment"]
    assert (await world.types()).count("request.accepted") == 1


async def test_a_batch_whose_commit_failed_is_repeated_without_doubles(world: World) -> None:
    world.store.failures = 2
    await world.commands([world.text("CLIENT info"), world.text("CLIENT sms stop")])
    assert world.store.failures == 0
    world.store.failures = 1
    await world.submitted(*world.owed())
    types = await world.types()
    assert types.count("request.accepted") == 2
    assert by_purpose(world.owed()) == ["acknowledgement"] * 2 + ["fulfilment"] * 2
    versions = [event.version for event in await world.events()]
    assert versions == list(range(1, len(versions) + 1))


async def test_results_in_one_batch_follow_each_other(world: World) -> None:
    await world.commands([world.text("CLIENT sms stop")])
    [acknowledgement] = world.owed()
    unknown = world.result(acknowledgement, Outcome.UNKNOWN, final=False)
    submitted = world.result(acknowledgement, Outcome.SUBMITTED, attempt=2)
    await world.delivery([world.results(unknown), world.results(submitted, submitted)])
    assert await world.types() == [
        "request.accepted",
        "subscription.stopped",
        "message.unknown",
        "message.submitted",
    ]


async def test_what_came_after_the_end_is_told_once_and_decides_nothing(world: World) -> None:
    """One gateway stood still; the other took its messages over and sent them again."""
    await run_through(world, "CLIENT sms stop")
    before = await world.types()
    fulfilment = world.owed()[-1]
    unknown = world.result(fulfilment, Outcome.UNKNOWN, final=False)
    again = world.result(fulfilment, Outcome.SUBMITTED, attempt=2)
    late = [one.model_copy(update={"gateway": "other"}) for one in (unknown, again)]
    for _ in range(2):
        await world.delivery([world.results(*late)])
    assert await world.types() == [*before, "message.unknown", "message.submitted"]
    assert len(world.owed()) == 2


async def test_the_log_accounts_for_attempts_that_no_gateway_reported(world: World) -> None:
    """Two gateways were killed before they published anything; the third one's result came twice.

    One of the killed ones had published after all: that result came last.
    """
    await world.commands([world.text("CLIENT sms stop")])
    [acknowledgement] = world.owed()
    third = world.result(acknowledgement, Outcome.SUBMITTED, attempt=3)
    first = world.result(acknowledgement, Outcome.SUBMITTED, attempt=1)
    fifth = world.result(acknowledgement, Outcome.SUBMITTED, attempt=5)
    for results in ([third, third], [third], [first], [fifth, first], [fifth]):
        await world.delivery([world.results(*results)])
    told = [
        (event.type, data["attempt"], data.get("inferred_from"))
        for event in await world.events()
        if event.type.startswith("message.") and (data := json.loads(event.data))
    ]
    assert told == [
        ("message.unknown", 1, 3),
        ("message.unknown", 2, 3),
        ("message.submitted", 3, None),
        ("message.submitted", 1, None),
        ("message.unknown", 4, 5),
        ("message.submitted", 5, None),
    ]


async def test_a_late_word_of_the_acknowledgement_leaves_the_fulfilment_alone(
    world: World,
) -> None:
    await world.commands([world.text("CLIENT sms stop")])
    [acknowledgement] = world.owed()
    await world.submitted(acknowledgement)
    fulfilment = world.owed()[-1]
    await world.delivery([world.results(world.result(fulfilment, Outcome.UNKNOWN, final=False))])
    late = world.result(acknowledgement, Outcome.SUBMITTED, attempt=2)
    await world.delivery([world.results(late.model_copy(update={"gateway": "other"}))])
    await world.delivery([world.results(world.result(fulfilment, Outcome.SUBMITTED, attempt=2))])
    assert (await world.types())[-3:] == [
        "message.submitted",
        "message.submitted",
        "request.completed",
    ]


async def test_two_workers_decide_as_one(new_world: Callable[[], World]) -> None:
    one, other = new_world(), new_world()
    stop, start = one.text("CLIENT sms stop"), one.text("CLIENT sms start")
    stop_again = one.text("CLIENT sms stop")
    await one.commands([stop])
    await other.commands([start])
    await one.commands([stop_again])
    switched = [type_ for type_ in await one.types() if "subscription" in type_]
    assert switched == ["subscription.stopped", "subscription.started", "subscription.stopped"]


# -- the state is only a fold -------------------------------------------------------------------


@pytest.mark.parametrize("lose", [True, False], ids=["lost", "of another version"])
async def test_a_state_is_built_again_from_the_events(
    world: World, new_world: Callable[[], World], lose: bool
) -> None:
    await run_through(world, "CLIENT sms stop")
    await world.commands([world.text("CLIENT info")])
    world.backend.spoil_states(lose=lose)
    afterwards = new_world()
    # A duplicate, a change of the subscription, and a result: each needs the state.
    await afterwards.commands([world.text("CLIENT info")])
    await afterwards.commands([world.text("CLIENT sms start")])
    [waiting] = [m for m in world.owed() if m.template == "acknowledgement"][1:2]
    await afterwards.submitted(waiting)
    assert (await world.types())[5:] == [
        "request.accepted",
        "request.accepted",
        "subscription.started",
        "message.submitted",
    ]
    versions = [event.version for event in await world.events()]
    assert versions == list(range(1, len(versions) + 1))


# -- secrets -------------------------------------------------------------------------------------


async def test_the_secret_is_kept_until_the_fulfilment_met_its_fate(
    world: World, backend: Backend
) -> None:
    await world.commands([world.text("CLIENT info")])
    [kept] = backend.vault()
    await world.submitted(world.owed()[0])
    fulfilment = world.owed()[1]
    assert fulfilment.message_id == kept
    assert fulfilment.secret
    unknown = world.result(fulfilment, Outcome.UNKNOWN, final=False)
    await world.delivery([world.results(unknown)])
    assert backend.vault() == {kept}
    await world.submitted(fulfilment)
    assert backend.vault() == set()


@pytest.mark.parametrize("outcome", [o for o in Outcome if o is not Outcome.SUBMITTED])
async def test_the_secret_goes_whatever_the_fate(
    world: World, backend: Backend, outcome: Outcome
) -> None:
    await world.commands([world.text("CLIENT info")])
    await world.submitted(world.owed()[0])
    await world.delivery([world.results(world.result(world.owed()[1], outcome))])
    assert backend.vault() == set()
    last = (await world.events())[-1]
    assert json.loads(last.data)["completion"] == "undelivered"


async def test_no_column_holds_a_number_a_text_or_a_secret(
    postgres_world: World, postgres_backend: PostgresBackend
) -> None:
    world, backend = postgres_world, postgres_backend
    await run_through(world)
    await world.commands([world.text("CLIENT info", at=world.now + timedelta(hours=1))])
    await world.commands([world.text("CLIENT sms stop", STRANGER)])
    await world.commands([world.text(f"{NUMBER}, {PASSWORD}!")])
    await world.commands([world.part(1, f"CLIENT info {PASSWORD}")])
    await world.commands([TopicRecord(world.names.mo, 0, 999, b"k", f"{{{NUMBER} {CODE}".encode())])
    assert backend.counts() == {"inbox": 3, "vault": 1, "dead_letters": 1, "parts": 1}
    with psycopg.connect(backend.url) as connection:
        found = _search(connection, CANARIES)
    assert found == []


def _search(connection: psycopg.Connection, canaries: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return table and canary wherever one stands in a row, in whatever form."""
    found = []
    tables = connection.execute(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
    ).fetchall()
    assert len(tables) > 10
    for (table,) in tables:
        rows = connection.execute(
            sql.SQL("SELECT * FROM {}").format(sql.Identifier(table))
        ).fetchall()
        octets = b"\n".join(_as_bytes(value) for row in rows for value in row)
        found += [(table, canary) for canary in canaries if canary.encode() in octets]
    return found


def _as_bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else repr(value).encode()


# -- what can't be processed ---------------------------------------------------------------------


async def test_poison_is_set_aside_and_the_rest_goes_on(world: World, backend: Backend) -> None:
    poison = TopicRecord(world.names.mo, 3, 77, b"k", b"no text")
    await world.commands([world.text("CLIENT info"), poison, world.text("CLIENT info", STRANGER)])
    assert by_purpose(world.owed()) == ["acknowledgement"] * 2
    assert backend.dead_letters() == [
        (world.names.mo, "no valid mo.received.v1: is not valid JSON")
    ]
    await world.commands([poison])
    assert len(backend.dead_letters()) == 1


async def test_poisonous_results_are_set_aside(world: World, backend: Backend) -> None:
    await world.commands([world.text("CLIENT info")])
    result = world.results(world.result(world.owed()[0], Outcome.SUBMITTED))
    await world.delivery([TopicRecord(world.names.receipts, 0, 78, None, b"\xff"), result])
    assert by_purpose(world.owed()) == ["acknowledgement", "fulfilment"]
    assert len(backend.dead_letters()) == 1


async def test_poison_with_headers_of_any_kind_is_set_aside(world: World, backend: Backend) -> None:
    headers = [("any", b"\xff\xfe")]
    await world.commands([TopicRecord(world.names.mo, 3, 79, b"k", b"{", headers)])
    assert len(backend.dead_letters()) == 1


async def test_an_impossible_result_is_set_aside(world: World, backend: Backend) -> None:
    await world.commands([world.text("CLIENT info")])
    result = world.result(world.owed()[0], Outcome.SUBMITTED)
    nobody = result.model_copy(update={"subject_id": UUID(int=1), "request_id": UUID(int=2)})
    await world.delivery([world.results(nobody, result)])
    assert by_purpose(world.owed()) == ["acknowledgement", "fulfilment"]
    assert backend.dead_letters() == []


# -- rules ---------------------------------------------------------------------------------------


async def test_a_silent_service_says_nothing_to_strangers(backend: Backend) -> None:
    world = World(backend, Policies(unknown_number="silent"))
    await world.commands([world.text("CLIENT info", STRANGER)])
    assert await world.events() == []
    assert world.owed() == []
    assert [rejected.key.kind for rejected in backend.rejected_mos()] == ["unknown_number"]


async def test_an_info_from_long_ago_is_refused_and_keeps_no_secret(
    world: World, backend: Backend
) -> None:
    await world.commands([world.text("CLIENT info", at=world.now - timedelta(hours=2))])
    assert json.loads((await world.events())[0].data)["plan"] == "info_stale"
    assert backend.vault() == set()
