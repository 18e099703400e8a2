"""Who has not bound, or sends garbage, takes little from others: connections, time, the log."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import psycopg
import pytest

from inbound.ingress.smpp import server
from inbound.ingress.smpp.bind_pace import BINDS_AT_ONCE, BINDS_PER_S, BindPace
from inbound.ops.log_throttle import LINES_OF_A_KIND, LogThrottle
from inbound.smpp.pdu import EnquireLink, EnquireLinkResp, Pdu
from inbound.smpp.status import Status
from tests.integration.ingress.smpp_world import bind, create_account, serving
from tests.unit.smpp.peer import Peer, connect

pytestmark = pytest.mark.usefixtures("settings_of_the_service")

MOST = 5
GARBAGE = b"\0\0\0\x11\0\0\0\x04\0\0\0\0\0\0\0\x01x"
"""A submit_sm that ends too early."""


@pytest.fixture
def shop() -> dict[str, Any]:
    return create_account("shop")


async def is_open(peer: Peer) -> bool:
    """Whether the server still answers on a connection."""
    try:
        peer.send(EnquireLink(sequence=7))
        await peer.read(EnquireLinkResp)
    except (asyncio.IncompleteReadError, OSError):
        return False
    return True


async def test_connections_that_do_not_bind_make_room_for_others(
    shop: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MOST_OF_ADDRESS", MOST)
    async with serving() as (port,):
        bound = await bind(port, shop, system_type="MCON9")
        idle = [await connect(port) for _ in range(3 * MOST)]
        assert await is_open(idle[-1])
        assert [await is_open(one) for one in idle] == [False] * (2 * MOST + 1) + [True] * (
            MOST - 1
        )
        # Nor do they keep a program out.
        other = await bind(port, shop, system_type="MCON9")
        assert (await other.submit("hello")).status == 0
        assert (await bound.submit("hello again")).status == 0
        for one in idle:
            one.close()


async def test_links_of_an_address_are_limited(
    shop: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MOST_OF_ADDRESS", MOST)
    async with serving() as (port,):
        bound = [await bind(port, shop, system_type="MCON9") for _ in range(MOST)]
        more = await connect(port)
        assert not await is_open(more)
        assert (await bound[0].submit("hello")).status == 0
        more.close()


async def test_links_of_a_process_are_limited(
    shop: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MOST_CONNECTIONS", MOST)
    async with serving() as (port,):
        bound = [await bind(port, shop, system_type="MCON9") for _ in range(MOST)]
        more = await connect(port)
        assert not await is_open(more)
        more.close()
        bound[0].peer.close()
        assert (await bound[1].submit("hello")).status == 0


async def test_a_program_that_binds_in_a_loop_is_held_back(
    shop: dict[str, Any], conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_HOLD_BACK_S", 0)
    other = create_account("other")
    now = 0.0
    monkeypatch.setattr(server, "BindPace", lambda _: BindPace(lambda: now))
    async with serving() as (port,):
        for _ in range(BINDS_AT_ONCE):
            await bind(port, shop)
        await bind(port, shop, status=Status.ESME_RTHROTTLED)
        # Guesses don't count, nor do others pay for it.
        await bind(port, shop, status=Status.ESME_RTHROTTLED, password="wrong")
        await bind(port, other)
        now = 1 / BINDS_PER_S
        program = await bind(port, shop)
        assert (await program.submit("hello")).status == 0
        await bind(port, shop, status=Status.ESME_RTHROTTLED)
    tried = conn.execute("SELECT count(*) FROM audit WHERE action = 'ingress.ban'").fetchone()
    assert tried == (0,)


async def test_a_connection_has_to_bind_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_BIND_S", 0.05)
    async with serving() as (port,):
        peer = await connect(port)
        assert await peer.at_end()
        peer.close()


async def test_garbage_on_many_connections_does_not_fill_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "inbound")
    async with serving() as (port,):
        for _ in range(3 * LINES_OF_A_KIND):
            peer = await connect(port)
            peer.send(GARBAGE)
            await peer.read(Pdu)
            assert await is_open(peer)
            peer.close()
    about: Sequence[logging.LogRecord] = [
        one for one in caplog.records if "can't parse" in one.getMessage()
    ]
    assert len(about) == 3 * LINES_OF_A_KIND
    throttle = LogThrottle(lambda: 0.0)
    assert sum(map(throttle.admits, about)) == LINES_OF_A_KIND
    assert "SMPP link of 127.0.0.1:" in about[0].getMessage()
    assert not [one for one in caplog.messages if "<Session" in one]
