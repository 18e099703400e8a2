"""Poison on the real processes: it is set aside, says why, and holds nobody up."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psutil
import pytest

from inbound.handlers.state import STATE_VERSION
from inbound.keys import VaultCipher
from inbound.store.log.rows import NewEvent
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.postgres import PostgresStore
from schemas.messages import MobileTerminated, Purpose
from tests.e2e import poison
from tests.e2e.poison import Place
from tests.fix_service import STOPPED, VAULT_KEY, Service, eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

NEWER = [(poison.TYPE, b"ru.scserv.mo.received.v2")]
FLOOD = 5_000


async def until_set_aside(service: Service, places: Sequence[Place]) -> list[dict[str, Any]]:
    """Wait until these are set aside, and return what `scserv deadletters` says of them."""
    wanted = [str(tuple(place)) for place in places]

    def rows() -> list[tuple[Any, ...]]:
        query = """SELECT id FROM dead_letters
                   WHERE format('(''%%s'', %%s, %%s)', topic, partition, kafka_offset) = ANY(%s)"""
        return service.rows(query, wanted)

    await eventually(
        lambda: len(rows()) >= len(places),
        lambda: f"dead letters {rows()}\n{service.log_of('worker')[-2000:]}",
    )
    ran = await service.command("deadletters", "list", "--json", "--limit", "10000")
    assert ran.status == 0, ran.err
    listed = [json.loads(line) for line in ran.out.splitlines()]
    return [row for row in listed if (row["topic"], row["partition"], row["offset"]) in places]


MO = {
    "nothing at all": (b"", None, "no valid mo.received.v1: is not valid JSON"),
    "no value": (None, None, "no valid mo.received.v1: is not valid JSON"),
    "no JSON": (b"\xff\xfe\x1b[2J", None, "no valid mo.received.v1: is not valid JSON"),
    "cut off": (
        poison.text("+79161111111")[:-20],
        None,
        "no valid mo.received.v1: is not valid JSON",
    ),
    "no object": (b"[1, 2]", None, "no valid mo.received.v1: has to be a JSON object"),
    "without fields": (
        b"{}",
        None,
        "no valid mo.received.v1: mo_id is missing; centre is missing; bind is missing; ",
    ),
    "a field that does not fit": (
        poison.text("+79161111111", data_coding=300),
        None,
        "no valid mo.received.v1: data_coding has to be at most 255",
    ),
    "a newer version": (
        poison.text("+79161111111"),
        NEWER,
        "records of this type are not read here",
    ),
    "no number": (poison.text("not a number"), None, "ValueError in inbound/keys.py"),
    "what the database refuses": (
        poison.text(
            "+79161111111",
            centre="\0",
            part={"reference": 1, "total": 2, "sequence": 1},
        ),
        None,
        "PostgreSQL refused a statement (character_not_in_repertoire",
    ),
}


@pytest.mark.parametrize("kind", MO)
async def test_a_text_that_can_not_be_processed(service: Service, kind: str) -> None:
    value, headers, reason = MO[kind]
    client = service.new_client()
    worker = service.one("worker").process.pid
    places = poison.put(service, service.names.mo, [value], number=client.number, headers=headers)
    await service.text(client.number, "CLIENT sms stop")
    assert (await service.script.replies(client.number))[-1] == STOPPED
    [row] = await until_set_aside(service, places)
    assert reason in row["reason"]
    await service.ready()
    assert service.one("worker").process.pid == worker


async def test_an_exception_in_the_decision(service: Service) -> None:
    client = service.new_client()
    await service.text(client.number, "CLIENT sms stop")
    await service.completed(client.number)
    value = poison.text(client.number, arrived_at=poison.long_ago())
    places = poison.put(service, service.names.mo, [value], number=client.number)
    await service.text(client.number, "CLIENT sms start")
    await service.completed(client.number, requests=2)
    [row] = await until_set_aside(service, places)
    assert row["reason"].startswith("OverflowError in inbound/handlers/")


async def test_one_poison_message_does_not_affect_others(service: Service) -> None:
    numbers = service.new_numbers(200)
    service.import_clients_of(numbers)
    values = [poison.text(number) for number in numbers]
    values[120] = poison.text("no number")
    places = poison.put(service, service.names.mo, values, number=numbers[0])
    others = numbers[:120] + numbers[121:]
    await service.completed(*others)
    assert len(await until_set_aside(service, places[120:121])) == 1
    assert service.accepted(numbers[120]) == []


# -- results -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "headers", "reason"),
    [
        (b"\xff", None, "no valid mt.results.v1: is not valid JSON"),
        (b"{}", None, "no valid mt.results.v1: gateway is missing; results is missing"),
        (poison.results(), [(poison.TYPE, b"ru.scserv.mt.results.v2")], "are not read here"),
        (
            b'{"receipts": [{}]}',
            [(poison.TYPE, b"ru.scserv.mt.receipts.v1")],
            "no valid mt.receipts.v1",
        ),
    ],
)
async def test_a_result_that_can_not_be_read(
    service: Service, value: bytes, headers: poison.Headers | None, reason: str
) -> None:
    client = service.new_client()
    topic = service.names.receipts
    places = poison.put(service, topic, [value], number=client.number, headers=headers)
    await service.text(client.number, "CLIENT sms stop")
    await service.completed(client.number)
    [row] = await until_set_aside(service, places)
    assert reason in row["reason"]


async def test_one_bad_result_does_not_take_the_others_of_its_record(service: Service) -> None:
    """A subject whose events this release can't read, and a good one, in one record."""
    good, bad = service.new_client(), service.new_client()
    for client in (good, bad):
        await service.text(client.number, "CLIENT sms stop")
    await service.completed(good.number, bad.number)
    await _break_stream(service, bad.number)
    before = len(service.events(good.number))
    open_ = await _open_request(service, good.number)
    results = poison.results(
        poison.result(service.key_of(good.number), **open_),
        poison.result(
            service.key_of(bad.number), subject_id=str(service.events(bad.number)[0].stream_id)
        ),
        poison.result(service.key_of(good.number)),
    )
    places = poison.put(service, service.names.receipts, [results], number=good.number)
    [row] = await until_set_aside(service, places)
    assert (row["part"], row["reason"].split()[0]) == (2, "UnknownEventError")
    await eventually(
        lambda: len(service.events(good.number)) > before + 1,
        lambda: f"the good result was not processed: {service.events(good.number)}",
    )
    await service.start("gateway")


# -- the other side ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "headers", "reason"),
    [
        (b"\xff", None, "no valid mt.requested.v1: is not valid JSON"),
        (b"{}", [(poison.TYPE, b"ru.scserv.mt.requested.v2")], "are not read here"),
    ],
)
async def test_a_lane_goes_on_behind_what_is_no_message(
    service: Service, value: bytes, headers: poison.Headers | None, reason: str
) -> None:
    client = service.new_client()
    gateway = service.one("gateway").process.pid
    topic = service.names.mt_urgent
    places = poison.put(service, topic, [value], number=client.number, headers=headers)
    await service.text(client.number, "CLIENT sms stop")
    await service.completed(client.number)
    [row] = await until_set_aside(service, places)
    assert reason in row["reason"]
    assert service.one("gateway").process.pid == gateway


async def test_a_message_whose_template_the_gateway_lacks_ends_as_rejected(
    service: Service,
) -> None:
    """It has a final state and holds up nobody; a request must not wait for an operator."""
    client = service.new_client()
    await service.text(client.number, "CLIENT sms stop")
    await service.completed(client.number)
    subject_id = service.events(client.number)[0].stream_id
    message = MobileTerminated(
        message_id=uuid4(),
        subject_id=subject_id,
        purpose=Purpose.NOTIFICATION,
        template="of a newer release",
        not_after=datetime.now(UTC) + timedelta(hours=1),
    )
    poison.put(service, service.names.mt_normal, [message.to_json()], number=client.number)
    await service.text(client.number, "CLIENT sms start")
    await service.completed(client.number, requests=2)
    assert f"message {message.message_id} can't be rendered" in service.log_of("gateway")


# -- the operator ------------------------------------------------------------------------------


async def test_dead_letters_can_be_looked_at_safely(service: Service) -> None:
    client = service.new_client()
    garbage = f"\x1b[31m{client.number} canary\x07".encode()
    value = poison.text(client.number, data_coding=300)
    places = poison.put(service, service.names.mo, [garbage, value], number=client.number)
    rows = await until_set_aside(service, places)
    for row in rows:
        ran = await service.command("deadletters", "show", str(row["id"]))
        assert ran.status == 0
        assert client.number[1:] not in ran.out
        assert "canary" not in ran.out
        assert service.key_of(client.number).decode() not in ran.out
    assert '"data_coding": 300' in ran.out
    before = service.value("SELECT count(*) FROM audit")
    revealed = await service.command(
        "deadletters", "show", str(rows[0]["id"]), "--reveal", "ticket 7"
    )
    assert f"\\u001b[31m{client.number} canary\\u0007" in revealed.out
    assert all(c.isprintable() or c == "\n" for c in revealed.out)
    assert service.value("SELECT count(*) FROM audit") == before + 1
    refused = await service.command(
        "deadletters", "show", str(rows[0]["id"]), "--reveal", f"asked by {client.number}"
    )
    assert (refused.status, refused.out) == (2, "")
    assert client.number not in refused.err


async def test_a_retry_that_succeeds_and_one_that_fails_again(service: Service) -> None:
    client = service.new_client()
    await service.text(client.number, "CLIENT sms stop")
    await service.completed(client.number)
    await _break_stream(service, client.number)
    stuck = poison.text(client.number, payload="Q0xJRU5UIHNtcyBzdGFydA==")  # CLIENT sms start
    headers = [("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")]
    places = poison.put(service, service.names.mo, [stuck], number=client.number, headers=headers)
    places += poison.put(service, service.names.mo, [b"hopeless"], number=client.number)
    first, second = await until_set_aside(service, places)
    ids = str(first["id"]), str(second["id"])

    again = await service.command("deadletters", "retry", *ids)
    assert again.status == 1
    assert "2 published again" in again.out
    assert again.out.count("set aside again") == 2
    assert "UnknownEventError" in again.out

    await _mend_stream(service, client.number)
    choice = "--topic", service.names.mo, "--reason-like", "unknownevent"
    mended = await service.command("deadletters", "retry", *choice, "--yes")
    assert (mended.status, mended.out) == (0, "1 published again\n")
    await service.completed(client.number, requests=2)
    accepted = [e for e in service.events(client.number) if e.type == "request.accepted"][-1]
    assert accepted.metadata["traceparent"] == headers[0][1].decode()
    left = await service.command("deadletters", "list", *choice)
    assert left.out == "no dead letters of that kind\n"
    twice = await service.command("deadletters", "retry", *ids)
    assert (twice.status, twice.out) == (1, "")
    listed = await service.command(
        "deadletters", "list", "--reason-like", "no valid mo.received.v1: is not valid JSON"
    )
    assert "(retried 1 time)" in listed.out


async def test_a_retry_of_what_was_processed_makes_no_second_request(service: Service) -> None:
    """As when the retry was killed between Kafka's acknowledgement and the removal."""
    client = service.new_client()
    await service.text(client.number, "CLIENT sms stop")
    await service.completed(client.number)
    await _break_stream(service, client.number)
    value = poison.text(client.number, payload="Q0xJRU5UIHNtcyBzdGFydA==")
    places = poison.put(service, service.names.mo, [value], number=client.number)
    [row] = await until_set_aside(service, places)
    service.execute("CREATE TABLE kept AS SELECT * FROM dead_letters WHERE id = %s", row["id"])
    await _mend_stream(service, client.number)
    for _ in range(2):
        ran = await service.command("deadletters", "retry", str(row["id"]))
        assert (ran.status, ran.out) == (0, "1 published again\n")
        await service.completed(client.number, requests=2)
        service.execute(
            """INSERT INTO dead_letters (id, topic, partition, kafka_offset, reason, sealed)
               OVERRIDING SYSTEM VALUE
               SELECT id, topic, partition, kafka_offset, reason, sealed FROM kept"""
        )
    assert service.accepted(client.number) == ["sms_stop", "sms_start"]


async def test_many_are_discarded_at_once_and_recorded(service: Service) -> None:
    client = service.new_client()
    await until_set_aside(
        service, poison.put(service, service.names.mo, [b"junk"] * 5, number=client.number)
    )
    topic = service.names.mo
    count = service.value("SELECT count(*) FROM dead_letters WHERE topic = %s", topic)
    nobody_there = await service.command(
        "deadletters", "discard", "--topic", topic, "--reason", "junk"
    )
    assert nobody_there.status != 0
    assert service.value("SELECT count(*) FROM dead_letters WHERE topic = %s", topic) == count
    ran = await service.command(
        "deadletters", "discard", "--topic", topic, "--reason", "junk", "--yes"
    )
    assert (ran.status, ran.out) == (0, f"{count} discarded\n")
    assert service.value("SELECT count(*) FROM dead_letters WHERE topic = %s", topic) == 0
    recorded = service.value("SELECT reason FROM audit ORDER BY id DESC LIMIT 1")
    assert recorded == f"{count} messages: junk"
    assert service.rows("SELECT rows, bytes FROM dead_letter_usage") == service.rows(
        "SELECT count(*), coalesce(sum(size), 0) FROM dead_letters"
    )


# -- a flood ------------------------------------------------------------------------------------


@pytest.mark.drill
async def test_flood_of_poison_is_bounded_and_delays_nobody(service: Service) -> None:
    people = service.new_numbers(100)
    service.import_clients_of(people)
    worker = psutil.Process(service.one("worker").process.pid)
    before = worker.memory_info().rss
    for chunk in range(20):
        values = [b"{garbage %d" % n + b"x" * 1200 for n in range(FLOOD // 20)]
        poison.put(service, service.names.mo, values, number=people[chunk])
    for number in people:
        service.deliver(number, "CLIENT sms stop")
    await service.completed(*people)
    await eventually(
        lambda: service.value("SELECT rows FROM dead_letter_usage") >= FLOOD,
        lambda: f"dead letters {service.sizes('dead_letters')}",
    )
    grown = (worker.memory_info().rss - before) / 1e6
    assert grown < 50, f"the worker grew by {grown:.0f} MB"
    ran = await service.command("deadletters", "discard", "--all", "--reason", "flood", "--yes")
    assert ran.status == 0
    assert service.rows("SELECT rows, bytes FROM dead_letter_usage") == [(0, 0)]


async def _open_request(service: Service, number: str) -> dict[str, str]:
    """Have the worker accept a request while no gateway sends its acknowledgement."""
    gateway = service.one("gateway")
    await service.text(number, "CLIENT sms start")
    await service.completed(number, requests=2)
    await service.stop(gateway)
    service.import_clients_of([number])
    poison.put(service, service.names.mo, [poison.text(number)], number=number)
    await eventually(
        lambda: len(service.accepted(number)) == 3,
        lambda: f"accepted {service.accepted(number)}",
    )
    accepted = [e for e in service.events(number) if e.type == "request.accepted"][-1]
    return {
        "subject_id": str(accepted.stream_id),
        "request_id": accepted.data["request_id"],
    }


async def _break_stream(service: Service, number: str) -> None:
    """As a newer release would: an event of a type that this one does not know."""
    events = service.events(number)
    subject = events[0].stream_id
    store = PostgresStore(service.database_url, VaultCipher(VAULT_KEY))
    async with store.transaction() as transaction:
        newer = NewEvent(subject, len(events) + 1, "person.moved", 1, b"{}", b"{}")
        await transaction.write(Changes(events=[newer]))
    await store.close()
    service.execute(
        "UPDATE subject_states SET version = %s, state_version = %s WHERE stream_id = %s",
        len(events) + 1,
        STATE_VERSION + 1,
        subject,
    )


async def _mend_stream(service: Service, number: str) -> None:
    """As an upgrade would: the event can be read. Here it is taken out of the state's way."""
    subject = service.events(number)[0].stream_id
    service.execute(
        "UPDATE subject_states SET state_version = %s WHERE stream_id = %s",
        STATE_VERSION,
        subject,
    )
