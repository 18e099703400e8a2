"""Whether the database answers this process: one that hangs, too, makes it not ready.

A thread of its own asks every few seconds, over a connection that it keeps, because a hung
server neither answers nor fails, and no event loop or loop of a role may wait for it here.
"""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from typing import Final

import psycopg

from inbound.errors import ScservError
from inbound.ops.health import Health
from inbound.store.connections import LazyConnection, refuses_writes
from inbound.store.errors import StoreUnavailable, translate

log = logging.getLogger(__name__)

ASK_EVERY_S: Final = 5.0
ANSWER_WITHIN_S: Final = 8.0
_LOOK_EVERY_S: Final = 1.0


def watch_answers(url: str, role: str, health: Health) -> None:
    """Keep the condition `database` up to date in a daemon thread, for ever."""
    connection = LazyConnection(url, f"scserv {role} watch")

    def run() -> None:
        asyncio.run(keep_asking(health, lambda: _ask(connection), connection.where))

    threading.Thread(target=run, name="ask database", daemon=True).start()


async def keep_asking(health: Health, ask: Callable[[], Awaitable[None]], where: str) -> None:
    """Report to the health port whether the database answers, and changes to the log, for ever.

    `ask` raises a ScservError when the database is away. While it takes longer than
    `ANSWER_WITHIN_S`, the database counts as away; it is not asked a second time.
    """
    loop, logged = asyncio.get_running_loop(), ""

    def report(reason: str, *, is_new: bool) -> None:
        health.set("database", ok=not reason, reason=reason)
        if is_new:
            log.warning("%s", reason)

    while True:
        asked_at, reason = loop.time(), ""
        asking = asyncio.ensure_future(ask())
        try:
            while not (await asyncio.wait({asking}, timeout=_LOOK_EVERY_S))[0]:
                if (waited_s := loop.time() - asked_at) > ANSWER_WITHIN_S:
                    silent = f"PostgreSQL at {where} has not answered for {round(waited_s)} s"
                    report(silent, is_new=not logged)
                    logged = logged or silent
            await asking
        except ScservError as error:
            reason = str(error)
        finally:
            asking.cancel()
        report(reason, is_new=bool(reason) and reason != logged)
        if logged and not reason:
            log.info("the database can be reached again")
        logged = reason
        await asyncio.sleep(ASK_EVERY_S)


async def _ask(connection: LazyConnection) -> None:
    """Raise a ScservError when the database can't be reached, or takes no writes."""
    conn = await connection.get()
    try:
        await conn.execute(b"")
    except psycopg.Error as error:
        failure = translate(error, connection.where)
    else:
        if not refuses_writes(conn):
            return
        failure = StoreUnavailable(
            f"PostgreSQL at {connection.where} is a standby now, or was made read-only"
        )
    raise failure
