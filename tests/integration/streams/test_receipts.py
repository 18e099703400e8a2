"""From receipts to events: on both stores, in whatever order and however often they come."""

import asyncio
import json
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from inbound.kafka.decoding import TopicRecord
from inbound.keys import VaultCipher
from inbound.retention import sweep
from inbound.settings import Settings
from inbound.store.transactions.postgres import PostgresStore
from schemas.messages import MobileTerminated, Outcome, PartResult, ReceiptState
from tests.fix_store import erase, somebody_waits, until
from tests.integration.streams.world import (
    NUMBER,
    STRANGER,
    TRACEPARENT,
    Backend,
    PostgresBackend,
    World,
    by_purpose,
)

FATES = "message.delivered", "message.undeliverable", "message.undetermined"


def taken(world: World, message: MobileTerminated, *ids: str, **fields: Any) -> TopicRecord:
    """The centre took the parts of a message and gave them these ids."""
    parts = tuple(PartResult(status=0, smsc_message_id=id_) for id_ in ids)
    return world.results(world.result(message, Outcome.SUBMITTED, parts=parts, **fields))


async def text(world: World, text: str = "CLIENT sms stop", source: str = NUMBER) -> None:
    """A command whose acknowledgement got the id `a1`, and whose fulfilment is owed."""
    await world.commands([world.text(text, source)])
    await world.delivery([taken(world, world.owed()[-1], "a1")])


async def fates(world: World) -> list[dict[str, Any]]:
    return [
        {"type": event.type, "trace": json.loads(event.metadata).get("traceparent")}
        | json.loads(event.data)
        for event in await world.events()
        if event.type in FATES
    ]


async def test_a_message_on_the_phone_is_an_event(world: World) -> None:
    await text(world)
    world.now += timedelta(seconds=9)
    await world.delivery([world.receipts(world.receipt("a1", error="000"))])
    [acknowledgement, _] = world.owed()
    assert await fates(world) == [
        {
            "type": "message.delivered",
            "trace": TRACEPARENT,
            "message_id": str(acknowledgement.message_id),
            "request_id": str(acknowledgement.request_id),
            "purpose": "acknowledgement",
            "template": "acknowledgement",
            "parts": 1,
            "state": "delivered",
            "error": "000",
            "centre": "main",
            "bind": "main-1",
            "at": "2024-05-17T12:00:09Z",
        }
    ]
    assert by_purpose(world.owed()) == ["acknowledgement", "fulfilment"]


async def test_all_parts_have_to_arrive(world: World) -> None:
    await text(world, "CLIENT info")
    await world.delivery([taken(world, world.owed()[1], "b1", "b2", "b3")])
    for id_ in ("b3", "b1"):
        await world.delivery([world.receipts(world.receipt(id_))])
        assert await fates(world) == []
    await world.delivery([world.receipts(world.receipt("b2"))])
    assert [(one["type"], one["purpose"], one["parts"]) for one in await fates(world)] == [
        ("message.delivered", "fulfilment", 3)
    ]


async def test_a_failure_is_no_end_of_the_request(world: World) -> None:
    await text(world)
    await world.delivery([taken(world, world.owed()[1], "b1")])
    expired = world.receipt("b1", state=ReceiptState.EXPIRED)
    await world.delivery([world.receipts(expired)])
    [*_, submitted, completed, undeliverable] = await world.events()
    assert submitted.type == "message.submitted"
    assert json.loads(completed.data)["completion"] == "fulfilled"
    assert (undeliverable.type, json.loads(undeliverable.data)["state"]) == (
        "message.undeliverable",
        "expired",
    )


# -- once is enough ------------------------------------------------------------------------------


async def test_a_receipt_counts_once_however_often_it_comes(
    world: World, new_world: Callable[[], World]
) -> None:
    await text(world)
    receipt = world.receipts(world.receipt("a1"), world.receipt("a1"))
    await world.delivery([receipt, receipt])
    assert len(await fates(world)) == 1
    before = await world.everything()
    late = world.receipts(world.receipt("a1", state=ReceiptState.UNDELIVERABLE))
    for again in (world, new_world()):
        await again.delivery([receipt, late])
    assert await world.everything() == before


async def test_a_commit_that_failed_is_repeated_without_doubles(world: World) -> None:
    await world.commands([world.text("CLIENT sms stop")])
    world.store.failures = 2
    [acknowledgement] = world.owed()
    batch = [world.receipts(world.receipt("a1")), taken(world, acknowledgement, "a1")]
    await world.delivery(batch)
    assert world.store.failures == 0
    assert len(await fates(world)) == 1
    before = await world.everything()
    await world.delivery(batch)
    assert await world.everything() == before


# -- early and never -----------------------------------------------------------------------------


@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "in two"])
async def test_a_receipt_before_its_result_waits_for_it(
    world: World, backend: Backend, together: bool
) -> None:
    await world.commands([world.text("CLIENT sms stop")])
    [acknowledgement] = world.owed()
    receipt = world.receipts(world.receipt("a1"), world.receipt("a1"))
    result = taken(world, acknowledgement, "a1")
    if together:
        await world.delivery([receipt, result])
    else:
        await world.delivery([receipt])
        await world.delivery([receipt])
        assert backend.for_receipts() == {"sent": 0, "early": 1}
        assert await fates(world) == []
        await world.delivery([result])
    assert await world.types() == [
        "request.accepted",
        "subscription.stopped",
        "message.submitted",
        "message.delivered",
    ]
    assert backend.for_receipts() == {"sent": 1, "early": 0}


async def test_two_workers_with_one_partition_do_not_pass_each_other(
    postgres_world: World, postgres_backend: PostgresBackend, cipher: VaultCipher
) -> None:
    """As after a rebalance: a batch waits for the other worker's batch of its partition."""
    world, other = postgres_world, PostgresStore(postgres_backend.url, cipher)
    await world.commands([world.text("CLIENT sms stop")])
    result = taken(world, world.owed()[0], "a1")
    with psycopg.connect(postgres_backend.url, autocommit=True) as eyes:
        slow = World(PostgresBackend(other, postgres_backend.url))
        async with other.transaction() as transaction:
            await transaction.lock_names([f"{world.names.receipts}[0]"])
            waiting = asyncio.create_task(world.delivery([result]))
            await until(lambda: somebody_waits(eyes))
        await waiting
        await slow.delivery([slow.receipts(slow.receipt("a1"))])
    await other.close()
    assert len(await fates(world)) == 1


async def test_early_receipts_keep_their_order(world: World) -> None:
    await world.commands([world.text("CLIENT sms stop")])
    enroute = world.receipt("a1", state=ReceiptState.ENROUTE, final=False)
    world.now += timedelta(seconds=1)
    await world.delivery([world.receipts(world.receipt("a1"), enroute)])
    await world.delivery([taken(world, world.owed()[0], "a1")])
    assert [one["state"] for one in await fates(world)] == ["delivered"]


async def test_an_unanswered_part_gets_no_receipt_and_the_message_no_fate(world: World) -> None:
    await text(world, "CLIENT info")
    parts = PartResult(status=0, smsc_message_id="b1"), PartResult()
    unknown = world.result(world.owed()[1], Outcome.UNKNOWN, parts=parts)
    await world.delivery([world.results(unknown)])
    await world.delivery([world.receipts(world.receipt("b1"))])
    assert await fates(world) == []


async def test_a_message_that_goes_again_is_known_with_its_last_result(
    world: World, backend: Backend
) -> None:
    await text(world, "CLIENT info")
    fulfilment = world.owed()[1]
    first = PartResult(status=0, smsc_message_id="b1")
    unknown = world.result(fulfilment, Outcome.UNKNOWN, final=False, parts=(first, PartResult()))
    await world.delivery([world.results(unknown)])
    await world.delivery([world.receipts(world.receipt("b1"))])
    assert backend.for_receipts() == {"sent": 1, "early": 1}
    await world.delivery([taken(world, fulfilment, "b1", "b2")])
    await world.delivery([world.receipts(world.receipt("b2"))])
    assert [one["parts"] for one in await fates(world)] == [2]


async def test_a_receipt_of_nothing_we_sent_makes_no_event(world: World, backend: Backend) -> None:
    await text(world)
    before = await world.events()
    await world.delivery([world.receipts(world.receipt("zz"), world.receipt("a1", centre="b"))])
    assert await world.events() == before
    assert backend.for_receipts() == {"sent": 1, "early": 2}


async def test_a_receipt_that_waited_in_vain_is_given_up_and_counted(
    postgres_world: World, postgres_backend: PostgresBackend, caplog: pytest.LogCaptureFixture
) -> None:
    world, settings = postgres_world, Settings(database_url=SecretStr(postgres_backend.url))
    await text(world)
    await world.delivery([world.receipts(world.receipt("zz"))])
    caplog.set_level(logging.INFO)
    for days, left in (2, 1), (4, 0):
        sweep(settings, world.now + timedelta(days=days), thorough=True)
        assert postgres_backend.for_receipts()["early"] == left
    assert caplog.messages.count("1 unmatched receipt: no result for the message arrived") == 1


async def test_a_receipt_from_somebody_else_is_not_believed(world: World, backend: Backend) -> None:
    await text(world)
    await text(world, source=STRANGER)
    await world.delivery([taken(world, world.owed()[1], "b1")])
    before = await world.everything()
    await world.delivery([world.receipts(world.receipt("a1", number="+79037654321"))])
    assert await world.everything() == before
    await world.delivery([world.receipts(world.receipt("b1", number=STRANGER))])
    assert await fates(world) == []
    assert backend.for_receipts()["early"] == 1


async def test_a_receipt_after_the_erasure_makes_no_event(world: World, backend: Backend) -> None:
    await text(world)
    before = await world.events()
    async with backend.store.transaction() as transaction:
        await erase(transaction, NUMBER)
    await world.delivery([world.receipts(world.receipt("a1"))])
    assert await world.events() == before
    assert backend.for_receipts() == {"sent": 0, "early": 0}


# -- ids -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answered", "reported"),
    [("00A2", ("A2", "a2")), ("a2", ("162", "a2")), ("162", ("A2", "a2", "162"))],
    ids=["padded", "in decimal", "in hexadecimal"],
)
async def test_an_id_in_another_writing_is_found(
    world: World, answered: str, reported: tuple[str, ...]
) -> None:
    await world.commands([world.text("CLIENT sms stop")])
    await world.delivery([taken(world, world.owed()[0], answered)])
    await world.delivery([world.receipts(world.receipt(*reported))])
    assert len(await fates(world)) == 1


async def test_with_the_form_of_a_centre_an_id_is_no_other_that_looks_like_it(world: World) -> None:
    await text(world, "CLIENT info")
    # By guessing, 1000 may be the first and 4096 the second of these.
    parts = "1000", "3E8"
    await world.delivery([taken(world, world.owed()[1], *parts, id_form="hexadecimal")])
    await world.delivery([world.receipts(world.receipt("4096"))])
    await world.delivery([world.receipts(world.receipt("4096", state=ReceiptState.EXPIRED))])
    assert await fates(world) == []
    await world.delivery([world.receipts(world.receipt("1000"))])
    assert [one["type"] for one in await fates(world)] == ["message.delivered"]


@pytest.mark.parametrize("named", ["b1", "b3"])
async def test_one_receipt_with_the_id_of_one_part_is_for_all_where_the_centre_does_so(
    world: World, named: str
) -> None:
    await text(world, "CLIENT info")
    await world.delivery([taken(world, world.owed()[1], "b1", "b2", "b3")])
    await world.delivery([world.receipts(world.receipt(named, per_message=True))])
    assert [(one["type"], one["parts"]) for one in await fates(world)] == [("message.delivered", 3)]


async def test_one_receipt_for_all_parts_of_a_centre_that_sees_the_whole(world: World) -> None:
    await text(world, "CLIENT info")
    await world.delivery([taken(world, world.owed()[1], "b1", "b1", "b1")])
    await world.delivery([world.receipts(world.receipt("b1"))])
    assert [one["parts"] for one in await fates(world)] == [3]


# -- what can't be read --------------------------------------------------------------------------


async def test_poisonous_receipts_are_set_aside(world: World, backend: Backend) -> None:
    await text(world)
    good = world.receipts(world.receipt("a1"))
    poison = TopicRecord(world.names.receipts, 0, 900, None, b'{"receipts":[{}]}', good.headers)
    strange = world.receipts(world.receipt("a1", key="no hash"))
    await world.delivery([poison, strange, good])
    assert len(await fates(world)) == 1
    assert [topic for topic, _ in backend.dead_letters()] == [world.names.receipts] * 2
