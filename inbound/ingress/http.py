"""Assembles the dialects over HTTP as one ASGI application.

These dialects put numbers, texts and passwords into URLs, so log, metrics and traces name the
route and nothing that was sent. Every answer is in the form of the dialect whose path it is;
under a path of none it is plain text.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import uuid4

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from inbound.api.addresses import ClientAddresses, parse_networks
from inbound.api.bodies import MAX_SENDING_BODY_BYTES, Body, LargeBodies, drain
from inbound.api.observability import SECURITY_HEADERS, ObservabilityMiddleware, Served
from inbound.api.problems import ProblemKind, Refusal
from inbound.errors import RetryableError
from inbound.ingress.bytehand.version_1 import BYTEHAND_1
from inbound.ingress.bytehand.version_2 import BYTEHAND_2
from inbound.ingress.dialect import SHARE, BusyError, Dialect, Shares, Trouble
from inbound.ingress.parts import Parts
from inbound.ingress.smsc.routes import SMSC
from inbound.ingress.smspay.routes import SMSPAY
from inbound.ops import metrics
from inbound.orders.batching import TooManyWaitingError
from inbound.settings import IngressSettings

DIALECTS: Final[tuple[Dialect, ...]] = (SMSC, BYTEHAND_1, BYTEHAND_2, SMSPAY)
MOST_AT_ONCE: Final = 256
MOST_OF_ONE_ACCOUNT: Final = 96

Paths = Sequence[tuple[re.Pattern[str], Dialect]]
"""The dialect of each path."""

_STATUS: Final[Mapping[Trouble, int]] = {
    Trouble.MALFORMED: 400,
    Trouble.BUSY: 503,
    Trouble.UNAVAILABLE: 503,
    Trouble.DEFECT: 500,
}
_PLAIN: Final[Mapping[Trouble, str]] = {
    Trouble.MALFORMED: "the request can't be read",
    Trouble.BUSY: "too many requests; try again",
    Trouble.UNAVAILABLE: "the service can't answer now",
    Trouble.DEFECT: "internal error",
}


def make_http(
    parts: Parts, settings: IngressSettings, dialects: tuple[Dialect, ...] = DIALECTS
) -> ASGIApp:
    """Return the application. Opens nothing; needs no ASGI lifespan."""
    paths = [
        (route.path_regex, dialect)
        for dialect in dialects
        for route in dialect.router.routes
        if isinstance(route, APIRoute)
    ]
    app = FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.parts = parts
    app.state.shares = shares = Shares(MOST_OF_ONE_ACCOUNT)
    app.state.addresses = ClientAddresses(
        parse_networks(settings.trusted_proxies, "SCSERV_INGRESS__TRUSTED_PROXIES")
    )
    for dialect in dialects:
        app.include_router(dialect.router)

    def render(error: Exception, scope: Scope) -> Response:
        return _answer(error, scope, paths)

    async def answer(request: Request, error: Exception) -> Response:
        return render(error, request.scope)

    # Starlette raises an Exception again after the answer; ObservabilityMiddleware logs it.
    for kind in (HTTPException, RetryableError, Exception):
        app.add_exception_handler(kind, answer)
    served = Served(
        "account", metrics.INGRESS_REQUESTS, metrics.INGRESS_DURATION, SECURITY_HEADERS, render
    )
    # No HeadMiddleware: a GET sends here, and a HEAD must not.
    return ObservabilityMiddleware(_Admission(app, paths, shares), parts.clock, uuid4, served)


class _Admission:
    """ASGI middleware: limits how many requests run, and the size and the time of their bodies."""

    def __init__(self, app: ASGIApp, paths: Paths, shares: Shares) -> None:
        self._app = app
        self._paths = paths
        self._shares = shares
        self._running = 0
        self._large = LargeBodies()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on admitted requests and answer the others."""
        if self._running >= MOST_AT_ONCE:
            await _answer(BusyError("too many requests run at once"), scope, self._paths)(
                scope, receive, send
            )
            return
        length = Headers(scope=scope).get("content-length", "0")
        if not length.isdecimal() or int(length) > MAX_SENDING_BODY_BYTES:
            await drain(receive)
            await _answer(Refusal(ProblemKind.TOO_LARGE), scope, self._paths)(scope, receive, send)
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


def _answer(error: Exception, scope: Scope, paths: Paths) -> Response:
    matching = (dialect for path, dialect in paths if path.fullmatch(scope["path"]))
    dialect = next(matching, None)
    if isinstance(error, HTTPException) and dialect is None:
        return PlainTextResponse("there is no such path", 404)
    trouble = _trouble_of(error)
    if dialect is None:
        return PlainTextResponse(_PLAIN[trouble], _STATUS[trouble])
    return dialect.answer(trouble, scope)


def _trouble_of(error: Exception) -> Trouble:
    match error:
        case Refusal(kind=ProblemKind.UNAVAILABLE) | TooManyWaitingError() | BusyError():
            return Trouble.BUSY
        case HTTPException():
            return Trouble.MALFORMED
        case RetryableError():
            return Trouble.UNAVAILABLE
    return Trouble.DEFECT
