"""Placed messages are looked up, listed, cancelled and revealed, if the token permits it."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.integration.api.world import Person, World, assert_problem

PATH = "/v1/messages"
TEXT = "Заявка 4711 выполнена."


@pytest.fixture
async def person(world: World) -> Person:
    return (await world.people(clients=1))[0]


def to(person: Person, **more: Any) -> dict[str, Any]:
    return {"to": person.number, "text": TEXT, **more}


async def place(client: httpx.AsyncClient, body: Any, key: str | None = None) -> httpx.Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    return await client.post(PATH, json=body, headers=headers)


async def test_a_scheduled_message_gets_the_same_answer_later(world: World, person: Person) -> None:
    client, key = world.scoped("send"), str(uuid4())
    body = to(person, not_before=(world.now + timedelta(hours=1)).isoformat())
    first = await place(client, body, key)
    assert first.json()["state"] == "scheduled"
    await client.delete(f"{PATH}/{first.json()['id']}")
    assert (await place(client, body, key)).text == first.text


async def test_times_are_in_utc_whatever_the_sending_hours(world: World, person: Person) -> None:
    client = world.scoped("send")
    later = (world.now + timedelta(days=1)).isoformat()
    body = to(person, not_before=later, hours="10:00-12:00", time_zone="Asia/Omsk")
    id_ = (await place(client, body)).json()["id"]
    found = (await client.get(f"{PATH}/{id_}")).json()
    assert {found[name][-1] for name in ("created_at", "due_at", "expires_at")} == {"Z"}
    assert found["history"][0]["due_at"] == found["due_at"]


async def test_the_history_of_an_erased_message_ends_with_the_erasure(
    world: World, person: Person
) -> None:
    client = world.scoped("send")
    later = (world.now + timedelta(days=1)).isoformat()
    id_ = (await place(client, to(person, not_before=later))).json()["id"]
    world.rows("UPDATE orders SET state = 'erased', due_at = NULL WHERE order_id = %s", id_)
    found = (await client.get(f"{PATH}/{id_}")).json()
    assert [one["state"] for one in found["history"]] == ["scheduled", "erased"]
    assert_problem(await client.delete(f"{PATH}/{id_}"), 409, "not-scheduled")


async def test_a_scheduled_message_can_be_cancelled(world: World, person: Person) -> None:
    client = world.scoped("send")
    later = (world.now + timedelta(hours=1)).isoformat()
    scheduled = (await place(client, to(person, not_before=later))).json()["id"]
    for _ in range(2):
        cancelled = await client.delete(f"{PATH}/{scheduled}")
        assert cancelled.json() == {"id": scheduled, "state": "cancelled", "parts": 1}
    history = (await client.get(f"{PATH}/{scheduled}")).json()["history"]
    assert [one["state"] for one in history] == ["scheduled", "cancelled"]
    queued = (await place(client, to(person))).json()["id"]
    assert_problem(await client.delete(f"{PATH}/{queued}"), 409, "not-scheduled")
    assert_problem(await client.delete(f"{PATH}/{uuid4()}"), 404, "not-found")


async def test_an_account_sees_its_own_messages_only(world: World, person: Person) -> None:
    name = f"a-{uuid4().hex[:8]}"
    world.rows("INSERT INTO accounts (account, rights) VALUES (%s, '{send}')", name)
    mine = world.client(world.token("send", account=name))
    other = world.scoped("send")
    later = (world.now + timedelta(hours=1)).isoformat()
    id_ = (await place(mine, to(person, not_before=later), "k")).json()["id"]
    assert (await mine.get(f"{PATH}/{id_}")).status_code == 200
    assert [one["id"] for one in (await mine.get(PATH)).json()["messages"]] == [id_]
    for answer in (await other.get(f"{PATH}/{id_}"), await other.delete(f"{PATH}/{id_}")):
        assert_problem(answer, 404, "not-found")
    assert id_ not in (await other.get(PATH, params={"limit": 200})).text
    # The key is the account's own.
    assert (await place(other, to(person), "k")).json()["id"] != id_


async def test_pages_neither_repeat_nor_skip(world: World, person: Person) -> None:
    name = f"a-{uuid4().hex[:8]}"
    world.rows("INSERT INTO accounts (account, rights) VALUES (%s, '{send,service}')", name)
    client = world.client(world.token("send", account=name))
    kinds = ["service", "notification"] * 5
    answers = await place(client, [to(person, kind=kind) for kind in kinds])
    placed = [one["id"] for one in answers.json()]
    seen, link = [], f"{PATH}?limit=3"
    while link:
        page = (await client.get(link)).json()
        seen += [one["id"] for one in page["messages"]]
        link = page.get("next")
    assert sorted(seen) == sorted(placed)
    found = (await client.get(PATH, params={"kind": "service"})).json()["messages"]
    assert sorted(one["id"] for one in found) == sorted(placed[::2])
    assert (await client.get(PATH, params={"state": "sent"})).json()["messages"] == []


async def test_a_revealed_number_is_recorded_with_its_reason(world: World, person: Person) -> None:
    id_ = (await place(world.scoped("send"), to(person))).json()["id"]
    headers = {"Reveal-Reason": "ticket 4711"}
    answer = await world.scoped("send").get(f"{PATH}/{id_}", headers=headers)
    assert_problem(answer, 403, "forbidden")
    answer = await world.scoped("send", "reveal").get(f"{PATH}/{id_}", headers=headers)
    assert answer.json()["to"] == person.number
    query = "SELECT action, reason FROM audit WHERE subject_id = %s"
    assert world.rows(query, person.subject_id) == [("message.reveal", "ticket 4711")]


async def test_support_finds_a_message_of_any_account_by_its_id_and_trace(
    world: World, person: Person
) -> None:
    trace_id = uuid4().hex
    headers = {"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"}
    placed = await world.scoped("send").post(PATH, json=to(person), headers=headers)
    id_ = placed.json()["id"]
    client = world.scoped("read")
    for path in (f"{PATH}/{id_}", f"/v1/timelines/{id_}", f"/v1/traces/{trace_id}"):
        [timeline] = (await client.get(path)).json()["timelines"]
        [order] = timeline["orders"]
        assert order["order_id"] == id_
    assert_problem(await client.get(f"/v1/timelines/{uuid4()}"), 404, "not-found")
    assert_problem(await world.scoped("send").get(f"/v1/timelines/{id_}"), 403, "forbidden")
