"""`scserv desk`: the process of the desk."""

import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING
from uuid import uuid4

import click

from inbound.cli._context import settings_options
from inbound.settings import Settings
from inbound.startup import check_database, make_cipher

if TYPE_CHECKING:
    from inbound.local.handset import SimulatedPhones


@click.command
@click.option("--handset", is_flag=True, help="Show two phones; only with a simulated SMS centre.")
@settings_options
def desk(settings: Settings, *, handset: bool) -> None:
    """Serve the desk: web pages for support, editors and operators.

    Listens on loopback unless SCSERV_DESK__HOST is set. People sign in as users of
    `scserv users create`.
    """
    from datetime import timedelta

    from inbound.api.addresses import ClientAddresses, parse_networks
    from inbound.api.server import HttpServer
    from inbound.cli._runner import run_role, serve_health
    from inbound.clock import utc_now
    from inbound.desk.access import Desk
    from inbound.desk.app import make_desk, menu
    from inbound.desk.pages import Pages
    from inbound.desk.sign_in import SignIn
    from inbound.keys import SubjectHasher
    from inbound.store.access.desk_sessions import SessionLimits
    from inbound.store.connection_pool import ConnectionPool
    from inbound.store.sealing import Sealer
    from inbound.timeline.reader import TimelineReader

    health = serve_health(settings, "desk", "database")
    check_database(settings)
    hasher = SubjectHasher(settings.subject_key_bytes())
    sealer = Sealer(make_cipher(settings))
    own = settings.desk
    limits = SessionLimits(
        idle=timedelta(minutes=own.idle_minutes), absolute=timedelta(hours=own.session_hours)
    )
    networks = parse_networks(own.trusted_proxies, "SCSERV_DESK__TRUSTED_PROXIES")
    # A trusted proxy is one for TLS.
    is_secure = own.tls_cert is not None or bool(networks)

    async def main() -> None:
        pool = ConnectionPool(settings.database_url.get_secret_value(), "scserv desk")
        sign_in = SignIn(pool, limits, settings.subject_key_bytes(), clock=utc_now, new_id=uuid4)
        phones = _phones(settings) if handset else None
        parts = Desk(
            Pages(menu(handset=handset), settings.time_zone, is_secure=is_secure),
            sign_in,
            ClientAddresses(networks),
            utc_now,
            pool,
            TimelineReader(hasher, sealer, settings.rejected_mo_days),
            settings.time_zone,
            phones,
        )
        server = HttpServer(make_desk(parts, new_id=uuid4), own, health, sign_in.check_database)
        try:
            async with phones.running() if phones else nullcontext():
                await server.run()
        finally:
            await pool.close()

    sys.exit(run_role(main))


def _phones(settings: Settings) -> "SimulatedPhones":
    from inbound.local.handset import SimulatedPhones

    return SimulatedPhones(settings)
