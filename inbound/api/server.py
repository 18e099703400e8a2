"""The API's process: uvicorn within our own rules for signals, logs and connections.

What always holds: it listens where it was told and says so; a client that sends nothing, or
its headers one by one, is cut off; SIGTERM lets answers that are being made be finished.
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
    """Serves `app` until cancelled. `look` asks the database whether it is there.

    `port` is where it listens, once it does.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: ApiSettings,
        health: Health,
        look: Callable[[], Awaitable[None]],
    ) -> None:
        self._settings = settings
        self._health = health
        self._look = look
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
        """Serve until cancelled, then finish what was begun. Raises SetupError."""
        listening = _listen(self._settings)
        self.port = listening.getsockname()[1]
        self._log_address()
        serving = asyncio.create_task(self._server.serve([listening]))
        looking = asyncio.create_task(self._watch_database())
        try:
            await asyncio.wait({serving, looking}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            looking.cancel()
            self._server.should_exit = True
            await asyncio.gather(serving, return_exceptions=True)
        for task in (serving, looking):
            task.result()

    def _log_address(self) -> None:
        scheme = "https" if self._settings.tls_cert else "http"
        host = self._settings.host
        address = f"[{host}]" if ":" in host else host
        log.info("listens on %s://%s:%d", scheme, address, self.port)
        if scheme == "http" and not _is_loopback(host):
            log.warning(
                "%s is not loopback and there is no TLS: tokens and answers can be read on the "
                "way. Set SCSERV_API__TLS_CERT, or put a proxy with TLS in front",
                host,
            )

    async def _watch_database(self) -> None:
        """Tell the health port how the database is, and the log when that changes."""
        said = None
        while True:
            reason = ""
            try:
                await self._look()
            except RetryableError as error:
                reason = str(error)
            self._health.set("database", ok=not reason, reason=reason)
            self._health.beat("heartbeat", HEARTBEAT_S)
            if reason != said:
                if reason or said:
                    log.warning("%s", reason or "the database is back")
                said = reason
            await asyncio.sleep(CHECK_EVERY_S)


class _UvicornServer(uvicorn.Server):
    """uvicorn without its own handlers of signals: those of the role count."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _HttpProtocol(H11Protocol):
    """uvicorn's HTTP/1.1, with an end to headers that don't come, and problems as answers.

    uvicorn bounds the pause between two requests, not the time in which the first, or one
    that has begun, has to arrive; and what it answers itself is plain text.
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
        """Answer what is no HTTP (uvicorn calls this) and hang up."""
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
            "(0 finds a free one)"
        ) from error


def _tls_context(settings: ApiSettings) -> Callable[..., ssl.SSLContext] | None:
    """Return what makes the TLS context, or None without a certificate. Raises SetupError."""
    if settings.tls_cert is None:
        if settings.tls_key is not None:
            raise SetupError("SCSERV_API__TLS_KEY needs SCSERV_API__TLS_CERT beside it")
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key)
    except OSError as error:
        why = error.strerror
        if isinstance(error, ssl.SSLError):
            why = f"it does not hold what it should ({error.reason or 'no PEM'})"
        key = f", SCSERV_API__TLS_KEY {settings.tls_key}" if settings.tls_key else ""
        raise SetupError(f"SCSERV_API__TLS_CERT {settings.tls_cert}{key}: {why}") from None
    return lambda *_: context


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
