"""`scserv api`: the process of the HTTP API."""

import sys
from operator import attrgetter
from uuid import uuid4

import click

from inbound.cli._context import settings_options
from inbound.cli._sources import make_sources
from inbound.settings import Settings
from inbound.startup import check_database, check_log, watch_database
from inbound.terminal import echo


@click.command
@click.option("--print-openapi", is_flag=True, help="Print the OpenAPI document and exit.")
@settings_options
def api(settings: Settings, *, print_openapi: bool) -> None:
    """Serve the HTTP API: sending messages, who a subject is, what happened to a request.

    Listens on loopback unless SCSERV_API__HOST is set. Callers need a token of
    `scserv tokens create`.
    """
    if print_openapi:
        from inbound.api.app import openapi_text

        echo(*openapi_text().rstrip("\n").split("\n"))
        return
    from inbound.api.addresses import ClientAddresses, parse_networks
    from inbound.api.app import make_api
    from inbound.api.backend import Backend
    from inbound.api.broadcasting import Broadcasting
    from inbound.api.rate_limits import RateLimits
    from inbound.api.sending import OrderService
    from inbound.api.server import HttpServer
    from inbound.broadcasts.drafting import DraftRules
    from inbound.broadcasts.loading import AudienceKeys
    from inbound.broadcasts.sealing import AudienceSealer
    from inbound.cli._runner import run_role, serve_health
    from inbound.clock import utc_now
    from inbound.keys import OrderHasher, SubjectHasher
    from inbound.orders.batching import OrderBatcher
    from inbound.orders.dispatch import Dispatcher
    from inbound.orders.wiring import IntakeConnections
    from schemas.topics import TopicNames

    health = serve_health(settings, "api", "listening")
    index_key = check_database(settings)
    check_log(settings)
    watch_database(settings, "api", health)
    hasher = SubjectHasher(index_key)

    async def main() -> None:
        sources = make_sources(settings, index_key, "scserv api")
        orders = IntakeConnections(settings, index_key)
        sending = OrderService(
            OrderBatcher(orders.intake.place, account_of=attrgetter("account")),
            Dispatcher(
                orders.store,
                hasher,
                TopicNames.prefixed(settings.topic_prefix),
                sender=settings.sender,
                clock=utc_now,
            ),
            zone=settings.time_zone,
            ahead_days=settings.order_ahead_days,
        )
        broadcasting = Broadcasting(
            DraftRules(settings.sender, settings.smpp.alphabet),
            AudienceKeys(hasher, AudienceSealer(settings.vault_keys())),
            OrderHasher(index_key),
        )
        backend = Backend(sources, sending, broadcasting, utc_now)
        limits = RateLimits(
            settings.api.requests_per_minute, orders_per_minute=settings.api.orders_per_minute
        )
        addresses = ClientAddresses(parse_networks(settings.api.trusted_proxies))
        app = make_api(backend, limits, clock=utc_now, new_id=uuid4, addresses=addresses)
        try:
            await HttpServer(app, settings.api, health).run()
        finally:
            await sending.close()
            await orders.close()
            await sources.close()

    sys.exit(run_role(main))
