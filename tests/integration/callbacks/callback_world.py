"""A store, an account with a URL, and a receiver of the calls to it."""

import asyncio
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from typing_extensions import override

from inbound.callbacks.posting import CallbackFailed, Poster
from inbound.callbacks.signing import secret_context, signed_headers
from inbound.handlers.order_progress import OrderChange
from inbound.keys import VaultCipher
from inbound.ops.health import Health
from inbound.scheduler.callbacks import Callbacks
from inbound.scheduler.loops import LoopHealth
from inbound.store.callbacks import callbacks as stored
from inbound.store.callbacks.callbacks import CallbackUrl
from inbound.store.connection_pool import ConnectionPool
from inbound.store.sealing import Sealer
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.postgres import PostgresStore
from schemas.orders import OrderState
from tests.fix_orders import NOON, intake_on, order

SECRET = "whsec_plJ3nmyCDGBKInavdOK15jsl"
URL = "https://example.org/sms"


class Receiver(Poster):
    """Takes calls, or fails them while `failing`. Notes the state that each call told.

    Calls about a message in `slow` are answered once `released` is set.
    """

    def __init__(self) -> None:
        self.slow: set[UUID] = set()
        self.released = asyncio.Event()
        self.running = self.most_running = 0
        self.calls: list[tuple[dict[str, Any], Mapping[str, str]]] = []
        self.failing = False
        self.failure = CallbackFailed("answered 500")
        self.secrets = [SECRET]

    @override
    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], *, private_allowed: bool
    ) -> None:
        assert (url, private_allowed) == (URL, False)
        told = json.loads(body)
        self.calls.append((told, headers))
        timestamp = int(headers["webhook-timestamp"])
        assert headers == signed_headers(self.secrets, headers["webhook-id"], timestamp, body)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        # All that were started run side by side, as they do over the network.
        await asyncio.sleep(0)
        if told["data"].get("id") in map(str, self.slow):
            await self.released.wait()
        self.running -= 1
        if self.failing:
            raise self.failure

    @property
    def states(self) -> list[str]:
        return [body["data"]["state"] for body, _ in self.calls]


class World:
    """A store, an account with a URL, and a loop that runs when it is asked to."""

    def __init__(self, url: str, cipher: VaultCipher, conn: psycopg.Connection) -> None:
        self.conn = conn
        self.store = PostgresStore(url, cipher)
        self.receiver = Receiver()
        self.now = NOON
        self.pool = ConnectionPool(url, "tests")
        self.sealer = Sealer(cipher)
        self.loop = Callbacks(
            self.pool,
            self.sealer,
            self.receiver,
            LoopHealth(Health(), "callbacks"),
            clock=lambda: self.now,
            chance=lambda: 0.5,
        )
        self.set_url()

    def set_url(self, *, commands: bool = False) -> None:
        sealed = self.sealer.seal(SECRET.encode(), secret_context("default"))
        stored.set_url(self.conn, CallbackUrl("default", URL, sealed, commands, False))

    async def place(self, **fields: Any) -> UUID:
        (placed,) = await intake_on(self.store).place([order(callback=True, **fields)])
        return placed.order_id

    async def change(self, order_id: UUID, *states: OrderState) -> None:
        for state in states:
            async with self.store.transaction() as tx:
                changes = Changes()
                changes.orders.changes[order_id] = OrderChange(order_id, state, self.now)
                await tx.write(changes)

    async def call(self) -> None:
        """Make all calls that are due now."""
        await self.loop._call_until_done("default", asyncio.Event())

    def waiting(self) -> list[tuple[str, int, datetime | None]]:
        rows = self.conn.execute("SELECT type, attempts, dead_at FROM callbacks ORDER BY id")
        return [(type_, attempts, dead_at) for type_, attempts, dead_at in rows]
