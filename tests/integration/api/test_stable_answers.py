"""An answer is the same until something happens, but for the times at which it was made."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

import pytest

from inbound.api.tokens import Scope
from inbound.store.bind_reports import GONE_AFTER_S
from tests.integration.api.test_broadcasts import create
from tests.integration.api.world import CLIENTS, SUBJECTS, World

MADE_WHEN: Final = frozenset({"as_of", "made_at"})


def without_times(answer: Any) -> Any:
    match answer:
        case dict():
            return {
                name: without_times(value)
                for name, value in answer.items()
                if name not in MADE_WHEN
            }
        case list():
            return [without_times(one) for one in answer]
    return answer


@pytest.fixture
def lost_gateway(world: World) -> Iterator[None]:
    """A gateway that was killed: texts may wait at its SMS centre."""
    world.rows(
        "INSERT INTO bind_presence (account, bind, gateway, sends, state, seen_at) VALUES "
        "('one', 'gone', 'killed', false, %s::json, now() - make_interval(secs => %s)) "
        "ON CONFLICT DO NOTHING",
        '{"centre": "lost", "type": "transceiver", "state": "bound", '
        '"since": "2024-05-17T12:00:00+00:00"}',
        GONE_AFTER_S * 10,
    )
    yield
    world.rows("DELETE FROM bind_presence WHERE bind = 'gone'")


@pytest.mark.usefixtures("lost_gateway")
async def test_an_answer_changes_only_when_something_happens(world: World) -> None:
    client = world.scoped(*Scope)
    (anna,) = await world.people(clients=1)
    made = await create(client, {"msisdn": anna.number}, hours="10:00-12:00")
    later = (world.now + timedelta(hours=1)).isoformat()
    message = {"to": anna.number, "text": "Заявка выполнена.", "not_before": later}
    placed = (await client.post("/v1/messages", json=message)).json()
    client_id = next(iter(CLIENTS.values()))
    [(request_id,)] = world.rows(
        "SELECT data ->> 'request_id' FROM events WHERE type = 'request.accepted' "
        "ORDER BY position DESC LIMIT 1"
    )
    paths = [
        "/v1/messages?limit=1&since=2024-05-01T00:00:00Z",
        f"/v1/messages/{placed['id']}",
        f"/v1/timelines/{placed['id']}",
        "/v1/broadcasts",
        f"/v1/broadcasts/{made['id']}",
        f"/v1/broadcasts/{made['id']}/excluded",
        f"/v1/subjects/{anna.subject_id}/subscription",
        f"/v1/subjects/{SUBJECTS[1]}/timeline",
        f"/v1/clients/{client_id}/subscription",
        f"/v1/requests/{request_id}",
        "/v1/requests?limit=2&since=2024-05-01T00:00:00Z",
        "/v1/daily-counts?since=2024-05-01&until=2024-05-02",
    ]
    first = [await client.get(path) for path in paths]
    world.now += timedelta(seconds=1)
    again = [await client.get(path) for path in paths]
    for path, one, two in zip(paths, first, again, strict=True):
        assert one.status_code == 200, (path, one.text)
        assert without_times(one.json()) == without_times(two.json()), path
    assert "reception" in first[6].text
