"""How long a request may take: all of it, or each piece of a body whose route allows for that."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from uuid import UUID

import pytest
from starlette.types import Message, Receive, Scope, Send

from inbound.api import observability
from inbound.api.observability import ObservabilityMiddleware, TimeLimit

BEGIN: Message = {"type": "http.response.start", "status": 200, "headers": []}


async def asked(app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> list[Message]:
    """Return what is answered to a request whose body comes in two pieces."""
    sent: list[Message] = []
    pieces = iter((True, False))

    async def receive() -> Message:
        return {"type": "http.request", "body": b"x", "more_body": next(pieces)}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    served = ObservabilityMiddleware(app, lambda: datetime.now(UTC), lambda: UUID(int=1))
    await served(scope, receive, send)
    return sent


async def test_each_piece_begins_the_limit_anew_where_that_is_allowed() -> None:
    when: list[float | None] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        limit: TimeLimit = scope["state"]["time_limit"]
        timeout = limit._timeout
        timeout.reschedule(asyncio.get_running_loop().time() + 1)
        begun = timeout.when()
        await receive()
        assert timeout.when() == begun  # not allowed yet
        limit.allow_pieces()
        for passing in (receive, lambda: send(BEGIN)):
            timeout.reschedule(begun)
            await passing()
            when.append(timeout.when())
        await send({"type": "http.response.body", "body": b""})

    await asked(app)
    now = asyncio.get_running_loop().time()
    assert all(at is not None and at > now + 2 for at in when)
    assert len(when) == 2


async def test_all_pieces_together_have_a_limit_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observability, "PIECES_TIMEOUT_S", 0.01)
    taken = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal taken
        scope["state"]["time_limit"].allow_pieces()
        await send(BEGIN)
        while True:
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
            taken += 1
            await asyncio.sleep(0)

    sent = await asked(app)
    assert taken
    assert sent[-1]["more_body"]  # it breaks off: no client takes it for whole


async def test_a_route_that_allows_for_nothing_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observability, "RESPONSE_TIMEOUT_S", 0.01)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while True:
            await send({"type": "http.response.debug"})
            await asyncio.sleep(0)

    sent = [one for one in await asked(app) if one["type"] == "http.response.start"]
    assert sent[0]["status"] == 503


async def test_an_answer_that_could_not_begin_in_time_did_not_begin(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(observability, "RESPONSE_TIMEOUT_S", 0.01)
    caplog.set_level("INFO", observability.__name__)
    sent: list[Message] = []
    is_first = True

    async def send(message: Message) -> None:
        nonlocal is_first
        if is_first:  # the client does not take what came before
            is_first = False
            await asyncio.Event().wait()
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(BEGIN)

    scope: Scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    served = ObservabilityMiddleware(app, lambda: datetime.now(UTC), lambda: UUID(int=1))
    await served(scope, receive, send)
    assert sent[0]["status"] == 503
    assert "GET - 503" in caplog.text
