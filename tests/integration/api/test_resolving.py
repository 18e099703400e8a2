"""From a subject to its client: who asked, and why, is recorded before anybody learns it."""

from uuid import uuid4

from inbound.erasure.eraser import Eraser
from tests.integration.api.world import World, assert_problem


async def test_subjects_lead_to_their_clients_in_order(world: World) -> None:
    one, two, stranger = await world.people(clients=2, strangers=1)
    asked = [one.subject_id, stranger.subject_id, uuid4(), two.subject_id, one.subject_id]
    body = {"subjects": [str(subject) for subject in asked], "reason": "ticket 4711"}
    response = await world.scoped("resolve").post("/v1/resolve", json=body)
    assert response.status_code == 200
    clients = [one.client_id, None, None, two.client_id, one.client_id]
    states = ["registered", "unregistered", "unknown", "registered", "registered"]
    assert response.json() == {
        "clients": [
            {"subject_id": str(subject), "state": state, "client_id": client}
            for subject, state, client in zip(asked, states, clients, strict=True)
        ]
    }
    assert "CANARY" not in response.text


async def test_an_erased_subject_is_told_from_an_unknown_one(world: World) -> None:
    [one] = await world.people(clients=1)
    eraser = Eraser(world.store, world.sources.hasher, clock=lambda: world.now)
    await eraser.erase(one.number, actor="tester", reason="ticket 4711")
    nobody = uuid4()
    body = {"subjects": [str(one.subject_id), str(nobody)], "reason": "ticket 4711"}
    response = await world.scoped("resolve").post("/v1/resolve", json=body)
    assert response.json()["clients"] == [
        {"subject_id": str(one.subject_id), "state": "erased", "client_id": None},
        {"subject_id": str(nobody), "state": "unknown", "client_id": None},
    ]


async def test_every_requested_subject_is_recorded_once(world: World) -> None:
    [one] = await world.people(strangers=1)
    nobody = uuid4()
    subjects = [str(one.subject_id), str(nobody), str(one.subject_id)]
    body = {"subjects": subjects, "reason": " ticket  4711 "}
    await world.scoped("resolve", name="resolver").post("/v1/resolve", json=body)
    assert world.audit() == [
        ("token resolver", "resolve", one.subject_id, "ticket 4711"),
        ("token resolver", "resolve", nobody, "ticket 4711"),
    ]


async def test_what_cannot_be_recorded_is_not_answered(lone_world: World) -> None:
    world = lone_world
    [one] = await world.people(clients=1)
    client = world.scoped("resolve")
    world.rows("ALTER TABLE audit RENAME TO lost")
    body = {"subjects": [str(one.subject_id)], "reason": "ticket 4711"}
    response = await client.post("/v1/resolve", json=body)
    assert_problem(response, 500, "defect")
    assert str(one.client_id) not in response.text


async def test_a_reason_with_a_number_in_it_is_refused_and_not_repeated(world: World) -> None:
    [one] = await world.people(clients=1)
    body = {"subjects": [str(one.subject_id)], "reason": f"{one.number} called"}
    response = await world.scoped("resolve").post("/v1/resolve", json=body)
    problem = assert_problem(response, 422, "invalid")
    assert problem["errors"][0]["where"] == "body.reason"
    assert one.number not in response.text
    assert world.audit() == []


async def test_the_scope_is_needed(world: World) -> None:
    [one] = await world.people(clients=1)
    body = {"subjects": [str(one.subject_id)], "reason": "ticket 4711"}
    response = await world.scoped("read", "reveal").post("/v1/resolve", json=body)
    assert_problem(response, 403, "forbidden")
    challenge = response.headers["www-authenticate"]
    assert 'error="insufficient_scope"' in challenge
    assert 'scope="resolve"' in challenge
    assert world.audit() == []
