"""Builds the loops of the scheduler from its settings."""

from inbound.clock import utc_now
from inbound.keys import SubjectHasher, VaultCipher
from inbound.ops.health import Health
from inbound.orders.dispatch import Dispatcher
from inbound.scheduler.due_orders import DueOrders
from inbound.scheduler.loops import Loop, LoopHealth, Scheduler
from inbound.settings import Settings
from inbound.store.transactions.postgres import PostgresStore
from schemas.topics import TopicNames

APPLICATION_NAME = "scserv scheduler"

ORDERS = "orders"


async def run_scheduler(settings: Settings, health: Health) -> None:
    """Run all loops until cancelled; each has connections of its own."""
    url = settings.database_url.get_secret_value()
    store = PostgresStore(
        url, VaultCipher(settings.vault_key_bytes()), application_name=APPLICATION_NAME
    )
    dispatcher = Dispatcher(
        store,
        SubjectHasher(settings.subject_key_bytes()),
        TopicNames.prefixed(settings.topic_prefix),
        clock=utc_now,
    )
    # A further loop is one more entry: a class with `async run(stop)`.
    loops: dict[str, Loop] = {
        ORDERS: DueOrders(dispatcher, LoopHealth(health, ORDERS)),
    }
    try:
        await Scheduler(loops, health).run()
    finally:
        await store.close()
