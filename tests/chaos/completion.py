"""How far the service is with what it has taken, and waiting until all of it is done."""

import asyncio
import logging
from contextlib import suppress
from typing import Final, LiteralString

import psycopg

from tests.chaos.deployment import Deployment
from tests.chaos.smpp_program import SmppProgram
from tests.chaos.traffic import Traffic
from tests.fix_service import eventually
from tests.patience import PATIENCE_S

_RECEIPTS_S: Final = 20.0
_COUNT_WITHIN_S: Final = 2.0

log = logging.getLogger("tests.chaos")

_OPEN_REQUESTS: LiteralString = """
    SELECT count(*) FILTER (WHERE type = 'request.accepted')
        - count(*) FILTER (WHERE type = 'request.completed') FROM events
"""


async def wait_until_completed(
    deployment: Deployment, traffic: Traffic, ordering: asyncio.Task[None], program: SmppProgram
) -> None:
    """Wait until all texts and orders are answered and completed, or the time is up."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            await ordering
            await traffic.wait_until_answered()
        await eventually(lambda: program.is_answered, lambda: "submit_sm are not answered")
        texts = sum(text.accepted_at is not None for one in traffic.clients for text in one.texts)
        # Count requests too: a worker that has just restarted has not read all texts, so no
        # request is open yet.
        await eventually(
            lambda: _accepted_requests(deployment) >= texts and _open_requests(deployment) == 0,
            lambda: (
                f"{_accepted_requests(deployment)} of {texts} texts became requests, of which "
                f"{_open_requests(deployment)} are open"
            ),
        )
        await eventually(
            lambda: _open_orders(deployment) == 0 and _running_broadcasts(deployment) == 0,
            lambda: f"{_open_orders(deployment)} orders wait",
        )
    except BaseException as error:  # pytest.fail raises no Exception
        if isinstance(error, (KeyboardInterrupt, asyncio.CancelledError)):
            raise
        log.info("not everything was completed: %s", error)


async def wait_for_receipts(deployment: Deployment) -> None:
    """Wait a while until every submitted message is reported as delivered.

    Some never are: a malformed answer may have had no message id.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(_RECEIPTS_S):
            while await asyncio.to_thread(_unreported, deployment):  # noqa: ASYNC110 — a database
                await asyncio.sleep(0.5)


def _unreported(deployment: Deployment) -> int:
    """Return how many messages are not reported, and receipts wait for the program."""
    found: int = deployment.value(
        "SELECT count(DISTINCT data->>'message_id') FILTER (WHERE type = 'message.submitted')"
        " - count(DISTINCT data->>'message_id') FILTER (WHERE type = 'message.delivered')"
        " + (SELECT count(*) FROM smpp_deliveries) FROM events"
    )
    return found


def _accepted_requests(deployment: Deployment) -> int:
    found: int = deployment.value("SELECT count(*) FROM events WHERE type = 'request.accepted'")
    return found


def _open_requests(deployment: Deployment) -> int:
    found: int = deployment.value(_OPEN_REQUESTS)
    return found


def _open_orders(deployment: Deployment) -> int:
    found: int = deployment.value(
        "SELECT count(*) FROM orders WHERE state IN ('queued', 'scheduled')"
    )
    return found


def _running_broadcasts(deployment: Deployment) -> int:
    found: int = deployment.value("SELECT count(*) FROM broadcasts WHERE state = 'running'")
    return found


async def count_open(deployment: Deployment) -> int:
    """Return the number of open requests; 0 if PostgreSQL doesn't say, as outages may overlap."""
    try:
        async with asyncio.timeout(_COUNT_WITHIN_S):
            connection = await psycopg.AsyncConnection.connect(deployment.database_url)
            async with connection:
                cursor = await connection.execute(_OPEN_REQUESTS)
                found: tuple[int] | None = await cursor.fetchone()
                return found[0] if found else 0
    except (psycopg.OperationalError, TimeoutError):
        return 0
