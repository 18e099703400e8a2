"""All listeners of the ingress in a thread of their own, for requests that nobody should send.

The examples are requests of real programs, of which parameters, or octets, are something else. What
is asserted of all: no answer is that of a defect, nothing is stored by halves, and no log has
anything that was sent.
"""

import asyncio
import logging
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Final

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from inbound.ingress.credentials import Credentials
from inbound.ingress.failures import FailureCounter
from inbound.ingress.smsc.mail_server import SmtpServer
from inbound.settings import SmtpServerSettings
from tests.integration.ingress.smpp_world import serving
from tests.integration.ingress.world import World, served
from tests.patience import PATIENCE_S

CANARY: Final = "canary-4711"
PHONE_CANARY: Final = "79031234711"
FUZZING: Final = settings(suppress_health_check=list(HealthCheck))
SENTENCE: Final = re.compile(
    r"ERROR = \d+ \([^\n]+\)(, ID - \S+)?|OK - \d+ SMS, ID - \S+(, COST - [\d.]+)?"
    r"(, BALANCE - [\d.]+)?|[\d.]+( \(\d+ SMS\))?( RUR)?"
    r"|(Status = -?\d+, check_time = [^,\n]*(, err = \d+)?\n?)+"
)
"""What SMSC answers in words."""
JUNK: Final = st.one_of(
    st.sampled_from(
        [
            *(
                "",
                "0",
                "1",
                "-1",
                "99999999999999999999",
                "1e400",
                "nan",
                "null",
                "true",
                "[]",
                "{}",
            ),
            *("%00", "\0", "\r\n", "😀", "а" * 2000, "0203261630", "32.13.26 25:61", "1-25"),
            *("+999999", "&", "=", "<x/>", "'\";", CANARY, PHONE_CANARY, "+7 903 123-47-11"),
            "79031234711,,;79031234711",
        ]
    ),
    st.text(max_size=20),
)


@dataclass(frozen=True, slots=True)
class Running:
    """All listeners, and an account that may text one client."""

    world: World
    shop: Credentials
    phone: str
    http: str
    smtp: int
    smpp: int


@contextmanager
def listeners(database_url: str, caplog: pytest.LogCaptureFixture) -> Iterator[Running]:
    """Run all listeners; at the end look at what is stored and logged."""
    caplog.set_level(logging.INFO, "inbound")
    started: Future[tuple[Running, Callable[[], None]]] = Future()
    thread = threading.Thread(target=lambda: asyncio.run(_serve(database_url, started)))
    thread.start()
    found, stop = started.result(PATIENCE_S)
    try:
        yield found
    finally:
        stop()
        thread.join()
    shop = found.shop
    secrets = (CANARY, PHONE_CANARY, shop.password, shop.key, str(shop.service_id))
    for record in caplog.records:
        line = record.getMessage()
        assert not [one for one in secrets if one in line], line
        assert (record.levelno < logging.ERROR, record.exc_info) == (True, None), line
    _assert_whole(found.world)


def _assert_whole(world: World) -> None:
    without_text = world.rows(
        "SELECT count(*) FROM orders LEFT JOIN order_contents USING (order_id)"
        " WHERE state IN ('queued', 'scheduled') AND order_contents.order_id IS NULL"
    )
    without_order = world.rows(
        "SELECT count(*) FROM smpp_messages LEFT JOIN orders USING (order_id)"
        " WHERE smpp_messages.order_id IS NOT NULL AND orders.order_id IS NULL"
    )
    assert (without_text, without_order) == ([(0,)], [(0,)])


async def _serve(url: str, started: "Future[tuple[Running, Callable[[], None]]]") -> None:
    world = World(url)
    # Between two requests pass hours, so that no failure brings a ban.
    world.parts.access._failures = FailureCounter(0.0, count(step=3600).__next__)
    shop, [phone] = world.account("shop"), world.clients(1)
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    mail = SmtpServer(world.parts, SmtpServerSettings(port=0))
    serving_mail = asyncio.create_task(mail.run())
    async with served(world) as http, serving(idle_s=PATIENCE_S) as (smpp,):
        while not mail.port:  # noqa: ASYNC110  the loop's turn
            await asyncio.sleep(0)
        found = Running(world, shop, phone, http, mail.port, smpp)
        started.set_result((found, lambda: _stop(loop, stopped)))
        await stopped.wait()
    serving_mail.cancel()
    await asyncio.gather(serving_mail, return_exceptions=True)
    await world.close()


def _stop(loop: asyncio.AbstractEventLoop, stopped: asyncio.Event) -> None:
    loop.call_soon_threadsafe(stopped.set)
