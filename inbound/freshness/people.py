"""How current an answer about a person is. Reads two small tables on the caller's connection."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import psycopg

from inbound.freshness.model import Backlog, Freshness, Pending, PendingWork
from inbound.freshness.reception import SendingGap, reception_gap, sending_gap
from inbound.store.bind_reports import list_binds
from inbound.store.connections import raises_store_errors
from inbound.store.people.subjects import hashes_of
from inbound.store.statements import statements

_SQL: Final = statements(__package__, "people")
_OLDEST_SET_ASIDE: Final = _SQL["oldest_set_aside"]


@dataclass(frozen=True, slots=True)
class Gaps:
    """What answers may lack: in Kafka, at the SMS centres, and among the dead letters."""

    backlog: Backlog
    reception: Pending | None
    set_aside: Mapping[bytes, datetime]
    sending: SendingGap | None = None
    """Set while nothing can be sent."""

    def of(self, number_hash: bytes | None, *works: PendingWork) -> Freshness:
        """Return how current an answer about the person with this number hash is.

        `works` are the kinds of records that the answer depends on. Those of the person's
        partition count, or of any if the number is not known; orders always of any.
        """
        pending = self.backlog.pending(*works, of=number_hash)
        since = None if number_hash is None else self.set_aside.get(number_hash)
        if since is not None:
            pending.append(Pending(work=PendingWork.SET_ASIDE, since=since))
        if self.reception is not None and PendingWork.TEXTS in works:
            pending.append(self.reception)
        return Freshness.of(self.backlog.asked_at, pending)


@raises_store_errors
def read_gaps(conn: psycopg.Connection, backlog: Backlog, hashes: Collection[bytes]) -> Gaps:
    """Return what answers about the people with these number hashes may lack. Two statements.

    Ask for the backlog first, then for these gaps, and then for the answer: then nothing that is
    processed meanwhile is missed.
    """
    rows = conn.execute(_OLDEST_SET_ASIDE, {"hashes": list(hashes)}).fetchall()
    binds = list_binds(conn)
    return Gaps(backlog, reception_gap(binds), dict(rows), sending_gap(binds))


def freshness_of_people(
    conn: psycopg.Connection,
    backlog: Backlog,
    subjects: Collection[UUID] | None,
    *works: PendingWork,
) -> Freshness:
    """Return how current an answer about these subjects is, or about all people.

    Ask for the backlog first, then for this, and then for the answer.
    """
    hashes = [] if subjects is None else hashes_of(conn, subjects)
    gaps = read_gaps(conn, backlog, hashes)
    # The partition of an erased person is no longer known: then any counts.
    places = hashes if subjects is not None and len(hashes) == len(set(subjects)) else [None]
    return Freshness.of_all(backlog.asked_at, [gaps.of(place, *works) for place in places])
