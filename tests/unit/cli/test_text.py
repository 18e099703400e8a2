"""Which messages `scserv text` counts as the two replies to its text."""

import asyncio
import io
import time

import pytest

from inbound.cli.text import REPLIES, print_replies
from inbound.local.simulator.phone import ReceivedMessage
from inbound.terminal import Terminal


async def converse(*texts: str) -> tuple[int, str]:
    """Return how many replies were counted, and what was printed."""
    waiting = list(texts)

    async def receive() -> ReceivedMessage:
        if not waiting:
            await asyncio.Event().wait()
        return ReceivedMessage("SCSERV", waiting.pop(0), at=0, parts=1)

    printed = io.StringIO()
    console = Terminal(file=printed, width=120)
    return await print_replies(receive, console, time.monotonic(), 0.01), printed.getvalue()


async def test_both_replies_count() -> None:
    assert (await converse("accepted", "login: a"))[0] == REPLIES


@pytest.mark.parametrize("texts", [(), ("accepted",), ("accepted", "accepted")])
async def test_the_acknowledgement_alone_is_not_both_replies(texts: tuple[str, ...]) -> None:
    count, printed = await converse(*texts)
    assert count == len(set(texts)) < REPLIES
    assert "message within 0.01 s" in printed


async def test_the_fulfilment_is_awaited_behind_a_copy() -> None:
    count, printed = await converse("accepted", "accepted", "login: a")
    assert count == REPLIES
    assert printed.count("(again)") == 1
    assert "login: a" in printed
