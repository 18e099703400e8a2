"""The API process: uvicorn with our own signals, logs and connection limits.

A client that sends nothing, or its headers too slowly, is disconnected. After SIGTERM started
answers are finished.
"""

import asyncio
import contextlib
import ipaddress
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from typing import Final
from uuid import uuid4

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from inbound.api.problems import ProblemKind, Refusal, render
from inbound.errors import RetryableError, SetupError
from inbound.ops.health import Health
from inbound.settings import ApiSettings

HEADERS_TIMEOUT_S: Final = 10.0
KEEP_ALIVE_S: Final = 30
SHUTDOWN_TIMEOUT_S: Final = 5
MAX_CONNECTIONS: Final = 500
CHECK_EVERY_S: Final = 5.0
HEARTBEAT_S: Final = 15.0

log = logging.getLogger(__name__)


class ApiServer:
    """Serves `app` until cancelled.

    `check_database` raises RetryableError when the database does not answer. `port` is the
    port in use once it listens.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: ApiSettings,
        health: Health,
        check_database: Callable[[], Awaitable[None]],
    ) -> None:
        self._settings = settings
        self._health = health
        self._check_database = check_database
        self.port = 0
        self._server = _UvicornServer(
            uvicorn.Config(
                app,
                http=_HttpProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=SHUTDOWN_TIMEOUT_S,
                ssl_context_factory=_tls_context(settings),
            )
        )

    async def run(self) -> None:
        """Serve until cancelled, then finish started answers. Raises SetupError."""
        listening = _listen(self._settings)
        self.port = listening.getsockname()[1]
        self._log_address()
        serving = asyncio.create_task(self._server.serve([listening]))
        watching = asyncio.create_task(self._watch_database())
        try:
            await asyncio.wait({serving, watching}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            watching.cancel()
            self._server.should_exit = True
            await asyncio.gather(serving, return_exceptions=True)
        for task in (serving, watching):
            task.result()

    def _log_address(self) -> None:
        scheme = "https" if self._settings.tls_cert else "http"
        host = self._settings.host
        address = f"[{host}]" if ":" in host else host
        log.info("listening on %s://%s:%d", scheme, address, self.port)
        if scheme == "http" and not _is_loopback(host):
            log.warning(
                "%s is not loopback and TLS is off: tokens and answers can be read on the network. "
                "Set SCSERV_API__TLS_CERT, or use a TLS proxy",
                host,
            )

    async def _watch_database(self) -> None:
        """Report the state of the database to the health port, and its changes to the log."""
        logged = None
        while True:
            reason = ""
            try:
                await self._check_database()
            except RetryableError as error:
                reason = str(error)
            self._health.set("database", ok=not reason, reason=reason)
            self._health.beat("heartbeat", HEARTBEAT_S)
            if reason != logged:
                if reason or logged:
                    log.warning("%s", reason or "the database is back")
                logged = reason
            await asyncio.sleep(CHECK_EVERY_S)


class _UvicornServer(uvicorn.Server):
    """uvicorn without its signal handlers: the role has its own."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _HttpProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 with a time limit for headers, and problem details as answers.

    uvicorn limits the pause between two requests, but not the time in which the headers of a
    request have to arrive; and its own answers are plain text.
    """

    _headers_due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            transport.abort()
        else:
            self._await_headers()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_waiting()
        elif self._headers_due is None:
            self._await_headers()

    def on_response_complete(self) -> None:
        self._stop_waiting()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Answer invalid HTTP with a problem and disconnect. Called by uvicorn."""
        del msg
        response = render(Refusal(ProblemKind.NO_HTTP), str(uuid4()))
        headers = [*response.raw_headers, (b"connection", b"close")]
        for event in (
            h11.Response(status_code=response.status_code, headers=headers),
            h11.Data(data=bytes(response.body)),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _await_headers(self) -> None:
        self._headers_due = self.loop.call_later(HEADERS_TIMEOUT_S, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._headers_due is not None:
            self._headers_due.cancel()
            self._headers_due = None


def _listen(settings: ApiSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=128)
    except (OSError, OverflowError) as error:
        raise SetupError(
            f"the API can't listen on {settings.host}:{settings.port}: "
            f"{getattr(error, 'strerror', None) or error}; choose another SCSERV_API__PORT "
            "(0 picks a free one)"
        ) from error


def _tls_context(settings: ApiSettings) -> Callable[..., ssl.SSLContext] | None:
    """Return a factory of the TLS context, None without a certificate. Raises SetupError."""
    if settings.tls_cert is None:
        if settings.tls_key is not None:
            raise SetupError("SCSERV_API__TLS_KEY is set without SCSERV_API__TLS_CERT: set both")
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key)
    except OSError as error:
        why = error.strerror
        if isinstance(error, ssl.SSLError):
            why = f"not a usable certificate and key ({error.reason or 'not PEM'})"
        key = f", SCSERV_API__TLS_KEY {settings.tls_key}" if settings.tls_key else ""
        raise SetupError(f"SCSERV_API__TLS_CERT {settings.tls_cert}{key}: {why}") from None
    return lambda *_: context


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
