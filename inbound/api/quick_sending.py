"""Sends messages of usual, valid requests without FastAPI's work for each request.

Finding a route, resolving its dependencies and serialising its answer cost more than everything
else in a request that sends one message. Requests are read here by the same models, and placed by
the route's own function. All other requests are left to the route: it says what is wrong with them.
"""

import re
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter
from pydantic import TypeAdapter, ValidationError
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inbound import unique_names
from inbound.api.admission import SENDING_PATH, Principal
from inbound.api.backend import Backend
from inbound.api.message_requests import MessagesToSend
from inbound.api.messages import router, send_messages
from inbound.api.problem_answers import refusal_of, render
from inbound.api.problems import Refusal
from inbound.api.tokens import Scope as TokenScope
from inbound.errors import RetryableError
from schemas.message_requests import LONGEST_KEY
from schemas.patterns import KEY

_JSON: Final = "application/json"
_MEDIA_TYPES: Final = frozenset({b"application/json", b"application/json; charset=utf-8"})
_KEY: Final = re.compile(KEY)
_ACCEPTED: Final = 202


@dataclass(frozen=True, slots=True)
class _Usual:
    """The parts of a usual request other than its body."""

    key: str | None
    traceparent: str | None


class QuickSending:
    """ASGI application: sends what it can read at once, and leaves everything else to `app`."""

    def __init__(self, app: ASGIApp, backend: Backend) -> None:
        self._app = app
        self._backend = backend
        self._route = _sending_route(router)
        self._body = TypeAdapter(MessagesToSend)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        usual = _read_head(scope)
        if usual is None:
            await self._app(scope, receive, send)
            return
        try:
            first: Message | Refusal = await receive()
        except Refusal as refusal:  # of a body that is too large, or late
            first = refusal
        given = self._read_body(first)
        if given is None:
            await self._app(scope, _beginning_with(first, receive), send)
            return
        scope["route"] = self._route
        response = await self._place(given, usual, scope)
        await response(scope, receive, send)

    def _read_body(self, first: Message | Refusal) -> MessagesToSend | None:
        if isinstance(first, Refusal) or first["type"] != "http.request" or first.get("more_body"):
            return None
        try:
            value = unique_names.loads(first.get("body", b""))
            return self._body.validate_python(value, from_attributes=True)
        except (ValueError, RecursionError, ValidationError):
            return None

    async def _place(self, given: MessagesToSend, usual: _Usual, scope: Scope) -> Response:
        state = scope["state"]
        try:
            placed = await send_messages(
                given, self._backend, state["principal"], usual.key, usual.traceparent
            )
        except (Refusal, RetryableError) as error:
            return render(refusal_of(error), state["request_id"])
        return Response(placed.model_dump_json(exclude_none=True), _ACCEPTED, media_type=_JSON)


def _read_head(scope: Scope) -> _Usual | None:
    """Return what a usual request to send says; None for any other, and without the scope."""
    if scope["path"] != SENDING_PATH or scope["method"] != "POST" or scope["query_string"]:
        return None
    principal: Principal | None = scope["state"].get("principal")
    if principal is None or not principal.may(TokenScope.SEND):
        return None
    headers = dict(scope["headers"])
    if headers.get(b"content-type", b"").lower() not in _MEDIA_TYPES:
        return None
    if b"content-encoding" in headers:
        return None
    key, trace = headers.get(b"idempotency-key"), headers.get(b"traceparent")
    usual = _Usual(key and key.decode("latin-1"), trace and trace.decode("latin-1"))
    if key is not None and not (usual.key and _is_key(usual.key)):
        return None
    return usual


def _is_key(text: str) -> bool:
    return len(text) <= LONGEST_KEY and _KEY.fullmatch(text) is not None


def _beginning_with(first: Message | Refusal, receive: Receive) -> Receive:
    """Deliver first what was received already."""
    waiting = [first]

    async def next_message() -> Message:
        if not waiting:
            return await receive()
        message = waiting.pop()
        if isinstance(message, Refusal):
            raise message
        return message

    return next_message


def _sending_route(messages: APIRouter) -> object:
    """Return the route whose requests these are: log and metrics name it."""
    return next(one for one in messages.routes if getattr(one, "path", "") == SENDING_PATH)
