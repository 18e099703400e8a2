"""Builds the loops of the scheduler from its settings."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from typing import Final

from typing_extensions import override

from inbound.broadcasts.batches import Batches
from inbound.broadcasts.pump import Pump, PumpSettings
from inbound.broadcasts.sealing import AudienceSealer
from inbound.callbacks.posting import Poster
from inbound.clock import utc_now
from inbound.keys import IndexKey, SubjectHasher, VaultCipher
from inbound.ops.health import Health
from inbound.orders.dispatch import Dispatcher
from inbound.orders.wiring import IntakeConnections
from inbound.scheduler.broadcasts import BroadcastLoop
from inbound.scheduler.callbacks import Callbacks
from inbound.scheduler.due_orders import DueOrders
from inbound.scheduler.loops import Loop, LoopHealth, Scheduler
from inbound.settings import Settings
from inbound.store.access.approval_rules import ApprovalRules
from inbound.store.connection_pool import ConnectionPool
from inbound.store.connections import connect
from inbound.store.sealing import Sealer
from inbound.store.transactions.postgres import PostgresStore
from schemas.topics import TopicNames

APPLICATION_NAME: Final = "scserv scheduler"

ORDERS: Final = "orders"
BROADCASTS: Final = "broadcasts"
CALLBACKS: Final = "callbacks"


async def run_scheduler(settings: Settings, index_key: IndexKey, health: Health) -> None:
    """Run all loops until cancelled; each has connections of its own."""
    async with AsyncExitStack() as stack:
        # A further loop is one more entry: a class with `async run(stop)`.
        reports = {name: LoopHealth(health, name) for name in (ORDERS, BROADCASTS, CALLBACKS)}
        loops: dict[str, Loop] = {
            ORDERS: DueOrders(_dispatcher(settings, index_key, stack), reports[ORDERS]),
            BROADCASTS: _broadcasts(settings, index_key, stack, reports[BROADCASTS]),
            CALLBACKS: _callbacks(settings, stack, reports[CALLBACKS]),
        }
        await Scheduler(loops, health, reports).run()


def _dispatcher(settings: Settings, index_key: IndexKey, stack: AsyncExitStack) -> Dispatcher:
    store = PostgresStore(
        settings.database_url.get_secret_value(),
        VaultCipher(settings.vault_keys()),
        application_name=APPLICATION_NAME,
    )
    stack.push_async_callback(store.close)
    hasher = SubjectHasher(index_key)
    names = TopicNames.prefixed(settings.topic_prefix)
    return Dispatcher(store, hasher, names, sender=settings.sender, clock=utc_now)


def _broadcasts(
    settings: Settings, index_key: IndexKey, stack: AsyncExitStack, report: LoopHealth
) -> BroadcastLoop:
    connections = IntakeConnections(settings, index_key)
    stack.push_async_callback(connections.close)
    pump = Pump(
        connections.intake,
        _dispatcher(settings, index_key, stack),
        Batches(AudienceSealer(settings.vault_keys()), clock=utc_now),
        PumpSettings(
            settings.broadcasts.ahead, timedelta(seconds=settings.broadcasts.late_after_s)
        ),
        clock=utc_now,
    )
    url = settings.database_url.get_secret_value()
    return BroadcastLoop(
        partial(connect, url, "scserv broadcasts"),
        pump,
        report,
        ApprovalRules(settings.broadcasts.approval_above, settings.sender_approval),
    )


def _callbacks(settings: Settings, stack: AsyncExitStack, report: LoopHealth) -> Callbacks:
    pool = ConnectionPool(
        settings.database_url.get_secret_value(), "scserv callbacks", connections=2
    )
    stack.push_async_callback(pool.close)
    return Callbacks(
        pool,
        Sealer(VaultCipher(settings.vault_keys())),
        _LazyPoster(),
        report,
        clock=utc_now,
    )


class _LazyPoster(Poster):
    """Imports the HTTP client at the first call: most installations make none."""

    def __init__(self) -> None:
        self._poster: Poster | None = None

    @override
    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], *, private_allowed: bool
    ) -> None:
        if self._poster is None:
            self._poster = await asyncio.to_thread(_http_poster)
        await self._poster.post(url, body, headers, private_allowed=private_allowed)


def _http_poster() -> Poster:
    from inbound.callbacks.http_poster import HttpPoster

    return HttpPoster()
