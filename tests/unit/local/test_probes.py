"""What `scserv up` reads of the health pages of its roles."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from inbound.local.ports import free_port
from inbound.local.probes import answers_ok, ask_health, status_of

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def served(answer: Answer) -> AsyncIterator[str]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await answer(writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/health/ready"


async def test_reasons_are_read_even_if_they_arrive_in_pieces() -> None:
    async def in_pieces(writer: asyncio.StreamWriter) -> None:
        for piece in (
            b"HTTP/1.1 503 no\r\n\r\n",
            b'{"reasons": ["store: Post',
            b'greSQL is away"]}',
        ):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)

    async with served(in_pieces) as url:
        assert await ask_health(url) == "store: PostgreSQL is away"
        assert await status_of(url) == 503
        assert not await answers_ok(url)


async def test_an_answer_that_is_no_health_page_is_told_by_its_status() -> None:
    async def of_another_program(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 404 Not Found\r\n\r\n<html>")

    async with served(of_another_program) as url:
        assert await ask_health(url) == "answers 404"


async def test_a_ready_role_has_no_reason() -> None:
    async def ready(writer: asyncio.StreamWriter) -> None:
        writer.write(b'HTTP/1.1 200 OK\r\n\r\n{"reasons": []}')

    async with served(ready) as url:
        assert await ask_health(url) == ""
        assert await answers_ok(url)


async def test_silence_is_told() -> None:
    url = f"http://127.0.0.1:{free_port()}/health/ready"
    assert (await ask_health(url)).startswith("does not answer")
    assert await status_of(url) is None
