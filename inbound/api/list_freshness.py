"""How current lists and reports about several people are."""

from collections.abc import Collection
from uuid import UUID

import psycopg

from inbound.api.backend import Backend
from inbound.freshness.model import Backlog, Freshness, Pending, PendingWork
from inbound.freshness.people import freshness_of_people
from inbound.projections.requests import REQUESTS
from inbound.projections.status import oldest_missing


async def request_freshness(backend: Backend, subjects: Collection[UUID] | None) -> Freshness:
    """Return how current a list of requests will be, of these subjects or of all.

    Ask before the list is read. Raises RetryableError.
    """
    backlog = await backend.sources.backlog.ask()
    return await backend.run(_of_requests, backlog, subjects)


async def result_freshness(
    backend: Backend, subjects: Collection[UUID] | None, *works: PendingWork
) -> Freshness:
    """Return how current the states of messages will be, of these subjects or of all.

    Ask before they are read. `works` is what they depend on beside results and receipts.
    """
    backlog = await backend.sources.backlog.ask()
    return await backend.run(freshness_of_people, backlog, subjects, PendingWork.RESULTS, *works)


def _of_requests(
    conn: psycopg.Connection, backlog: Backlog, subjects: Collection[UUID] | None
) -> Freshness:
    found = freshness_of_people(conn, backlog, subjects, PendingWork.TEXTS, PendingWork.RESULTS)
    since = oldest_missing(conn, REQUESTS.name)
    if since is None:
        return found
    missing = Pending(work=PendingWork.EVENTS, since=since)
    return Freshness.of(backlog.asked_at, [*found.pending, missing])
