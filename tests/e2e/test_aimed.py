"""kill -9 at every point where it could hurt: between two steps that have to belong together.

Each process is stopped at the point by itself (see `aimed`), so the blow falls there and
nowhere else. Then a common process takes over, and the balance of the one person who texted
has to be what the row says (see `blows`).
"""

import asyncio
import json
from collections import Counter
from datetime import UTC, datetime

import pytest

from inbound.keys import VaultCipher
from inbound.store.connections import connect
from inbound.store.dead_letters.dead_letters import find, opened
from inbound.store.dead_letters.rows import Selection, pack
from inbound.store.sealing import Sealer
from schemas.messages import MobileOriginated
from tests.e2e import poison
from tests.e2e.aimed import Point, aim, aim_role
from tests.e2e.blows import ARRIVALS, BLOWS, Blow
from tests.e2e.standstill import When
from tests.fix_service import STOPPED, VAULT_KEY, Client, Service, eventually
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="module")

INFO = "CLIENT info"
RECEIPT = 0x04


@pytest.mark.parametrize(
    "blow",
    [
        pytest.param(
            blow,
            id=f"{blow.role}: {blow.between}",
            marks=() if blow.in_every_run else pytest.mark.drill,
        )
        for blow in BLOWS
    ],
)
async def test_one_request_whatever_is_killed_between(service: Service, blow: Blow) -> None:
    client = service.new_client()
    async with aim_role(service, blow.role, blow.point) as aimed:
        settled = service.deliver(client.number, INFO)
        await aimed.reached()
        await aimed.kill()
    async with asyncio.timeout(PATIENCE_S):
        assert await settled == 0
    await service.completed(client.number)
    check(service, client, blow)


def check(service: Service, client: Client, blow: Blow) -> None:
    """Hold what Kafka, the log and the SMS centre have against what should be."""
    events = service.events(client.number)
    assert [event.version for event in events] == list(range(1, len(events) + 1))
    types = Counter(event.type for event in events)
    assert types["request.accepted"] == types["request.completed"] == 1
    assert (events[0].type, events[-1].type) == ("request.accepted", "request.completed")
    assert events[-1].data["completion"] == "fulfilled"
    unknown = Counter(e.data["purpose"] for e in events if e.type == "message.unknown")
    assert unknown == Counter(acknowledgement=blow.unknown) + Counter()
    submits = service.script.to(client.number)
    assert sum(submit.acknowledges for submit in submits) == blow.sent
    texts = [text for text in service.script.texts_to(client.number) if text == client.registration]
    assert len(texts) == 1, "the fulfilment goes once and whole"
    stored = [
        record
        for record in service.records(service.names.mo)
        if MobileOriginated.model_validate_json(record.value).source == client.number
    ]
    assert len(stored) == blow.texts
    assert service.value("SELECT count(*) FROM vault") == 0


@pytest.mark.parametrize("when", [pytest.param("before", marks=pytest.mark.drill), "after"])
async def test_the_secret_is_erased_with_the_final_state_and_not_without(
    service: Service, when: When
) -> None:
    """The third write of the worker: the fulfilment was sent and its secret is used."""
    client = service.new_client()
    point = Point("inbound.store.transactions.writing:write", when, 3)
    async with aim_role(service, "worker", point) as aimed:
        await service.text(client.number, INFO)
        await aimed.reached()
        assert client.registration in service.script.texts_to(client.number)
        assert service.value("SELECT count(*) FROM vault") == 1
        types = [event.type for event in service.events(client.number)]
        assert types[-1] == "message.submitted"
        await aimed.kill()
    await service.completed(client.number)
    check(service, client, Blow("", "worker", point))


@pytest.mark.drill
async def test_a_receipt_that_was_stored_and_not_answered_counts_once(service: Service) -> None:
    client = service.new_client()
    await service.text(client.number, "CLIENT sms stop")
    await service.completed(client.number)
    submitted = next(e for e in service.events(client.number) if e.type == "message.submitted")
    id_ = submitted.data["parts"][0]["smsc_message_id"]
    text = f"id:{id_} sub:001 dlvrd:001 submit date:2405171200 done date:2405171200 stat:DELIVRD"
    async with aim_role(service, "gateway", Point(f"{ARRIVALS}._answer", "before")) as aimed:
        settled = service.deliver(client.number, text, esm_class=RECEIPT)
        await aimed.reached()
        await aimed.kill()
    async with asyncio.timeout(PATIENCE_S):
        assert await settled == 0

    def fates() -> list[str]:
        found = [
            e.data["message_id"]
            for e in service.events(client.number)
            if e.type == "message.delivered"
        ]
        return [one for one in found if one == submitted.data["message_id"]]

    await eventually(lambda: len(fates()) == 1, lambda: f"{fates()}")
    await service.text(client.number, "CLIENT sms start")
    await service.completed(client.number, requests=2)
    assert len(fates()) == 1


@pytest.mark.drill
async def test_a_projection_is_killed_between_its_rows_and_their_commit(service: Service) -> None:
    await service.start("projector")
    try:
        await service.projected()
        client = service.new_client()
        point = Point("inbound.projections.writer:advance", "after")
        async with aim_role(service, "projector", point) as aimed:
            await service.text(client.number, INFO)
            await service.completed(client.number)
            await aimed.reached()
            await aimed.kill()
        await service.projected()
        verified = await service.command("projections", "verify")
        assert verified.status == 0, verified.out + verified.err
    finally:
        await service.stop(service.one("projector"))


# -- the operator's commands -----------------------------------------------------------------


@pytest.mark.drill
async def test_a_retry_is_killed_between_kafka_and_the_removal(service: Service) -> None:
    client = service.new_client()
    key = client.number
    places = poison.put(
        service, service.names.mo, [poison.text(key, arrived_at="soon")], number=key
    )
    row = await dead_letter_id(service, places[0])
    # What was wrong with it is mended: here in the stored message, as a new release would read it.
    await mend(service, row, poison.text(key, arrived_at=datetime.now(UTC).isoformat()))
    point = Point("inbound.store.dead_letters.dead_letters:remove", "before")
    async with aim(service, point, "deadletters", "retry", str(row)) as aimed:
        await aimed.reached()
        await service.completed(client.number)
        await aimed.kill()
    assert await dead_letter_id(service, places[0]) == row, "it has to be there still"
    again = await service.command("deadletters", "retry", str(row))
    assert (again.status, again.out) == (0, "1 published again\n")
    await service.text(client.number, "CLIENT sms stop")
    await service.completed(client.number, requests=2)
    assert service.accepted(client.number) == ["client_info", "sms_stop"]
    assert service.script.texts_to(client.number).count(client.registration) == 1


async def dead_letter_id(service: Service, place: poison.Place) -> int:
    """Wait until a record is set aside and return its number."""
    query = "SELECT id FROM dead_letters WHERE topic = %s AND partition = %s AND kafka_offset = %s"
    await eventually(lambda: bool(service.rows(query, *place)), lambda: f"{place} is not set aside")
    found: int = service.value(query, *place)
    return found


async def mend(service: Service, row: int, value: bytes) -> None:
    """Put another value into a dead letter."""
    sealer = Sealer(VaultCipher(VAULT_KEY))
    with connect(service.database_url, "tests") as conn:
        [(stored, message)] = opened(conn, sealer, find(conn, Selection(ids=(row,)), limit=1))
    sealed = sealer.seal(pack(message._replace(value=value)), stored.place.sealing_context)
    service.execute("UPDATE dead_letters SET sealed = %s WHERE id = %s", sealed, row)


@pytest.mark.parametrize(
    "point",
    [
        Point(
            "inbound.store.transactions.postgres_transaction:PostgresTransaction.write", "before"
        ),
        Point("inbound.store.transactions.postgres_transaction:PostgresTransaction.write", "after"),
    ],
    ids=str,
)
async def test_an_erasure_is_killed_in_the_middle(service: Service, point: Point) -> None:
    client = service.new_client()
    await service.text(client.number, "CLIENT sms stop")
    await service.completed(client.number)
    tables = "subjects", "clients", "erasures", "audit", "events", "outbox"
    before = service.sizes(*tables)
    arguments = "erase", "--phone", client.number, "--reason", "asked for it", "--yes"
    async with aim(service, point, *arguments) as aimed:
        await aimed.reached()
        await aimed.kill()
    await eventually(lambda: service.sizes(*tables) == before, lambda: f"{service.sizes(*tables)}")
    ran = await service.command(*arguments)
    assert ran.status == 0, ran.err
    after = service.sizes("subjects", "clients", "erasures")
    assert after == {
        "subjects": before["subjects"] - 1,
        "clients": before["clients"] - 1,
        "erasures": before["erasures"] + 1,
    }


@pytest.mark.drill
async def test_an_erasure_is_killed_before_it_can_say_so(service: Service) -> None:
    client = service.new_client()
    await service.text(client.number, "CLIENT sms stop")
    await service.completed(client.number)
    arguments = "erase", "--phone", client.number, "--reason", "asked for it", "--yes"
    async with aim(
        service, Point("inbound.erasure.eraser:Eraser.erase", "after"), *arguments
    ) as aimed:
        await aimed.reached()
        await aimed.kill()
    again = await service.command(*arguments)
    assert (again.status, "nothing to erase" in again.out) == (1, True)
    listed = await service.command("erasures", "--json", "--limit", "1")
    assert json.loads(listed.out)["removed"]["subjects"] == 1
    await service.text(client.number, "CLIENT sms stop")
    await service.completed(client.number)
    assert STOPPED not in service.script.texts_to(client.number)[2:]
