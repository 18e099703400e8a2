"""The server with an application that a test controls."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from inbound.api.server import HttpServer
from inbound.ops.health import Health
from inbound.settings import ApiSettings
from tests.patience import PATIENCE_S
from tests.plain_http import plain_client


class App:
    """Answers after `go` is set; says when a request has come."""

    def __init__(self) -> None:
        self.came = asyncio.Event()
        self.go = asyncio.Event()
        self.go.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.came.set()
        await self.go.wait()
        await PlainTextResponse("done")(scope, receive, send)


@asynccontextmanager
async def serving(
    app: ASGIApp, settings: ApiSettings | None = None, health: Health | None = None
) -> AsyncIterator[tuple[HttpServer, "asyncio.Task[None]"]]:
    health = health or Health()
    made = HttpServer(app, settings or ApiSettings(port=0), health)
    running = asyncio.create_task(made.run())
    await until(lambda: health.ready().ok or running.done())
    try:
        yield made, running
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def until(check: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not check():  # noqa: ASYNC110  the port tells only who asks
            await asyncio.sleep(0)


async def get(made: HttpServer, path: str = "/") -> httpx.Response:
    async with plain_client() as client:
        return await client.get(f"http://127.0.0.1:{made.port}{path}")
