"""Broadcasts over HTTP: drafts with an audience, actions, and what an account may see."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from inbound.store.access.approval_rules import ApprovalRules, publish_rules
from inbound.store.broadcasts.broadcasts import find_recipients
from inbound.store.connections import connect
from tests.integration.api.world import World, assert_problem

PATH = "/v1/broadcasts"


def plan(*rows: dict[str, str], **more: Any) -> dict[str, Any]:
    audience = list(rows) or "all"
    return {"name": "Spring", "text": "Офис закрыт.", "audience": audience, **more}


async def create(client: httpx.AsyncClient, *rows: dict[str, str], **more: Any) -> dict[str, Any]:
    answer = await client.post(PATH, json=plan(*rows, **more))
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def test_a_draft_counts_its_audience_and_names_excluded_rows(world: World) -> None:
    client = world.scoped("send")
    anna, boris = await world.people(clients=2)
    made = await create(
        client,
        {"msisdn": anna.number, "имя": "Анна", "город": "Омск"},
        {"msisdn": boris.number},
        {"msisdn": "123", "имя": "Вера"},
        {"имя": "Глеб"},
        text="{имя}, офис закрыт.",
    )
    assert (made["state"], made["recipients"], made["waiting"]) == ("draft", 1, 1)
    assert made["excluded"] == {"fields": 1, "no_number": 1, "number": 1}
    first = (await client.get(f"{PATH}/{made['id']}/excluded", params={"limit": 2})).json()
    assert [(row["row"], row["reason"]) for row in first["rows"]] == [(2, "fields"), (3, "number")]
    assert boris.number not in str(first)
    rest = await client.get(f"{PATH}/{made['id']}/excluded", params={"after": first["next_after"]})
    assert [row["row"] for row in rest.json()["rows"]] == [4]
    assert "next_after" not in rest.json()


@pytest.mark.parametrize(
    ("rows", "text", "said"),
    [
        (
            [{"msisdn": "+79161110001", "Nmae": "Anna", "город": "Омск"}],
            "{name}, hello",
            "`msisdn`, `Nmae`, `город`; the text has {name}: is `Nmae` meant?",
        ),
        (
            [{"msisdn": "+79161110001", "name": "Anna"}],
            "{nam}, hello",
            "no row has `nam`; the rows have `msisdn`, `name`; the text has {nam}: is `name`",
        ),
        (
            [{"msisdm": "+79161110001"}],
            "hello",
            "the rows have `msisdm`; is `msisdm` meant as `msisdn`?",
        ),
        ([{"phone": "+79161110001"}], "hello", "no row has `msisdn`; the rows have `phone`"),
        ([{"+7 916 111-00-01": "x"}], "hello", "no row has `msisdn`; the rows have no fields"),
        ([{"phone": "1"}], "{name}", "no row has `msisdn` or `name`; the rows have `phone`"),
    ],
)
async def test_a_field_that_no_row_has_is_named(
    world: World, rows: list[dict[str, str]], text: str, said: str
) -> None:
    answer = await world.scoped("send").post(PATH, json=plan(*rows, text=text))
    problem = assert_problem(answer, 422, "invalid")
    assert [error["where"] for error in problem["errors"]] == ["body.audience"]
    assert said in problem["detail"]
    assert "111" not in answer.text


async def test_rows_that_can_not_be_used_are_named_with_their_faults(world: World) -> None:
    client = world.scoped("send")
    (anna,) = await world.people(clients=1)
    before = world.rows("SELECT count(*) FROM broadcasts")
    rows = [{"msisdn": "123", "name": "Anna"}, {"msisdn": ""}, {"msisdn": anna.number, "name": " "}]
    key = {"Idempotency-Key": "corrected"}
    answer = await client.post(PATH, json=plan(*rows, text="{name}, hello"), headers=key)
    problem = assert_problem(answer, 422, "invalid")
    assert [error["where"] for error in problem["errors"]] == [
        "body.audience",
        "body.audience.0.msisdn",
        "body.audience.1.msisdn",
        "body.audience.2.name",
    ]
    assert "no row can be used (1: a field is missing" in problem["detail"]
    assert anna.number not in answer.text
    assert world.rows("SELECT count(*) FROM broadcasts") == before
    assert (await client.post(PATH, json=plan(*rows), headers=key)).status_code == 201


async def test_people_who_are_left_out_are_no_fault_of_the_rows(world: World) -> None:
    made = await create(world.scoped("send"), {"msisdn": "+79161110009"}, {"msisdn": "12"})
    assert (made["recipients"], made["excluded"]) == (0, {"not_a_client": 1, "number": 1})


async def test_all_clients_are_an_audience(world: World) -> None:
    client = world.scoped("send")
    await world.people(clients=3)
    made = await create(client)
    [(clients,)] = world.rows("SELECT count(*) FROM clients")
    with connect(world.url, "tests") as conn:
        stored = find_recipients(conn, made["id"], 0, 10_000)
    assert made["recipients"] + made["excluded"].get("opted_out", 0) == clients
    assert len(stored) == made["recipients"]


async def test_actions_change_the_state_and_are_recorded(world: World) -> None:
    client = world.scoped("send", name="author")
    (anna,) = await world.people(clients=1)
    made = await create(client, {"msisdn": anna.number})
    at = (world.now + timedelta(hours=1)).isoformat()
    for action, state in (
        ("start", "scheduled"),
        ("pause", "paused"),
        ("pause", "paused"),
        ("resume", "scheduled"),
        ("cancel", "cancelled"),
    ):
        query = {"at": at} if action == "start" else {}
        answer = await client.post(f"{PATH}/{made['id']}/{action}", params=query)
        assert (answer.status_code, answer.json()["state"]) == (200, state)
    refused = await client.post(f"{PATH}/{made['id']}/resume")
    assert "cancelled" in assert_problem(refused, 409, "not-possible")["detail"]
    assert [(actor, action) for actor, action, *_ in world.audit()] == [
        ("token author", f"broadcast.{action}")
        for action in ("create", "start", "pause", "resume", "cancel")
    ]


async def test_a_draft_is_deleted_by_its_account_alone(world: World) -> None:
    world.rows(
        "INSERT INTO accounts (account, rights) VALUES ('third', '{send,broadcasts}')"
        " ON CONFLICT DO NOTHING"
    )
    client, other = world.scoped("send"), world.client(world.token("send", account="third"))
    (anna,) = await world.people(clients=1)
    path = f"{PATH}/{(await create(client, {'msisdn': anna.number}))['id']}"
    assert_problem(await other.delete(path), 404, "not-found")
    assert (await client.delete(path)).status_code == 204
    for answer in (await client.delete(path), await client.get(path)):
        assert_problem(answer, 404, "not-found")
    started = f"{PATH}/{(await create(client, {'msisdn': anna.number}))['id']}"
    at = (world.now + timedelta(hours=1)).isoformat()
    await client.post(f"{started}/start", params={"at": at})
    problem = assert_problem(await client.delete(started), 409, "not-possible")
    assert "only a draft that was never started can" in problem["detail"]


async def test_another_token_approves_a_large_broadcast(world: World) -> None:
    crm, chief = world.scoped("send"), world.scoped("send")
    with connect(world.url, "tests") as conn:
        publish_rules(conn, ApprovalRules(broadcasts_above=2))
    people = await world.people(clients=3)
    made = await create(crm, *({"msisdn": one.number} for one in people))
    started = await crm.post(f"{PATH}/{made['id']}/start")
    assert started.json()["state"] == "awaiting_approval"
    assert_problem(await crm.post(f"{PATH}/{made['id']}/approve"), 409, "not-possible")
    approved = await chief.post(f"{PATH}/{made['id']}/approve")
    assert approved.json()["state"] == "scheduled"


async def test_an_account_sees_its_own_broadcasts_only(world: World) -> None:
    world.rows("INSERT INTO accounts (account, rights) VALUES ('other', '{send,broadcasts}')")
    ours, other = world.scoped("send"), world.client(world.token("send", account="other"))
    (anna,) = await world.people(clients=1)
    made = await create(ours, {"msisdn": anna.number})
    listed = (await ours.get(PATH)).json()["broadcasts"]
    assert made["id"] in [one["id"] for one in listed]
    assert (await other.get(PATH)).json()["broadcasts"] == []
    for method, path in (
        ("GET", ""),
        ("GET", "/excluded"),
        ("GET", "/recipients"),
        ("POST", "/start"),
        ("POST", "/cancel"),
    ):
        answer = await other.request(method, f"{PATH}/{made['id']}{path}")
        assert_problem(answer, 404, "not-found")
    assert_problem(await ours.get(f"{PATH}/{uuid4()}"), 404, "not-found")
    assert_problem(await world.scoped("read").get(PATH), 403, "forbidden")


async def test_an_account_needs_the_right_to_broadcasts(world: World) -> None:
    world.rows("INSERT INTO accounts (account, rights) VALUES ('notifier', '{send}')")
    client = world.client(world.token("send", account="notifier"))
    problem = assert_problem(await client.post(PATH, json=plan()), 403, "forbidden")
    assert "no right to broadcasts" in problem["detail"]


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        ({"text": "{имя}"}, "body.audience"),
        ({"text": None, "template": "no-such"}, "body.template"),
        ({"template": "no-such"}, "body.text"),
        ({"spread": True}, "body.spread"),
        ({"hours": "10:00-12:00", "time_zone": "Nowhere"}, "body.time_zone"),
        ({"sender": "SOMEBODY"}, "body.sender"),
        ({"name": "+7 916 123-45-67"}, "body.name"),
    ],
)
async def test_a_plan_that_can_not_be_is_refused_by_its_field(
    world: World, changed: dict[str, Any], where: str
) -> None:
    body = {name: value for name, value in plan(**changed).items() if value is not None}
    problem = assert_problem(await world.scoped("send").post(PATH, json=body), 422, "invalid")
    assert [error["where"] for error in problem["errors"]] == [where]


async def test_recipients_are_named_by_their_row_with_state_and_reason(world: World) -> None:
    client = world.scoped("send")
    anna, boris = await world.people(clients=2)
    rows = ({"msisdn": number} for number in ("12", anna.number, boris.number))
    made = await create(client, *rows)
    path = f"{PATH}/{made['id']}/recipients"
    assert (await client.get(path)).json()["recipients"] == []
    await client.post(f"{PATH}/{made['id']}/cancel")
    first = (await client.get(path, params={"limit": 1})).json()
    [one] = first["recipients"]
    assert (one["row"], one["state"], one["reason"]) == (2, "withheld", "cancelled")
    assert anna.number not in str(first)
    rest = (await client.get(path, params={"after": first["next_after"]})).json()
    assert [row["row"] for row in rest["recipients"]] == [3]
    assert "next_after" not in rest
    assert (await client.get(path, params={"state": "refused"})).json()["recipients"] == []
    assert_problem(await client.get(path, params={"state": "lost"}), 422, "invalid")


async def test_a_body_that_nobody_reads_is_refused(world: World) -> None:
    client = world.scoped("send")
    anna = (await world.people(clients=1))[0]
    made = await create(client, {"msisdn": anna.number})
    path = f"{PATH}/{made['id']}"
    refused = await client.post(f"{path}/start", json={"at": "2099-01-01T10:00:00Z"})
    assert_problem(refused, 422, "invalid")
    assert "query" in refused.json()["errors"][0]["problem"]
    assert (await client.get(path)).json()["state"] == "draft"
    assert (await client.post(f"{path}/start", json={})).status_code == 200
