"""Builds and runs the SMPP server of an ingress process from its settings."""

import asyncio
import logging
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final
from uuid import uuid4

from inbound.api.server import tls_context
from inbound.errors import SetupError
from inbound.ingress.parts import Parts
from inbound.ingress.smpp.delivering import Delivering
from inbound.ingress.smpp.links import AccountLinks
from inbound.ingress.smpp.long_messages import LongMessages
from inbound.ingress.smpp.lookups import Lookups
from inbound.ingress.smpp.placing import Placement, Placing
from inbound.ingress.smpp.rechecking import LinkRechecker
from inbound.ingress.smpp.server import ServerRules, SmppServer
from inbound.ingress.smpp.sharing import Sharing
from inbound.ingress.smpp.submitting import Submitting
from inbound.ops.health import Health
from inbound.orders.batching import Batcher
from inbound.settings import Settings, SmppServerSettings
from inbound.smpp.status import Status
from inbound.store.smpp import links as stored_links
from inbound.store.smpp import messages
from inbound.store.smpp.links import NewLink
from inbound.store.smpp.parts import SubmittedPartsKey
from inbound.store.smpp.rows import SubmittedPart

log = logging.getLogger(__name__)

SMPP: Final = "smpp"
"""The health check."""


async def run_smpp_server(
    settings: Settings,
    health: Health,
    shared: Parts,
    *,
    started: Callable[[Sequence[int]], None] = lambda _: None,
) -> None:
    """Serve until cancelled; `started` gets the ports in use.

    Raises SetupError for a port that is taken or a bad certificate.
    """
    rules = settings.smpp_server
    context = tls_context(rules)
    sealer = shared.sealer
    links = AccountLinks(time.monotonic, uuid4)
    process = uuid4()
    placing = Placing(shared.intake, shared.pool, open_links=links.open_ids, clock=shared.clock)
    batcher = Batcher[Placement, Status](placing.place, account_of=lambda one: one.order.account)
    long_messages = LongMessages(
        shared.pool, sealer, settings.smpp.country, links.open_ids, shared.clock
    )
    submitting = Submitting(
        batcher,
        long_messages,
        shared.numbers,
        shared.order_hasher,
        shared.subject_hasher,
        sealer,
        settings.smpp.country,
        shared.ahead_days,
        shared.channels,
    )

    async def rate_of(account: str) -> int | None:
        return await shared.pool.run(messages.find_rate, account)

    async def add_link(new: NewLink) -> None:
        await shared.pool.run(stored_links.add_link, process, new, links.open_ids())

    server = SmppServer(
        ServerRules(rules.host, rules.rate_per_s, rules.window, rules.idle_s),
        shared.access,
        links,
        submitting,
        Lookups(shared.pool, sealer, shared.dispatcher),
        rate_of=rate_of,
        add_link=add_link,
        clock=shared.clock,
    )

    async def place_left_behind(key: SubmittedPartsKey, stored: Sequence[SubmittedPart]) -> None:
        await submitting.take_left_behind(key, stored, shared.clock())

    health.set(SMPP, ok=False, reason="starting")
    try:
        ports = [await _start(server, rules, *one) for one in _ports(rules, context)]
        health.set(SMPP, ok=True)
        started(ports)
        async with asyncio.TaskGroup() as group:
            group.create_task(long_messages.run(place_left_behind))
            group.create_task(LinkRechecker(shared.pool, links).run())
            group.create_task(Sharing(shared.pool, links, process).run())
            group.create_task(
                Delivering(shared.pool, sealer, links, holder=process, clock=shared.clock).run()
            )
    finally:
        await server.close()
        await batcher.close()


def _ports(
    rules: SmppServerSettings, context: ssl.SSLContext | None
) -> Iterable[tuple[int, ssl.SSLContext | None]]:
    """Return the ports to listen on, each with its TLS context or None. Raises SetupError."""
    if rules.tls_port and context is None:
        raise SetupError("SCSERV_SMPP_SERVER__TLS_PORT is set without a certificate: set TLS_CERT")
    if rules.tls_port:
        return (rules.port, None), (rules.tls_port, context)
    return ((rules.port, context),)


async def _start(
    server: SmppServer, rules: SmppServerSettings, port: int, context: ssl.SSLContext | None
) -> int:
    try:
        port = await server.start(port, context)
    except OSError as error:
        raise SetupError(
            f"{rules.called} can't listen on {rules.host}:{port}: {error.strerror or error}; "
            f"choose another SCSERV_SMPP_SERVER__PORT (0 picks a free one)"
        ) from None
    log.info("SMPP on %s:%d%s", rules.host, port, " with TLS" if context else "")
    return port
