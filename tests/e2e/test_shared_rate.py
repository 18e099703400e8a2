"""Two gateways share an account's rate; one is killed, and comes back.

What the centre counts, over every few seconds of all that, is no more than the rate. The
machine may stand still now and then: what arrives after that arrives together. So the longest
standstill of the centre, which is this process, is measured and allowed.
"""

import asyncio
import time
from bisect import bisect_right
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import pytest

from tests.e2e.bulk import broadcast
from tests.fix_service import Service, eventually

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.drill]

RATE = 20
BROADCASTS = 1000
LOOKED_AT_S = 2.0
BURST = 2
"""One PDU of each gateway: what a bucket holds when nothing was sent for a while."""


@pytest.fixture(scope="module")
def service_environment() -> Mapping[str, str]:
    return {"SCSERV_SMPP__RATE": str(RATE)}


async def test_the_account_never_sends_more_than_its_rate(service: Service) -> None:
    first = service.one("gateway")
    [second] = await service.start("gateway")
    arrivals: list[float] = []
    service.script.watch = lambda _submit: arrivals.append(time.monotonic())
    async with standstills() as longest:
        await broadcast(service, service.new_numbers(BROADCASTS))
        await shared(service, RATE / 2, RATE / 2)
        await more(service, arrivals)
        await service.kill(first)
        await shared(service, RATE)
        alone = len(arrivals)
        # More than the share that it had before.
        await service.script.until(
            lambda: most_within(LOOKED_AT_S, arrivals[alone:]) > most_allowed(RATE / 2, 0),
            "the other one's share",
        )
        await service.start("gateway")
        await shared(service, RATE / 2, RATE / 2)
        await more(service, arrivals)
    assert len(arrivals) < BROADCASTS, "nothing was left to send: too few broadcasts"
    allowed = most_allowed(RATE, longest[0])
    assert most_within(LOOKED_AT_S, arrivals) <= allowed, f"standstill {longest[0]:.2f} s"
    await service.stop(second)


async def more(service: Service, arrivals: Sequence[float]) -> None:
    """Wait until as much has arrived as in two of the spans that are looked at."""
    wanted = len(arrivals) + 2 * RATE * LOOKED_AT_S
    await service.script.until(lambda: len(arrivals) >= wanted, "broadcasts")


async def shared(service: Service, *rates: float) -> None:
    """Wait until the binds that are alive have these rates."""

    def said() -> list[float]:
        found = service.rows(
            "SELECT (state ->> 'rate')::float FROM bind_presence"
            " WHERE sends AND seen_at > now() - interval '5 s' ORDER BY 1"
        )
        return [rate for (rate,) in found]

    await eventually(lambda: said() == list(rates), lambda: f"rates are {said()}")


@asynccontextmanager
async def standstills() -> AsyncIterator[list[float]]:
    """Yield a list whose only value is the longest time that nothing ran here, in seconds."""
    longest, every_s = [0.0], 0.02

    async def look() -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(every_s)
            longest[0] = max(longest[0], time.monotonic() - before - every_s)

    looking = asyncio.create_task(look())
    try:
        yield longest
    finally:
        looking.cancel()


def most_within(span_s: float, at: Sequence[float]) -> int:
    """Return how many of these moments, in their order, lie within one span at most."""
    return max((bisect_right(at, begin + span_s) - n for n, begin in enumerate(at)), default=0)


def most_allowed(rate: float, standstill_s: float) -> float:
    """Return how much may arrive within the span that is looked at."""
    return rate * (LOOKED_AT_S + standstill_s) + BURST
