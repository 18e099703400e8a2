"""`scserv gateway`, `worker`, `relay`, `projector`: the roles of the service."""

import os
import sys

import click

from inbound.cli._context import settings_options
from inbound.cli._runner import run_role, serve_health
from inbound.cli._signals import stop_event
from inbound.keys import SubjectHasher
from inbound.settings import Settings
from inbound.startup import (
    check_database,
    check_infrastructure,
    load_templates,
    make_cipher,
    watch_database,
    watch_kafka,
)

# Longer than delivery_timeout_ms of the producer, after which a send fails.
RELAY_HEARTBEAT_S = 60.0
# Longer than the time limit of a statement.
PROJECTOR_HEARTBEAT_S = 60.0
# 0 to 19: on a busy machine replies come first.
PROJECTOR_NICE = 10
_CONFLICTS_OF_WORKER = 5


@click.command
@settings_options
def gateway(settings: Settings) -> None:
    """Bind to the SMS centres: texts to Kafka, replies from Kafka to the SMS centre."""
    from inbound.gateway.process import Gateway
    from inbound.store.bind_reports import BindReports
    from inbound.store.claims.postgres import PostgresClaims
    from inbound.store.receipts.overdue import OverdueReceipts
    from inbound.store.transactions.postgres import PostgresStore

    health = serve_health(settings, "gateway", "bind")
    catalogue = load_templates(settings)
    index_key = check_infrastructure(settings)
    watch_database(settings, "gateway", health)
    watch_kafka(settings, health)
    url = settings.database_url.get_secret_value()
    cipher = make_cipher(settings)
    # The store connects only to write dead letters.
    store, claims = PostgresStore(url, cipher), PostgresClaims(url, cipher)
    made = Gateway(
        settings,
        catalogue,
        store,
        claims,
        BindReports(url),
        OverdueReceipts(url),
        health,
        hasher=SubjectHasher(index_key),
    )
    sys.exit(run_role(made.run))


@click.command
@settings_options
def worker(settings: Settings) -> None:
    """Process commands, orders, submit results and delivery receipts from Kafka."""
    from inbound.directory.postgres import PostgresDirectory
    from inbound.orders.wiring import IntakeConnections
    from inbound.store.transactions.postgres import PostgresStore
    from streams.worker import Worker

    health = serve_health(settings, "worker", "partitions")
    index_key = check_infrastructure(settings)
    watch_database(settings, "worker", health)
    watch_kafka(settings, health)
    url = settings.database_url.get_secret_value()
    cipher = make_cipher(settings)

    async def main() -> None:
        quotas = settings.quotas.limits()
        stores = (
            PostgresStore(url, cipher, quotas=quotas),
            PostgresStore(url, cipher, quotas=quotas),
        )
        directory = PostgresDirectory(url, index_key, settings.vault_keys())
        # A batch that conflicts a few times runs alone: the worker's transactions take turns.
        orders = IntakeConnections(settings, index_key, conflicts=_CONFLICTS_OF_WORKER)
        await Worker(settings, SubjectHasher(index_key), stores, directory, orders, health).run()

    sys.exit(run_role(main))


@click.command
@settings_options
def relay(settings: Settings) -> None:
    """Publish events and the outbox to Kafka. A second relay is a standby."""
    from inbound.kafka import disks
    from inbound.kafka.broker_clocks import BrokerClocks
    from inbound.kafka.producer import Producer
    from inbound.ops import telemetry
    from inbound.outbox.relay import Relay
    from inbound.store.connections import connect
    from inbound.store.dead_letters.dead_letters import insert
    from inbound.store.sealing import Sealer
    from schemas.topics import TopicNames

    health = serve_health(settings, "relay", "shards")
    check_infrastructure(settings)
    watch_database(settings, "relay", health, with_disk=True)
    watch_kafka(settings, health)
    sealer, limits = Sealer(make_cipher(settings)), settings.dead_letter_limits()
    clocks = BrokerClocks()
    disks.watch(settings.kafka())
    stopping = stop_event()

    def report(ok: bool, reason: str) -> None:  # noqa: FBT001 — as the health port takes it
        health.set("shards", ok=ok, reason=reason)
        health.beat("heartbeat", RELAY_HEARTBEAT_S)

    Relay(
        connect=lambda: connect(settings.database_url.get_secret_value(), "scserv relay"),
        new_producer=lambda: Producer(settings.kafka(), clocks),
        names=TopicNames.prefixed(settings.topic_prefix),
        report=report,
        set_aside=lambda connection, messages: insert(connection, sealer, limits, messages),
        stopping=stopping,
    ).run()
    telemetry.stop()


@click.command
@settings_options
def projector(settings: Settings) -> None:
    """Keep the projections up to date. A second projector is a standby."""
    from inbound.ops import telemetry
    from inbound.projections.projector import Projector
    from inbound.store.connections import connect

    health = serve_health(settings, "projector", "projections")
    check_database(settings)
    watch_database(settings, "projector", health)
    os.nice(PROJECTOR_NICE)
    stopping = stop_event()

    def report(ok: bool, reason: str) -> None:  # noqa: FBT001 — as the health port takes it
        health.set("projections", ok=ok, reason=reason)
        health.beat("heartbeat", PROJECTOR_HEARTBEAT_S)

    url = settings.database_url.get_secret_value()
    Projector(
        connect=lambda: connect(url, "scserv projector"),
        connect_long=lambda: connect(url, "scserv projector rebuild", long=True),
        report=report,
        stopping=stopping,
    ).run()
    telemetry.stop()
