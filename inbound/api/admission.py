"""Admits requests before their body is read: capacity, size, token, rate.

A caller without a valid token learns nothing: every path answers 401, the same for an unknown,
an expired and a revoked token, and 429 after too many of these. Only the OpenAPI document is open.
No token may take all capacity.
"""

import asyncio
import hmac
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inbound.api.addresses import ClientAddresses
from inbound.api.problems import ProblemKind, Refusal, refusal_of, render, unauthorized
from inbound.api.rate_limits import RateLimits
from inbound.api.token_failures import TokenFailures
from inbound.api.tokens import Scope as TokenScope
from inbound.api.tokens import digest_of, parse_bearer
from inbound.errors import RetryableError
from inbound.store.access.api_tokens import ValidToken

OPEN_PATHS: Final = frozenset({"/openapi.json"})
MAX_BODY_BYTES: Final = 64 * 1024
BODY_TIMEOUT_S: Final = 10.0
MAX_IN_FLIGHT: Final = 64
MAX_IN_FLIGHT_PER_TOKEN: Final = 32

FindToken = Callable[[bytes], Awaitable[ValidToken | None]]


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller: a token and its scopes."""

    token_id: UUID
    name: str
    scopes: frozenset[TokenScope]

    def may(self, scope: TokenScope) -> bool:
        """Whether the token has a scope."""
        return scope in self.scopes

    @property
    def actor(self) -> str:
        """The name of the caller in the audit."""
        return f"token {self.name}"


class AdmissionMiddleware:
    """ASGI middleware. Stores the `Principal` in the state of the request."""

    def __init__(
        self,
        app: ASGIApp,
        find_token: FindToken,
        limits: RateLimits,
        failures: TokenFailures,
        addresses: ClientAddresses,
    ) -> None:
        self._app = app
        self._find_token = find_token
        self._limits = limits
        self._failures = failures
        self._addresses = addresses
        self._in_flight = 0
        self._per_token: Counter[UUID | None] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on admitted requests and answer the others."""
        self._in_flight += 1
        try:
            headers = Headers(scope=scope)
            try:
                self._check_capacity(headers)
                principal = None
                if scope["path"] not in OPEN_PATHS:
                    principal = scope["state"]["principal"] = await self._principal(headers, scope)
            except (Refusal, RetryableError) as error:
                response = render(refusal_of(error), scope["state"]["request_id"])
                await response(scope, receive, send)
            else:
                await self._pass_on(principal, scope, receive, send)
        finally:
            self._in_flight -= 1

    async def _pass_on(
        self, principal: Principal | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        token_id = principal.token_id if principal else None
        self._per_token[token_id] += 1
        try:
            if principal and self._per_token[token_id] > MAX_IN_FLIGHT_PER_TOKEN:
                busy = _busy("too many requests of this token at once; retry later")
                response = render(busy, scope["state"]["request_id"])
                await response(scope, receive, send)
            else:
                await self._app(scope, _bounded(receive), send)
        finally:
            self._per_token[token_id] -= 1
            if not self._per_token[token_id]:
                del self._per_token[token_id]

    def _check_capacity(self, headers: Headers) -> None:
        if self._in_flight > MAX_IN_FLIGHT:
            raise _busy("too many requests at once; retry later")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
            raise _too_large()

    async def _principal(self, headers: Headers, scope: Scope) -> Principal:
        given = headers.get("authorization")
        client = self._addresses.client(scope)
        token = parse_bearer(given)
        digest = None if token is None else digest_of(token)
        self._failures.check(client, digest)
        found = None if digest is None else await self._find_token(digest)
        if digest is None or found is None or not hmac.compare_digest(found.digest, digest):
            self._failures.add_failure(client, digest)
            raise unauthorized(given=given is not None)
        self._failures.add_success(digest)
        scope["state"]["headers"].update(self._limits.take(found.token_id))
        scopes = frozenset(TokenScope(name) for name in found.scopes)
        return Principal(found.token_id, found.name, scopes)


def _busy(detail: str) -> Refusal:
    return Refusal(ProblemKind.UNAVAILABLE, detail, {"Retry-After": "1"})


def _bounded(receive: Receive) -> Receive:
    """Limit the time and the size of a body, whatever its headers say."""
    deadline = time.monotonic() + BODY_TIMEOUT_S
    size = 0
    complete = False

    async def receive_some() -> Message:
        nonlocal size, complete
        if complete:  # only a disconnect can follow, at any time
            return await receive()
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                message = await receive()
        except TimeoutError:
            raise Refusal(
                ProblemKind.BODY_TIMEOUT,
                f"the body has to arrive within {BODY_TIMEOUT_S:g} s",
                {"Connection": "close"},
            ) from None
        size += len(message.get("body", b""))
        complete = not message.get("more_body", False)
        if size > MAX_BODY_BYTES:
            raise _too_large()
        return message

    return receive_some


def _too_large() -> Refusal:
    return Refusal(
        ProblemKind.TOO_LARGE,
        f"the body may have {MAX_BODY_BYTES} bytes at most",
        {"Connection": "close"},
    )
