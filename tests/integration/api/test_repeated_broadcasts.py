"""Requests about broadcasts that are repeated with an Idempotency-Key."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx

from inbound.store.broadcasts.repeats import sweep_actions
from inbound.store.connections import connect
from tests.integration.api.test_broadcasts import PATH, create, plan
from tests.integration.api.world import World, assert_problem


def new_key() -> dict[str, str]:
    return {"Idempotency-Key": f"spring-{uuid4()}"}


async def act(
    client: httpx.AsyncClient, made: dict[str, Any], action: str, key: dict[str, str], **query: str
) -> httpx.Response:
    return await client.post(f"{PATH}/{made['id']}/{action}", params=query, headers=key)


async def test_the_same_key_is_the_same_broadcast_as_it_is_now(world: World) -> None:
    client, key = world.scoped("send"), new_key()
    (anna,) = await world.people(clients=1)
    body = plan({"msisdn": anna.number})
    first = await client.post(PATH, json=body, headers=key)
    again = await client.post(PATH, json=body, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    at = (world.now + timedelta(hours=1)).isoformat()
    await act(client, first.json(), "start", {}, at=at)
    # Whatever became of the sender's rights: nothing is created.
    world.rows("UPDATE accounts SET enabled = false WHERE account = 'default'")
    later = await client.post(PATH, json=body, headers=key)
    world.rows("UPDATE accounts SET enabled = true WHERE account = 'default'")
    assert (later.json()["id"], later.json()["state"]) == (first.json()["id"], "scheduled")
    [(created,)] = world.rows(
        "SELECT count(*) FROM audit WHERE action = 'broadcast.create' AND request_id = %s",
        first.json()["id"],
    )
    assert created == 1


async def test_a_key_is_refused_with_another_body_and_is_each_accounts_own(world: World) -> None:
    client, key = world.scoped("send"), new_key()
    first, second = await world.people(clients=2)
    body = plan({"msisdn": first.number})
    made = (await client.post(PATH, json=body, headers=key)).json()
    other = await client.post(PATH, json=plan({"msisdn": second.number}), headers=key)
    problem = assert_problem(other, 409, "refused")
    assert problem["reason"] == "idempotency_key_reused"
    assert (problem["temporary"], "key of its own" in problem["detail"]) == (False, True)
    world.rows(
        "INSERT INTO accounts (account, rights) VALUES ('neighbour', '{send,broadcasts}') "
        "ON CONFLICT DO NOTHING"
    )
    neighbour = world.client(world.token("send", account="neighbour"))
    theirs = await neighbour.post(PATH, json=body, headers=key)
    assert theirs.status_code == 201
    assert theirs.json()["id"] != made["id"]


async def test_a_draft_that_was_invalid_leaves_its_key_free(world: World) -> None:
    client, key = world.scoped("send"), new_key()
    (anna,) = await world.people(clients=1)
    row = {"msisdn": anna.number}
    wrong = await client.post(PATH, json=plan(row, sender="SOMEBODY"), headers=key)
    assert_problem(wrong, 422, "invalid")
    assert (await client.post(PATH, json=plan(row), headers=key)).status_code == 201


async def test_two_at_once_make_one(world: World) -> None:
    client, key = world.scoped("send"), new_key()
    people = await world.people(clients=20)
    body = plan(*({"msisdn": one.number} for one in people))
    answers = await asyncio.gather(
        *(client.post(PATH, json=body, headers=key) for _ in range(4)),
        client.post(PATH, json={**body, "rate": 7}, headers=key),
    )
    made = {answer.json()["id"] for answer in answers if answer.status_code == 201}
    assert len(made) == 1
    refused = [answer for answer in answers if answer.status_code != 201]
    for answer in refused:
        assert assert_problem(answer, 409, "refused")["reason"] == "idempotency_key_reused"
    assert len(refused) in {1, 4}  # whichever body came first
    [(recipients,)] = world.rows(
        "SELECT count(*) FROM broadcast_recipients WHERE broadcast_id = %s", made.pop()
    )
    assert recipients == 20


async def test_an_action_with_a_key_is_done_once(world: World) -> None:
    client, pause, resume = world.scoped("send"), new_key(), new_key()
    (anna,) = await world.people(clients=1)
    made = await create(client, {"msisdn": anna.number})
    await act(client, made, "start", {}, at=(world.now + timedelta(hours=1)).isoformat())
    assert (await act(client, made, "pause", pause)).json()["state"] == "paused"
    assert (await act(client, made, "resume", resume)).json()["state"] == "scheduled"
    again = await act(client, made, "pause", pause)
    assert (again.status_code, again.json()["state"]) == (200, "scheduled")
    other = assert_problem(await act(client, made, "cancel", pause), 409, "refused")
    assert other["reason"] == "idempotency_key_reused"
    await act(client, made, "cancel", {})
    assert (await act(client, made, "resume", resume)).json()["state"] == "cancelled"


async def test_a_start_may_be_repeated_when_its_time_has_come(world: World) -> None:
    client, key = world.scoped("send"), new_key()
    (anna,) = await world.people(clients=1)
    made = await create(client, {"msisdn": anna.number})
    at = (world.now + timedelta(hours=1)).isoformat()
    first = await act(client, made, "start", key, at=at)
    world.now += timedelta(hours=2)
    again = (await act(client, made, "start", key, at=at)).json()
    assert again.pop("overdue_since") == first.json()["starts_at"], "nobody has begun it yet"
    assert again == first.json()
    keyless = await act(client, made, "start", {}, at=at)
    assert (keyless.status_code, keyless.json()["starts_at"]) == (200, first.json()["starts_at"])
    earlier = (world.now - timedelta(minutes=90)).isoformat()
    problem = assert_problem(await act(client, made, "start", {}, at=earlier), 422, "invalid")
    assert [error["where"] for error in problem["errors"]] == ["query.at"]


async def test_a_refused_action_leaves_its_key_free(world: World) -> None:
    client, key = world.scoped("send"), new_key()
    (anna,) = await world.people(clients=1)
    made = await create(client, {"msisdn": anna.number})
    assert_problem(await act(client, made, "pause", key), 409, "not-possible")
    await act(client, made, "start", {}, at=(world.now + timedelta(hours=1)).isoformat())
    assert (await act(client, made, "pause", key)).json()["state"] == "paused"


async def test_keys_of_actions_are_deleted_after_their_time(world: World) -> None:
    client, key = world.scoped("send"), new_key()
    (anna,) = await world.people(clients=1)
    made = await create(client, {"msisdn": anna.number})
    await act(client, made, "cancel", key)
    world.rows(
        "UPDATE broadcast_action_keys SET done_at = %s WHERE broadcast_id = %s",
        world.now - timedelta(days=91),
        made["id"],
    )
    with connect(world.url, "tests") as conn:
        assert sweep_actions(conn, world.now, 90) == 1
