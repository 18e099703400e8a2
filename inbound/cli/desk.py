"""`scserv desk`: the process of the desk."""

import sys
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING
from uuid import uuid4

import click

from inbound.cli._backlog import kafka_trouble
from inbound.cli._context import settings_options
from inbound.cli._sources import make_sources
from inbound.keys import IndexKey
from inbound.settings import Settings
from inbound.startup import check_database, check_log, make_cipher, watch_database

if TYPE_CHECKING:
    from inbound.api.backend import Sources
    from inbound.desk.broadcasts.broadcast_drafts import BroadcastDrafts
    from inbound.desk.broadcasts.broadcasts import Broadcasts
    from inbound.desk.long_work import LongWork
    from inbound.desk.messages.sending import Sending
    from inbound.desk.person.people import People
    from inbound.desk.status.service_status import StatusReader
    from inbound.local.handset import SimulatedPhones


@click.command
@click.option("--handset", is_flag=True, help="Show two phones; only with a simulated SMS centre.")
@settings_options
def desk(settings: Settings, *, handset: bool) -> None:
    """Serve the desk: web pages for support, editors and operators.

    Listens on loopback unless SCSERV_DESK__HOST is set. People sign in as users of
    `scserv users create`.
    """
    from inbound.api.addresses import ClientAddresses, parse_networks
    from inbound.api.server import HttpServer
    from inbound.cli._dead_letter_retries import DeadLetterRetries
    from inbound.cli._runner import run_role, serve_health
    from inbound.cli._sign_in import check_sign_in, provider_of, sign_in_of
    from inbound.clock import utc_now
    from inbound.desk.access import Desk
    from inbound.desk.app import make_desk, menu
    from inbound.desk.broadcasts.broadcast_files import BroadcastFiles
    from inbound.desk.clients.client_imports import ClientImports
    from inbound.desk.host_names import parse_hosts
    from inbound.desk.long_work import LongWork
    from inbound.desk.messages.message_templates import MessageTemplates
    from inbound.desk.pages import Pages
    from inbound.desk.status.dead_letters import DeadLetters
    from inbound.desk.uploads import Uploads

    health = serve_health(settings, "desk", "listening")
    index_key = check_database(settings)
    check_log(settings)
    watch_database(settings, "desk", health)
    own = settings.desk
    networks = parse_networks(own.trusted_proxies, "SCSERV_DESK__TRUSTED_PROXIES")
    # A trusted proxy is one for TLS.
    is_secure = own.tls_cert is not None or bool(networks)

    names = parse_hosts(own.hosts, listens_on=own.host, address=own.address)
    check_sign_in(settings)

    async def main() -> None:
        sources = make_sources(settings, index_key, "scserv desk", with_workers=True)
        sign_in = sign_in_of(settings, index_key, sources.pool)
        phones = _phones(settings) if handset else None
        pages = Pages(menu(handset=handset), settings.time_zone, is_secure=is_secure)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(sources.close)
            people, sending = await _people(settings, index_key, sources, stack)
            templates = MessageTemplates(sources.pool, settings.smpp.alphabet)
            if phones:
                await stack.enter_async_context(phones.running())
            addresses = ClientAddresses(networks)
            uploads = Uploads(own.uploads, utc_now)
            await stack.enter_async_context(uploads.sweeping())
            url = settings.database_url.get_secret_value()
            long_work = LongWork(url, "scserv desk long", sources.pool, sources.sealer)
            stack.push_async_callback(long_work.close)
            broadcasts, broadcast_drafts = _broadcasts(settings, sources, long_work)
            parts = Desk(
                pages=pages,
                sign_in=sign_in,
                addresses=addresses,
                clock=utc_now,
                sources=sources,
                people=people,
                sending=sending,
                templates=templates,
                uploads=uploads,
                imports=ClientImports(index_key, settings.vault_keys(), uploads),
                status=_status(settings, sources),
                dead_letters=DeadLetters(sources.pool, sources.sealer, DeadLetterRetries(settings)),
                long_work=long_work,
                broadcasts=broadcasts,
                broadcast_drafts=broadcast_drafts,
                broadcast_files=BroadcastFiles(uploads, broadcasts.sealer, settings.time_zone),
                phones=phones,
                provider=provider_of(settings, sources.pool, sign_in),
            )
            app = make_desk(parts, new_id=uuid4, names=names)
            await HttpServer(app, own, health).run()

    sys.exit(run_role(main))


def _broadcasts(
    settings: Settings, sources: "Sources", long_work: "LongWork"
) -> "tuple[Broadcasts, BroadcastDrafts]":
    """Return what the pages of broadcasts need."""
    from inbound.broadcasts.drafting import DraftRules
    from inbound.broadcasts.loading import AudienceKeys
    from inbound.broadcasts.sealing import AudienceSealer
    from inbound.clock import utc_now
    from inbound.desk.broadcasts.broadcast_drafts import BroadcastDrafts
    from inbound.desk.broadcasts.broadcasts import Broadcasts

    keys = AudienceKeys(sources.hasher, AudienceSealer(settings.vault_keys()))
    rules = DraftRules(settings.sender, settings.smpp.alphabet)
    drafts = BroadcastDrafts(
        sources.pool, long_work, keys, rules, settings.order_ahead_days, utc_now
    )
    return Broadcasts(sources.pool, sources.backlog, keys, rules, utc_now), drafts


async def _people(
    settings: Settings, index_key: IndexKey, sources: "Sources", stack: AsyncExitStack
) -> "tuple[People, Sending]":
    """Return the look-ups and changes of people, and what is sent to them.

    `stack` closes what they use.
    """
    from inbound.clock import utc_now
    from inbound.desk.messages.sending import Sending, SendingRules
    from inbound.desk.person.people import People
    from inbound.orders.dispatch import Dispatcher
    from inbound.orders.wiring import IntakeConnections
    from inbound.registrations.switching import Switching
    from schemas.topics import TopicNames

    orders = IntakeConnections(settings, index_key)
    stack.push_async_callback(orders.close)
    switching = Switching(orders.store, sources.hasher, clock=utc_now, new_id=uuid4)
    dispatcher = Dispatcher(
        orders.store,
        sources.hasher,
        TopicNames.prefixed(settings.topic_prefix),
        sender=settings.sender,
        clock=utc_now,
    )
    sending = Sending(
        sources,
        orders.intake,
        dispatcher,
        directory=orders.directory,
        templates=orders.templates,
        rules=SendingRules(settings.sender, settings.smpp.alphabet, settings.order_ahead_days),
        clock=utc_now,
    )
    return People(sources, make_cipher(settings), switching, utc_now), sending


def _status(settings: Settings, sources: "Sources") -> "StatusReader":
    from inbound.clock import utc_now
    from inbound.desk.status.service_status import Limits, StatusReader

    limits = Limits(settings.dead_letter_limits(), settings.quotas.limits())
    return StatusReader(sources, limits, utc_now, lambda: kafka_trouble(settings))


def _phones(settings: Settings) -> "SimulatedPhones":
    from inbound.local.handset import SimulatedPhones

    return SimulatedPhones(settings)
