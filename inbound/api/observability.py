"""Logs, counts and traces every request, and answers it if nothing else did.

Log, metrics and trace name the route (`/v1/requests/{request_id}`), never the path or query
that was sent: they may contain ids or mistyped secrets. A defect is logged with its type and
stack, without its text, which could quote a row or a request. Requests without a valid token, which
anybody can send, are another kind of line, so that many of them suppress no other
(`inbound.ops.logs`).
"""

import asyncio
import logging
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, ParamSpec, TypeVar
from uuid import UUID

from opentelemetry.metrics import Counter, Histogram
from opentelemetry.trace import SpanKind
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inbound.api.problem_answers import refusal_of, render
from inbound.api.problems import RETRY_AFTER_S, ProblemKind, Refusal
from inbound.errors import ScservError
from inbound.ops import server_metrics, telemetry
from inbound.ops.log_throttle import BOUNDED

RESPONSE_TIMEOUT_S: Final = 15.0
PIECES_TIMEOUT_S: Final = 600.0
"""For a body that is sent or received in pieces, if its route allows that."""
SECURITY_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class Served:
    """What differs between the applications: what the log calls a principal, metrics, headers.

    `render` turns a refusal into an answer.
    """

    caller: str
    requests: Counter
    duration: Histogram
    headers: Mapping[str, str]
    render: Callable[[Refusal, Scope], Response]


API: Final = Served(
    "token",
    server_metrics.API_REQUESTS,
    server_metrics.API_DURATION,
    SECURITY_HEADERS,
    lambda refusal, scope: render(refusal, scope["state"]["request_id"]),
)
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})

Params = ParamSpec("Params")
Passed = TypeVar("Passed")

log = logging.getLogger(__name__)


class TimeLimit:
    """How long one request may take. It is `time_limit` in the request's state."""

    def __init__(self, timeout: asyncio.Timeout) -> None:
        self._timeout = timeout
        self._until: float | None = None

    def allow_pieces(self) -> None:
        """From now on each piece of a body, in either direction, restarts the limit.

        The whole body may take `PIECES_TIMEOUT_S`. For large files of authenticated callers only:
        anybody else could hold a connection for minutes.
        """
        self._until = asyncio.get_running_loop().time() + PIECES_TIMEOUT_S
        self.extend()

    def extend(self) -> None:
        """Restart the limit, where that is allowed."""
        if self._until is not None and not self._timeout.expired():
            now = asyncio.get_running_loop().time()
            self._timeout.reschedule(min(now + RESPONSE_TIMEOUT_S, self._until))


class ObservabilityMiddleware:
    """The outermost ASGI middleware. Gives each request an id and a time limit."""

    def __init__(
        self,
        app: ASGIApp,
        clock: Callable[[], datetime],
        new_id: Callable[[], UUID],
        served: Served = API,
    ) -> None:
        self._app = app
        self._served = served
        self._clock = clock
        self._new_id = new_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; with a problem if the application does not."""
        if scope["type"] != "http":
            raise RuntimeError(f"http is served, not {scope['type']}")
        exchange = _Exchange(self._served, scope, send, str(self._new_id()), self._clock())
        try:
            async with asyncio.timeout(RESPONSE_TIMEOUT_S) as timeout:
                limit = scope["state"]["time_limit"] = TimeLimit(timeout)
                await self._app(scope, _extending(receive, limit), _extending(exchange.send, limit))
        except TimeoutError:
            detail = f"no answer within {RESPONSE_TIMEOUT_S:g} s; ask for less"
            retry = {"Retry-After": str(RETRY_AFTER_S)}
            await exchange.refuse(Refusal(ProblemKind.UNAVAILABLE, detail, retry), receive)
        except Exception as error:  # noqa: BLE001  uvicorn would log its text
            _log_defect(error, exchange.request_id)
            await exchange.refuse(refusal_of(error), receive)
        finally:
            exchange.report(self._clock())


class _Exchange:
    """One request and the state of its answer."""

    def __init__(
        self, served: Served, scope: Scope, send: Send, request_id: str, began_at: datetime
    ) -> None:
        self._served = served
        self.request_id = request_id
        self._scope = scope
        self._send = send
        self._began_at = began_at
        self._began = time.perf_counter()
        self._status: int | None = None
        self._headers: dict[str, str] = {"X-Request-Id": request_id}
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        state["headers"] = self._headers

    async def send(self, message: Message) -> None:
        """Send a message, with the headers of every answer."""
        if is_start := message["type"] == "http.response.start":
            headers = [*message.get("headers", ())]
            present = {name for name, _ in headers}
            for text, value in {**self._served.headers, **self._headers}.items():
                name = text.lower().encode("latin-1")
                if name not in present:
                    headers.append((name, value.encode("latin-1")))
            message["headers"] = headers
        await self._send(message)
        if is_start:  # not before: a client that reads nothing may wait here until the time is up
            self._status = message["status"]

    async def refuse(self, refusal: Refusal, receive: Receive) -> None:
        """Answer with a problem, unless an answer has started."""
        if self._status is None:
            await self._served.render(refusal, self._scope)(self._scope, receive, self.send)

    def report(self, ended_at: datetime) -> None:
        """Log and count the request. Status 499: the client hung up before the answer."""
        status = self._status or 499
        seconds = time.perf_counter() - self._began
        method = self._scope["method"] if self._scope["method"] in _METHODS else "other"
        route = getattr(self._scope.get("route"), "path_format", "-")
        principal = self._scope["state"].get("principal")
        request = (method, route, status, seconds * 1000)
        if self._scope["state"].get("is_quiet"):
            log.debug("%s %s %d %.0f ms %s=- id=%s", *request, self._served.caller, self.request_id)
        elif principal:
            log.info(
                "%s %s %d %.0f ms %s=%s id=%s",
                *(*request, self._served.caller, principal.name, self.request_id),
                extra={BOUNDED: True},  # by the rate of the token
            )
        else:
            log.info("%s %s %d %.0f ms %s=- id=%s", *request, self._served.caller, self.request_id)
        labels = {"method": method, "route": route, "status": status}
        self._served.requests.add(1, labels)
        self._served.duration.record(seconds, {"method": method, "route": route})
        telemetry.span(
            f"{method} {route}",
            Headers(scope=self._scope).get("traceparent"),
            self._began_at,
            ended_at,
            kind=SpanKind.SERVER,
            attributes=[
                ("http.request.method", method),
                ("http.route", route),
                ("http.response.status_code", status),
                ("scserv.request_id", self.request_id),
            ],
        )


def _extending(
    call: Callable[Params, Awaitable[Passed]], limit: TimeLimit
) -> Callable[Params, Awaitable[Passed]]:
    """Extend the limit with each piece that passes."""

    async def passing(*args: Params.args, **kwargs: Params.kwargs) -> Passed:
        passed = await call(*args, **kwargs)
        limit.extend()
        return passed

    return passing


def _log_defect(error: Exception, request_id: str) -> None:
    # Texts of our own errors never quote data.
    what = f"{error}" if isinstance(error, ScservError) else type(error).__name__
    where = "".join(traceback.format_tb(error.__traceback__))
    log.error("defect: %s id=%s\n%s", what, request_id, where.rstrip())
