"""Timelines: by request, message, trace, subject and phone number; masked, unless revealed."""

import logging
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from inbound.parsers.numbers import mask
from tests.bench import history
from tests.integration.api.world import NOW, SUBJECTS, World, assert_problem

PHONE = history.number_of(2)
SUBJECT = SUBJECTS[2]
PATH = "/v1/timeline"


async def a_request(world: World, **parameters: Any) -> dict[str, Any]:
    """Return one that was found by searching."""
    answer = await world.scoped("read").get("/v1/requests", params={"limit": 1, **parameters})
    found: dict[str, Any] = answer.json()["requests"][0]
    return found


def requests_of(timeline: dict[str, Any]) -> list[str]:
    return [request["request_id"] for request in timeline["requests"]]


async def ask(client: httpx.AsyncClient, **body: Any) -> httpx.Response:
    return await client.post(PATH, json={"phone": PHONE, **body})


async def test_one_request_by_each_of_its_names(world: World) -> None:
    client = world.scoped("read")
    request = await a_request(world, state="fulfilled")
    wanted = request["request_id"]
    timeline = (await client.get(f"/v1/requests/{wanted}", params={"lang": "en"})).json()
    assert requests_of(timeline) == [wanted]
    assert timeline["sentence"].startswith("Your text with the command CLIENT")
    assert timeline["requests"][0]["steps"][0]["step"] == "arrived"
    assert timeline["number"].count("*") == 5
    names = [
        f"/v1/messages/{request['acknowledgement']['message_id']}",
        f"/v1/messages/{request['fulfilment']['message_id']}",
        f"/v1/traces/{request['trace_id']}",
    ]
    for name in names:
        [found] = (await client.get(name, params={"lang": "en"})).json()["timelines"]
        assert found == timeline


async def test_by_the_id_that_a_centre_gave(world: World) -> None:
    request = await a_request(world, subject=str(SUBJECT))
    world.rows(
        "INSERT INTO smsc_messages (subject_id, message_id, part, parts, request_id, purpose,"
        " template, centre, smsc_message_id, submitted_at)"
        " VALUES (%s, %s, 1, 1, %s, 'acknowledgement', 'ack', 'main', 'ab/12?', now())",
        SUBJECT,
        request["acknowledgement"]["message_id"],
        request["request_id"],
    )
    answer = await world.scoped("read").get("/v1/messages/ab%2F12%3F")
    [found] = answer.json()["timelines"]
    assert requests_of(found) == [request["request_id"]]


async def test_what_is_not_known_is_not_found(world: World) -> None:
    client = world.scoped("read")
    paths = [
        f"/v1/requests/{uuid4()}",
        f"/v1/messages/{uuid4()}",
        "/v1/messages/no-such-id",
        f"/v1/traces/{uuid4().hex}",
        f"/v1/subjects/{uuid4()}/timeline",
    ]
    for path in paths:
        assert_problem(await client.get(path), 404, "not-found")
    for path in ("/v1/requests/x", "/v1/traces/x", "/v1/messages/%00", "/v1/subjects/x/timeline"):
        problem = assert_problem(await client.get(path), 404, "not-found")
        assert problem["detail"].startswith("nothing has this id: path.")


async def test_a_number_and_its_subject_tell_the_same(world: World) -> None:
    client = world.scoped("read", "resolve")
    by_number = (await ask(client)).json()
    assert by_number["number"] == mask(PHONE)
    assert by_number["subject_id"] == str(SUBJECT)
    assert len(by_number["requests"]) > 2
    assert (await client.get(f"/v1/subjects/{SUBJECT}/timeline")).json() == by_number
    assert world.audit() == []


@pytest.mark.parametrize("phone", ["8 (916) 000-00-02", "+7 916 000 00 02"])
async def test_a_number_may_be_written_as_people_do(world: World, phone: str) -> None:
    client = world.scoped("read")
    assert (await ask(client, phone=phone)).json() == (await ask(client)).json()


async def test_a_number_that_never_texted_has_a_timeline_too(world: World) -> None:
    answer = await ask(world.scoped("read"), phone="+79265554433", lang="en")
    assert answer.json()["sentence"].startswith("We have no record of a text from this number.")
    assert answer.json()["requests"] == []


async def test_the_sentences_are_russian_unless_asked(world: World) -> None:
    client = world.scoped("read")
    answer = (await ask(client)).json()
    assert answer["language"] == "ru"
    assert answer["sentence"].startswith("Ваше сообщение")


async def test_older_requests_are_on_later_pages(world: World) -> None:
    client = world.scoped("read")
    expected = requests_of((await ask(client, limit=50)).json())
    found, until = [], None
    while True:
        body = {"limit": 1} | ({"until": until} if until else {})
        answer = (await ask(client, **body)).json()
        found += requests_of(answer)
        until = answer.get("next_until")
        if until is None:
            break
    assert found == expected


async def test_a_time_is_kept(world: World) -> None:
    client = world.scoped("read")
    later = (NOW + timedelta(days=1)).isoformat()
    assert (await ask(client, since=later)).json()["requests"] == []
    assert_problem(await ask(client, since=later, until=later), 422, "invalid")
    path = f"/v1/subjects/{SUBJECT}/timeline"
    wrong = await client.get(path, params={"since": later, "until": later})
    assert assert_problem(wrong, 422, "invalid")["errors"][0]["where"] == "query.until"


async def test_a_whole_number_is_shown_after_it_is_recorded(world: World) -> None:
    client = world.scoped("read", "reveal", name="teller")
    shown = await ask(client, reveal_reason="ticket 4711")
    assert shown.json()["number"] == PHONE
    request = requests_of(shown.json())[0]
    headers = {"Reveal-Reason": "ticket 4712"}
    paths = (f"/v1/requests/{request}", f"/v1/subjects/{SUBJECT}/timeline")
    for path in paths:
        assert (await client.get(path, headers=headers)).json()["number"] == PHONE
    assert world.audit() == [
        ("token teller", "timeline.reveal", SUBJECT, "ticket 4711"),
        ("token teller", "timeline.reveal", SUBJECT, "ticket 4712"),
        ("token teller", "timeline.reveal", SUBJECT, "ticket 4712"),
    ]


async def test_without_the_scope_nothing_is_shown(world: World) -> None:
    client = world.scoped("read", "resolve")
    response = await ask(client, reveal_reason="ticket 4711")
    assert_problem(response, 403, "forbidden")
    headers = {"Reveal-Reason": "ticket 4711"}
    path = f"/v1/subjects/{SUBJECT}/timeline"
    assert_problem(await client.get(path, headers=headers), 403, "forbidden")
    only_reveal = world.scoped("reveal")
    assert_problem(await ask(only_reveal, reveal_reason="ticket 4711"), 403, "forbidden")
    assert world.audit() == []


async def test_what_cannot_be_recorded_is_not_shown(lone_world: World) -> None:
    world = lone_world
    [one] = await world.people(clients=1)
    client = world.scoped("read", "reveal")
    world.rows("ALTER TABLE audit RENAME TO lost")
    response = await ask(client, phone=one.number, reveal_reason="ticket 4711")
    assert_problem(response, 500, "defect")
    assert one.number not in response.text


@pytest.mark.parametrize("phone", ["", "112", "+7 812 000 00 00", "CLIENT info", "0" * 41])
async def test_what_is_no_mobile_number_is_explained_and_not_repeated(
    world: World, phone: str
) -> None:
    response = await ask(world.scoped("read"), phone=phone)
    problem = assert_problem(response, 422, "invalid")
    assert problem["errors"][0]["where"] == "body.phone"
    assert not phone or phone not in response.text


async def test_a_number_stands_in_no_log(world: World, caplog: pytest.LogCaptureFixture) -> None:
    client = world.scoped("read", "reveal")
    with caplog.at_level(logging.DEBUG):
        await ask(client, reveal_reason="ticket 4711")
        await ask(client, phone=PHONE + "0")
    assert f"POST {PATH} 200" in caplog.text
    assert PHONE.removeprefix("+") not in caplog.text
