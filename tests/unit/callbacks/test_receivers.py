"""Receivers of callbacks: one with the library of Standard Webhooks, and ones that fail."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

from inbound.callbacks.http_poster import LONGEST_WISH, HttpPoster
from inbound.callbacks.posting import CallbackFailed
from inbound.callbacks.signing import new_secret, signed_headers

OLD, NEW = new_secret(), new_secret()
BODY = '{"type": "message.delivered", "data": {"reason": "а"}}'.encode()
ID = "5e0a1f7e-6a55-4c3b-9d0e-2f6f1c8f6d11"


class Receiver:
    """Answers as its path says; `/verified` takes what the library verifies with `secret`."""

    def __init__(self) -> None:
        self.secret = NEW
        self.verified: list[object] = []
        self.port = 0
        self.never = asyncio.Event()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        match request.path.split("/"):
            case ["", "verified"]:
                webhook = Webhook(self.secret)
                try:
                    told = webhook.verify(await request.read(), dict(request.headers))
                except WebhookVerificationError:
                    return web.Response(status=401)
                self.verified.append(told)
                return web.Response(status=204)
            case ["", "dropped"]:
                assert request.transport is not None
                request.transport.abort()
            case ["", "slow"]:
                await self.never.wait()
            case ["", "endless"]:
                answer = web.StreamResponse()
                await answer.prepare(request)
                await self.never.wait()
            case ["", status, *pause]:
                headers = {"Retry-After": pause[0]} if pause else {"Location": "/verified"}
                return web.Response(status=int(status), headers=headers)
        return web.Response(status=404)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.answer)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.port = runner.addresses[0][1]
    yield made
    made.never.set()
    await runner.cleanup()


async def call(
    receiver: Receiver,
    path: str,
    *secrets: str,
    sent: bytes = BODY,
    at: float | None = None,
    private_allowed: bool = True,
) -> None:
    timestamp = int(time.time() if at is None else at)
    headers = signed_headers(secrets or (NEW,), ID, timestamp, BODY)
    await HttpPoster(timeout_s=0.5 if path == "/slow" else 10).post(
        f"http://127.0.0.1:{receiver.port}{path}", sent, headers, private_allowed=private_allowed
    )


async def failure(
    receiver: Receiver, path: str, *secrets: str, sent: bytes = BODY
) -> CallbackFailed:
    with pytest.raises(CallbackFailed) as failed:
        await call(receiver, path, *secrets, sent=sent)
    return failed.value


async def test_the_official_library_verifies_a_call(receiver: Receiver) -> None:
    await call(receiver, "/verified")
    [told] = receiver.verified
    assert told == {"type": "message.delivered", "data": {"reason": "а"}}


@pytest.mark.parametrize("known", [OLD, NEW], ids=["old", "new"])
async def test_it_verifies_with_either_secret_during_a_rotation(
    receiver: Receiver, known: str
) -> None:
    receiver.secret = known
    await call(receiver, "/verified", NEW, OLD)
    assert len(receiver.verified) == 1


async def test_it_refuses_what_was_altered_signed_by_another_or_is_old(receiver: Receiver) -> None:
    altered = BODY.replace(b"delivered", b"withheld!")
    assert str(await failure(receiver, "/verified", sent=altered)) == "answered 401"
    assert str(await failure(receiver, "/verified", OLD)) == "answered 401"
    with pytest.raises(CallbackFailed, match="answered 401"):
        await call(receiver, "/verified", at=time.time() - 3600)
    assert receiver.verified == []


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/301", "answered 301, and redirects are not followed"),
        ("/308", "answered 308, and redirects are not followed"),
        ("/404", "answered 404"),
        ("/500", "answered 500"),
        ("/503", "answered 503"),
        ("/dropped", "no valid answer"),
        ("/slow", "no answer in time"),
    ],
)
async def test_a_call_that_is_not_taken_is_repeated(
    receiver: Receiver, path: str, said: str
) -> None:
    failed = await failure(receiver, path)
    assert (str(failed), failed.is_final, failed.retry_after) == (said, False, timedelta())
    assert receiver.verified == []


async def test_an_answer_is_not_waited_for_beyond_its_status(receiver: Receiver) -> None:
    await call(receiver, "/endless")


async def test_a_receiver_that_is_gone_wants_no_more_calls(receiver: Receiver) -> None:
    failed = await failure(receiver, "/410")
    assert failed.is_final
    assert str(failed) == "answered 410: this call is not repeated"


@pytest.mark.parametrize(
    ("wish", "pause"),
    [
        ("120", timedelta(minutes=2)),
        ("0", timedelta()),
        ("9999999", LONGEST_WISH),
        ("9" * 30, timedelta()),
        ("-5", timedelta()),
        ("soon", timedelta()),
        ("١٢", timedelta()),
    ],
)
async def test_a_busy_receiver_may_ask_for_a_pause(
    receiver: Receiver, wish: str, pause: timedelta
) -> None:
    for status in (429, 503):
        assert (await failure(receiver, f"/{status}/{wish}")).retry_after == pause


async def test_a_private_address_is_not_called(receiver: Receiver) -> None:
    with pytest.raises(CallbackFailed, match="not public"):
        await call(receiver, "/verified", private_allowed=False)
    assert receiver.verified == []
