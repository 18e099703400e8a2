"""Assembles the dialects over HTTP as one ASGI application.

These dialects put numbers, texts and passwords into URLs, so log, metrics and traces name the
route and nothing that was sent. Every answer is in the form of the dialect whose path it is, also
to what is no HTTP; under a path of none it is plain text.
"""

from typing import Final
from urllib.parse import unquote_to_bytes
from uuid import uuid4

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from inbound.api.addresses import ClientAddresses, parse_networks
from inbound.api.bodies import MAX_SENDING_BODY_BYTES, Body, LargeBodies, drain, too_large
from inbound.api.framing import split_target
from inbound.api.observability import SECURITY_HEADERS, ObservabilityMiddleware, Served
from inbound.api.problems import ProblemKind, Refusal
from inbound.errors import RetryableError
from inbound.ingress.bytehand.version_1 import BYTEHAND_1
from inbound.ingress.bytehand.version_2 import BYTEHAND_2
from inbound.ingress.dialect import SHARE, BusyError, Dialect, Shares
from inbound.ingress.dispatch import Dispatch, Paths
from inbound.ingress.parts import Parts
from inbound.ingress.smsc.routes import SMSC
from inbound.ingress.smspay.routes import SMSPAY
from inbound.ops import server_metrics
from inbound.settings import IngressSettings

DIALECTS: Final[tuple[Dialect, ...]] = (SMSC, BYTEHAND_1, BYTEHAND_2, SMSPAY)
MOST_AT_ONCE: Final = 256
MOST_OF_ONE_ACCOUNT: Final = 96

_PATHS: Final = Paths(DIALECTS)


def make_http(parts: Parts, settings: IngressSettings) -> ASGIApp:
    """Return the application. Opens nothing; needs no ASGI lifespan."""
    shares = Shares(MOST_OF_ONE_ACCOUNT)
    addresses = ClientAddresses(
        parse_networks(settings.trusted_proxies, "SCSERV_INGRESS__TRUSTED_PROXIES")
    )

    def render(refusal: Refusal, scope: Scope) -> Response:
        # Out here nobody knows how far the request came: its messages may have been placed.
        is_late = refusal.kind is ProblemKind.UNAVAILABLE
        return _PATHS.answer(_LateError() if is_late else refusal, scope)

    served = Served(
        "account",
        server_metrics.INGRESS_REQUESTS,
        server_metrics.INGRESS_DURATION,
        SECURITY_HEADERS,
        render,
    )
    # No HeadMiddleware: a GET sends here, and a HEAD must not.
    app = _Admission(Dispatch(_PATHS, parts, shares, addresses), shares)
    return ObservabilityMiddleware(app, parts.clock, uuid4, served)


def refuse_unread(refusal: Refusal, request_line: bytes) -> Response:
    """Answer what is no HTTP in the form of the dialect whose path its first line has."""
    target = request_line.partition(b" ")[2].rpartition(b" HTTP/")
    without_fragment, *_ = (target[0] or target[2]).partition(b"#")
    path, _, query = split_target(without_fragment)[1].partition(b"?")
    scope = {"path": unquote_to_bytes(path).decode("utf-8", "replace"), "query_string": query}
    return _PATHS.answer(refusal, scope)


async def _refuse(error: Exception, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request that no route sees; log and metrics name its route all the same."""
    _PATHS.find_route(scope)
    await _PATHS.answer(error, scope)(scope, receive, send)


class _LateError(RetryableError):
    """A request that was not answered in time."""


class _Admission:
    """ASGI middleware: limits how many requests run, and the size and the time of their bodies."""

    def __init__(self, app: ASGIApp, shares: Shares) -> None:
        self._app = app
        self._shares = shares
        self._running = 0
        self._large = LargeBodies()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on admitted requests and answer the others."""
        if self._running >= MOST_AT_ONCE:
            await _refuse(BusyError("too many requests run at once"), scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "0")
        if not length.isdecimal() or int(length) > MAX_SENDING_BODY_BYTES:
            await drain(receive)
            await _refuse(too_large(MAX_SENDING_BODY_BYTES), scope, receive, send)
            return
        body = Body(receive, MAX_SENDING_BODY_BYTES, self._large)
        self._running += 1
        try:
            await self._app(scope, body.receive, send)
        finally:
            self._running -= 1
            body.release()
            if (account := scope["state"].get(SHARE)) is not None:
                self._shares.release(account)
