"""The server of API, desk and ingress: uvicorn with our own signals, logs and connection limits.

Connections are accepted here (`inbound.api.accepting`), so that limits hold before the TLS
handshake. After SIGTERM started answers are finished.
"""

import asyncio
import contextlib
import ipaddress
import logging
import socket
import ssl
from collections.abc import Iterator
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from inbound.api.accepting import Accepting
from inbound.api.addresses import ClientAddresses, parse_networks
from inbound.api.connections import ConnectionLimits
from inbound.api.protocol import HttpProtocol, Refuse, refuse_with_problem
from inbound.errors import SetupError
from inbound.ops.certificates import note_own
from inbound.ops.health import Health
from inbound.ops.heartbeat import beat
from inbound.settings import PREFIX, ListenerSettings, TcpSettings

KEEP_ALIVE_S: Final = 30
SHUTDOWN_TIMEOUT_S: Final = 5
BACKLOG: Final = 1024

log = logging.getLogger(__name__)

_TICK_S: Final = 1.0


class HttpServer:
    """Serves `app` until cancelled. `port` is the port in use once it listens.

    `refuse` answers what is no HTTP, which `app` does not see.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: ListenerSettings,
        health: Health,
        *,
        refuse: Refuse = refuse_with_problem,
    ) -> None:
        self._settings = settings
        self._health = health
        self.port = 0
        self._tls = tls_context(settings)
        self._addresses = ClientAddresses(
            parse_networks(settings.trusted_proxies, f"{_variable(settings)}TRUSTED_PROXIES")
        )
        self.limits = ConnectionLimits()
        self._server = _UvicornServer(
            uvicorn.Config(
                app,
                http=HttpProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=SHUTDOWN_TIMEOUT_S,
            )
        )
        config, state = self._server.config, self._server.server_state
        self._accepting = Accepting(
            self.limits,
            lambda slot: HttpProtocol(config, state, {}, slot, refuse),
            self._tls,
            # All clients of a proxy have its address.
            lambda host: not self._addresses.is_proxy(host),
        )

    async def run(self) -> None:
        """Serve until cancelled, then finish started answers. Raises SetupError."""
        listening = listen(self._settings)
        self.port = listening.getsockname()[1]
        self._log_address()
        self._health.set("listening", ok=True)
        serving = asyncio.create_task(self._server.serve([]))
        accepting = asyncio.create_task(self._accepting.run(listening))
        running = {serving, accepting, asyncio.create_task(beat(self._health))}
        try:
            await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in running - {serving}:
                task.cancel()
            await asyncio.gather(accepting, return_exceptions=True)
            listening.close()
            self._accepting.close()
            self._server.end()
            await asyncio.gather(serving, return_exceptions=True)
        for task in running:
            task.result()

    def _log_address(self) -> None:
        scheme = "https" if self._settings.tls_cert else "http"
        host = self._settings.host
        address = f"[{host}]" if ":" in host else host
        log.info("listening on %s://%s:%d", scheme, address, self.port)
        if scheme == "http" and not _is_loopback(host):
            log.warning(
                "%s is not loopback and TLS is off: credentials and answers can be read on the "
                "network. Set %sTLS_CERT, or use a TLS proxy",
                host,
                _variable(self._settings),
            )


class _UvicornServer(uvicorn.Server):
    """uvicorn without its signal handlers, because the role has its own, and with fewer looks."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._ended = asyncio.Event()

    def end(self) -> None:
        """End `serve` once the answers that have begun are complete."""
        self.should_exit = True
        self._ended.set()

    async def main_loop(self) -> None:
        """Look once a second, for the time in answers. uvicorn does ten times, also for the end."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TICK_S):
                    await self._ended.wait()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(settings: TcpSettings) -> socket.socket:
    """Return a socket that listens where the settings say. Raises SetupError."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listening = socket.create_server(
            (settings.host, settings.port), family=family, backlog=BACKLOG
        )
    except (OSError, OverflowError) as error:
        raise SetupError(
            f"{settings.called} can't listen on {settings.host}:{settings.port}: "
            f"{getattr(error, 'strerror', None) or error}; choose another "
            f"{_variable(settings)}PORT (0 picks a free one)"
        ) from error
    listening.setblocking(False)
    return listening


def tls_context(settings: TcpSettings) -> ssl.SSLContext | None:
    """Return the TLS context, None without a certificate. Raises SetupError."""
    names = _variable(settings)
    if settings.tls_cert is None:
        if settings.tls_key is not None:
            raise SetupError(f"{names}TLS_KEY is set without {names}TLS_CERT: set both")
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key)
    except OSError as error:
        why = error.strerror
        if isinstance(error, ssl.SSLError):
            why = f"not a usable certificate and key ({error.reason or 'not PEM'})"
        key = f", {names}TLS_KEY {settings.tls_key}" if settings.tls_key else ""
        raise SetupError(f"{names}TLS_CERT {settings.tls_cert}{key}: {why}") from None
    note_own(settings.called.removeprefix("the "), settings.tls_cert)
    return context


def _variable(settings: TcpSettings) -> str:
    """Return what the names of these settings' variables begin with."""
    return f"{PREFIX}{settings.group}__"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
