"""Calls in SMSC's form about messages over SMPP that ask for no receipt."""

import asyncio

import psycopg
import pytest

from inbound.callbacks.signing import secret_context
from inbound.clock import utc_now
from inbound.handlers.order_progress import OrderChange
from inbound.keys import VaultCipher
from inbound.ops.health import Health
from inbound.scheduler.callbacks import Callbacks
from inbound.scheduler.loops import LoopHealth
from inbound.smpp.segmentation import split
from inbound.store.callbacks.callbacks import SMSC, CallbackUrl, set_url
from inbound.store.connection_pool import ConnectionPool
from inbound.store.orders.rows import OrderWrites
from inbound.store.sealing import Sealer
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.postgres import PostgresStore
from schemas.orders import OrderState
from tests.fix_store import VAULT_KEY
from tests.integration.ingress.smpp_world import PHONE, bind, create_account, rows, serving
from tests.integration.ingress.test_smsc_callbacks import SEALER, SECRET, Receiver

pytestmark = pytest.mark.usefixtures("settings_of_the_service")


async def test_each_id_is_told_with_what_the_network_told(
    conn: psycopg.Connection, database_url: str
) -> None:
    shop = create_account("shop")
    sealed = SEALER.seal(SECRET.encode(), secret_context("shop"))
    set_url(conn, CallbackUrl("shop", "https://example.org/sms", sealed, False, False, SMSC))
    async with serving() as (port,):
        program = await bind(port, shop, system_type="SINGLE")
        ids = [
            (
                await program.submit(
                    part.short_message, esm_class=part.esm_class, registered_delivery=0
                )
            ).message_id
            for part in split("long " * 50, reference=7)
        ]
        await program.submit("with a receipt")
    number_hash = rows(conn, "SELECT number_hash FROM smpp_messages")[0]
    answer = Sealer(VaultCipher(VAULT_KEY)).network_answer(b"imsi:250023012345678", number_hash)
    conn.execute("UPDATE smpp_messages SET answer = %s", (answer,))
    store = PostgresStore(database_url, VaultCipher(VAULT_KEY))
    async with store.transaction() as transaction:
        changes = {
            order_id: OrderChange(order_id, OrderState.DELIVERED, utc_now())
            for order_id in rows(conn, "SELECT order_id FROM orders")
        }
        await transaction.write(Changes(orders=OrderWrites(changes=changes)))
    await store.close()
    receiver, pool = Receiver(), ConnectionPool(database_url, "tests")
    health = LoopHealth(Health(), "callbacks")
    loop = Callbacks(pool, SEALER, receiver, health, clock=utc_now)
    await loop._call_until_done("shop", asyncio.Event())
    await pool.close()
    told = [(one["id"], one["phone"], one["status"], one["imsi"]) for one in receiver.calls]
    assert told == [(one, PHONE, "1", "250023012345678") for one in ids]
    assert len(ids) > 1
    for one in receiver.calls:
        receiver.check_signature(one)
