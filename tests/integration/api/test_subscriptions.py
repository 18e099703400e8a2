"""May these people be texted? Answers come from the log, so none is older than a confirmed stop."""

from typing import Any
from uuid import UUID, uuid4

from inbound.api.subscription_models import MAX_RECIPIENTS
from inbound.parsers.numbers import mask
from tests.bench import history
from tests.fix_store import SUBJECT_KEY, VAULT_KEY
from tests.integration.api.world import CLIENTS, SUBJECTS, World, assert_problem, import_clients

PATH = "/v1/subscriptions/query"


def logged(world: World) -> dict[UUID, tuple[bool, int]]:
    """What the last record of `sms.subscriptions.v1` says of each subject."""
    rows = world.rows(
        "SELECT DISTINCT ON (stream_id) stream_id, type <> 'subscription.stopped', version"
        " FROM events WHERE type ~ '^subscription' ORDER BY stream_id, version DESC"
    )
    return {subject: (may, version) for subject, may, version in rows}


async def ask(
    world: World, *recipients: dict[str, str], scopes: tuple[str, ...] = ("read",)
) -> list[Any]:
    response = await world.scoped(*scopes).post(PATH, json={"recipients": list(recipients)})
    assert response.status_code == 200, response.text
    found: list[Any] = response.json()["subscriptions"]
    return found


async def test_no_answer_waits_for_a_projection(lone_world: World) -> None:
    world = lone_world
    history.fill(world.url, requests=60, subject_key=SUBJECT_KEY, vault_key=VAULT_KEY)
    import_clients(world.url, CLIENTS.items())
    assert world.rows("SELECT count(*) FROM projections.subscriptions") == [(0,)]
    client = world.scoped("read")
    known = logged(world)
    assert {may for may, _ in known.values()} == {True, False}
    for subject, state in known.items():
        one = (await client.get(f"/v1/subjects/{subject}/subscription")).json()
        assert (one["may_be_texted"], one["version"]) == state


async def test_the_answers_of_a_query_are_those_of_the_single_questions(world: World) -> None:
    known = logged(world)
    subjects = {history.number_of(n): subject for n, subject in enumerate(SUBJECTS)}
    numbers = list(CLIENTS)[:30]
    by_number = await ask(
        world, *({"to": number} for number in numbers), scopes=("read", "resolve")
    )
    for number, answer in zip(numbers, by_number, strict=True):
        [state] = answer["numbers"]
        subject = subjects[number]
        assert (state["may_be_texted"], state["version"]) == known.get(subject, (True, 0))
        assert (state["phone"], state["subject_id"]) == (mask(number), str(subject))
    by_subject = await ask(world, *({"subject_id": str(subjects[one])} for one in numbers))
    assert [one["numbers"][0] | {"subject_id": None} for one in by_number] == [
        one["numbers"][0] for one in by_subject
    ]
    clients = sorted({CLIENTS[number] for number in numbers})
    by_client = await ask(world, *({"client_id": client} for client in clients))
    for client_id, answer in zip(clients, by_client, strict=True):
        single = await world.scoped("read").get(f"/v1/clients/{client_id}/subscription")
        expected = {"found": True, "problem": None, **single.json()}
        assert {**answer, "client_id": client_id} == expected
    assert {len(one["numbers"]) for one in by_client} == {1, 2}


async def test_of_somebody_unknown_nothing_is_said(world: World) -> None:
    [erased] = await world.people(strangers=1)
    world.rows("DELETE FROM subjects WHERE subject_id = %s", erased.subject_id)
    answers = await ask(
        *(world, {"to": erased.number}, {"client_id": "nobody"}, {"subject_id": str(uuid4())}),
        {"subject_id": str(erased.subject_id)},
    )
    assert [(one["found"], one["numbers"]) for one in answers] == [(False, [])] * 4


async def test_a_known_number_without_a_command_may_be_texted(world: World) -> None:
    stranger, client = [*await world.people(strangers=1), *await world.people(clients=1)]
    world.rows("DELETE FROM subjects WHERE subject_id = %s", client.subject_id)
    for answer in await ask(world, {"to": stranger.number}, {"to": client.number}):
        [state] = answer["numbers"]
        assert (state["may_be_texted"], state["since"], state["version"]) == (True, None, 0)


async def test_a_subject_is_named_to_those_who_may_resolve(world: World) -> None:
    number, client_id = next(iter(CLIENTS.items()))
    for scopes, is_named in ((("read",), False), (("read", "resolve"), True)):
        client = world.scoped(*scopes)
        single = (await client.get(f"/v1/clients/{client_id}/subscription")).json()["numbers"]
        [queried] = await ask(world, {"to": number}, scopes=scopes)
        for state in (*single, *queried["numbers"]):
            assert (state["subject_id"] is not None) is is_named


async def test_one_bad_number_or_id_leaves_the_other_answers(world: World) -> None:
    number, client_id = next(iter(CLIENTS.items()))
    bad = ({"to": "12"}, {"to": ""}, {"subject_id": "C-1"}, {"client_id": "C\u202e-1"})
    answers = await ask(world, bad[0], {"to": number}, *bad[1:], {"client_id": client_id})
    assert [one["found"] for one in answers] == [False, True, False, False, False, True]
    fix = "write it like +79161234567"
    assert [one["problem"] for one in answers] == [
        f"to: without a leading + it takes 11 digits that begin with 7 or 8; {fix}",
        None,
        f"to: empty; {fix}",
        "subject_id has to be a UUID, as in events",
        "client_id needs a visible character, and may have no control or invisible one",
        None,
    ]
    assert answers[0]["numbers"] == []


async def test_a_wrong_question_names_every_wrong_recipient(world: World) -> None:
    client = world.scoped("read")
    wrong = [{"to": "+79161234567", "client_id": "C-1"}, {}]
    for recipients, places in (
        (wrong, {"body.recipients.0", "body.recipients.1"}),
        ([], {"body.recipients"}),
        ([{"client_id": "C-1"}] * (MAX_RECIPIENTS + 1), {"body.recipients"}),
    ):
        response = await client.post(PATH, json={"recipients": recipients})
        problem = assert_problem(response, 422, "invalid")
        assert {one["where"] for one in problem["errors"]} == places
        assert "79161234567" not in response.text
    response = await world.scoped("send").post(PATH, json={"recipients": [{"client_id": "C-1"}]})
    assert_problem(response, 403, "forbidden")
