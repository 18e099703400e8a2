"""Exports the log from PostgreSQL into a file."""

from collections.abc import Callable
from datetime import datetime
from typing import BinaryIO

import psycopg

from inbound.errors import SetupError
from inbound.eventlog.archive import FORMAT, ArchiveWriter, Header, Trailer, encode_event
from inbound.eventlog.checker import Checker
from inbound.eventlog.log_reader import read_log, snapshot
from inbound.store.log.positions import last_position
from schemas.chain import CHAINS, Chains

_STEP = 5_000


def export_log(
    conn: psycopg.Connection, out: BinaryIO, now: datetime, on_progress: Callable[[int, int], None]
) -> Trailer:
    """Write a snapshot of the whole log and return its trailer.

    Memory stays flat; writers continue. `on_progress` gets the position and the last one.
    Raises SetupError at the first broken event: an import would refuse it.
    """
    writer = ArchiveWriter(out)
    checker = Checker(Chains(), schemas=False)
    with snapshot(conn):
        last = last_position(conn)
        header = Header(
            scserv_log=FORMAT,
            chains=CHAINS,
            first_position=min(last, 1),
            last_position=last,
            exported_at=now,
        )
        writer.write(header.model_dump_json().encode())
        for event in read_log(conn, 0, last):
            for problem in checker.check((event,)):
                raise SetupError(f"the log is damaged: {problem}; see `scserv log verify`")
            writer.write(encode_event(event))
            if not event.position % _STEP:
                on_progress(event.position, last)
    trailer = Trailer.of(checker.events, last, checker.chains.heads())
    writer.write(trailer.model_dump_json().encode())
    writer.close()
    return trailer
