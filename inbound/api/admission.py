"""Admits requests before their body is read: capacity, size, token, rate.

A caller without a valid token learns nothing: every path answers 401, the same for an unknown,
an expired and a revoked token, and 429 after too many of these. Only the OpenAPI document is open.
No token may take all capacity.
"""

import hmac
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from inbound.api.addresses import ClientAddresses
from inbound.api.bodies import (
    MAX_BODY_BYTES,
    MAX_SENDING_BODY_BYTES,
    Body,
    LargeBodies,
    busy,
    drain,
    too_large,
)
from inbound.api.problem_answers import refusal_of, render
from inbound.api.problems import ProblemKind, Refusal, unauthorized
from inbound.api.rate_limits import RateLimits
from inbound.api.token_failures import TokenFailures
from inbound.api.tokens import Scope as TokenScope
from inbound.api.tokens import digest_of, parse_bearer
from inbound.errors import RetryableError
from inbound.store.access.api_tokens import ValidToken

OPEN_PATHS: Final = frozenset({"/openapi.json"})
SENDING_PATH: Final = "/v1/messages"
BROADCASTS_PATH: Final = "/v1/broadcasts"


@dataclass(frozen=True, slots=True)
class Capacity:
    """How many requests run at once: for all tokens, and for one."""

    requests: int
    of_one_token: int


# Requests that send wait for a transaction that many share; the others each need a connection.
READING: Final = Capacity(64, 32)
SENDING: Final = Capacity(256, 96)

FindToken = Callable[[bytes, str | None], Awaitable[ValidToken | None]]


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller: a token, its scopes, and the account for which it sends."""

    token_id: UUID
    name: str
    scopes: frozenset[TokenScope]
    account: str

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
        self._in_flight: Counter[bool] = Counter()
        self._per_token: Counter[tuple[UUID | None, bool]] = Counter()
        self._large = LargeBodies()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on admitted requests and answer the others."""
        is_sending = _is_sending(scope)
        self._in_flight[is_sending] += 1
        try:
            headers = Headers(scope=scope)
            try:
                self._check_capacity(is_sending=is_sending)
                principal = await self._admit(headers, scope, receive)
            except (Refusal, RetryableError) as error:
                response = render(refusal_of(error), scope["state"]["request_id"])
                await response(scope, receive, send)
            else:
                await self._pass_on(principal, scope, receive, send)
        finally:
            self._in_flight[is_sending] -= 1

    async def _pass_on(
        self, principal: Principal | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        is_sending = _is_sending(scope)
        key = principal.token_id if principal else None, is_sending
        self._per_token[key] += 1
        body = Body(receive, _most_bytes(scope), self._large)
        try:
            if principal and self._per_token[key] > _capacity(is_sending=is_sending).of_one_token:
                refusal = busy(
                    "too many requests of this token run at once; send this one again when others "
                    "have been answered"
                )
                response = render(refusal, scope["state"]["request_id"])
                await response(scope, receive, send)
            else:
                await self._app(scope, body.receive, send)
        finally:
            body.release()
            self._per_token[key] -= 1
            if not self._per_token[key]:
                del self._per_token[key]

    def _check_capacity(self, *, is_sending: bool) -> None:
        if self._in_flight[is_sending] > _capacity(is_sending=is_sending).requests:
            raise busy("too many requests run at once; send this one again")

    async def _admit(self, headers: Headers, scope: Scope, receive: Receive) -> Principal | None:
        """Return the caller; None on a path that needs no token. Raises Refusal.

        A body that is too large is refused from every caller; part of it is read first only for a
        caller with a token, so that the answer arrives.
        """
        length, most = headers.get("content-length", "0"), _most_bytes(scope)
        is_too_large = not length.isdecimal() or int(length) > most
        if scope["path"] in OPEN_PATHS:
            if is_too_large:
                raise too_large(most)
            return None
        try:
            principal = scope["state"]["principal"] = await self._principal(headers, scope)
        except Refusal:
            if is_too_large:
                raise too_large(most) from None
            raise
        if is_too_large:
            if "expect" not in headers:
                await drain(receive)
            raise too_large(most)
        return principal

    async def _principal(self, headers: Headers, scope: Scope) -> Principal:
        given = headers.get("authorization")
        client = self._addresses.client(scope)
        token = parse_bearer(given)
        digest = None if token is None else digest_of(token)
        self._failures.check(client, digest)
        address = self._addresses.address(scope)
        found = None if digest is None else await self._find_token(digest, address)
        if digest is None or found is None or not hmac.compare_digest(found.digest, digest):
            self._failures.add_failure(client, digest)
            raise unauthorized(given=given is not None)
        self._failures.add_success(digest)
        limits = self._limits.take(found.token_id, is_sending=_is_sending(scope))
        scope["state"]["headers"].update(limits)
        scopes = frozenset(TokenScope(name) for name in found.scopes)
        principal = Principal(found.token_id, found.name, scopes, found.account)
        if not found.address_allowed:
            # Named in the log: a token at a foreign address may have been stolen.
            scope["state"]["principal"] = principal
            raise Refusal(
                ProblemKind.FORBIDDEN,
                "the account of this token may not be used from this address; the operator of the "
                "service can allow it",
            )
        return principal


def _is_sending(scope: Scope) -> bool:
    return bool(scope["path"] == SENDING_PATH and scope["method"] == "POST")


def _capacity(*, is_sending: bool) -> Capacity:
    return SENDING if is_sending else READING


def _most_bytes(scope: Scope) -> int:
    """Return how large a body may be: messages and audiences come in lists."""
    is_large = scope["path"] in {SENDING_PATH, BROADCASTS_PATH} and scope["method"] == "POST"
    return MAX_SENDING_BODY_BYTES if is_large else MAX_BODY_BYTES
