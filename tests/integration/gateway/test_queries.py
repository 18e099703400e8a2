"""A message whose receipt is overdue is asked after by query_sm, and the answer is a receipt."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr

from inbound.clock import utc_now
from inbound.gateway.queries import OverdueQueries
from inbound.gateway.receipts import ReceiptPublisher
from inbound.handlers.receipts import SentPart
from inbound.keys import IndexKey, SubjectHasher, VaultCipher
from inbound.settings import SmppSettings
from inbound.smpp.esme import Esme
from inbound.smpp.listener import listen
from inbound.smpp.pdu import QuerySm, QuerySmResp, RequestPdu, ResponsePdu
from inbound.smpp.receipts import MessageState
from inbound.smpp.session import Answer, Session
from inbound.smpp.status import Status
from inbound.store.receipts.overdue import OverdueReceipts
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.postgres import PostgresStore
from schemas.messages import Purpose, ReceiptReceived, ReceiptsReceived, ReceiptState
from tests.integration.streams.outbox.bench import _bind_settings, _no_texts

DELIVERED = MessageState.DELIVERED
NUMBER = "+79161234567"
SETTINGS = SmppSettings(centre="main", bind="main-1", query_after_s=60, password=SecretStr(""))


def sent_part(subject_id: UUID, id_: str, at: datetime, centre: str = "main") -> SentPart:
    return SentPart(
        subject_id=subject_id,
        message_id=uuid4(),
        part=1,
        parts=1,
        request_id=None,
        purpose=Purpose.FULFILMENT,
        template="stopped",
        centre=centre,
        smsc_message_id=id_,
        submitted_at=at,
    )


class Published:
    def __init__(self) -> None:
        self.receipts: list[ReceiptReceived] = []

    async def send(self, _topic: str, value: bytes, **_: Any) -> "asyncio.Future[None]":
        self.receipts += ReceiptsReceived.model_validate_json(value).receipts
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        stored.set_result(None)
        return stored


class QuerySmsc:
    """Knows one message, and nothing of any other."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.states = {"known": DELIVERED, "open": MessageState.ENROUTE, "00A1": DELIVERED}

    async def on_request(self, pdu: RequestPdu[Any], _session: Session) -> Answer:
        assert isinstance(pdu, QuerySm)
        assert (pdu.source_addr_ton, pdu.source_addr) == (5, "SCSERV")
        self.asked.append(pdu.message_id)
        state = self.states.get(pdu.message_id)
        if state is None:
            refusal: ResponsePdu = pdu.answer(Status.ESME_RQUERYFAIL)
            return refusal
        answer: QuerySmResp = pdu.answer()
        answer.message_id, answer.message_state = pdu.message_id, state
        return answer


@pytest.fixture
async def esme() -> AsyncIterator[tuple[QuerySmsc, Esme]]:
    centre = QuerySmsc()

    async def welcome(_bind: object, _session: object) -> int:
        return 0

    listener = await listen("127.0.0.1", 0, on_bind=welcome, on_request=centre.on_request)
    esme = Esme(_bind_settings(listener.port), _no_texts)
    running = asyncio.create_task(esme.run())
    yield centre, esme
    await esme.close()
    running.cancel()
    await listener.close()


async def test_only_what_is_overdue_is_asked_after_and_once(
    esme: tuple[QuerySmsc, Esme],
    cipher: VaultCipher,
    database_url: str,
) -> None:
    centre, client = esme
    now = utc_now()
    hash_ = SubjectHasher(IndexKey(bytes(32))).hash(NUMBER)
    store = PostgresStore(database_url, cipher)
    async with store.transaction() as tx:
        subject_id = (await tx.subjects({hash_: NUMBER}))[hash_]
        old, new = now - timedelta(seconds=61), now - timedelta(seconds=59)
        parts = [
            sent_part(subject_id, id_, at)
            for id_, at in (("known", old), ("open", old), ("strange", old), ("young", new))
        ]
        elsewhere = sent_part(subject_id, "far", old, "far")
        rewritten = replace(sent_part(subject_id, "a1", old), written_id="00A1")
        await tx.write(Changes(sent=[*parts, elsewhere, rewritten]))
    overdue, published = OverdueReceipts(database_url), Published()
    publisher = ReceiptPublisher(published, "receipts", clock=utc_now, new_id=uuid4)
    publishing = asyncio.create_task(publisher.run())
    queries = OverdueQueries(SETTINGS, "SCSERV", client, overdue, publisher, clock=lambda: now)
    assert await queries.query_once() == 3
    assert sorted(centre.asked) == ["00A1", "known", "open", "strange"]
    found = {r.message_ids: (r.state, r.final, r.key) for r in published.receipts}
    assert found == {
        ("known",): (ReceiptState.DELIVERED, True, hash_.hex()),
        ("a1",): (ReceiptState.DELIVERED, True, hash_.hex()),
        ("open",): (ReceiptState.ENROUTE, False, hash_.hex()),
    }
    assert await queries.query_once() == 0
    publishing.cancel()
    await asyncio.gather(publishing, return_exceptions=True)
    await overdue.close()
    await store.close()
