"""May this subject, this client be texted? And whose number is it: masked, unless revealed."""

from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest

from inbound.parsers.numbers import mask
from tests.bench import history
from tests.integration.api.world import CLIENTS, SUBJECTS, World, assert_problem

CLIENT = "H-3"
NUMBERS = [number for number, client in CLIENTS.items() if client == CLIENT]


async def states(world: World) -> dict[str, bool]:
    rows = world.rows("SELECT subject_id, may_be_texted FROM projections.subscriptions")
    return {str(subject): may for subject, may in rows}


async def of_subject(client: httpx.AsyncClient, subject: object) -> httpx.Response:
    return await client.get(f"/v1/subjects/{subject}/subscription")


async def test_subjects_have_the_state_that_they_last_asked_for(world: World) -> None:
    client = world.scoped("read")
    known = await states(world)
    assert set(known.values()) == {True, False}
    for subject, may in list(known.items())[:10]:
        answer = (await of_subject(client, subject)).json()
        assert answer["subject_id"] == subject
        assert answer["may_be_texted"] is may
        assert answer["since"].endswith("Z")
        assert answer["request_id"]


async def test_subject_without_commands_may_be_texted(world: World) -> None:
    [one] = await world.people(strangers=1)
    answer = (await of_subject(world.scoped("read"), one.subject_id)).json()
    assert answer == {
        "subject_id": str(one.subject_id),
        "may_be_texted": True,
        "since": None,
        "version": 0,
        "request_id": None,
        "as_of": "2024-06-01T00:00:00Z",
        "pending": [],
    }


async def test_an_unknown_and_an_erased_subject_are_not_there(world: World) -> None:
    [one] = await world.people(strangers=1)
    world.rows("DELETE FROM subjects WHERE subject_id = %s", one.subject_id)
    for nobody in (one.subject_id, uuid4()):
        assert_problem(await of_subject(world.scoped("read"), nobody), 404, "not-found")
    assert_problem(await of_subject(world.scoped("read"), "x"), 404, "not-found")


async def test_a_client_has_a_state_for_each_number(world: World) -> None:
    response = await world.scoped("read").get(f"/v1/clients/{CLIENT}/subscription")
    assert response.status_code == 200
    known = await states(world)
    subjects = {history.number_of(n): str(subject) for n, subject in enumerate(SUBJECTS)}
    expected = {mask(number): known.get(subjects[number], True) for number in NUMBERS}
    answer = response.json()
    assert answer["client_id"] == CLIENT
    assert {one["phone"]: one["may_be_texted"] for one in answer["numbers"]} == expected
    assert not [subject for subject in subjects.values() if subject in response.text]
    assert not [number for number in NUMBERS if number in response.text]
    assert world.audit() == []


async def test_a_client_that_never_texted_may_be_texted(world: World) -> None:
    [one] = await world.people(clients=1)
    world.rows("DELETE FROM subjects WHERE subject_id = %s", one.subject_id)
    response = await world.scoped("read").get(f"/v1/clients/{one.client_id}/subscription")
    assert response.json()["numbers"] == [
        {
            "phone": mask(one.number),
            "may_be_texted": True,
            "since": None,
            "version": 0,
            "subject_id": None,
        }
    ]


async def test_a_revealed_number_is_recorded_first(world: World) -> None:
    client = world.scoped("read", "reveal", name="revealer")
    headers = {"Reveal-Reason": "ticket 4711"}
    response = await client.get(f"/v1/clients/{CLIENT}/subscription", headers=headers)
    assert sorted(one["phone"] for one in response.json()["numbers"]) == sorted(NUMBERS)
    recorded = world.audit()
    assert {entry[2] for entry in recorded} == {SUBJECTS[6], SUBJECTS[7]}
    assert {(*entry[:2], entry[3]) for entry in recorded} == {
        ("token revealer", "subscription.reveal", "ticket 4711")
    }


async def test_a_reveal_takes_its_scope(world: World) -> None:
    headers = {"Reveal-Reason": "ticket 4711"}
    path = f"/v1/clients/{CLIENT}/subscription"
    response = await world.scoped("read", "resolve").get(path, headers=headers)
    assert_problem(response, 403, "forbidden")
    assert 'scope="reveal"' in response.headers["www-authenticate"]
    assert_problem(await world.scoped("reveal").get(path, headers=headers), 403, "forbidden")
    assert world.audit() == []


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (b"ticket 4711", "ticket 4711"),
        ("обращение 4711".encode(), "обращение 4711"),
        (quote("обращение 4711").encode(), "обращение 4711"),
    ],
)
async def test_a_reason_may_be_russian(world: World, header: bytes, reason: str) -> None:
    client = world.scoped("read", "reveal")
    headers = [(b"Reveal-Reason", header)]
    response = await client.get(f"/v1/clients/{CLIENT}/subscription", headers=headers)
    assert response.status_code == 200
    assert {entry[3] for entry in world.audit()} == {reason}


@pytest.mark.parametrize("header", [b"", b" ", b"\xff", b"%ff", b"+79161234567", b"x" * 301])
async def test_invalid_reason_reveals_nothing(world: World, header: bytes) -> None:
    client = world.scoped("read", "reveal")
    headers = [(b"Reveal-Reason", header)]
    response = await client.get(f"/v1/clients/{CLIENT}/subscription", headers=headers)
    problem = assert_problem(response, 422, "invalid")
    assert problem["errors"][0]["where"] == "header.reveal-reason"
    assert "79161234567" not in response.text
    assert world.audit() == []


async def test_a_reveal_that_cannot_be_recorded_is_none(lone_world: World) -> None:
    world = lone_world
    [one] = await world.people(clients=1)
    world.rows("ALTER TABLE audit RENAME TO lost")
    client = world.scoped("read", "reveal")
    headers = {"Reveal-Reason": "ticket 4711"}
    response = await client.get(f"/v1/clients/{one.client_id}/subscription", headers=headers)
    assert_problem(response, 500, "defect")
    assert one.number not in response.text


@pytest.mark.parametrize("client_id", ["nobody", "%00", "a%0Ab", "x" * 65, "Клиент"])
async def test_unknown_client_is_not_found(world: World, client_id: str) -> None:
    response = await world.scoped("read").get(f"/v1/clients/{client_id}/subscription")
    assert_problem(response, 404, "not-found")


async def test_a_client_id_may_hold_what_a_path_can_not(world: World) -> None:
    [one] = await world.people(clients=1)
    world.rows("UPDATE clients SET client_id = 'A/1 ?' WHERE client_id = %s", one.client_id)
    response = await world.scoped("read").get(f"/v1/clients/{quote('A/1 ?', safe='')}/subscription")
    assert response.json()["client_id"] == "A/1 ?"
