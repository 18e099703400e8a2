"""Messages over HTTP: placed once, refused with a reason, seen by their account alone."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from inbound.api.bodies import MAX_SENDING_BODY_BYTES
from inbound.store.errors import StoreUnavailable
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


def count(world: World, person: Person) -> int:
    [(orders,)] = world.rows("SELECT count(*) FROM orders WHERE subject_id = %s", person.subject_id)
    return int(orders)


async def test_a_message_is_placed_and_found(world: World, person: Person) -> None:
    client = world.scoped("send")
    answer = await place(client, to(person, kind="notification"))
    assert answer.status_code == 202
    placed = answer.json()
    assert placed == {"id": placed["id"], "state": "queued", "parts": 1}
    found = (await client.get(f"{PATH}/{placed['id']}")).json()
    assert (found["state"], found["to"]) == (
        "queued",
        person.number[:5] + "*****" + person.number[-2:],
    )
    assert [(one["event"], one["state"]) for one in found["history"]] == [
        ("order.accepted", "queued")
    ]
    queued = world.rows(
        "SELECT topic FROM outbox WHERE encode(value, 'escape') LIKE %s", f"%{placed['id']}%"
    )
    assert queued == [("sms.mt.normal.v1",)]


@pytest.mark.parametrize("name", ["client_id", "subject_id"])
async def test_a_client_or_subject_takes_the_place_of_a_number(
    world: World, person: Person, name: str
) -> None:
    body = {name: str(getattr(person, name)), "text": TEXT}
    assert (await place(world.scoped("send"), body)).status_code == 202
    assert count(world, person) == 1


async def test_a_key_makes_a_request_safe_to_repeat(world: World, person: Person) -> None:
    client, key = world.scoped("send"), str(uuid4())
    first, *others = await asyncio.gather(*(place(client, to(person), key) for _ in range(20)))
    world.rows("UPDATE orders SET state = 'delivered' WHERE order_id = %s", first.json()["id"])
    others.append(await place(client, to(person), key))
    assert {(one.status_code, one.text) for one in others} == {(202, first.text)}
    assert count(world, person) == 1
    other = await place(client, to(person, kind="service"), key)
    assert assert_problem(other, 409, "refused")["reason"] == "idempotency_key_reused"


USUAL, UNUSUAL = "application/json", "application/json; x=y"  # the latter is left to the route
OF_THE_REQUEST = {"x-request-id", "ratelimit"}


def body_of(*texts: str, **more: Any) -> bytes:
    """Return one message, or a list of them, to a number that has no client."""
    found = [{"to": "+79160009999", "text": text, **more} for text in texts]
    return json.dumps(found[0] if len(found) == 1 else found).encode()


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (body_of(TEXT), {}),
        (body_of(TEXT, "b"), {"Idempotency-Key": "a list"}),
        (body_of(TEXT, not_before="2099-01-01T00:00:00Z"), {}),
        (body_of(TEXT, hours="10:00-12:00", time_zone="Europe/Moscow"), {}),
        (body_of(TEXT, hours="10:00-10:00"), {}),
        (body_of(TEXT, sender="X-Y"), {}),
        (body_of(TEXT, kind="broadcast"), {}),
        (body_of(TEXT, other=1), {}),
        (body_of(TEXT, template="t"), {}),
        (body_of(TEXT, expires_at="2000-01-01T00:00:00Z"), {}),
        (body_of(""), {}),
        (body_of(*["b"] * 1001), {}),
        (b"[]", {}),
        (b"", {}),
        (b"null", {}),
        (b"{", {}),
        (b"\xff", {}),
        (b"[" * 5000, {}),
        (b'{"to": "+79160009999", "text": "a", "text": "b"}', {}),
        (body_of(TEXT), {"Idempotency-Key": ""}),
        (body_of(TEXT), {"Idempotency-Key": "x" * 201}),
        (body_of(TEXT), {"Idempotency-Key": "two words"}),
        (body_of(TEXT), {"Content-Encoding": "gzip"}),
        (body_of(TEXT), {"Traceparent": "nonsense"}),
    ],
)
async def test_a_usual_request_gets_the_answer_that_the_route_gives(
    world: World, body: bytes, headers: dict[str, str]
) -> None:
    client = world.scoped("send")
    key = {"Idempotency-Key": str(uuid4())}
    answers = [
        await client.post(PATH, content=body, headers={**key, **headers, "Content-Type": one})
        for one in (USUAL, UNUSUAL)
    ]
    usual, unusual = (
        {
            "status": one.status_code,
            "headers": {name: one.headers[name] for name in one.headers.keys() - OF_THE_REQUEST},
            "body": {**one.json(), "instance": None} if one.is_error else one.content,
        }
        for one in answers
    )
    assert usual == unusual


async def test_a_token_of_another_scope_sends_nothing(world: World, person: Person) -> None:
    assert_problem(await place(world.scoped("read"), to(person)), 403, "forbidden")
    assert count(world, person) == 0


async def test_a_query_is_refused_where_a_message_is_sent(world: World, person: Person) -> None:
    answer = await world.scoped("send").post(f"{PATH}?dry_run=1", json=to(person))
    assert_problem(answer, 422, "invalid")
    assert count(world, person) == 0


async def test_a_body_in_pieces_is_read(world: World, person: Person) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        whole = json.dumps(to(person)).encode()
        yield whole[:10]
        yield whole[10:]

    headers = {"Content-Type": USUAL}
    answer = await world.scoped("send").post(PATH, content=pieces(), headers=headers)
    assert answer.status_code == 202
    assert count(world, person) == 1


async def test_a_refusal_names_its_reason(world: World, person: Person) -> None:
    client = world.scoped("send")
    problem = assert_problem(await place(client, to(person, to="112")), 409, "refused")
    assert problem["reason"] == "not_a_mobile_number"
    found = (await client.get(f"{PATH}/{problem['id']}")).json()
    assert (found["state"], found.get("to")) == ("refused", None)
    assert [one["reason"] for one in found["history"]] == ["not_a_mobile_number"]


async def test_each_message_of_a_list_has_its_answer(world: World, person: Person) -> None:
    client, key = world.scoped("send"), str(uuid4())
    body = [to(person), to(person, to="112"), to(person, text="Второе")]
    answer = await place(client, body, key)
    assert answer.status_code == 202
    assert [one["state"] for one in answer.json()] == ["queued", "refused", "queued"]
    assert answer.json()[1]["reason"] == "not_a_mobile_number"
    assert (await place(client, body, key)).text == answer.text
    assert count(world, person) == 2


async def test_a_thousand_messages_are_one_request(world: World, person: Person) -> None:
    text = "Щ" * 500
    body = [to(person, to="112", text=f"{number} {text}") for number in range(1000)]
    answer = await place(world.scoped("send"), body)
    assert len(answer.json()) == 1000
    too_many = await place(world.scoped("send"), [*body, to(person)])
    [error] = assert_problem(too_many, 422, "invalid")["errors"]
    assert error["where"] == "body"
    huge = b"[" + b" " * MAX_SENDING_BODY_BYTES + b"]"
    answer = await world.scoped("send").post(
        PATH, content=huge, headers={"content-type": "application/json"}
    )
    assert_problem(answer, 413, "too-large")


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"client_id": "C-1"}, "body.1"),
        ({"template": "case-done"}, "body.1"),
        ({"colour": "red"}, "body.1.colour"),
        ({"79161234567": "x"}, "body.1"),
        ({"text": "\u200b \n"}, "body.1.text"),
        ({"time_zone": "Mars/Base"}, "body.1.time_zone"),
        ({"kind": "broadcast"}, "body.1.kind"),
        ({"hours": "10-12"}, "body.1.hours"),
        ({"hours": "10:00-10:00"}, "body.1.hours"),
        ({"hours": "10:00-12:00", "time_zone": "Mars/Base"}, "body.1.time_zone"),
        ({"expires_at": "tomorrow"}, "body.1.expires_at"),
    ],
)
async def test_an_invalid_field_is_named_and_nothing_is_placed(
    world: World, person: Person, change: dict[str, str], where: str
) -> None:
    answer = await place(world.scoped("send"), [to(person), to(person, **change)])
    [error] = assert_problem(answer, 422, "invalid")["errors"]
    assert error["where"] == where
    assert count(world, person) == 0


async def test_all_bad_messages_of_a_list_are_named(world: World, person: Person) -> None:
    far = (world.now + timedelta(days=3650)).isoformat()
    body = [to(person), to(person, text=" "), to(person), to(person, kind="x", sender="СБЕР")]
    errors = assert_problem(await place(world.scoped("send"), body), 422, "invalid")["errors"]
    assert [one["where"] for one in errors] == ["body.1.text", "body.3.kind", "body.3.sender"]
    assert "up to 11 Latin letters" in errors[2]["problem"]
    body = [to(person), to(person, not_before=far), to(person, expires_at=far)]
    errors = assert_problem(await place(world.scoped("send"), body), 422, "invalid")["errors"]
    assert [one["where"] for one in errors] == ["body.1.not_before", "body.2.expires_at"]
    assert count(world, person) == 0


async def test_a_longer_list_with_the_same_key_places_the_new_messages_alone(
    world: World, person: Person
) -> None:
    client, key = world.scoped("send"), str(uuid4())
    body = [to(person, text=f"Заявка {number}") for number in range(3)]
    first = (await place(client, body[:2], key)).json()
    longer = (await place(client, body, key)).json()
    assert longer[:2] == first
    assert count(world, person) == 3
    changed = (await place(client, [to(person, text="Другое"), *body[1:]], key)).json()
    assert changed[0]["reason"] == "idempotency_key_reused"
    assert changed[1:] == longer[1:]


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", None])
async def test_another_media_type_is_told_the_right_one(
    world: World, person: Person, media_type: str | None
) -> None:
    headers = {} if media_type is None else {"Content-Type": media_type}
    content = json.dumps(to(person)).encode()
    answer = await world.scoped("send").post(PATH, content=content, headers=headers)
    problem = assert_problem(answer, 415, "media-type")
    assert "`Content-Type: application/json`" in problem["detail"]


async def test_only_a_token_that_may_send_does(world: World, person: Person) -> None:
    answer = await place(world.scoped("read", "resolve"), to(person))
    assert_problem(answer, 403, "forbidden")
    for answer in (
        await world.scoped("resolve").get(f"{PATH}/{uuid4()}"),
        await world.scoped("read").get(PATH),
        await world.scoped("read").delete(f"{PATH}/{uuid4()}"),
    ):
        assert_problem(answer, 403, "forbidden")


async def test_a_wrong_method_is_told_all_that_a_path_has(world: World) -> None:
    client = world.scoped("send")
    for path, allowed in ((PATH, "GET, HEAD, POST"), (f"{PATH}/{uuid4()}", "DELETE, GET, HEAD")):
        answer = await client.put(path)
        assert_problem(answer, 405, "method-not-allowed")
        assert answer.headers["allow"] == allowed


async def test_a_key_keeps_a_temporary_refusal_and_the_problem_says_so(
    world: World, person: Person
) -> None:
    name = f"a-{uuid4().hex[:8]}"
    query = "INSERT INTO accounts (account, rights, day_limit) VALUES (%s, '{send}', 0)"
    world.rows(query, name)
    client, key = world.client(world.token("send", account=name)), str(uuid4())
    first = assert_problem(await place(client, to(person), key), 409, "refused")
    assert (first["reason"], first["temporary"]) == ("daily_limit", True)
    assert "needs a new idempotency key" in first["detail"]
    world.rows("UPDATE accounts SET day_limit = NULL WHERE account = %s", name)
    again = assert_problem(await place(client, to(person), key), 409, "refused")
    assert (again["reason"], again["id"]) == ("daily_limit", first["id"])
    assert (await place(client, to(person), str(uuid4()))).status_code == 202


async def test_an_account_with_addresses_sends_from_them_only(world: World, person: Person) -> None:
    name = f"a-{uuid4().hex[:8]}"
    world.rows("INSERT INTO accounts (account, rights) VALUES (%s, '{send}')", name)
    token = world.token("send", account=name)

    async def status(*addresses: str) -> int:
        query = "UPDATE accounts SET addresses = %s::cidr[] WHERE account = %s"
        world.rows(query, list(addresses), name)
        return (await place(world.client(token), to(person))).status_code

    # httpx calls from 127.0.0.1.
    assert await status() == 202
    assert await status("10.0.0.0/8", "2001:db8::/32") == 403
    assert await status("10.0.0.0/8", "127.0.0.0/8") == 202


async def test_without_a_database_the_answer_is_to_retry(
    lone_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = lone_world.scoped("send")
    [person] = await lone_world.people(clients=1)

    async def lost() -> None:
        raise StoreUnavailable("gone")

    monkeypatch.setattr(lone_world.store._connection, "get", lost)
    answer = await place(client, to(person))
    assert_problem(answer, 503, "unavailable")
    assert answer.headers["retry-after"]
