"""The channel `bot` against a server that speaks the Bot API."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import web

from inbound.channels.port import Accepted, Outgoing, Refused, UnavailableError
from inbound.channels.telegram import BotApi, TelegramChannel
from inbound.parsers.channel_texts import ChannelText
from inbound.smpp.errors import UnansweredError, UnencodableError
from inbound.smpp.status import Status
from schemas.channels import Channel

pytestmark = pytest.mark.asyncio

TOKEN = "123456:a-secret-token"
PRESENT = {"ok": True, "result": {"message_id": 77, "chat": {"id": 5}}}


@dataclass(slots=True)
class Api:
    """What it was asked, and what it answers."""

    url: str = ""
    status: int = 200
    answer: Any = field(default_factory=lambda: dict(PRESENT))
    hangs_up: bool = False
    asked: list[tuple[str, Any]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.path, await request.json()))
        if self.hangs_up:
            assert request.transport is not None
            request.transport.close()
        if self.status in {301, 302}:
            raise web.HTTPFound(f"{self.url}/elsewhere")
        if isinstance(self.answer, str):
            return web.Response(status=self.status, text=self.answer)
        return web.json_response(self.answer, status=self.status)


@asynccontextmanager
async def bot_api() -> AsyncIterator[tuple[Api, TelegramChannel]]:
    api, app = Api(), web.Application()
    app.router.add_route("*", "/{path:.*}", api.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    api.url = f"http://{host}:{port}"
    channel = TelegramChannel(BotApi(api.url, TOKEN, "our_bot", timeout_s=5))
    try:
        yield api, channel
    finally:
        await channel.close()
        await runner.cleanup()


def outgoing(text: str = "Ваш заказ <b>собран</b>", bot: str = "@our_bot") -> Outgoing:
    return Outgoing(uuid4(), "987654321", ChannelText(Channel.BOT, text, bot).written())


def refused(code: int, **more: Any) -> dict[str, Any]:
    return {"ok": False, "error_code": code, "description": "no", **more}


async def test_a_message_goes_to_the_chat_as_it_was_written() -> None:
    async with bot_api() as (api, channel):
        assert await channel.deliver(outgoing()) == Accepted("77")
    body = {"chat_id": 987654321, "text": "Ваш заказ <b>собран</b>"}
    assert api.asked == [(f"/bot{TOKEN}/sendMessage", body)]


@pytest.mark.parametrize(
    ("code", "answer", "refusal"),
    [
        (403, refused(403), Refused(Status.ESME_RINVDSTADR)),
        (400, refused(400), Refused(Status.ESME_RINVDSTADR)),
        (
            429,
            refused(429, parameters={"retry_after": 7}),
            Refused(Status.ESME_RTHROTTLED, pause_s=7.0),
        ),
        (429, refused(429), Refused(Status.ESME_RTHROTTLED, pause_s=1.0)),
        (500, refused(500), Refused(Status.ESME_RX_T_APPN)),
    ],
)
async def test_refusals_are_final_or_not_as_the_api_says(
    code: int, answer: Any, refusal: Refused
) -> None:
    async with bot_api() as (api, channel):
        api.status, api.answer = code, answer
        assert await channel.deliver(outgoing()) == refusal


@pytest.mark.parametrize(("code", "answer"), [(502, "<html>"), (200, "<html>"), (302, "")])
async def test_an_answer_that_is_not_the_api_s_leaves_the_outcome_unknown(
    code: int, answer: str
) -> None:
    async with bot_api() as (api, channel):
        api.status, api.answer = code, answer
        with pytest.raises(UnansweredError):
            await channel.deliver(outgoing())
    assert len(api.asked) == 1  # a redirect is not followed


async def test_a_connection_that_ends_leaves_the_outcome_unknown_and_names_no_token() -> None:
    async with bot_api() as (api, channel):
        api.hangs_up = True
        with pytest.raises(UnansweredError) as error:
            await channel.deliver(outgoing())
    assert TOKEN not in repr(error.value)
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__


@pytest.mark.parametrize("code", [401, 404])
async def test_a_wrong_token_holds_messages_back(code: int) -> None:
    async with bot_api() as (api, channel):
        api.status, api.answer = code, refused(code)
        with pytest.raises(UnavailableError, match="token") as error:
            await channel.deliver(outgoing())
    assert TOKEN not in str(error.value)


async def test_a_server_that_is_away_has_seen_nothing() -> None:
    async with bot_api() as (api, _):
        url = api.url
    channel = TelegramChannel(BotApi(url, TOKEN, "our_bot"))
    with pytest.raises(UnavailableError):
        await channel.deliver(outgoing())
    await channel.close()


async def test_another_bot_and_too_long_a_text_are_not_sent() -> None:
    async with bot_api() as (api, channel):
        assert await channel.deliver(outgoing(bot="@other")) == Refused(Status.ESME_RINVSRCADR)
        with pytest.raises(UnencodableError):
            await channel.deliver(outgoing("😀" * 2049))
        assert await channel.deliver(outgoing("😀" * 2048, bot="")) == Accepted("77")
    assert len(api.asked) == 1


async def test_messages_at_the_same_time_share_connections() -> None:
    async with bot_api() as (api, channel):
        answers = await asyncio.gather(*(channel.deliver(outgoing()) for _ in range(20)))
    assert answers == [Accepted("77")] * 20
    assert len(api.asked) == 20
