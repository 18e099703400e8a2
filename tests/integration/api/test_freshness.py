"""Every answer tells what it lacks, and denies nothing meanwhile."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from inbound.freshness.model import PendingWork
from schemas.partitions import partition_of
from schemas.topics import PARTITIONS
from tests.bench import history
from tests.fix_store import SUBJECT_KEY, VAULT_KEY
from tests.integration.api.world import CLIENTS, NOW, SUBJECTS, World

NUMBER, CLIENT_ID = next(iter(CLIENTS.items()))
SUBJECT = next(s for n, s in enumerate(SUBJECTS) if history.number_of(n) == NUMBER)
SINCE = NOW - timedelta(minutes=1)
SAID = SINCE.isoformat().replace("+00:00", "Z")


def place_of(world: World, number: str) -> int:
    return partition_of(world.sources.hasher.hash(number).hex().encode(), PARTITIONS)


async def answers(world: World, number: str = NUMBER, **more: Any) -> dict[str, Any]:
    """Ask every kind of question about a client, and about everybody."""
    client = world.scoped("read", "resolve", "send")
    body = {"recipients": [{"to": number}]}
    asked = {
        "timeline": client.post("/v1/timeline", json={"phone": number, "lang": "en", **more}),
        "subject timeline": client.get(f"/v1/subjects/{SUBJECT}/timeline"),
        "subject": client.get(f"/v1/subjects/{SUBJECT}/subscription"),
        "client": client.get(f"/v1/clients/{CLIENT_ID}/subscription"),
        "query": client.post("/v1/subscriptions/query", json=body),
        "requests": client.get("/v1/requests", params={"subject": str(SUBJECT)}),
        "all requests": client.get("/v1/requests"),
        "messages": client.get("/v1/messages"),
        "broadcasts": client.get("/v1/broadcasts"),
    }
    found = {name: (await answer).json() for name, answer in asked.items()}
    [found["query"]] = found["query"]["subscriptions"]
    return found


def works(answer: dict[str, Any]) -> set[str]:
    return {one["work"] for one in answer["pending"]}


async def test_an_answer_that_lacks_nothing_is_as_of_now(world: World) -> None:
    for name, answer in (await answers(world)).items():
        assert (answer["pending"], answer["as_of"]) == ([], "2024-06-01T00:00:00Z"), name


async def test_texts_of_the_person_are_pending_and_others_are_not(world: World) -> None:
    place = place_of(world, NUMBER)
    for where, of_person in ((place, True), ((place + 1) % 8, False)):
        world.oldest = {(PendingWork.TEXTS, where): SINCE}
        found = await answers(world)
        for name in ("timeline", "subject timeline", "subject", "query", "requests"):
            assert (found[name]["as_of"] == SAID) is of_person, name
            assert (works(found[name]) == {"texts"}) is of_person, name
        assert works(found["all requests"]) == {"texts"}
        assert works(found["messages"]) == works(found["broadcasts"]) == set()


async def test_results_are_pending_where_they_matter(world: World) -> None:
    world.oldest = {(PendingWork.RESULTS, place_of(world, NUMBER)): SINCE}
    found = await answers(world)
    pending = {name for name, answer in found.items() if works(answer) == {"results"}}
    lists = {"requests", "all requests", "messages", "broadcasts"}
    assert pending == {"timeline", "subject timeline", *lists}


async def test_orders_of_any_partition_are_pending_where_orders_are_shown(world: World) -> None:
    for place in range(8):
        world.oldest = {(PendingWork.ORDERS, place): SINCE}
        found = await answers(world)
        pending = {name for name, answer in found.items() if works(answer) == {"orders"}}
        assert pending == {"timeline", "subject timeline", "messages"}
        assert found["timeline"]["as_of"] == found["subject timeline"]["as_of"] == SAID


async def test_without_kafka_no_answer_says_how_current_it_is(world: World) -> None:
    world.oldest = None
    for name, answer in (await answers(world)).items():
        assert answer.get("as_of") is None, name
        assert works(answer), name
        assert not any(one.get("since") for one in answer["pending"])


async def test_what_is_processed_while_kafka_answers_is_in_the_answer(lone_world: World) -> None:
    world = lone_world

    def work() -> None:
        world.while_asked = lambda: None
        history.fill(world.url, requests=60, subject_key=SUBJECT_KEY, vault_key=VAULT_KEY)

    world.while_asked = work
    client = world.scoped("read")
    subject = history.subject_ids(60)[0]
    assert (await client.get(f"/v1/subjects/{subject}/subscription")).status_code == 200
    world.rows("TRUNCATE subjects")
    world.while_asked = lambda: world.rows(
        "INSERT INTO rejected_mos (number_hash, minute, kind, first_at, last_at, count)"
        " VALUES (%s, now(), 'empty', now(), now(), 1)",
        world.sources.hasher.hash(NUMBER),
    )
    told = (await client.post("/v1/timeline", json={"phone": NUMBER, "lang": "en"})).json()
    assert "was empty" in told["sentence"]


async def test_an_answer_is_not_older_than_what_it_says_to_contain(world: World) -> None:
    begun = world.now

    def pass_time() -> None:
        world.now += timedelta(seconds=1)

    world.while_asked = pass_time
    try:
        found = await answers(world)
    finally:
        world.now, world.while_asked = begun, lambda: None
    for name in ("timeline", "subject timeline"):
        as_of, made_at = (datetime.fromisoformat(found[name][key]) for key in ("as_of", "made_at"))
        assert begun < as_of <= made_at, name


async def test_a_list_tells_what_the_projector_has_not_folded(lone_world: World) -> None:
    world = lone_world
    history.fill(world.url, requests=60, subject_key=SUBJECT_KEY, vault_key=VAULT_KEY)
    page = (await world.scoped("read").get("/v1/requests")).json()
    assert page["requests"] == []
    assert works(page) == {"events"}
    [(first,)] = world.rows("SELECT min(recorded_at) FROM events")
    assert datetime.fromisoformat(page["as_of"]) == first


async def test_a_stranger_is_not_told_that_nothing_came(world: World) -> None:
    number = "+79265554433"
    world.oldest = {(PendingWork.TEXTS, place_of(world, number)): SINCE}
    told = (await answers(world, number))["timeline"]
    assert "no record" not in told["sentence"]
    assert told["sentence"].startswith("Texts that reached us since 1 June 2024, 02:59:00 have not")
    before = {"until": (SINCE - timedelta(hours=1)).isoformat()}
    told = (await answers(world, number, **before))["timeline"]
    assert (told["pending"], "no record" in told["sentence"]) == ([], True)


async def test_a_text_that_was_set_aside_is_pending(world: World) -> None:
    [one] = await world.people(strangers=1)
    hash_ = world.sources.hasher.hash(one.number)
    world.rows(
        "INSERT INTO dead_letters"
        " (topic, partition, kafka_offset, part, feed, reason, retried, number_hash, sealed)"
        " VALUES ('t', 0, 0, 0, '', 'x', 0, %s, '')",
        hash_,
    )
    told = (await answers(world, one.number))["timeline"]
    assert works(told) == {"set_aside"}
    assert "waits for our staff" in told["sentence"]


async def test_a_centre_without_a_bind_is_named(world: World) -> None:
    world.rows("UPDATE bind_presence SET seen_at = now() - interval '1 minute'")
    try:
        found = await answers(world)
        assert works(found["timeline"]) == works(found["subject"]) == {"reception"}
        assert found["timeline"]["as_of"] == "2024-06-01T00:00:00Z"
    finally:
        world.rows("UPDATE bind_presence SET seen_at = now() + interval '1 year'")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/traces/0af7651916cd43dd8448eb211c80319c",
        "/v1/messages/x1",
        "/v1/timelines/x1",
        "/v1/requests/7a0a6442-bd60-4496-9d09-36b591bc1f08",
    ],
)
async def test_what_is_not_found_may_come(world: World, path: str) -> None:
    client = world.scoped("read")
    denial = (await client.get(path)).json()
    assert denial["detail"] == "no request or message has this id"
    assert (denial["as_of"], denial["pending"]) == ("2024-06-01T00:00:00Z", [])
    later = {(PendingWork.RESULTS, 2): SINCE + timedelta(seconds=9)}
    world.oldest = {(PendingWork.TEXTS, 5): SINCE, **later}
    answer = await client.get(path)
    assert answer.status_code == 404
    problem = answer.json()
    assert problem["detail"] == (
        "no request or message with this id has been processed; texts that reached us since 1 June "
        "2024, 02:59:00 have not been processed yet; the operator's reports since 1 June 2024, "
        "02:59:09 have not been processed yet"
    )
    assert problem["as_of"] == SAID
    assert [one["work"] for one in problem["pending"]] == ["texts", "results"]
    assert problem["pending"][0]["since"] == SAID


async def test_what_is_not_found_without_kafka_may_come(world: World) -> None:
    world.oldest = None
    problem = (await world.scoped("read").get(f"/v1/requests/{uuid4()}")).json()
    assert problem["detail"].startswith("no request or message with this id has been processed; it")
    assert "as_of" not in problem
    assert [one["work"] for one in problem["pending"]] == ["texts", "results", "orders"]


async def test_an_order_that_is_not_found_may_come(world: World) -> None:
    client, path = world.scoped("send"), f"/v1/messages/{uuid4()}"
    for ask in (client.get, client.delete):
        world.oldest = {(PendingWork.TEXTS, 1): SINCE}
        denial = (await ask(path)).json()
        assert (denial["detail"], denial["pending"]) == (
            "no message of the account has this id",
            [],
        )
        world.oldest = {(PendingWork.ORDERS, 6): SINCE}
        problem = (await ask(path)).json()
        assert problem["detail"].startswith("no message of the account with this id has been proc")
        assert (problem["as_of"], works(problem)) == (SAID, {"orders"})
