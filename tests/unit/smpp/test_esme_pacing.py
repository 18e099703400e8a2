"""When the client submits: rate, back-off, throttling, and the admission of a new session."""

import asyncio
import random
from dataclasses import replace
from types import SimpleNamespace

import pytest

from inbound.smpp import esme as esme_module
from inbound.smpp.esme import backoff_s
from inbound.smpp.pdu import EnquireLink, EnquireLinkResp, QuerySm, SubmitSm
from inbound.smpp.rate import TokenBucket
from tests.patience import PATIENCE_S
from tests.unit.smpp.esme_world import SETTINGS, running
from tests.unit.smpp.peer import submit


async def test_every_new_session_waits_to_be_admitted() -> None:
    asked: asyncio.Queue[asyncio.Event] = asyncio.Queue()

    async def admit() -> None:
        asked.put_nowait(event := asyncio.Event())
        await event.wait()

    async with running(admit=admit) as (esme, connections):
        for _ in range(2):
            peer = await connections.get()
            await peer.accept_bind()
            slot = asyncio.create_task(esme.slot())
            admitted = await asked.get()
            assert isinstance(await peer.ask(EnquireLink(sequence=9)), EnquireLinkResp)
            assert not slot.done()
            assert not esme.is_ready()
            admitted.set()
            await slot
            assert esme.is_ready()
            peer.close()
        # Lost while it waits: the next one is asked for anew.
        peer = await connections.get()
        await peer.accept_bind()
        await asked.get()
        peer.close()
        peer = await connections.get()
        await peer.accept_bind()
        (await asked.get()).set()
        await esme.slot()
        peer.close()


async def test_a_query_takes_a_place_in_the_window_and_a_token() -> None:
    async with running(replace(SETTINGS, rate=1)) as (esme, connections):
        peer = await connections.get()
        await peer.accept_bind()
        await esme.slot()
        asked = esme.query(QuerySm(message_id="7f3a"))
        assert not esme.is_ready()
        assert esme.session is not None
        assert esme.session.window_free() == SETTINGS.window - 1
        query = await peer.read(QuerySm)
        answer = query.answer()
        answer.message_id, answer.message_state = query.message_id, 2
        peer.send(answer)
        assert await asked == answer
        assert esme.session.window_free() == SETTINGS.window
        peer.close()


async def test_back_off_grows_while_every_bind_is_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    attempts: list[int] = []

    def pause(attempt: int, *_: object) -> float:
        attempts.append(attempt)
        return 0.0

    now_s = 0.0
    monkeypatch.setattr(esme_module, "backoff_s", pause)
    monkeypatch.setattr(esme_module, "time", SimpleNamespace(monotonic=lambda: now_s))
    settings = replace(SETTINGS, reconnect_max_s=0.2)
    async with running(settings) as (_, connections):
        for _ in range(3):
            peer = await connections.get()
            await peer.accept_bind()
            peer.close()
        peer = await connections.get()
        await peer.accept_bind()
        now_s += 0.3  # it outlives the longest pause
        peer.close()
        (await connections.get()).close()
    assert attempts[:4] == [1, 2, 3, 1]


async def test_slots_obey_the_rate() -> None:
    async with running(replace(SETTINGS, window=100, rate=50)) as (esme, connections):
        peer = await connections.get()
        await peer.accept_bind()
        loop = asyncio.get_running_loop()
        await esme.slot()
        start = loop.time()
        sent = []
        for _ in range(11):
            await esme.slot()
            sent.append(esme.submit(submit()))
        # The first ones were in the bucket, which holds 50 ms.
        assert loop.time() - start >= 0.15
        esme._bucket._clock = lambda at=esme._bucket._at: at  # type: ignore[misc]
        sent += [esme.submit(submit()) for _ in range(3)]  # as many as the bucket can hold
        assert not esme.is_ready(), "no time has passed since the last one"
        for _ in sent:
            peer.send((await peer.read(SubmitSm)).answer())
        await asyncio.gather(*sent)
        peer.close()


async def test_back_off_delays_slots() -> None:
    async with running() as (esme, connections):
        peer = await connections.get()
        await peer.accept_bind()
        await esme.slot()
        assert esme.is_ready()
        esme.back_off(PATIENCE_S)
        assert not esme.is_ready()
        esme._backoff_until = 0.0
        esme.back_off(0.05)
        await esme.slot()
        assert esme.is_ready()
        peer.close()


def test_token_bucket_never_accumulates_a_burst() -> None:
    now = 0.0
    bucket = TokenBucket(100, lambda: now)
    taken = 0
    while not bucket.delay():
        bucket.take()
        taken += 1
    assert taken == 1
    assert bucket.delay() == pytest.approx(0.01)
    now = 3600.0
    while not bucket.delay():
        bucket.take()
        taken += 1
    assert taken == 1 + 5
    bucket.set_rate(10)
    assert bucket.delay() == pytest.approx(0.1)
    bucket.set_rate(0)
    assert bucket.delay() == 0


def test_back_off_grows_with_jitter_up_to_its_limit() -> None:
    rng = random.Random(1)
    delays = {
        attempt: [backoff_s(attempt, 0.5, 30, rng) for _ in range(200)] for attempt in range(9)
    }
    assert set(delays[0]) == {0.5}
    assert max(delays[1]) <= 1.0 < max(delays[3]) <= 4.0
    assert max(delays[8]) <= 30
    assert min(delays[8]) < 5
    assert backoff_s(10**6, 0.5, 30, rng) <= 30
